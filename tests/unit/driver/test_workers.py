# SPDX-License-Identifier: MIT
"""Workers as jobs of whichever launcher is configured, and the command that the user typed."""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.driver.prepare import program_of_this_process
from hyperopt_app.driver.workers import SweepWorkers
from hyperopt_app.errors import WorkersCancelledError
from hyperopt_app.worker.loop import Tally
from hyperopt_app.worker.task import WorkerTask
from tests.unit._made_sweeps import made_plan, made_space, made_sweep, write_configs

CONFIGS = {
    "config": "defaults: [{model: small}, _self_]\nx: 1\nhydra: {sweep: {dir: study}, job: {chdir: true}}\n",
    "model/small": "w: 1\n",
    "model/big": "w: 2\n",
}


class Launcher:
    """A launcher that runs nothing, and answers what a test wants."""

    def __init__(self, answer: Callable[[int], Any]) -> None:
        self.answer = answer
        self.launched: list[list[str]] = []
        self.setup: dict[str, Any] = {}

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Hydra's method."""
        assert initial_job_idx == 0
        self.launched = [list(overrides) for overrides in job_overrides]
        return [_returned(self.answer(number)) for number in range(len(self.launched))]


def _returned(answer: Any) -> JobReturn:
    failed = isinstance(answer, Exception)
    returned = JobReturn(status=JobStatus.FAILED if failed else JobStatus.COMPLETED)
    returned.return_value = answer
    return returned


@pytest.fixture
def workers(tmp_path: Path) -> SweepWorkers:
    """A workers that searches a group and a value, with a fixed value beside them."""
    context, config = made_sweep(write_configs(tmp_path, CONFIGS))
    context.callbacks.callbacks.append(object())
    plan = made_plan(Path.cwd() / "study", made_space("x=2", **{"model": "big,small", "model.w": "range(4)"}))
    return SweepWorkers(plan, context, config, lambda _conf: 0.0)


def _launched(
    workers: SweepWorkers, answer: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, list[str]]:
    """Two workers, and what the workers says of them."""
    launcher = Launcher(answer)

    def instantiate(_self: Plugins, config: DictConfig, hydra_context: HydraContext, task_function: Any) -> Any:
        launcher.setup = {"config": config, "context": hydra_context, "task": task_function}
        return launcher

    monkeypatch.setattr(Plugins, "instantiate_launcher", instantiate)
    return launcher, workers.launch(2)


def test_every_worker_is_an_equal_job(workers: SweepWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    """It composes with an option of each searched group, and gets a directory of its own without Hydra's files."""
    launcher, errors = _launched(workers, lambda _number: 1, monkeypatch)
    assert errors == []
    assert launcher.launched == [
        [
            "x=2",
            "model=big",
            f"hydra.sweep.subdir=workers/{number}",
            "hydra.output_subdir=null",
            "hydra.job.chdir=false",
            "++hydra.job_logging.root=null",
        ]
        for number in (0, 1)
    ]


def test_a_workers_job_composes(workers: SweepWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays in the driver's directory, so that a relative path means the same in it."""
    launcher, _ = _launched(workers, lambda _number: 1, monkeypatch)
    config = workers.context.config_loader.load_sweep_config(workers.config, launcher.launched[1])
    assert (config.model.w, config.hydra.sweep.subdir, config.hydra.job.chdir) == (2, "workers/1", False)


def test_the_users_callbacks_are_for_trials(workers: SweepWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker is no job of theirs; the task that it runs has them."""
    launcher, _ = _launched(workers, lambda _number: 1, monkeypatch)
    context, task = launcher.setup["context"], launcher.setup["task"]
    assert isinstance(context.callbacks, Callbacks)
    assert context.callbacks.callbacks == []
    assert isinstance(task, WorkerTask)
    assert task.context is workers.context
    assert len(task.context.callbacks.callbacks) == 1


def test_a_dead_worker_is_told_in_a_line(
    workers: SweepWorkers,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its trial is another's now, so it is a warning, not an error; Hydra's own words do not come between."""
    with caplog.at_level(logging.WARNING):
        _, errors = _launched(workers, lambda number: 1 if number else OSError("out of\n  memory"), monkeypatch)
    assert errors == ["OSError: out of memory"]
    assert "a worker ended badly: OSError: out of memory" in caplog.messages
    assert capsys.readouterr().err == ""


def test_a_wish_of_the_users_is_no_bad_end(
    workers: SweepWorkers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Jobs that the user has cancelled are not launched again, and the word of that launch is not kept for the next."""
    _, errors = _launched(workers, lambda _number: WorkersCancelledError("you have cancelled them"), monkeypatch)
    assert (errors, workers.cancelled) == ([], "you have cancelled them")
    assert caplog.messages == []
    _launched(workers, lambda _number: 1, monkeypatch)
    assert workers.cancelled == ""


def test_a_launcher_that_raises_is_told_in_a_line(workers: SweepWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a launcher makes of a killed job; the study knows what is left."""

    def broken(_number: int) -> None:
        raise RuntimeError("x" * 5000)

    _, (error,) = _launched(workers, broken, monkeypatch)
    assert error.startswith("RuntimeError: xxx")
    assert len(error) == 1000


@pytest.mark.parametrize(
    ("launcher", "clean"),
    [("basic", None), ("local_workers", True), ("submitit_local", True)],
)
def test_who_leaves_the_terminal_to_the_driver(launcher: str, clean: bool | None, tmp_path: Path) -> None:
    """Workers of processes of their own write into files; those of `basic` run inside the driver."""
    context, config = made_sweep(write_configs(tmp_path, CONFIGS), f"hydra/launcher={launcher}")
    assert SweepWorkers(made_plan(tmp_path), context, config, lambda _conf: 0.0).keeps_terminal_clean is clean


# Seconds to the end of the job -> what the worker says -> whether there is time for further workers.
ENDS = [
    (None, Tally(0, out_of_time=True), False),
    (3600.0, Tally(0, out_of_time=True), True),
    (3600.0, Tally(0, interrupted=True), False),
    (3600.0, OSError("died"), False),
    (5.0, Tally(0, interrupted=True), True),
    (5.0, OSError("died"), True),
]


@pytest.mark.parametrize(("seconds", "said", "is_out"), ENDS, ids=lambda one: str(one).replace(" ", ""))
def test_workers_whose_time_is_over_are_known_as_such(
    seconds: float | None, said: Any, is_out: bool, workers: SweepWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say so, or were asked to end in the middle of a trial; who died of something else has not had his time."""
    monkeypatch.delenv("HYPEROPT_END", raising=False)
    if seconds is not None:
        monkeypatch.setenv("HYPEROPT_END", str(int(time.time() + seconds)))
    _launched(workers, lambda _number: said, monkeypatch)
    assert workers.is_out_of_time is is_out


def test_a_signal_at_the_end_of_the_job_is_no_interruption(
    workers: SweepWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers inside the driver are told to end by it; at any other time it is the user's Ctrl-C."""

    def interrupted(_number: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("HYPEROPT_END", str(int(time.time() + 5)))
    _launched(workers, interrupted, monkeypatch)
    assert workers.is_out_of_time
    monkeypatch.setenv("HYPEROPT_END", str(int(time.time() + 3600)))
    with pytest.raises(KeyboardInterrupt):
        _launched(workers, interrupted, monkeypatch)


def test_jobs_of_their_own_have_times_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is submitted again has its full time, whenever the driver's own job ends."""
    context, config = made_sweep(write_configs(tmp_path, CONFIGS), "hydra/launcher=slurm_workers")
    workers = SweepWorkers(made_plan(tmp_path), context, config, lambda _conf: 0.0)
    monkeypatch.setenv("HYPEROPT_END", str(int(time.time() + 5)))
    _launched(workers, lambda _number: Tally(0, out_of_time=True), monkeypatch)
    assert not workers.is_out_of_time


PROGRAMS: dict[str, tuple[str | None, list[str], str]] = {
    "a module": ("app.__main__", ["/x/app/__main__.py", "-m", "x=1"], "python -m app"),
    "a plain module": ("pack.train", ["/x/pack/train.py", "-m"], "python -m pack.train"),
    "a script": (None, ["train.py", "--multirun", "x=1"], "python train.py"),
    "a script elsewhere": (None, ["my code/train.py", "-m"], "python 'my code/train.py'"),
    "a command": (None, ["/venv/bin/hyperopt-app", "-m"], "/venv/bin/hyperopt-app"),
    "a config by its name": (None, ["a.py", "-m", "--config-name", "b", "x=1"], "python a.py --config-name b"),
    "a config by a short name": (None, ["a.py", "-m", "-cn", "b", "-cd=c d"], "python a.py -cn b '-cd=c d'"),
    "a config by a long word": (None, ["a.py", "-m", "--config-path=c"], "python a.py --config-path=c"),
    "a flag without its value": (None, ["a.py", "-m", "-cn"], "python a.py -cn"),
    "a config that asks for the sweep itself": (None, ["a.py", "x=1"], "python a.py hydra.mode=RUN"),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_the_program_that_the_user_started(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would be typed again, with the flags that choose the config, and so that it trains once."""
    name, arguments, command = PROGRAMS[case]
    spec = None if name is None else SimpleNamespace(name=name)
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=spec))
    monkeypatch.setattr(sys, "argv", arguments)
    assert program_of_this_process() == command
    asked = command.removesuffix(" hydra.mode=RUN") + " hydra.mode=RUN"
    assert program_of_this_process(sweeps_by_itself=True) == asked
