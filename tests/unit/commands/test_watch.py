# SPDX-License-Identifier: MIT
"""`--watch`: a study is looked at until it has ended, as a table on a terminal, elsewhere as lines."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app import cli
from hyperopt_app.commands.look.watching import watched
from hyperopt_app.errors import StorageError
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import only_study
from hyperopt_app.study.stopping import Stop, write_stop
from tests.unit._made_studies import kept
from tests.unit.test_cli import _refusal

STUDY = Path("studies/two")


@pytest.fixture
def study() -> optuna.Study:
    """A study of two trials, of which none has begun."""
    return kept(STUDY, [], n_trials=2, metrics=["loss"])


def _opened() -> optuna.Study:
    return only_study(open_storage(None, STUDY, reading=True), None)


def test_a_study_is_yielded_until_it_has_ended(study: optuna.Study) -> None:
    """One that waits in a queue is looked at further; the last view is of the end."""

    def run(seconds: float) -> None:
        assert seconds == 7.0
        study.tell(study.ask(), 0.5)

    assert [view.ended for view in watched(_opened(), STUDY, 7.0, run)] == [0, 1, 2]
    write_stop(kept(Path("studies/stopped"), [], n_trials=2), Stop("enough", is_fault=False))
    stopped = only_study(open_storage(None, Path("studies/stopped"), reading=True), None)
    assert [view.state for view in watched(stopped, Path("studies/stopped"), 7.0, run)] == ["stopped"]


def test_a_study_that_is_gone_ends_the_look(study: optuna.Study) -> None:
    """After a few tries, since a file server may hang for a moment."""
    looks = 0

    def lose(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        (STUDY / "journal.log").unlink(missing_ok=True)

    with pytest.raises(StorageError, match=r"studies/two: the study can no longer be read"):
        list(watched(_opened(), STUDY, 1.0, lose))
    assert looks == 5


@pytest.fixture
def trials_end(study: optuna.Study) -> Iterator[threading.Thread]:
    """A thread that ends both trials, one after the other, once it is started."""
    seen = threading.Event()

    def run() -> None:
        for value in (0.5, 0.25):
            seen.wait(0.3)
            study.tell(study.ask(), value)

    thread = threading.Thread(target=run)
    yield thread
    thread.join()


def test_without_a_terminal_each_change_has_a_line(
    trials_end: threading.Thread, capsys: pytest.CaptureFixture[str]
) -> None:
    """The state with the counts, and each trial that ends; it returns with the end of the study."""
    trials_end.start()
    cli.main(["status", "two", "--watch", "0.05"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "two is waiting: 0 done · 0 pruned · 0 failed · 0 running · 2 left"
    assert re.match(r"trial 0 complete loss=0\.5 \(best (so far|0\.25, trial 1)\) .*\[1/2\]$", lines[1])
    assert re.match(r"trial 1 complete loss=0\.25 \(best so far\) .*\[2/2\]$", lines[2])
    assert lines[3:] == ["two is done: 2 done · 0 pruned · 0 failed · 0 running · 0 left"]


def test_bad_words_are_refused(study: optuna.Study, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON that never ends is of no use to a program; a number of seconds is above 0."""
    assert "not both" in _refusal("status", "two", "--watch", "--json")
    for seconds in ("0", "-1", "nan", "soon", "inf"):
        with pytest.raises(SystemExit):
            cli.main(["status", "two", f"--watch={seconds}"])
        assert f"must be a number of seconds above 0, got '{seconds}'" in capsys.readouterr().err
    assert study.get_trials()[0].state == TrialState.WAITING


def test_on_a_terminal_there_is_a_table_that_ctrl_c_leaves(study: optuna.Study) -> None:
    """Quietly; below the table stands why nothing runs."""
    reading, writing = pty.openpty()
    words = [sys.executable, "-c", "from hyperopt_app.cli import main; main()", "status", "two", "--watch", "0.1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "90"}
    program = subprocess.Popen(words, stdout=writing, stderr=subprocess.PIPE, env=environment)
    os.close(writing)
    shown = b""
    while b"no worker is at work" not in shown:
        shown += os.read(reading, 1 << 16)
    program.send_signal(signal.SIGINT)
    errors = program.communicate(timeout=60.0)[1]
    shown += os.read(reading, 1 << 16)
    os.close(reading)
    assert (program.returncode, errors) == (0, b"")
    assert " two " in shown.decode()
    assert shown.endswith(b"\x1b[?25h"), "the cursor is back"


def test_a_report_is_renewed(study: optuna.Study, capsys: pytest.CaptureFixture[str]) -> None:
    """When something has changed; it ends with the study, and says at the end what it has written."""
    page = STUDY / "report" / "report.html"

    def run() -> None:
        while not page.exists():
            time.sleep(0.05)
        for value in (0.5, 0.25):
            study.tell(study.ask(), value)

    thread = threading.Thread(target=run)
    thread.start()
    cli.main(["report", "two", "--watch", "0.05"])
    thread.join()
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"\d\d:\d\d:\d\d  waiting: 0 of 2 trials ended, 0 running; Saved the report page", lines[0])
    assert any("done: 2 of 2 trials ended, 0 running; Saved the report page" in line for line in lines)
    assert lines[-1].startswith("Saved the report page to")
    assert "finished: 2 of 2 trials" in page.read_text(encoding="utf-8")
