# SPDX-License-Identifier: MIT
"""A journal with damage inside is refused by every command, with the line; what is whole goes on in a copy."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

Run = Callable[..., subprocess.CompletedProcess[str]]

STUDY = Path("studies", "sphere")
JOURNAL = STUDY / "journal.log"
SEARCH = ("--multirun", "hparams=sphere", "hydra/launcher=basic", "hydra.sweeper.n_trials=4")


@pytest.fixture
def tool(run_script: Run) -> Run:
    """`tool(*words)`: `hyperopt-app WORDS`."""
    Path("hyperopt-app.py").write_text("from hyperopt_app.cli import main\n\nmain()\n")

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return run_script("hyperopt-app.py", *words)

    return run


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the study that is searched once lies."""
    return tmp_path_factory.mktemp("once") / "studies"


@pytest.fixture
def searched(run_app: Run, once: Path) -> list[FrozenTrial]:
    """The trials of a study with four complete trials."""
    if not once.exists():
        done = run_app(*SEARCH, cwd=once.parent)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.copytree(once, "studies")
    return _trials()


def _trials() -> list[FrozenTrial]:
    """As plain Optuna reads them."""
    return optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(JOURNAL)))).get_trials()


def _damage(find: bytes, old: bytes, new: bytes) -> int:
    """Change the first line that holds a text; returns its number."""
    lines = JOURNAL.read_bytes().split(b"\n")
    at = next(number for number, line in enumerate(lines) if find in line and old in line)
    lines[at] = lines[at].replace(old, new, 1)
    JOURNAL.write_bytes(b"\n".join(lines))
    return at + 1


# What is damaged: which line, what stood there, what stands there now.
DAMAGES = {
    "no JSON": (b'"param_name":"y"', b'"param_name"', b'"param_name\x02'),
    "no object": (b'"param_name":"y"', b'{"op_code":5,', b'["op_code",5,'),
    "a key is missing": (b'"param_name":"y"', b'"distribution":', b'"distributiof":'),
    "another operation": (b'"param_name":"y"', b'{"op_code":5,', b'{"op_code":7,'),
    "no operation": (b'"param_name":"y"', b'{"op_code":5,', b'{"op_code":25,'),
    "no such trial": (b'"param_name":"y"', b'"trial_id":', b'"trial_id":9'),
    "no such study": (b'"op_code":2,', b'"study_id":0', b'"study_id":8'),
    "no such state": (b'"state":1,', b'"state":1,', b'"state":9,'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_inside_is_refused_with_its_line_by_every_command(
    damage: tuple[bytes, bytes, bytes], searched: list[FrozenTrial], run_app: Run, tool: Run
) -> None:
    """The search, `status` and `stop` say the file, the line and the command that helps, and touch nothing."""
    line = _damage(*damage)
    before = JOURNAL.read_bytes()
    for done in (run_app(*SEARCH[:-1], "hydra.sweeper.n_trials=5"), tool("status", STUDY), tool("stop", STUDY)):
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert f"journal.log, line {line}: " in said
        assert "hyperopt-app repair " in said
        assert "Traceback" not in said
    assert JOURNAL.read_bytes() == before


def test_a_changed_digit_is_refused_too(searched: list[FrozenTrial], tool: Run) -> None:
    """A value in which one digit has changed is still JSON and still a value: the line's checksum tells."""
    start = json.dumps(searched[2].params["y"])[:4].encode()
    digit = b"1" if start[-1:] != b"1" else b"2"
    line = _damage(b'"param_value_internal":' + start, start, start[:-1] + digit)
    done = tool("status", STUDY)
    assert done.returncode != 0, done.stdout
    assert f"line {line}: " in done.stderr


def test_whole_trials_go_on_in_a_copy(searched: list[FrozenTrial], run_app: Run, tool: Run) -> None:
    """`repair` keeps every whole trial under its number, names the one it cannot keep, and says how to go on.

    A journal that nobody else may read has such a copy.
    """
    JOURNAL.chmod(0o600)
    line = _damage(b'"trial_id":1,"param_name":"y"', b'"param_value_internal":', b'"PARAM":')
    before = JOURNAL.read_bytes()
    done = tool("repair", STUDY)
    assert done.returncode == 0, done.stderr
    assert JOURNAL.read_bytes() == before
    assert f"line {line}: " in done.stdout
    assert "keeps 3 of 4 trials" in done.stdout
    assert "trial 1 is left out" in done.stdout
    (move,) = [text for text in done.stdout.splitlines() if text.strip().startswith("mv ")]
    subprocess.run(["/bin/sh", "-c", move], check=True)
    assert JOURNAL.stat().st_mode & 0o777 == 0o600

    more = run_app(*SEARCH[:-1], "hydra.sweeper.n_trials=5")
    assert more.returncode == 0, more.stdout + more.stderr
    trials = _trials()
    assert [trial for trial in trials if trial.number in (0, 2, 3)] == [searched[n] for n in (0, 2, 3)]
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_a_flipped_bit_costs_no_trial(searched: list[FrozenTrial], tool: Run) -> None:
    """The checksum of a line tells which bit has flipped: the copy holds every trial as it was."""
    _damage(b'"trial_id":1,"param_name":"y"', b'"distribution"', b'"distributioj"')
    done = tool("repair", STUDY)
    assert done.returncode == 0, done.stderr
    assert "keeps 4 of 4 trials" in done.stdout
    JOURNAL.with_name("journal.repaired.log").replace(JOURNAL)
    assert _trials() == searched


def test_there_is_nothing_to_repair_in_a_whole_journal(searched: list[FrozenTrial], tool: Run) -> None:
    """`repair` says so and writes nothing; of a database, and of a copy that is there already, it says what to do."""
    done = tool("repair", STUDY)
    assert done.returncode == 0, done.stderr
    assert "is damaged; nothing was written" in done.stdout
    assert not JOURNAL.with_name("journal.repaired.log").exists()
    assert "is a database" in tool("repair", STUDY, "--storage", "sqlite:///x.db").stderr
    JOURNAL.with_name("journal.repaired.log").touch()
    _damage(b'"param_name":"y"', b'"param_name"', b'"PARAM_NAME"')
    assert "journal.repaired.log exists already" in tool("repair", STUDY).stderr
