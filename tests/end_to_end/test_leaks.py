# SPDX-License-Identifier: MIT
"""What of a study others may see, and what they can make of its files: next to nothing."""

import csv
import os
import re
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import optuna
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from hyperopt_app.cli import main
from tests.conftest import REPO, _run_python
from tests.end_to_end._leaks import OVERRIDES, SECRETS, holding, leaky_app, modes_that_are_not_told, told_modes
from tests.end_to_end._studies import trials_of

RunScript = Callable[..., "subprocess.CompletedProcess[str]"]
pytestmark = pytest.mark.timeout(120)

VICTIM = "precious\n"
COMMAND = "\x1b]0;owned\x07"  # gives a terminal another title


class Ran(NamedTuple):
    """A study that a real command has worked on.

    Attributes:
        folder: Where the command was typed.
        study: The study's directory.
        output: What the command has written.
    """

    folder: Path
    study: Path
    output: str


def _run(*words: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    before = os.umask(0o022)
    try:
        return _run_python(*words, cwd=cwd, timeout=100)
    finally:
        os.umask(before)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Three trials of two local workers, with passwords in overrides, and links to a victim where files of ours go."""
    folder = tmp_path_factory.mktemp("ran")
    study = folder / "study"
    (study / "workers").mkdir(parents=True)
    for name in ("multirun.yaml", "trials.csv", "best.yaml", ".hyperopt_study.json", "workers/0.log"):
        victim = folder / f"victim of {Path(name).name}"
        victim.write_text(VICTIM)
        (study / name).symlink_to(victim)
    done = _run(leaky_app(folder / "app"), "--multirun", *OVERRIDES, cwd=folder)
    assert done.returncode in (0, 2), done.stdout + done.stderr  # a trial has failed
    assert len(trials_of(study)) == 3, done.stdout + done.stderr
    return Ran(folder, study, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A study whose workers are still to be started, by hand."""
    folder = tmp_path_factory.mktemp("launched")
    app = leaky_app(folder / "app")
    done = _run(app, "--multirun", "hydra/launcher=by_hand", *OVERRIDES, cwd=folder)
    assert done.returncode == 0, done.stderr
    return Ran(folder, folder / "study", done.stdout + done.stderr)


@pytest.mark.parametrize("opened", [".", "payload.pkl"], ids=["folder", "file"])
def test_a_payload_that_others_may_write_is_not_run(launched: Ran, opened: str) -> None:
    """D1. The worker says in one line why, and touches no trial."""
    launch = launched.study / "launches/0"
    place = launch / opened
    mode = place.stat().st_mode
    place.chmod(0o777)
    try:
        done = _run_python("-m", "hyperopt_app.worker_process", launch / "payload.pkl", cwd=launched.folder)
    finally:
        place.chmod(mode)
    assert done.returncode == 1, done.stdout
    assert "may be written by other users" in done.stderr
    assert done.stderr.count("\n") == 1
    assert {trial.state for trial in trials_of(launched.study)} == {TrialState.WAITING}


def test_a_launch_is_its_owners_alone(launched: Ran) -> None:
    """D1. Its folder has mode 700."""
    assert (launched.study / "launches/0").stat().st_mode & 0o777 == 0o700


def test_copies_of_private_files_are_private(launched: Ran) -> None:
    """D2. The config had mode 600, and so has its copy."""
    copies = [*(launched.study / "launches/0/conf").rglob("config.yaml")]
    assert [copy.stat().st_mode & 0o777 for copy in copies] == [0o600]


def test_no_password_of_an_override_is_shown(ran: Ran) -> None:
    """D3. With blanks, in options, in an ODBC string: neither the output nor any file that others may read has it."""
    assert holding(ran.study, SECRETS) == []
    assert not [secret for secret in SECRETS if secret in ran.output]


def test_no_password_of_a_launch_is_shown(launched: Ran) -> None:
    """D3. The payload has it, which is its owner's alone."""
    assert holding(launched.study, SECRETS) == []
    assert b"Zq7" in (launched.study / "launches/0/payload.pkl").read_bytes()


def test_the_command_that_trains_again_says_what_it_hides(ran: Ran) -> None:
    """In best.yaml and on the terminal: the user has to write the password in."""
    best = yaml.safe_load((ran.study / "best.yaml").read_text())
    assert "postgresql://me:***@h/d?ssl_key_password=***" in best["retrain"]
    assert "insert it yourself" in best["hidden"]
    again = next(line for line in ran.output.splitlines() if "again: " in line)
    assert "me:***@h" in again
    assert best["hidden"] in ran.output


@pytest.mark.parametrize("text", ["epoch 1: 0.5\nepoch 2: 0.25\n", "one line without an end", '{"a": 1}\n'])
def test_what_is_no_journal_stays_as_it_is(tmp_path: Path, text: str, run_script: RunScript) -> None:
    """D4. Neither a look at the directory nor a search that names the file as its storage changes a byte."""
    log = tmp_path / "journal.log"
    log.write_text(text)
    with pytest.raises(SystemExit):
        main(["status", str(tmp_path)])
    assert log.read_text() == text
    if text.startswith("epoch"):
        done = run_script(leaky_app(tmp_path / "app"), "--multirun", f"hydra.sweeper.storage={log}")
        assert log.read_text() == text
        assert "Traceback" not in done.stderr


def test_no_variable_is_looked_up_for_a_file_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D5. What `status` finds in such a multirun.yaml could send a secret of ours to any host."""
    monkeypatch.setenv("MY_SECRET", "hunter2")
    config = {"hydra": {"sweeper": {"storage": f"sqlite:///{tmp_path}/${{oc.env:MY_SECRET}}.db", "study_name": "s"}}}
    (tmp_path / "multirun.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "multirun.yaml").chmod(0o666)
    with pytest.raises(SystemExit) as refusal:
        main(["status", str(tmp_path)])
    assert "hunter2" not in str(refusal.value)
    assert "may be written by other users" in str(refusal.value)


def test_nothing_is_written_through_a_planted_link(ran: Ran) -> None:
    """D5. Each file of ours has taken the place of the link, and what the link named is as it was."""
    victims = [*ran.folder.glob("victim of *")]
    assert len(victims) == 5
    assert [path.name for path in victims if path.read_text() != VICTIM] == []
    assert [path for path in ran.study.rglob("*") if path.is_symlink()] == []


def test_texts_of_trials_command_no_terminal(ran: Ran) -> None:
    """D6. The error of a trial is spelled, on the terminal and in trials.csv."""
    table = (ran.study / "trials.csv").read_text()
    for text in (ran.output, table):
        assert "owned" in text
        assert "\x1b]" not in text
        assert "\x07" not in text


def test_names_in_a_study_of_others_command_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """D6. `status` spells those of the study, its metric, its parameters, its notes and its hosts too."""
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    study = optuna.create_study(study_name=f"name{COMMAND}", storage=storage)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.set_metric_names([f"metric{COMMAND}"])
    study.set_user_attr("note:any", f"note{COMMAND}")
    space = {f"parameter{COMMAND}": optuna.distributions.FloatDistribution(0, 1)}
    study.add_trial(optuna.trial.create_trial(params=dict.fromkeys(space, 0.5), distributions=dict(space), value=1.0))
    main(["status", str(tmp_path)])
    shown = capsys.readouterr().out
    assert [word for word in ("name", "metric", "note") if f"{word}\\x1b]" not in shown] == []
    assert "\x1b]" not in shown
    assert "\x07" not in shown


def test_no_cell_is_a_formula(ran: Ran) -> None:
    """D6. Nor does a choice that a spreadsheet would take for one."""
    with (ran.study / "trials.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any("=cmd|calc" in cell or "@SUM" in cell for cell in cells)
    assert [cell for cell in cells if cell.startswith(("=", "@", "+", "\t", "\r"))] == []


def test_the_documented_modes_are_those_of_real_studies(ran: Ran, launched: Ran) -> None:
    """The table of docs/security.md has each file of both studies, with its mode, and nothing that is in neither.

    The files of Slurm's jobs are looked at on the test cluster.
    """
    page = REPO / "docs/security.md"
    studies = (ran.study, launched.study)
    assert [fault for study in studies for fault in modes_that_are_not_told(study, page)] == []
    names = [f"{path.relative_to(study)}{'/' * path.is_dir()}" for study in studies for path in study.rglob("*")]
    unseen = [one for one in told_modes(page) if not any(re.fullmatch(one, name) for name in [".", *names])]
    assert [one for one in unseen if "slurm" not in one and "jobs" not in one] == []
