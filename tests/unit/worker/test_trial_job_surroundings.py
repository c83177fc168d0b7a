# SPDX-License-Identifier: MIT
"""What is around a trial's task: its log, the user's Hydra callbacks, and a process that is left as it was."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from optuna import TrialPruned

from hyperopt_app.errors import StorageError
from hyperopt_app.worker.trial_job import TrialConfig, TrialJobs
from tests.unit._made_sweeps import NOON, made_sweep, write_configs

CONFIG = """
    defaults: [_self_, {override hydra/sweeper: async_optuna}]
    x: 1
    database: postgresql://me:hush@host/data
    hydra:
      sweep: {dir: study, subdir: "trials/${hydra.job.num}"}
      job: {chdir: true, env_set: {JOB_VARIABLE: "${x}"}}
      sweeper: {storage: "postgresql+psycopg://me:h%40sh@host/db?password=quiet"}
    """

_log = logging.getLogger("user.code")


class Told(Callback):
    """A user's callback that remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra's hook."""
        self.events.append(("start", (config.x, config.hydra.job.num, kwargs["task_function"])))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Hydra's hook."""
        self.events.append(("end", job_return))


def _made(tmp_path: Path, task: Callable[[Any], Any]) -> tuple[TrialJobs, TrialConfig]:
    """The jobs of a worker, and its trial 4 with x=3."""
    context, config = made_sweep(write_configs(tmp_path / "conf", {"config": CONFIG}))
    jobs = TrialJobs(context, config, task, NOON)
    return jobs, jobs.compose([], ["x=3"], 4)


def _raiser(error: BaseException) -> Callable[[Any], Any]:
    def task(_conf: Any) -> Any:
        _log.info("before the end")
        raise error

    return task


@pytest.mark.parametrize("error", [None, ValueError("no"), KeyboardInterrupt()], ids=repr)
def test_the_users_callbacks_hear_of_every_trial(tmp_path: Path, error: BaseException | None) -> None:
    """Start and end, with the trial's config, and what the objective returned or raised."""
    task = _raiser(error) if error else lambda conf: conf.x * 2
    jobs, trial = _made(tmp_path, task)
    told = Told()
    jobs.context.callbacks.callbacks.append(told)
    if error is None:
        jobs.run(trial)
    else:
        with pytest.raises(type(error)):
            jobs.run(trial)
    (start, seen), (end, returned) = told.events
    assert (start, end, seen) == ("start", "end", (3, 4, task))
    assert returned.overrides == ["x=3"]
    assert returned.cfg.x == 3
    assert returned.status is (JobStatus.COMPLETED if error is None else JobStatus.FAILED)
    assert returned._return_value == (6 if error is None else error)


@pytest.mark.parametrize("error", [None, ValueError("no"), KeyboardInterrupt()], ids=repr)
def test_the_process_is_left_as_it_was(tmp_path: Path, error: BaseException | None) -> None:
    """Working directory, environment, HydraConfig and root logger, however the objective ends."""
    jobs, trial = _made(tmp_path, _raiser(error) if error else lambda conf: conf.x)
    root = logging.getLogger()
    root.addHandler(logging.NullHandler())  # taken away again by the guard around every test
    root.setLevel(logging.ERROR)
    before = (Path.cwd(), dict(os.environ), HydraConfig.instance().cfg, root.handlers[:], root.level)
    if error is None:
        jobs.run(trial)
    else:
        with pytest.raises(type(error)):
            jobs.run(trial)
    assert before == (Path.cwd(), dict(os.environ), HydraConfig.instance().cfg, root.handlers, root.level)


def test_a_trials_log_has_its_own_lines_alone(tmp_path: Path) -> None:
    """What user code logs goes to the trial's file, what comes after it to the worker's, as before."""
    jobs, trial = _made(tmp_path, lambda _conf: _log.info("within"))
    root, place = logging.getLogger(), tmp_path / "worker.log"
    root.addHandler(logging.FileHandler(place))
    root.setLevel(logging.INFO)
    _log.info("before")
    jobs.run(trial)
    _log.info("after")
    assert place.read_text().split() == ["before", "after"]
    assert (trial.directory / "app.log").read_text().rstrip().endswith("[user.code][INFO] - within")


def test_the_traceback_of_a_failed_objective_is_in_the_trials_log(tmp_path: Path) -> None:
    """Whole, however long: the study keeps a part of it only."""
    jobs, trial = _made(tmp_path, _raiser(ValueError("no\n" * 10_000)))
    with pytest.raises(ValueError, match="no"):
        jobs.run(trial)
    text = (trial.directory / "app.log").read_text()
    assert "the objective failed\nTraceback (most recent call last):\n" in text
    assert text.count("no\n") == 10_000
    assert "in task" in text


def _caused_by(cause: Exception) -> Exception:
    outer = RuntimeError("the training loop ended")
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    "error", [TrialPruned(), _caused_by(TrialPruned()), KeyboardInterrupt(), SystemExit(1)], ids=repr
)
def test_an_end_that_is_no_fault_leaves_no_traceback(tmp_path: Path, error: BaseException) -> None:
    """A pruned trial did what it should, an interrupted one goes on elsewhere."""
    jobs, trial = _made(tmp_path, _raiser(error))
    with pytest.raises(type(error)):
        jobs.run(trial)
    text = (trial.directory / "app.log").read_text()
    assert "before the end" in text
    assert "failed" not in text


def test_no_password_is_written(tmp_path: Path) -> None:
    """Neither the storage's nor one in the user's own config; the task sees both."""
    seen: list[str] = []
    jobs, trial = _made(tmp_path, lambda conf: seen.append(conf.database))
    jobs.run(trial)
    written = "".join(path.read_text() for path in (trial.directory / ".hydra").iterdir())
    assert "postgresql+psycopg://me:***@host/db?password=***" in written
    assert "postgresql://me:***@host/data" in written
    assert not any(secret in written for secret in ("hush", "h%40sh", "quiet"))
    assert seen == ["postgresql://me:hush@host/data"]


def test_a_trial_that_continues_keeps_its_log(tmp_path: Path) -> None:
    """The second run of the same trial writes below the first one's lines."""
    jobs, trial = _made(tmp_path, lambda _conf: _log.info("here"))
    jobs.run(trial)
    jobs.run(jobs.compose([], ["x=3"], 4))
    assert (trial.directory / "app.log").read_text().count("here") == 2


def test_an_objective_that_goes_elsewhere_takes_nothing_with_it(tmp_path: Path) -> None:
    """The process is back afterwards, and the next trial's relative directory is where it belongs."""
    before = Path.cwd()
    config = CONFIG.replace("chdir: true", "chdir: false")
    context, composed = made_sweep(write_configs(tmp_path / "conf", {"config": config}))
    jobs = TrialJobs(context, composed, lambda _conf: os.chdir("/"), NOON)
    jobs.run(jobs.compose([], ["x=3"], 4))
    assert Path.cwd() == before
    os.chdir("/")
    following = jobs.compose([], ["x=4"], 5)
    os.chdir(before)
    assert following.directory == before / "study" / "trials" / "5"


def test_a_directory_that_cannot_be_written_is_no_failure_of_the_trial(tmp_path: Path) -> None:
    """A full disk is told as what it is; the ticket goes back."""
    Path("study").write_text("in the way")
    jobs, trial = _made(tmp_path, lambda _conf: 1.0)
    with pytest.raises(StorageError, match="cannot be written"):
        jobs.run(trial)
