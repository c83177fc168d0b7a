# SPDX-License-Identifier: MIT
"""Run one trial as a Hydra job: compose its config from overrides, then call the task function in its directory.

Runs in a worker. Hydra's own `load_sweep_config` and `run_job` do the same in about 70 ms, most of it copies of
Hydra's configuration; with trials of a second that is felt. Here a config is composed once for each combination of
config-group choices, and the plain values are set on a copy, by Hydra's own rule; what a job sees and what it
leaves in `.hydra/` is the same, which a test holds against `run_job`.
"""

import contextlib
import copy
import inspect
import logging
import os
import pickle
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.core.utils import JobReturn, JobStatus, env_override
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, flag_override, open_dict, read_write

from hyperopt_app.errors import StorageError
from hyperopt_app.hydra_compat import (
    changes_directory,
    configure_log,
    execution_policy,
    note_overrides,
    resolve_environment,
)
from hyperopt_app.objective.first_process import ending_forks
from hyperopt_app.support.display_text import visible
from hyperopt_app.support.files import links_of_others, replacing
from hyperopt_app.support.moment import at_moment
from hyperopt_app.support.passwords import mask_password
from hyperopt_app.support.shown_config import shown_config

__all__ = ["TrialConfig", "TrialJobs"]

_log = logging.getLogger(__name__)

# Composed configs that a worker keeps, of some 250 kB each. A searched `+key` makes another one in every trial.
_MOST_KEPT = 16


@dataclass(frozen=True)
class TrialConfig:
    """A trial's composed configuration.

    Attributes:
        full: With the `hydra` node filled in for this job.
        task: What the task function receives.
        overrides: The overrides that reproduce it.
        directory: Absolute output directory, not made yet.
    """

    full: DictConfig
    task: DictConfig
    overrides: tuple[str, ...]
    directory: Path

    def moved(self, directory: Path, origin: Path) -> "TrialConfig":
        """The same job in another absolute directory, which all that names a job's directory tells.

        Args:
            directory: Where the job goes.
            origin: Absolute directory from which relative ones count.
        """
        if directory == self.directory:
            return self
        hydra = self.full.hydra
        with flag_override(hydra, "readonly", False), open_dict(hydra):
            sweep_dir = Path(origin, str(hydra.sweep.dir))
            is_within = sweep_dir in directory.parents
            hydra.sweep.subdir = _verbatim(directory.relative_to(sweep_dir) if is_within else directory)
            hydra.runtime.output_dir = _verbatim(directory)
        return replace(self, directory=directory)


@dataclass
class TrialJobs:
    """Composes and runs the trials of one worker.

    Attributes:
        context: Hydra's context of the sweep.
        config: The sweep's own composed config.
        task_function: The user's function.
        moment: That of the command, which `${now:...}` tells in every trial.
        origin: Absolute directory from which relative ones count, whatever an objective does to the working directory.
    """

    context: HydraContext
    config: DictConfig
    task_function: Callable[[Any], Any]
    moment: datetime
    origin: Path = field(default_factory=Path.cwd)
    _composed: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    _groups: dict[str, bool] = field(default_factory=dict)

    def compose(self, fixed: Sequence[str], searched: Sequence[str], number: int) -> TrialConfig:
        """The config of trial `number`.

        Args:
            fixed: Overrides that all trials share.
            searched: Overrides that set the suggested values.
            number: The trial's number, `hydra.job.num`.
        """
        parser = OverridesParser.create()
        parsed = [parser.parse_override(text) for text in searched]
        structural = [text for text, override in zip(searched, parsed, strict=True) if self._is_structural(override)]
        values = {o.key_or_group: o.value() for o in parsed if not self._is_structural(o)}
        # Five times as fast as copy.deepcopy on a config.
        full, task = pickle.loads(self._base((*fixed, *structural)))  # noqa: S301 - our own bytes
        overrides = (*fixed, *searched)
        for key, value in values.items():
            for config in (full, task):
                OmegaConf.update(config, key, value, merge=True)
        with read_write(full), open_dict(full):
            note_overrides(full, list(overrides))
            full.hydra.job.num = number
            full.hydra.job.id = str(number)
            with _hydra_config(full), at_moment(self.moment):  # a subdir of ${hydra:job.num} asks the singleton
                directory = Path(self.origin, str(full.hydra.sweep.dir), str(full.hydra.sweep.subdir))
            full.hydra.runtime.output_dir = str(directory)
        OmegaConf.copy_cache(
            from_config=full, to_config=task
        )  # a resolver answers the task as it has answered the directory
        OmegaConf.set_readonly(full.hydra, True)
        return TrialConfig(full, task, overrides, directory)

    def _is_structural(self, override: Override) -> bool:
        """Whether an override may change which files are composed, or which keys there are."""
        if override.type is not OverrideType.CHANGE or override.package is not None:
            return True
        key = override.key_or_group
        if key not in self._groups:
            self._groups[key] = bool(self.context.config_loader.get_group_options(key))
        return self._groups[key]

    def _base(self, overrides: tuple[str, ...]) -> bytes:
        """The config with and without its hydra node, before the plain values are set, pickled."""
        if overrides not in self._composed:
            if len(self._composed) == _MOST_KEPT:
                del self._composed[next(iter(self._composed))]
            full = self.context.config_loader.load_sweep_config(self.config, list(overrides))
            task = copy.deepcopy(full)
            with flag_override(task, ["struct", "readonly"], [False, False]):
                del task["hydra"]
            self._composed[overrides] = cloudpickle.dumps((full, task))  # types of the script go by value
        return self._composed[overrides]

    def run(self, trial: TrialConfig, rank: int = 0) -> Any:
        """Call the task function inside the trial's directory, with its log, environment and `.hydra/` files.

        Args:
            trial: The trial's config.
            rank: This process's among those of the trial; above zero it writes no `.hydra/` and logs to a file of its
                own.

        Returns:
            What the task function returned.

        Raises:
            StorageError: The directory cannot be written.
            BaseException: Whatever it raised; an error is also in the trial's log.
        """
        hydra = trial.full.hydra
        with _hydra_config(trial.full), at_moment(self.moment), execution_policy(self.context):
            resolve_environment(hydra.job.env_set)
            if rank == 0:
                _save_inputs(trial)
            with (
                _inside(trial.directory, hydra.job.chdir),
                _logging(trial.full if rank == 0 else _logging_apart(trial.full, rank), self.context),
                env_override(hydra.job.env_set),
            ):
                return self._call(trial)

    def _call(self, trial: TrialConfig) -> Any:
        result = JobReturn(
            overrides=list(trial.overrides), cfg=trial.task, hydra_cfg=trial.full, working_dir=str(Path.cwd())
        )
        callbacks = self.context.callbacks
        with ending_forks():
            callbacks.on_job_start(config=trial.full, task_function=self.task_function)
        _stand_in_for_the_script(self.task_function)
        try:
            with ending_forks():
                result.return_value = self.task_function(trial.task)
            result.status = JobStatus.COMPLETED
        except BaseException as error:
            result.return_value = error
            result.status = JobStatus.FAILED
            _log_failure(error)
            raise
        finally:
            callbacks.on_job_end(config=trial.full, job_return=result)
        return result.return_value


def _verbatim(path: Path) -> str:
    """A path as text of a config."""
    return str(path).replace("${", "\\${")


def _save_inputs(trial: TrialConfig) -> None:
    try:
        _write_inputs(trial)
    except OSError as error:
        raise StorageError(
            f"{trial.directory}: cannot be written ({error}); make room, or correct its permissions"
        ) from None


def _write_inputs(trial: TrialConfig) -> None:
    trial.directory.mkdir(parents=True, exist_ok=True)
    subdir = trial.full.hydra.output_subdir
    place = trial.directory / str(subdir)
    for link in links_of_others(trial.directory):
        if link in (trial.directory, place) or link.suffix == ".log":  # others may be the objective's
            raise StorageError(
                f"{link} is a symbolic link of another user, and nothing is written through it: see who made it, "
                "and remove it"
            )
    if subdir is None:
        return
    place.mkdir(exist_ok=True)
    texts = {
        "config": shown_config(trial.task),
        "hydra": "hydra:\n" + textwrap.indent(shown_config(trial.full.hydra), "  "),
        "overrides": shown_config(OmegaConf.create(list(trial.overrides))),
    }
    for name, text in texts.items():
        with replacing(place / f"{name}.yaml") as aside:
            aside.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _hydra_config(full: DictConfig) -> Iterator[None]:
    """What `HydraConfig.get()` and `${hydra:...}` answer meanwhile."""
    singleton = HydraConfig.instance()
    before = singleton.cfg
    # Hydra annotates the schema, but keeps a DictConfig.
    singleton.cfg = full  # type: ignore[assignment]
    try:
        yield
    finally:
        singleton.cfg = before


def _logging_apart(full: DictConfig, rank: int) -> DictConfig:
    """The config with `app.rank1.log` in the place of `app.log`."""
    apart = copy.deepcopy(full)
    handlers = OmegaConf.select(apart.hydra.job_logging, "handlers") or {}
    with read_write(apart.hydra):
        for handler in handlers.values():
            if "filename" in handler:
                path = Path(str(handler.filename))
                handler.filename = _verbatim(path.with_name(f"{path.stem}.rank{rank}{path.suffix}"))
    return apart


@contextlib.contextmanager
def _logging(full: DictConfig, context: HydraContext) -> Iterator[None]:
    """The job's logging as Hydra configures it; afterwards the root logger is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    try:
        configure_log(full.hydra.job_logging, full.hydra.verbose, context)
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers = handlers
        root.setLevel(level)


@contextlib.contextmanager
def _inside(directory: Path, chdir: bool | None) -> Iterator[None]:
    before = str(Path.cwd())
    if changes_directory(chdir):
        os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)  # also if it was the objective that went elsewhere


def _log_failure(error: BaseException) -> None:
    """Put the traceback into the trial's log; on a terminal the driver shows the first one, once, at the end."""
    if not isinstance(error, Exception) or _is_pruned(error):
        return
    story = (type(error), error, error.__traceback__)
    record = _log.makeRecord(_log.name, logging.ERROR, __file__, 0, "the objective failed", (), story)
    # What formatters write: an error may hold a URL, or what commands a terminal.
    record.exc_text = visible(mask_password("".join(traceback.format_exception(error)).rstrip()))
    files = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.FileHandler)]
    if not files:
        _log.handle(record)
    for handler in files:
        handler.handle(record)


def _is_pruned(error: BaseException | None) -> bool:
    # By name, among the causes too: a job knows no Optuna.
    return error is not None and (type(error).__name__ == "TrialPruned" or _is_pruned(error.__cause__))


def _stand_in_for_the_script(function: Callable[[Any], Any]) -> None:
    """Let what the user's script defines be pickled by name, as in the script itself.

    A task that came to this process by value brings the script's functions and classes; `__main__` is another module.
    """
    function = inspect.unwrap(function)
    if getattr(function, "__module__", None) == "__main__":
        script = vars(sys.modules["__main__"])
        code = function if hasattr(function, "__globals__") else type(function).__call__  # an object with TaskHooks
        for name, value in getattr(code, "__globals__", {}).items():
            script.setdefault(name, value)
