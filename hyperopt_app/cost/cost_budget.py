# SPDX-License-Identifier: MIT
"""Decide whether a study has spent a budget of what it costs: GPU-hours, hours, or full trainings.

GPU-hours and hours count over all commands and jobs of the study, from the workers' begins to their ends. Trainings
are those of its trials, as `trainings` adds them up.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import optuna

from hyperopt_app.cost.compute import gpu_hours
from hyperopt_app.cost.trainings import trainings_of
from hyperopt_app.cost.worker_times import read_worker_times, spanned_s
from hyperopt_app.schedulers.gpu_slots import own_gpus
from hyperopt_app.study.notes import write_note
from hyperopt_app.study.stopping import Stop

__all__ = ["CostBudget", "note_without_gpus", "spent_budget"]

_HOUR_S = 3600.0
# Seconds between two looks while a trial runs.
_LOOK_S = 10.0


def spent_budget(
    study_dir: Path, budget: Mapping[str, float | None], study: optuna.Study, now: float | None = None
) -> Stop | None:
    """Return the stop that is due once a budget is spent; None before, and without such a budget.

    Args:
        study_dir: The study's directory.
        budget: `hydra.sweeper.budget`: `gpu_hours`, `hours` and `trainings`, each a number or None for no limit.
        study: The open study with all its trials; it is read only where trainings are limited.
        now: Seconds since the epoch; by default the present.
    """
    most = {unit: limit for unit, limit in budget.items() if limit is not None}
    spent: dict[str, float] = {}
    if most.keys() & {"gpu_hours", "hours"}:
        times = read_worker_times(study_dir, now)
        spent |= {"gpu_hours": gpu_hours(times), "hours": spanned_s(times) / _HOUR_S}
    if "trainings" in most:
        spent["trainings"] = trainings_of(study.get_trials(deepcopy=False)) or 0.0
    for unit, limit in most.items():
        if spent[unit] >= limit:
            text = f"hydra.sweeper.budget.{unit}={limit:g} is spent ({spent[unit]:.4g})"
            return Stop(text, is_fault=False, ends_running=True)
    return None


def note_without_gpus(study: optuna.Study, budget: Mapping[str, float | None], environment: Mapping[str, str]) -> None:
    """Note in the study that a budget of GPU-hours counts nothing of a worker that has no GPU. Runs in that worker."""
    if budget.get("gpu_hours") is None or own_gpus(environment) > 0:
        return
    text = (
        "hydra.sweeper.budget.gpu_hours: a worker has no GPU in CUDA_VISIBLE_DEVICES, so its hours count nothing; give "
        "workers GPUs (hydra.launcher.gpus, or the scheduler's fields), or set hydra.sweeper.budget.hours"
    )
    write_note(study, "budget", text)


@dataclass
class CostBudget:
    """A worker's view of what the study may cost.

    Attributes:
        study_dir: The study's directory.
        budget: See `spent_budget`.
        clock: Seconds since the epoch.
    """

    study_dir: Path
    budget: Mapping[str, float | None]
    clock: Callable[[], float] = time.time
    _looked: float = field(default=float("-inf"), init=False)
    _stop: Stop | None = field(default=None, init=False)

    def stop(self, study: optuna.Study) -> Stop | None:
        """Return the stop that is due, for a worker that would claim a trial of the study."""
        self._looked = self.clock()
        self._stop = self._stop or spent_budget(self.study_dir, self.budget, study, self._looked)
        return self._stop

    def stop_meanwhile(self, study: optuna.Study) -> Stop | None:
        """The same for a trial at a checkpoint, of which there may be many: looks every few seconds."""
        return self.stop(study) if self.clock() - self._looked >= _LOOK_S else self._stop
