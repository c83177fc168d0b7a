# SPDX-License-Identifier: MIT
"""What a legacy file may not do: run anything, or have its password shown."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPO
from tests.end_to_end._legacy import write_readme_example

pytestmark = pytest.mark.timeout(120)

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SECRET = "s3cret"
EVIL = "x'; touch pwned; $(touch pwned) `touch pwned`"


@pytest.fixture
def hostile() -> Path:
    """The README's example with shell text in every value that could reach one, and a database with a password."""
    write_readme_example(Path(), jobs=2)
    path = Path("hyperparameters.yml")
    content = yaml.safe_load(path.read_text())
    content["save_path"] = "results"
    content["slurm"]["batch"] |= {"J": EVIL, "account": EVIL, "comment": EVIL}
    content["slurm"]["kernel"] = None
    content["optuna"] |= {
        "study_name": EVIL.replace("/", ""),
        "storage_type": "maria",
        "storage": f"mysql+pymysql://user:{SECRET}@127.0.0.1:1/db",
    }
    del content["optuna"]["name"]
    path.write_text(yaml.safe_dump(content))
    return path


def _seen(done: "subprocess.CompletedProcess[str]") -> str:
    files = [path.read_text(errors="replace") for path in Path().rglob("*") if path.is_file() and not _is_own(path)]
    return "\n".join([done.stdout, done.stderr, *files])


def _is_own(path: Path) -> bool:
    return path in {Path("hyperparameters.yml"), Path("model_config.yml"), Path("objective.py"), Path("entry.py")}


@pytest.mark.parametrize("words", [["--dry_run"], []], ids=["dry run", "run"])
def test_nothing_is_run_and_no_password_shown(words: list[str], hostile: Path, run_script: Run) -> None:
    """A dry run shows the script with the values in it; a run fails at the database, which is told without password."""
    pytest.importorskip("pymysql")
    pytest.importorskip("torch", reason="the objective imports torch, not installed here")
    done = run_script(REPO / "optimize.py", hostile, "model_config.yml", *words, "--yes")
    assert (done.returncode == 0) is bool(words), done.stdout + done.stderr
    assert not list(Path().rglob("pwned"))
    assert SECRET not in _seen(done)
    assert "Traceback" not in done.stderr


def test_a_translation_names_a_variable_in_the_place_of_the_password(hostile: Path, run_script: Run) -> None:
    """The config asks the environment, and the command says so."""
    pytest.importorskip("pymysql")
    Path("entry.py").write_text("from hyperopt_app.cli import main\nmain()\n")
    done = run_script("entry.py", "legacy", "translate", hostile, "model_config.yml", "--out", "new")
    assert done.returncode == 0, done.stderr
    assert SECRET not in _seen(done)
    assert "${oc.env:HYPEROPT_STORAGE_PASSWORD}" in Path("new/config.yaml").read_text()
    assert "HYPEROPT_STORAGE_PASSWORD" in done.stdout
