# SPDX-License-Identifier: MIT
"""What trials of earlier studies say about the points of this one, as far as they rank its trials rightly."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.curves.acquisition import model_of
from hyperopt_app.sampling.curves.cube import Cube, Floats
from hyperopt_app.sampling.curves.model import CurveModel
from hyperopt_app.sampling.curves.observations import learning, normal_scores, observe, subset
from hyperopt_app.sampling.curves.threads import on_one_thread
from hyperopt_app.sampling.failure_aware_tpe import is_infeasible

__all__ = ["Earlier", "worth_of"]

# Trials of which the hyperparameters are fitted and on which the process is conditioned, and the steps of the fit.
_MOST_FITTED, _MOST_KNOWN, _FIT_STEPS = 80, 200, 16
# New points begin beside the best of the earlier trials: beside this share of them, or at least so many.
_SHARE_OF_BEST, _LEAST_BEST = 0.1, 3


class Earlier:
    """A model of what the trials of earlier studies were worth, over the parameters that this study has too.

    Args:
        cube: The cube of this study.
        trials: Of each earlier trial the parameters and the worth, `{"params": {...}, "worth": 0.3}`; the worth is
            larger for better trials, and about standard normal within a study.
        rng: Draws a subset where there are many.

    Raises:
        numpy.linalg.LinAlgError: The algebra has failed.
    """

    is_ranking = True

    def __init__(self, cube: Cube, trials: Sequence[Mapping[str, Any]], rng: np.random.Generator) -> None:
        shared = {name for trial in trials for name in trial["params"] if name in cube.space}
        self._cube, self._is_known = cube, np.zeros(cube.width, dtype=bool)
        for name in shared:
            self._is_known[cube.columns(name)] = True
        points = np.array([cube.point(trial["params"]) for trial in trials]).reshape(len(trials), cube.width)
        worth = np.array([float(trial["worth"]) for trial in trials])
        order = np.argsort(-worth, kind="stable")
        self._best = points[order[: max(_LEAST_BEST, int(_SHARE_OF_BEST * len(points)))]]
        self._model = CurveModel(int(self._is_known.sum()))
        rows = self._rows(points)
        fitted, known = subset(worth, _MOST_FITTED, rng), subset(worth, _MOST_KNOWN, rng)
        self._model.fit(rows[fitted], worth[fitted], _FIT_STEPS)
        self._model.condition(rows[known], worth[known])

    def scores(self, points: Floats) -> Floats:
        """Return what the earlier trials lead to expect of points of the cube, about standard normal, shape (n,)."""
        means, _ = self._model.predict(self._rows(points))
        return means

    def near(self, points: Floats, rng: np.random.Generator) -> Floats:
        """Return points beside the best earlier ones; parameters that those lack are as in the given points."""
        beside = self._cube.neighbours(rng, self._best, len(points))
        return self._cube.snapped(np.where(self._is_known, beside, points))

    def _rows(self, points: Floats) -> Floats:
        return np.concatenate([points[:, self._is_known], np.ones((len(points), 1))], axis=1)


def worth_of(trials: Sequence[FrozenTrial], direction: StudyDirection, *, most: int) -> list[tuple[FrozenTrial, float]]:
    """Return trials with what the model of their curves expects of their final values.

    Args:
        trials: Ended trials of one study.
        direction: Of its objective.
        most: How many to return; of more, two thirds are the best, the others drawn at random.

    Returns:
        Each trial that teaches something, by number, and its worth: the normal quantile of its rank, larger is better.
        Empty if the algebra fails.
    """
    taught = [trial for trial in learning(trials) if _teaches(trial)]
    if not taught:
        return []
    rng = np.random.default_rng(0)
    try:
        with on_one_thread():
            seen = observe(taught, maximize=direction == StudyDirection.MAXIMIZE)
            means, _ = model_of(seen, rng).predict(seen.ends)
    except np.linalg.LinAlgError:
        return []
    worth = normal_scores(means)
    return [(taught[at], float(worth[at])) for at in subset(worth, most, rng)]


def _teaches(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE or bool(trial.intermediate_values) or is_infeasible(trial)
