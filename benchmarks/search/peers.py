# SPDX-License-Identifier: MIT
"""Schedulers of Syne Tune and Ray Tune in a simulated search: their own objects decide, with their own defaults.

They are not among the project's requirements: `pip install 'syne-tune[extra]' ray` brings them.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from benchmarks.search.problem import Problem
from benchmarks.search.simulation import Search

__all__ = ["PEERS", "Peer", "Scheduler", "search"]

_METRIC, _STEP = "value", "step"


class Scheduler(Protocol):
    """What is used of a scheduler; it is asked about the trials of one search, whatever worker has them."""

    def suggest(self, number: int) -> Mapping[str, Any]:
        """Return the parameters of a new trial."""

    def stops(self, number: int, step: int, value: float) -> bool:
        """Note a report and return whether the trial ends there."""

    def completes(self, number: int, step: int, value: float) -> None:
        """Note the report of the trial's last step."""


class Peer(NamedTuple):
    """A scheduler of another package: one line for the help, and what makes it for a problem and a seed."""

    what: str
    make: Callable[[Problem, int], Scheduler]


class _SyneTune:
    def __init__(self, scheduler: Any) -> None:
        self._scheduler, self._trials = scheduler, dict[int, Any]()

    def suggest(self, number: int) -> Mapping[str, Any]:
        from syne_tune.backend.trial_status import Trial

        config = self._scheduler.suggest().config
        trial = Trial(trial_id=number, config=config, creation_time=dt.datetime.now())  # noqa: DTZ005
        self._trials[number] = trial
        self._scheduler.on_trial_add(trial)
        return {name: getattr(value, "item", lambda value=value: value)() for name, value in config.items()}

    def stops(self, number: int, step: int, value: float) -> bool:
        decision = self._scheduler.on_trial_result(self._trials[number], {_METRIC: value, _STEP: step})
        return bool(decision == "STOP")

    def completes(self, number: int, step: int, value: float) -> None:
        self._scheduler.on_trial_complete(self._trials[number], {_METRIC: value, _STEP: step})


class _Ray:
    """Ray's scheduler with random points, as `tune.run` has them without a searcher."""

    def __init__(self, scheduler: Any, problem: Problem, seed: int) -> None:
        self._scheduler, self._space, self._random = scheduler, problem.space, RandomSampler(seed=seed)
        self._study, self._trials = optuna.create_study(), dict[int, Any]()

    def suggest(self, number: int) -> Mapping[str, Any]:
        self._trials[number] = SimpleNamespace(trial_id=str(number))
        self._scheduler.on_trial_add(None, self._trials[number])
        frozen = optuna.trial.create_trial(state=TrialState.RUNNING)
        sample = self._random.sample_independent
        return {name: sample(self._study, frozen, name, distribution) for name, distribution in self._space.items()}

    def stops(self, number: int, step: int, value: float) -> bool:
        decision = self._scheduler.on_trial_result(None, self._trials[number], {_METRIC: value, _STEP: step})
        return bool(decision == "STOP")

    def completes(self, number: int, step: int, value: float) -> None:
        self._scheduler.on_trial_complete(None, self._trials[number], {_METRIC: value, _STEP: step})


def _syne_space(space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    from syne_tune import config_space as syne

    return {name: _syne_domain(syne, distribution) for name, distribution in space.items()}


def _syne_domain(syne: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, FloatDistribution):
        return (syne.loguniform if distribution.log else syne.uniform)(distribution.low, distribution.high)
    if isinstance(distribution, IntDistribution) and distribution.step == 1:
        return (syne.lograndint if distribution.log else syne.randint)(distribution.low, distribution.high)
    if isinstance(distribution, IntDistribution):
        return syne.choice(list(range(distribution.low, distribution.high + 1, distribution.step)))
    if isinstance(distribution, CategoricalDistribution):
        return syne.choice(list(distribution.choices))
    raise TypeError(f"no domain of Syne Tune for {distribution}")


def _syne_asha(problem: Problem, seed: int) -> Scheduler:
    from syne_tune.optimizer.baselines import ASHA

    options = {"time_attr": _STEP, "max_t": problem.steps[-1], "do_minimize": False, "random_seed": seed}
    return _SyneTune(ASHA(_syne_space(problem.space), _METRIC, **options))


def _syne_asha_cqr(problem: Problem, seed: int) -> Scheduler:
    from syne_tune.optimizer.baselines import ASHACQR

    options = {"time_attr": _STEP, "max_t": problem.steps[-1], "do_minimize": False, "random_seed": seed}
    return _SyneTune(ASHACQR(_syne_space(problem.space), _METRIC, **options))


def _syne_cqr(problem: Problem, seed: int) -> Scheduler:
    from syne_tune.optimizer.baselines import CQR

    return _SyneTune(CQR(_syne_space(problem.space), _METRIC, do_minimize=False, random_seed=seed))


def _ray_asha(problem: Problem, seed: int) -> Scheduler:
    from ray.tune.schedulers import ASHAScheduler

    scheduler = ASHAScheduler(time_attr=_STEP, metric=_METRIC, mode="max", max_t=problem.steps[-1])
    return _Ray(scheduler, problem, seed)


PEERS = {
    "syne-asha": Peer("Syne Tune: ASHA with random points", _syne_asha),
    "syne-asha-cqr": Peer("Syne Tune: ASHA with conformal quantile regression", _syne_asha_cqr),
    "syne-cqr": Peer("Syne Tune: conformal quantile regression of final values", _syne_cqr),
    "ray-asha": Peer("Ray Tune: ASHA with random points", _ray_asha),
}


class _Sampler(BaseSampler):
    """Asks the scheduler for a trial's parameters and gives it the result of a complete trial."""

    def __init__(self, scheduler: Scheduler, space: Mapping[str, BaseDistribution]) -> None:
        self._scheduler, self._space = scheduler, dict(space)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return dict(self._scheduler.suggest(trial.number))

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise RuntimeError(f"the scheduler has not suggested {param_name}")

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        if values is not None and state == TrialState.COMPLETE:
            self._scheduler.completes(trial.number, trial.last_step or 1, values[0])


class _Pruner(BasePruner):
    """Gives each report before the last to the scheduler, which says whether the trial ends there."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        step = trial.last_step
        return step is not None and self._scheduler.stops(trial.number, step, trial.intermediate_values[step])


def search(peer: Peer, problem: Problem, seed: int) -> Search:
    """Make a search in which the other package's scheduler decides.

    Raises:
        SystemExit: The package is not installed.
    """
    try:
        scheduler = peer.make(problem, seed)
    except ImportError as error:
        raise SystemExit(f"{peer.what}: {error}; pip install 'syne-tune[extra]' ray")  # noqa: B904
    sampler = _Sampler(scheduler, problem.space)
    return Search(lambda _worker, _number: sampler, _Pruner(scheduler))
