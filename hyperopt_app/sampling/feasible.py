# SPDX-License-Identifier: MIT
"""Let a sampler propose points that meet the constraints on parameters, so that no other is trained. Runs in workers.

A point is drawn as Optuna would draw it, and drawn again if it violates a constraint; nothing of that is stored as a
trial. So the budget stays what it is, and the sampler learns from trials that were trained.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hyperopt_app.sampling.curves.sampler import CurvesSampler
from hyperopt_app.sampling.forwarding import ForwardingSampler
from hyperopt_app.sampling.seeds import trial_seed
from hyperopt_app.space.constraints import Constraints
from hyperopt_app.space.space import Space, first_value

__all__ = ["FeasibleSampler", "feasible", "random_points"]

# So often the sampler itself is asked for a point, and so many random points are tried after that.
_ASKED, _RANDOM = 20, 10_000
_POINT = "fixed_params"  # Optuna's own name for the parameters with which a waiting trial is to begin


def feasible(factory: Callable[[int], BaseSampler], space: Space, study_seed: int) -> Callable[[int], BaseSampler]:
    """Return a factory whose samplers keep to the space's constraints on parameters; the same one if it has none."""
    constraints = Constraints(space)
    if not constraints.of_parameters:
        return factory
    return lambda number: FeasibleSampler(factory(number), space, constraints, study_seed)


def random_points(space: Space, seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield random points of a space, by name in the study, each with what is searched beside its other values."""
    rng, parameters = np.random.default_rng(seed), space.parameters
    for _ in range(count):
        yield _walked(space, parameters, lambda _name, kind: _drawn(kind, rng))


def _drawn(kind: Any, rng: np.random.Generator) -> Any:
    """Return a random value of a distribution; Optuna's own sampler takes thirty times as long."""
    if isinstance(kind, CategoricalDistribution):
        return kind.choices[int(rng.integers(len(kind.choices)))]
    if kind.log:
        value = math.exp(rng.uniform(math.log(kind.low), math.log(kind.high)))
        return min(max(round(value) if isinstance(kind, IntDistribution) else value, kind.low), kind.high)
    if kind.step is None:
        return float(rng.uniform(kind.low, kind.high))
    return kind.low + kind.step * int(rng.integers(round((kind.high - kind.low) / kind.step) + 1))


def _walked(
    space: Space, parameters: Mapping[str, BaseDistribution], value_of: Callable[[str, BaseDistribution], Any]
) -> dict[str, Any]:
    """Return a point: a value of each parameter that is searched beside those before it."""
    point, texts = dict[str, Any](), dict[str, Any]()
    for key in space.distributions:
        name = space.names.get(key, key)
        if not space.is_active(key, texts):
            continue
        if name not in point:
            kind = parameters[name]
            point[name] = kind.to_external_repr(kind.to_internal_repr(value_of(name, kind)))
        texts[key] = space.text(key, point[name])
    return point


class FeasibleSampler(ForwardingSampler):
    """Proposes whole points of a space that meet its constraints, drawn by another sampler.

    Args:
        sampler: The sampler.
        space: The space.
        constraints: Its constraints.
        seed: The study's seed, for random points.
    """

    def __init__(self, sampler: BaseSampler, space: Space, constraints: Constraints, seed: int) -> None:
        super().__init__(sampler)
        self._space, self._constraints, self._seed = space, constraints, seed
        self._parameters = space.parameters
        if isinstance(sampler, CurvesSampler):
            sampler.restrict(constraints.is_feasible)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the whole space."""
        return {name: kind for name, kind in self._space.parameters.items() if not kind.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return a point that meets the constraints; if none is met with, the one that violates them least."""
        given = {**trial.system_attrs.get(_POINT, {}), **trial.params}
        least, least_excess = dict[str, Any](), np.inf
        for point in self._points(study, trial, given):
            excess = sum(max(violation, 0.0) for violation in self._constraints.before_training(point).values())
            if excess < least_excess:
                least, least_excess = point, excess
            if excess == 0 or all(name in given for name in point):
                break
        return {name: least[name] for name in least.keys() & search_space.keys()}

    def _points(self, study: optuna.Study, trial: FrozenTrial, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for _ in range(_ASKED):
            inner = self.wrapped.infer_relative_search_space(study, trial)
            drawn = self.wrapped.sample_relative(study, trial, inner)

            def of_sampler(name: str, kind: BaseDistribution, drawn: Mapping[str, Any] = drawn) -> Any:
                known = given if name in given else drawn
                if name in known:
                    return known[name]
                return first_value(kind) if kind.single() else self.wrapped.sample_independent(study, trial, name, kind)

            yield _walked(self._space, self._parameters, of_sampler)
        rng = np.random.default_rng(trial_seed(self._seed, trial.number))

        def at_random(name: str, kind: BaseDistribution) -> Any:
            return given[name] if name in given else _drawn(kind, rng)

        yield from (_walked(self._space, self._parameters, at_random) for _ in range(_RANDOM))
