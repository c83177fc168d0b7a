# SPDX-License-Identifier: MIT
"""The `by_hand` launcher: write the payload of the sweep and print the command that starts a worker."""

import logging
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.launchers.cluster import plan_of, prepare
from hyperopt_app.launchers.jobs import new_place
from hyperopt_app.launchers.payload import write_payload
from hyperopt_app.processes.python_start import module_words
from hyperopt_app.schedulers.gpu_slots import Sharing

__all__ = ["command", "launch"]

_log = logging.getLogger(__name__)


def command(payload: Path, python: str = sys.executable) -> str:
    """Return the shell command that starts a worker."""
    return shlex.join([python, *module_words("hyperopt_app.worker_process"), str(payload)])


def launch(
    context: HydraContext,
    config: DictConfig,
    task_function: Callable[[Any], Any],
    job_overrides: Sequence[Sequence[str]],
    settings: Mapping[str, Any],
) -> list[JobReturn]:
    """Serialise the sweep and print how to start its workers; starts none.

    Raises:
        ConfigError: The task is not that of our sweeper, or a number is not allowed.
    """
    plan = plan_of(task_function, "by_hand", "basic")
    prepare(context, config)
    sharing = Sharing(workers_per_gpu=int(settings["workers_per_gpu"]), gpus_per_trial=int(settings["gpus_per_trial"]))
    sharing.workers_per_job()
    place = new_place(plan.study_dir)
    frozen = {"sharing": vars(sharing), "max_resubmissions": 0, "by_hand": True}
    payload = write_payload(place, context, config, task_function, job_overrides, frozen)
    _log.info("Start as many workers as you like, anywhere on this filesystem, each with\n\n    %s\n", command(payload))
    return []
