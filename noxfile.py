# SPDX-License-Identifier: MIT
"""The contributor's commands: `nox -l` lists them, `nox` runs those that CI runs, `nox -s NAME` runs one."""

import shutil
from itertools import chain
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
TESTED_SET = ("-c", str(ROOT / "constraints.txt"))
BESIDE_HYDRA_13 = ("-c", str(ROOT / "constraints-hydra13.txt"))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the tested set; arguments after -- go to pytest, `-m ''` adds the slow ones."""
    session.install(*TESTED_SET, "-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check rules and format; `nox -s lint -- --fix` fixes what can be fixed."""
    session.install(*TESTED_SET, "ruff")
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []))
    session.run("ruff", "format", *([] if fix else ["--check"]))


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the packages and of the tests, strictly."""
    session.install(*TESTED_SET, "-e", ".[dev]")
    session.run("mypy", *session.posargs)


@nox.session
def hydra13(session: nox.Session) -> None:
    """Run the fast tests beside Hydra 1.3; what compares with the stock sweeper, or trains, is skipped."""
    session.install(*BESIDE_HYDRA_13, "-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def old_stock(session: nox.Session) -> None:
    """Run the fast tests in an environment of 2024, where pip renews Optuna and leaves the old stock sweeper."""
    session.install("hydra-core==1.3.2", "hydra-optuna-sweeper==1.2.0", "hydra-submitit-launcher==1.2.0")
    session.install("-e", ".[test]")  # pip says that the old sweeper wants an older Optuna
    session.run("pytest", *session.posargs)


@nox.session
@nox.parametrize("hydra", ["1.3", "1.4"])
def minimums(session: nox.Session, hydra: str) -> None:
    """Run the tests with the oldest releases that pyproject.toml admits, beside either Hydra, without torch."""
    oldest = Path(session.create_tmp()) / "oldest.txt"
    oldest.write_text("\n".join(_oldest_releases(hydra)), encoding="utf-8")
    session.install("-c", str(oldest), "-e", ".[test]" if hydra == "1.3" else ".[stock,test]")
    session.run("pytest", *session.posargs)


# The oldest releases that go with Hydra 1.4, where pyproject.toml admits older ones.
_WITH_HYDRA_14 = {
    "hydra-core": "1.4.0rc3",
    "hydra-joblib-launcher": "1.4.0rc3",
    "hydra-submitit-launcher": "1.4.0rc3",
    "omegaconf": "2.4.1rc1",
}


def _oldest_releases(hydra: str) -> list[str]:
    """Every declared requirement, pinned to its lower bound, or to the oldest that goes with that Hydra."""
    lines = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    bounds = [(requirement.name, clause) for requirement in map(Requirement, lines) for clause in requirement.specifier]
    oldest = {name: clause.version for name, clause in bounds if clause.operator == ">="}
    if hydra == "1.4":
        oldest |= _WITH_HYDRA_14
    return [f"{name}=={version}" for name, version in oldest.items()]


@nox.session
@nox.parametrize("hydra", ["1.3", "1.4"])
def wheel(session: nox.Session, hydra: str) -> None:
    """Build the archives, install the wheel with its core requirements alone, and use it outside the tree.

    Beside Hydra 1.3 as somebody has it who has never heard of us: pip leaves it as it is.
    """
    built = Path(session.create_tmp()).resolve()
    shutil.rmtree(built)
    session.install(*TESTED_SET, "build")
    session.run("python", "-m", "build", "--outdir", str(built), str(ROOT))
    (archive,) = built.glob("*.whl")
    if hydra == "1.3":
        session.install("hydra-core==1.3.8")
        session.install("-c", str(ROOT / "constraints-common.txt"), str(archive))
    else:
        session.install(*TESTED_SET, str(archive))
    session.install("--force-reinstall", "--no-deps", str(archive))
    session.run("python", "-c", f"import hydra; assert hydra.__version__.startswith('{hydra}.'), hydra.__version__")
    away = built / "away"
    away.mkdir()
    session.chdir(away)
    session.run("python", "-c", "import hyperopt_app; print(hyperopt_app.__version__, hyperopt_app.__file__)")
    session.run("python", "-m", "hyperopt_app", "--help", silent=True)
    session.run("hyperopt-app", "--help", silent=True)
    session.run("python", "-m", "hyperopt_app", "--multirun", "hparams=sphere", "hydra.sweeper.n_trials=4")
    foreign = ROOT / "tests" / "apps" / "foreign_1_2" / "train.py"
    base = "1.2" if hydra == "1.3" else "1.3"  # 1.4 refuses those before
    search = ("+hyperopt=local", "hydra.sweeper.n_trials=4", "x=interval(0,1)")
    session.run("python", str(foreign), "--multirun", *search, env={"VERSION_BASE": base})


@nox.session
def examples(session: nox.Session) -> None:
    """Train each worked objective for a moment on the CPU."""
    session.install(*TESTED_SET, "-e", ".[dev]")
    session.run("pytest", "tests/examples", "-m", "", *session.posargs)


@nox.session
def nightly(session: nox.Session) -> None:
    """Run what is too long for CI: more cases of what it shows in part."""
    session.install(*TESTED_SET, "-e", ".[dev]")
    session.run("pytest", "-m", "nightly", *session.posargs)


@nox.session
def ray(session: nox.Session) -> None:
    """Run our workers under Hydra's Ray launcher; not a part of CI, because Ray is large and not always to be had."""
    session.install(*TESTED_SET, "-e", ".[test]")
    # Not under the tested set: boto3, which the launcher wants, is content with no python-dateutil of today.
    session.install("ray==2.60.*", "hydra-ray-launcher==1.4.0rc3")
    session.run("pytest", "tests/contracts/test_ray.py", "-m", "", *session.posargs)


@nox.session
def loggers(session: nox.Session) -> None:
    """Test the loggers with every tool; not a part of CI, where those of MLflow and Weights & Biases are skipped."""
    session.install(*TESTED_SET, "-e", ".[loggers,test]")
    session.run("pytest", "tests/unit/loggers", "tests/end_to_end/test_loggers.py", *session.posargs)
