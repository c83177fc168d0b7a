# SPDX-License-Identifier: MIT
"""Following a sweep: modes, lines, the live table, and that a display never ends a sweep."""

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from hyperopt_app.errors import ConfigError
from hyperopt_app.progress.display import ProgressDisplay, choose_mode, line
from hyperopt_app.progress.snapshot import Snapshot, snapshot
from tests.unit._made_trials import START, made

Reading = tuple[Snapshot, Sequence[FrozenTrial]]

N_TRIALS = 24
NEVER_S = 3600.0  # an interval that no test lives to see: only the first and the last reading happen


def sweep(trials: Sequence[FrozenTrial], directions: int = 1) -> Snapshot:
    names = ["val_loss", "size"][:directions]
    goals = [StudyDirection.MINIMIZE] * directions
    return snapshot(trials, N_TRIALS, [], goals, names, 10.0, now=START + timedelta(seconds=60), study_name="s")


class Study:
    """What `ProgressDisplay` reads, as a test sets it; every fault is raised once."""

    def __init__(self, *trials: FrozenTrial) -> None:
        self.trials = list(trials)
        self.faults: list[Exception] = []
        self.readings = 0

    def read(self) -> Reading:
        self.readings += 1
        if self.faults:
            raise self.faults.pop(0)
        return sweep(self.trials), self.trials


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, logger="hyperopt_app.progress.display")
    return lambda: [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]


def thread_names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


# Which mode


@pytest.mark.parametrize(
    ("setting", "is_terminal", "clean", "mode"),
    [
        ("auto", True, True, "table"),
        ("auto", True, False, "lines"),
        ("auto", False, True, "lines"),
        ("table", True, False, "table"),
        ("table", False, True, "lines"),
        ("lines", True, True, "lines"),
        ("none", True, True, "none"),
    ],
    ids=[
        *("auto-on-a-terminal", "auto-with-talking-workers", "auto-without-a-terminal", "table-at-any-price"),
        *("table-without-a-terminal", "lines", "none"),
    ],
)
def test_the_mode_fits_the_place(setting: str, is_terminal: bool, clean: bool, mode: str) -> None:
    """A table needs a terminal; by itself it also wants workers that leave the terminal alone."""
    assert choose_mode(setting, is_terminal, clean) == mode


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    """The message says what came and what is allowed."""
    with pytest.raises(ConfigError, match="progress: 'fancy' is not known; set it to auto, table, lines or none"):
        choose_mode("fancy", is_terminal=True, launcher_keeps_terminal_clean=True)


# One line

PARAMS = {"optimizer.lr": 3.1622e-4, "model.dims": "[64, 32]", "flag": True}
SHOWN = "optimizer.lr=0.0003162 model.dims='[64, 32]' flag=true 4.1 s"
FAILURE = {"kind": "bug", "error": "ValueError: dims\nmust not be empty"}


@pytest.mark.parametrize(
    ("trial", "text"),
    [
        (
            made(values=[0.0312], number=7, params=PARAMS),
            f"trial 7 complete val_loss=0.0312 (best 0.0287, trial 3) {SHOWN} [2/24]",
        ),
        (
            made(values=[0.01], number=7, params=PARAMS),
            f"trial 7 complete val_loss=0.01 (best so far) {SHOWN} [2/24]",
        ),
        (
            made(TrialState.PRUNED, number=7, params=PARAMS, curve={0: 0.9, 5: 0.4}),
            f"trial 7 pruned at step 5 val_loss=0.4 (best 0.0287, trial 3) {SHOWN} [2/24]",
        ),
        (
            made(TrialState.PRUNED, number=7, params=PARAMS),
            f"trial 7 pruned (best 0.0287, trial 3) {SHOWN} [2/24]",
        ),
        (
            made(
                TrialState.PRUNED,
                number=7,
                params=PARAMS,
                curve={1: 0.9},
                race={"repeats": 1, "against": 3, "chance": 0.01},
            ),
            f"trial 7 pruned lost the race to trial 3 after 1 repeat (best 0.0287, trial 3) {SHOWN} [2/24]",
        ),
        (
            made(TrialState.FAIL, number=7, params=PARAMS, failure=FAILURE),
            f"trial 7 failed ValueError: dims must not be empty (best 0.0287, trial 3) {SHOWN} [2/24]",
        ),
    ],
    ids=["complete", "best", "pruned", "pruned-without-report", "lost", "failed"],
)
def test_a_line_tells_one_trial(trial: FrozenTrial, text: str) -> None:
    """Number, state, value, best so far, parameters, length, and how far the sweep has come."""
    assert line(trial, sweep([made(values=[0.0287], number=3), trial])) == text


def test_a_line_of_several_objectives_names_the_front() -> None:
    """There is no best value, but a trial is on the front or is not."""
    trials = [made(values=values, number=i) for i, values in enumerate([[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]])]
    now = sweep(trials, directions=2)
    assert line(trials[1], now) == "trial 1 complete val_loss=2 size=1 (on the front of 2) 4.1 s [3/24]"
    assert line(trials[2], now) == "trial 2 complete val_loss=3 size=3 (not on the front of 2) 4.1 s [3/24]"


def test_a_line_before_any_complete_trial_names_no_best() -> None:
    """The first trial may fail."""
    trial = made(TrialState.FAIL, number=0)
    assert line(trial, sweep([trial])) == "trial 0 failed 4.1 s [1/24]"


# Lines


def test_trials_of_an_earlier_run_are_one_line(lines: Callable[[], list[str]]) -> None:
    """Only what finishes from now on is told one by one."""
    study = Study(*(made(number=number) for number in range(12)))
    with ProgressDisplay(study.read, "lines", interval_s=NEVER_S):
        assert lines() == ["resumed: 12 of 24 trials were already there"]
        study.trials.append(made(values=[0.1], number=12))
    assert lines()[1:] == ["trial 12 complete val_loss=0.1 (best so far) 4.1 s [13/24]"]


def test_a_new_study_begins_without_a_line(lines: Callable[[], list[str]]) -> None:
    """Nothing was resumed; trials that run or wait are no news either."""
    with ProgressDisplay(
        Study(made(TrialState.RUNNING), made(TrialState.WAITING, number=1)).read, "lines", interval_s=NEVER_S
    ):
        pass
    assert lines() == []


def test_every_trial_is_told_once_in_the_order_of_their_ends(lines: Callable[[], list[str]]) -> None:
    """Two that ended between two readings are counted one by one."""
    study = Study()
    progress = ProgressDisplay(study.read, "lines", interval_s=NEVER_S)
    with progress:
        study.trials = [
            made(TrialState.FAIL, number=0, length_s=9.0),
            made(TrialState.FAIL, number=1, length_s=2.0),
        ]
        progress._refresh()
        progress._refresh()
        study.trials.append(made(TrialState.FAIL, number=2))
    assert lines() == [
        "trial 1 failed 2.0 s [1/24]",
        "trial 0 failed 9.0 s [2/24]",
        "trial 2 failed 4.1 s [3/24]",
    ]


def test_the_thread_tells_trials_while_the_sweep_runs(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody has to ask, and nothing is left running afterwards."""
    caplog.set_level(logging.INFO, logger="hyperopt_app.progress.display")
    study, told = Study(), threading.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.set()

    logger, ear = logging.getLogger("hyperopt_app.progress.display"), Ear()
    logger.addHandler(ear)
    try:
        with ProgressDisplay(study.read, "lines", interval_s=0.001):
            assert "hyperopt-progress" in thread_names()
            study.trials.append(made())
            assert told.wait(10)
    finally:
        logger.removeHandler(ear)
    assert "hyperopt-progress" not in thread_names()
    assert len(caplog.records) == 1


# Faults


def test_a_busy_storage_is_read_again(lines: Callable[[], list[str]], caplog: pytest.LogCaptureFixture) -> None:
    """A reading that fails is no more than a debug line; the next one tells what was missed."""
    caplog.set_level(logging.DEBUG, logger="hyperopt_app.progress.display")
    study = Study()
    progress = ProgressDisplay(study.read, "lines", interval_s=NEVER_S)
    with progress:
        study.trials.append(made())
        study.faults = [RuntimeError("database is locked")]
        assert not progress._refresh()
        assert progress._refresh()
    assert len(lines()) == 1
    assert [record.levelname for record in caplog.records] == ["DEBUG", "INFO"]


@pytest.mark.parametrize(("faults", "told"), [(2, 1), (3, 0)], ids=["two-faults", "three-faults"])
def test_the_last_reading_is_tried_three_times(lines: Callable[[], list[str]], faults: int, told: int) -> None:
    """A storage that is busy just at the end costs no line; one that stays away ends nothing."""
    study, slept = Study(), list[float]()
    with ProgressDisplay(study.read, "lines", interval_s=NEVER_S, sleep=slept.append):
        study.trials.append(made())
        study.faults = [OSError("busy")] * faults
    assert len(lines()) == told
    assert slept == [NEVER_S] * faults


@pytest.mark.parametrize("mode", ["table", "lines"])
def test_an_interrupted_sweep_ends_the_display(mode: str) -> None:
    """Ctrl-C passes through, and the thread and the table are gone."""
    study = Study()
    console = Console(file=io.StringIO(), force_terminal=True)

    def interrupted() -> None:
        with ProgressDisplay(study.read, "table" if mode == "table" else "lines", console, interval_s=NEVER_S):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "hyperopt-progress" not in thread_names()
    assert study.readings == 2


def test_stopping_twice_is_stopping_once() -> None:
    """The driver may stop the display before the block ends."""
    study = Study()
    with ProgressDisplay(study.read, "lines", interval_s=NEVER_S) as progress:
        progress.stop()
        assert study.readings == 2
    assert study.readings == 2


def test_without_a_display_nothing_is_read() -> None:
    """`none` costs nothing."""
    study = Study()
    with ProgressDisplay(study.read, "none"):
        assert "hyperopt-progress" not in thread_names()
    assert study.readings == 0


# The table


def test_the_table_stays_with_the_last_state() -> None:
    """When the sweep ends, the terminal shows its end."""
    screen = io.StringIO()
    study = Study()
    with ProgressDisplay(study.read, "table", Console(file=screen, force_terminal=True, width=80), interval_s=NEVER_S):
        study.trials.append(made(values=[0.125]))
    assert "val_loss = 0.125" in screen.getvalue()
    assert screen.getvalue().endswith("\n\x1b[?25h")  # the cursor is shown again, below the table


def test_log_lines_appear_above_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that writes to the terminal is led through the table while it stands, and back afterwards."""
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stdout", screen)
    handler = logging.StreamHandler(screen)
    logging.getLogger().addHandler(handler)
    with ProgressDisplay(
        Study().read, "table", Console(file=screen, force_terminal=True, width=80), interval_s=NEVER_S
    ):
        assert handler.stream is not screen
        late = logging.StreamHandler(sys.stdout)  # as Hydra makes them in a launcher
        logging.getLogger().addHandler(late)
        before = len(screen.getvalue())
        logging.getLogger("someone").warning("a word from the driver")
        written = screen.getvalue()[before:]
        assert written.index("a word from the driver") < written.index("no complete trial yet")
    assert handler.stream is screen
    assert late.stream is screen
    assert sys.stdout is screen


def test_importing_the_module_loads_no_heavy_library(
    tmp_path: Path, run_script: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Neither rich nor Optuna is loaded before something is shown or read."""
    script = tmp_path / "light.py"
    script.write_text(
        "import sys, hyperopt_app.progress.display, hyperopt_app.results.files\n"
        "print(sorted({'rich', 'optuna', 'numpy', 'torch'} & set(sys.modules)))\n",
        encoding="utf-8",
    )
    assert run_script(script).stdout == "[]\n"
