# SPDX-License-Identifier: MIT
"""The sampler `curves`: it proposes the points whose final values are expected to improve most. Runs in workers.

A sampler is made anew for each trial, so everything is read from the study: no state is kept in memory.
"""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.curves.acquisition import Acquisition, model_of
from hyperopt_app.sampling.curves.activity import Tree, common_space
from hyperopt_app.sampling.curves.belief import Belief
from hyperopt_app.sampling.curves.cube import Cube, Floats
from hyperopt_app.sampling.curves.earlier import Earlier
from hyperopt_app.sampling.curves.observations import has_curves, learning, observe
from hyperopt_app.sampling.curves.prior import Prior
from hyperopt_app.sampling.curves.threads import on_one_thread
from hyperopt_app.sampling.failure_aware_tpe import failure_aware
from hyperopt_app.sampling.seeds import trial_seed

__all__ = ["CurvesSampler"]

_log = logging.getLogger(__name__)
# What has been said in this process.
_said: set[str] = set()
# Reports before the model is asked.
_LEAST_REPORTS = 4
# Of so many trials one is chosen near a belief, in place of a spread one; and with a belief no more than so many first
# trials are spread, since the model can begin with it.
_NEAR_BELIEF, _MOST_STARTUP = 4, 5
_MOST = 1_000_000  # of any count
# Where a spread point may not be tried, so many further ones are, so far away in the sequence.
_MOST_TURNS, _TURN = 2_000, 10_007
_POINT = "fixed_params"  # Optuna's own name for the parameters with which a waiting trial is to begin


class CurvesSampler(BaseSampler):
    """A Gaussian process over parameters and step that learns from every report, of running and pruned trials too.

    Some of the points are evenly spread over the space instead, so that no search stays where early reports look well.
    Without reports, and with several objectives, it is TPE as in the group `async_tpe`.

    Args:
        seed: The study's seed, from which all trials' points follow; None draws one.
        n_startup_trials: So many first trials are spread; at most 5 with a prior or earlier trials.
        spread_every: Every so many-th trial is spread, 2 for half of them; 0 for none.
        n_candidates: Points among which the search for the best begins.
        prior: Parameter to the value near which the user believes the best to be, as `hydra.sweeper.prior` gives it.
        earlier: Trials of earlier studies, each `{"params": {name: value}, "worth": number}`, as
            `hydra.sweeper.warm_start` gives them; the worth is larger for better ones, about standard normal.
        conditions: Parameters that not every trial has, as `hydra.sweeper.when` gives them (`space.Space.tree`).

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        seed: int | None = None,
        n_startup_trials: int = 8,
        spread_every: int = 2,
        n_candidates: int = 300,
        prior: Mapping[str, Any] | None = None,
        earlier: Sequence[Mapping[str, Any]] | None = None,
        conditions: Tree | None = None,
    ) -> None:
        least = {"n_startup_trials": 0, "spread_every": 0, "n_candidates": 2}
        given = {"n_startup_trials": n_startup_trials, "spread_every": spread_every, "n_candidates": n_candidates}
        for name, value in given.items():
            if not least[name] <= value <= _MOST:
                raise ValueError(f"{name}: {value} is not allowed; set a whole number from {least[name]} to {_MOST}")
        self._seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        self._startup, self._spread_every, self._candidates = n_startup_trials, spread_every, n_candidates
        self._prior, self._earlier = dict(prior or {}), list(earlier or [])
        self._tree = dict(conditions or {})
        self._is_feasible: Callable[[Mapping[str, Any]], bool] | None = None
        self._tpe: tuple[int, BaseSampler] | None = None

    def restrict(self, is_feasible: Callable[[Mapping[str, Any]], bool]) -> None:
        """Propose such points alone, where the model proposes them; the others are drawn by TPE.

        Args:
            is_feasible: Whether parameters by name, with some that are not searched beside the others, may be tried.
        """
        self._is_feasible = is_feasible

    def reseed_rng(self) -> None:
        """Do nothing: each trial's numbers follow from the seed and its own number."""

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters of all trials, or what TPE samples where it takes over."""
        trials = self._trials(study)
        if trials is None:
            return self._fallback(trial).infer_relative_search_space(study, trial)
        space = common_space([known for known in trials if known.intermediate_values or known.state.is_finished()])
        return dict(sorted(space.items()))

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return a point of the search space."""
        trials = self._trials(study)
        if trials is None:
            return self._fallback(trial).sample_relative(study, trial, search_space)
        given = trial.params.keys() | trial.system_attrs.get(_POINT, {}).keys()
        if search_space.keys() <= given:  # it goes on with the point that it has
            return {}
        cube = Cube(search_space)
        with on_one_thread():
            point = self._point(cube, trials, trial.number, maximize=study.direction == StudyDirection.MAXIMIZE)
        return cube.params(point)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a value of a parameter that no trial has had so far."""
        return self._fallback(trial).sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Let TPE store what it stores."""
        self._fallback(trial).after_trial(study, trial, state, values)

    def _trials(self, study: optuna.Study) -> list[FrozenTrial] | None:
        """Return the trials to learn from; None where TPE takes over."""
        if len(study.directions) > 1:
            return None
        trials = study.get_trials(deepcopy=False)
        return learning(trials) if has_curves(trials) else None

    def _fallback(self, trial: FrozenTrial) -> BaseSampler:
        """Return the sampler that `async_tpe` would be for this trial; one object as long as it is the same trial."""
        if self._tpe is None or self._tpe[0] != trial.number:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                seed, is_grouped = trial_seed(self._seed, trial.number), bool(self._tree)
                tpe = TPESampler(seed=seed, multivariate=is_grouped or None, group=is_grouped)
            self._tpe = trial.number, failure_aware(tpe)
        return self._tpe[1]

    def _point(self, cube: Cube, trials: Sequence[FrozenTrial], number: int, *, maximize: bool) -> Floats:
        spread = self._spread(cube, number)
        others = [trial for trial in trials if trial.number != number]
        rng = np.random.default_rng((self._seed, number))
        try:
            beliefs = self._beliefs(cube, rng)
            startup = min(self._startup, _MOST_STARTUP) if beliefs else self._startup
            if number < startup:
                return self._near(cube, beliefs[0], spread, rng) if beliefs and number == _NEAR_BELIEF - 1 else spread
            is_spread = bool(self._spread_every) and number % self._spread_every == 0
            if is_spread and (not beliefs or number % _NEAR_BELIEF):
                return spread
            seen = observe(others, maximize=maximize, tree=self._tree)
            if len(seen.scores) < _LEAST_REPORTS or not len(seen.ends):
                return spread
            model = model_of(seen, rng, beliefs, has_luck=seen.has_repeats)
            acquisition = Acquisition(seen, model, rng, partial(self._allowed, cube))
            if is_spread:
                turn = (number // _NEAR_BELIEF - 1) % len(beliefs)
                near = self._allowed(cube, beliefs[turn].near(cube.uniform(rng, self._candidates), rng))
                point = acquisition.best_near(near, acquisition.candidates(self._candidates))
                return spread if point is None else point
            further = [belief.near(cube.uniform(rng, self._candidates // 2), rng) for belief in beliefs]
            return acquisition.best(acquisition.candidates(self._candidates, further))
        except np.linalg.LinAlgError as error:
            _warn_once(f"the sampler `curves` takes a spread point, since its model cannot be computed: {error}")
            return spread

    def _spread(self, cube: Cube, number: int) -> Floats:
        """Return a trial's point of the sequence that is evenly spread, or the next one that may be tried."""
        shift = np.random.default_rng(self._seed).random(cube.width)
        first = cube.spread(shift, number)
        for turn in range(_MOST_TURNS if self._is_feasible is not None else 0):
            point = cube.spread(shift, number + turn * _TURN)
            if len(self._allowed(cube, point[None])):
                return point
        return first

    def _near(self, cube: Cube, belief: Belief, spread: Floats, rng: np.random.Generator) -> Floats:
        """Return a spread point moved near a belief, or the point itself if none may be tried there."""
        near = self._allowed(cube, belief.near(spread[None], rng))
        return near[0] if len(near) else spread

    def _allowed(self, cube: Cube, points: Floats) -> Floats:
        """Return those of the points that may be tried."""
        is_feasible = self._is_feasible
        return points if is_feasible is None else points[[is_feasible(cube.params(point)) for point in points]]

    def _beliefs(self, cube: Cube, rng: np.random.Generator) -> list[Belief]:
        """Return what is believed of the cube's points: the user's prior, and what earlier studies say.

        Raises:
            numpy.linalg.LinAlgError: The algebra has failed.
        """
        beliefs = list[Belief]()
        if self._prior.keys() & cube.space.keys():
            beliefs.append(Prior(cube, self._prior))
        if any(trial["params"].keys() & cube.space.keys() for trial in self._earlier):
            beliefs.append(Earlier(cube, self._earlier, rng))
        return beliefs


def _warn_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        _log.warning("%s", text)
