# SPDX-License-Identifier: MIT
"""The plan that the driver gives to every worker: plain data, read once from the sweeper's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from hyperopt_app.sampling.seeds import training_seed
from hyperopt_app.space.space import Space
from hyperopt_app.study.stopping import Limits
from hyperopt_app.support.wording import HYDRA_WORDING, Wording

__all__ = ["Plan", "SweepOptions", "WorkerOptions", "sweep_options"]


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker treats its trials; `config.launchers.WorkersConf` describes the fields.

    The defaults are those under launchers that are not ours.
    """

    isolation: str = "none"
    grace_s: float = 20.0
    signals: tuple[str, ...] = ("SIGINT", "SIGTERM")
    node_check: tuple[str, ...] = ()
    lingers: bool = False


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """The fields of the sweeper that reach every worker as the user has set them; `config.sweeper` describes them.

    Both `settings.reading.Settings` and `Plan` have them from here, so that none of them is declared twice.
    """

    storage: str | None = None
    custom_search_space: str | None = None
    trial_timeout: float | None = None
    budget: Mapping[str, float | None] = field(default_factory=dict)
    logger: Mapping[str, Any] = field(default_factory=dict)
    repeats: Mapping[str, Any] = field(default_factory=dict)


def sweep_options(settings: SweepOptions) -> dict[str, Any]:
    """Return the values of the fields of `SweepOptions`, by name."""
    return {option.name: getattr(settings, option.name) for option in fields(SweepOptions)}


@dataclass(frozen=True)
class Plan(SweepOptions):
    """Everything a worker needs besides the user's function and Hydra's context; it can be pickled.

    Attributes:
        study_name: The study's name in its storage.
        study_dir: Absolute directory of the study.
        n_trials: The budget.
        space: What is searched and fixed.
        metric_names: The optimised metrics.
        directions: How many values are optimised.
        terms: Where the value is a sum of the metrics, the factor of each; else empty.
        in_turn: Whether the best is chosen by the metrics in turn, so that the first one is the value.
        seed: The study's seed.
        sampler: The sampler's fitted config node; the class itself stands for a class of the script that was started,
            which travels by value (`launchers.payload`): no worker could import it.
        pruner: The pruner's, in the same way.
        pruner_is_automatic: Whether we have chosen it, so that nobody needs to know that it has nothing to do.
        limits: What ends the study early.
        ended_before: Trials that had ended when the command was given.
        lease_s: Seconds of silence after which a worker elsewhere counts as dead.
        program: How the user started this program, e.g. `python -m hyperopt_app`.
        driver_pid: Process id of the driver.
        suggested_key: Where a training alone is given what the objective suggested by itself; None for nowhere.
        options: How a worker treats its trials.
        way_on: What goes on with the study once the command has ended, half a sentence.
        seed_key: Whether the config has a key `seed`, with a number or null: there a training alone is given its seed.
        run_number: Which command of the study this is, as the study counts them from 1.
        wording: How the command that the user typed names its settings.
        moment: When the command was given, local time; what `${now:...}` tells in every trial.
    """

    study_name: str
    study_dir: Path
    n_trials: int
    space: Space
    metric_names: tuple[str, ...]
    directions: int
    seed: int
    sampler: Mapping[str, Any]
    pruner: Mapping[str, Any]
    limits: Limits
    ended_before: frozenset[int]
    lease_s: float
    program: str
    driver_pid: int
    suggested_key: str | None = None
    seed_key: bool = False
    options: WorkerOptions = WorkerOptions()
    way_on: str = "the same command"
    wording: Wording = HYDRA_WORDING
    run_number: int = 0
    terms: tuple[float, ...] = ()
    in_turn: bool = False
    pruner_is_automatic: bool = False
    moment: datetime = field(default_factory=datetime.now)

    @property
    def returned_values(self) -> int:
        """How many values the objective returns; of these `directions` are optimised, or their sum."""
        return len(self.metric_names) if self.terms or self.in_turn else self.directions

    def training_seed(self, number: int) -> int:
        """Return the seed of a trial's training, unless the user chooses it."""
        return training_seed(self.seed, number)
