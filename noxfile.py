# SPDX-License-Identifier: MIT
"""The contributor's commands: `nox -l` lists them, `nox` runs those that CI runs, `nox -s NAME` runs one."""

from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
TESTED_SET = ("-c", str(ROOT / "constraints.txt"))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the tested set; arguments after -- go to pytest, `-m ''` adds the slow ones."""
    session.install(*TESTED_SET, "-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Hold rules and format; `nox -s lint -- --fix` mends what can be mended."""
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
def minimums(session: nox.Session) -> None:
    """Run the unit and property tests with the oldest releases that pyproject.toml admits, without torch."""
    wanted = map(Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]])
    oldest = Path(session.create_tmp()) / "oldest.txt"
    oldest.write_text("".join(f"{one.name}=={_lower_bound(one)}\n" for one in wanted), encoding="utf-8")
    session.install("-c", str(oldest), "-e", ".[test]")
    session.run("pytest", "tests/unit", "tests/properties", *session.posargs)


def _lower_bound(requirement: Requirement) -> str:
    (bound,) = [clause.version for clause in requirement.specifier if clause.operator == ">="]
    return bound


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the archives, install the wheel with its core requirements alone, and use it outside the tree."""
    built = Path(session.create_tmp()).resolve()
    for old in built.glob("*.*"):
        old.unlink()
    session.install(*TESTED_SET, "build")
    session.run("python", "-m", "build", "--outdir", str(built), str(ROOT))
    session.install(*TESTED_SET, "--force-reinstall", "--no-deps", *map(str, built.glob("*.whl")))
    session.install(*TESTED_SET, *map(str, built.glob("*.whl")))
    away = built / "away"
    away.mkdir(exist_ok=True)
    session.chdir(away)
    session.run("python", "-c", "import hyperopt_app; print(hyperopt_app.__version__, hyperopt_app.__file__)")
    session.run("python", "-m", "hyperopt_app", "--help", silent=True)
    session.run("hyperopt-app", "--help", silent=True)
    study = (
        "hydra.sweeper.study_name=wheel",
        "hydra.sweeper.n_trials=4",
        f"hydra.sweep.dir={session.create_tmp()}",
    )
    session.run("python", "-m", "hyperopt_app", "--multirun", "hparams=sphere", *study)


@nox.session
def examples(session: nox.Session) -> None:
    """Train each worked objective for a moment on the CPU."""
    session.install(*TESTED_SET, "-e", ".[dev]")
    session.run("pytest", "tests/examples", "-m", "", *session.posargs)
