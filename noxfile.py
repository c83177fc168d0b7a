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
    """Run the tests with the oldest releases that pyproject.toml admits, without torch."""
    oldest = Path(session.create_tmp()) / "oldest.txt"
    oldest.write_text("\n".join(_oldest_releases()), encoding="utf-8")
    session.install("-c", str(oldest), "-e", ".[test]")
    session.run("pytest", *session.posargs)


def _oldest_releases() -> list[str]:
    """Every declared requirement, pinned to its lower bound."""
    lines = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    bounds = [(one.name, clause) for one in map(Requirement, lines) for clause in one.specifier]
    return [f"{name}=={clause.version}" for name, clause in bounds if clause.operator == ">="]


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the archives, install the wheel with its core requirements alone, and use it outside the tree."""
    built = Path(session.create_tmp()).resolve()
    shutil.rmtree(built)
    session.install(*TESTED_SET, "build")
    session.run("python", "-m", "build", "--outdir", str(built), str(ROOT))
    (archive,) = built.glob("*.whl")
    session.install(*TESTED_SET, str(archive))
    session.install("--force-reinstall", "--no-deps", str(archive))
    away = built / "away"
    away.mkdir()
    session.chdir(away)
    session.run("python", "-c", "import hyperopt_app; print(hyperopt_app.__version__, hyperopt_app.__file__)")
    session.run("python", "-m", "hyperopt_app", "--help", silent=True)
    session.run("hyperopt-app", "--help", silent=True)
    session.run("python", "-m", "hyperopt_app", "--multirun", "hparams=sphere", "hydra.sweeper.n_trials=4")


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
