# SPDX-License-Identifier: MIT
"""What a user gets wrong is told in words: where, what came, what is allowed, what to do."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tests.end_to_end._studies import APPS, assert_exact, in_state, trials_of

RunApp = Callable[..., subprocess.CompletedProcess[str]]

SPHERE = ("--multirun", "hparams=sphere")
STUDY = Path("studies", "sphere")
PASSWORD = "hunter2"

# Fault -> what the user has added to the command, and what the answer must say.
FAULTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "unknown parameter": (
        ('+hydra.sweeper.params.steep="range(1, 9)"',),
        ("hydra.sweeper.params.steep", "the config has no key 'steep'", "did you mean steps", "write +steep"),
    ),
    "impossible ranges": (
        ("x=interval(5, 1)", 'hydra.sweeper.params.y="range(3, 3)"'),
        (
            "2 faults",
            "command line: 'x=interval(5, 1)'",
            "`low <= high` must hold",
            "hydra.sweeper.params.y: 'y=range(3, 3)': the range is empty; its stop is excluded",
        ),
    ),
    "no trials": (
        ("hydra.sweeper.n_trials=0", "hydra.sweeper.n_jobs=-1"),
        (
            "hydra.sweeper.n_trials: 0 is not allowed; set a whole number above 0",
            "hydra.sweeper.n_jobs: -1 is not allowed; set a whole number above 0",
        ),
    ),
    "unknown sampler group": (
        ("hydra/sweeper/sampler=tpee",),
        ("Could not find 'hydra/sweeper/sampler/tpee'", "Available options", "nsgaii", "async_tpe"),
    ),
    "unknown pruner group": (
        ("hydra/sweeper/pruner=medain",),
        ("Could not find 'hydra/sweeper/pruner/medain'", "Available options", "median", "hyperband"),
    ),
    "unknown sampler and pruner classes": (
        (
            "hydra.sweeper.sampler._target_=optuna.samplers.TPESampla",
            "hydra.sweeper.pruner._target_=optuna.pruners.Hedger",
        ),
        (
            "hydra.sweeper.sampler._target_:",
            "TPESampla",
            "TPESampler",
            "hydra.sweeper.pruner._target_:",
            "MedianPruner",
        ),
    ),
    "sampler for one objective": (
        (
            "hydra/sweeper/sampler=cmaes",
            "hydra.sweeper.direction=[minimize,maximize]",
            "hydra.sweeper.metric=[value,other]",
        ),
        ("hydra.sweeper.sampler:", "CmaEsSampler optimises one objective", "has 2", "choose", "nsgaii"),
    ),
    "metrics and directions": (
        ("hydra.sweeper.metric=[value,other]",),
        ("hydra.sweeper.metric: 2 name(s) (value, other) for 1 direction(s)", "as many metrics as directions"),
    ),
    "warm start": (
        ("hydra.sweeper.enqueue=[{x:77},{xx:1}]",),
        (
            "hydra.sweeper.enqueue[0]: x=77 is out of range; allowed is [-5, 5] (float)",
            "hydra.sweeper.enqueue[1]: 'xx' is not searched (did you mean x?); the searched keys are x, y, z",
        ),
    ),
    "no objective": (
        ("~objective",),
        ("objective._target_: no objective is named", "set the dotted path of a class deriving from Objective"),
    ),
    "objective that is not there": (
        ("objective._target_=objectives.sphere.Cube",),
        ("objective._target_: objectives.sphere.Cube cannot be imported", "'Cube'", "check the path"),
    ),
    "objective in a package that is not there": (
        ("objective._target_=elsewhere.Model",),
        ("objective._target_: elsewhere.Model cannot be imported", "No module named 'elsewhere'", "check the path"),
    ),
    "objective in a module with a fault": (
        ("objective._target_=raises.Model",),
        ("objective._target_: raises.Model cannot be imported", "RuntimeError: no such licence", "raises.py, line 6"),
    ),
    "objective of another kind": (
        ("objective._target_=for_tests.Undecided",),
        ("objective._target_: for_tests.Undecided is not a class that derives from hyperopt_app.Objective",),
    ),
    "search space of a function that is not there": (
        ("hydra.sweeper.custom_search_space=objectives.sphere.configure",),
        (
            "hydra.sweeper.custom_search_space: objectives.sphere.configure cannot be found",
            "configure(config, trial)",
        ),
    ),
    "study in a place that cannot be": (
        ("hydra.sweep.dir=/dev/null/study",),
        ("hydra.sweep.dir: /dev/null/study cannot be made", "set another"),
    ),
    "several at once": (
        (
            *("hydra.sweeper.n_trials=0", "z=range(5, 5)", "objective._target_=elsewhere.Model"),
            "hydra.sweeper.storage=sqlite:///not/made.db",
        ),
        (
            "4 faults in the configuration; nothing was started",
            "hydra.sweeper.n_trials: 0",
            "made.db would be a new file in a missing directory",
            "'z=range(5, 5)'",
            "objective._target_: elsewhere.Model",
        ),
    ),
}


@pytest.fixture
def faulty(run_app: RunApp) -> Callable[..., str]:
    """`faulty(*overrides, code=1)`: a search that is refused for a reason told in words; returns what the user reads.

    The objectives made for tests can be imported.
    """

    def run(*overrides: str, code: int = 1) -> str:
        path = os.pathsep.join((str(APPS.parents[1]), str(APPS / "objectives")))
        done = run_app(*SPHERE, *overrides, env={"PYTHONPATH": path})
        text = done.stdout + done.stderr
        assert done.returncode == code, text
        return text

    return run


def assert_told(text: str, *words: str) -> None:
    """The words are there, and no traceback."""
    assert [one for one in words if one not in text] == [], text
    assert "Traceback" not in text


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_before_anything_is_written(fault: str, faulty: Callable[..., str]) -> None:
    """The command ends with 1, says what is wrong and what to do, and leaves not a single file."""
    overrides, words = FAULTS[fault]
    assert_told(faulty(*overrides), *words)
    assert list(Path.cwd().iterdir()) == []


def test_a_fault_of_the_launcher_is_told_once(faulty: Callable[..., str]) -> None:
    """Devices that cannot be are told as a fault of the configuration, not as workers that died."""
    text = faulty("hydra.launcher.gpus=[]")
    assert_told(text, "hydra.launcher.gpus: [] is not allowed; list device numbers from 0, or set null")
    assert text.count("hydra.launcher.gpus") == 1
    assert in_state(STUDY, TrialState.RUNNING) == []


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine on which nobody listens, and nobody else may."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_an_unreachable_database_is_told_without_its_password(faulty: Callable[..., str], closed_port: int) -> None:
    """The answer names server and reason in one line; the password is nowhere."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    server = f"127.0.0.1:{closed_port}/studies"
    text = faulty(f"hydra.sweeper.storage=postgresql+psycopg://me:{PASSWORD}@{server}")
    assert_told(text, f"storage: postgresql+psycopg://me:***@{server} cannot be reached", "efused", "See that")
    assert PASSWORD not in text
    assert list(Path.cwd().iterdir()) == []


def test_a_study_with_other_directions_is_left_alone(faulty: Callable[..., str]) -> None:
    """A study of that name in the storage that maximises is refused, told, and not changed."""
    storage = f"sqlite:///{Path.cwd() / 'shared.db'}"
    study = optuna.create_study(study_name="sphere", storage=storage, direction="maximize")
    text = faulty(f"hydra.sweeper.storage={storage}")
    assert_told(
        text,
        "hydra.sweeper.direction: study 'sphere' has the direction(s) maximize, the command asks for minimize",
        "set them back, or begin another study with hydra.sweep.dir=... (in a database also hydra.sweeper.study_name=",
    )
    assert (study.trials, study.user_attrs) == ([], {})
    assert [path.name for path in Path.cwd().iterdir()] == ["shared.db"]


def test_a_metric_that_is_not_returned_stops_the_study_until_it_is_corrected(
    faulty: Callable[..., str], run_app: RunApp
) -> None:
    """The returned names are shown after the first trial; with the right name the same study runs to its exact end."""
    text = faulty("hydra.sweeper.metric=valu", "hydra.sweeper.n_trials=5", code=2)
    assert_told(
        text,
        "hydra.sweeper.metric: valu; the objective returned value",
        "Set hydra.sweeper.metric to one of these names",
        "5 of 5 trials are left; after a fix, the same command goes on with them",
    )
    assert len(in_state(STUDY, TrialState.WAITING)) == 5
    done = run_app(*SPHERE, "hydra.sweeper.n_trials=5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert_exact(STUDY, 5)


@pytest.mark.parametrize("launcher", ["local_workers", "basic"])
def test_an_objective_that_always_fails_stops_the_study(launcher: str, faulty: Callable[..., str]) -> None:
    """Three identical first failures end the study, and their traceback is shown once, with the trial's place."""
    text = faulty("objective._target_=for_tests.Broken", f"hydra/launcher={launcher}", "hydra.sweeper.n_jobs=1", code=2)
    reason = "LookupError: no layer of width 5"
    assert f"The study was stopped: the first 3 trials of this run failed in the same way: {reason}" in text
    assert text.count("Traceback (most recent call last)") == 1
    assert text.count('raise LookupError(f"no layer of width {conf.steps}")') == 1
    assert str(STUDY.absolute() / "trials" / "0") in text
    assert "They no longer count: fix it, then the same command goes on (40 of 40 trials are left)." in text
    states = [trial.state for trial in trials_of(STUDY)]
    assert states == [TrialState.FAIL] * 3 + [TrialState.WAITING] * 37
    # The whole story of each trial lies in its own log.
    assert all("Traceback" in log.read_text(encoding="utf-8") for log in STUDY.glob("trials/*/*.log"))
