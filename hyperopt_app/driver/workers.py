# SPDX-License-Identifier: MIT
"""Start the workers through the configured Hydra launcher. Runs in the driver."""

import contextlib
import io
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.errors import HyperoptError, WorkersCancelledError
from hyperopt_app.hydra_compat import bare_context
from hyperopt_app.launchers.registry import launcher_row
from hyperopt_app.schedulers.time_left import end_of_job
from hyperopt_app.space.override_text import override_text
from hyperopt_app.space.space import first_point
from hyperopt_app.study.plan import Plan
from hyperopt_app.worker.loop import Tally
from hyperopt_app.worker.task import WorkerTask

__all__ = ["SweepWorkers"]

_log = logging.getLogger(__name__)


@dataclass
class SweepWorkers:
    """The workers of a sweep, as jobs of a launcher.

    Attributes:
        plan: The plan of the sweep.
        context: Hydra's context.
        config: The sweep's composed config.
        task_function: The user's function.
        is_out_of_time: Whether the last workers have left because their time is over, and further ones would have none.
        cancelled: That the user has cancelled the last workers, and so wants no others; in words, empty if not.
    """

    plan: Plan
    context: HydraContext
    config: DictConfig
    task_function: Callable[[Any], Any]
    is_out_of_time: bool = field(default=False, init=False)
    cancelled: str = field(default="", init=False)

    @property
    def keeps_terminal_clean(self) -> bool | None:
        """Whether workers leave the terminal alone; None if they run inside the driver."""
        launcher = launcher_row(self.config)
        return None if launcher.runs_in == "driver" else launcher.keeps_terminal_clean

    @property
    def is_detached(self) -> bool:
        """Whether the launcher returns while its workers still wait or run."""
        return bool(self.config.hydra.launcher.get("detach", False))

    @property
    def most_launches(self) -> int | None:
        """How often one command launches workers; None for as long as trials finish."""
        most = self.config.hydra.launcher.get("max_resubmissions")
        return None if most is None else int(most) + 1

    def launch(self, count: int) -> list[str]:
        """Launch `count` workers and return when the launcher does.

        Returns:
            What went wrong with workers, one line each. A dead worker is not an error of the sweep: its trial is
            another's now.
        """
        # The user's Hydra callbacks are for trials, not for workers.
        context = bare_context(self.context)
        task = WorkerTask(self.plan, self.context, self.config, self.task_function)
        launcher = Plugins.instance().instantiate_launcher(
            config=self.config, hydra_context=context, task_function=task
        )
        returns: Sequence[JobReturn] = ()
        lines: list[str] = []
        try:
            returns = launcher.launch([self._overrides(number) for number in range(count)], initial_job_idx=0)
        except KeyboardInterrupt:
            # Workers inside the driver are ended by a signal to it, and a scheduler sends it one at the very end.
            if not self._is_out_of_time(()):
                raise
        except (
            HyperoptError
        ):  # meant for people: the launcher's settings are wrong, or a worker inside the driver knows
            raise
        except Exception as error:  # noqa: BLE001 - whatever a launcher makes of a killed job; the study knows what is left
            lines = [_line(error)]
        self.is_out_of_time = self._is_out_of_time(returns)
        failures = [failure for job in returns if (failure := _failure(job)) is not None]
        wishes = [failure for failure in failures if isinstance(failure, WorkersCancelledError)]
        self.cancelled = str(wishes[0]) if wishes else ""
        return _logged([*lines, *(_line(failure) for failure in failures if failure not in wishes)])

    def _is_out_of_time(self, returns: Sequence[JobReturn]) -> bool:
        end = end_of_job(os.environ)
        if end is None or launcher_row(self.config).runs_in == "jobs":
            return False  # jobs of their own have times of their own
        if time.time() >= end - self.plan.options.grace_s:
            return True  # a worker that was asked to end in the middle of a trial says no more than that
        tallies = [job.return_value for job in returns if job.status is JobStatus.COMPLETED]
        return any(isinstance(tally, Tally) and tally.out_of_time for tally in tallies)

    def _overrides(self, number: int) -> Sequence[str]:
        # A worker's job must compose, so it gets some option of each searched group; and its own directory,
        # without a copy of the config, and without a move there: a trial's relative paths start from the driver's.
        options_of = self.context.config_loader.get_group_options
        point = first_point(self.plan.space)
        sample = [
            override_text(key, value) for key, value in point.items() if options_of(key.lstrip("+").split("@", 1)[0])
        ]
        own = [f"hydra.sweep.subdir=workers/{number}", "hydra.output_subdir=null", "hydra.job.chdir=false"]
        own.append("++hydra.job_logging.root=null")  # the user's log files are the trials'; a worker has its own log
        words = [*self.plan.space.fixed, *sample, *own]
        # The trials set these variables, each from what it finds.
        alone = self.context.config_loader.load_sweep_config(self.config, words)
        return [*words, *(f"~hydra.job.env_set.{name}" for name in alone.hydra.job.env_set)]


def _failure(job: JobReturn) -> Exception | None:
    if job.status is not JobStatus.FAILED:
        return None
    try:
        # Hydra writes to stderr here that a job failed, as if that were the end; `_logged` says it with the reason.
        with contextlib.redirect_stderr(io.StringIO()):
            _ = job.return_value  # raises what the job raised
    except Exception as error:  # noqa: BLE001 - a worker may die of anything
        return error
    return None


def _line(error: Any) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]


def _logged(lines: list[str]) -> list[str]:
    for line in lines:
        _log.warning("a worker ended badly: %s", line)
    return lines
