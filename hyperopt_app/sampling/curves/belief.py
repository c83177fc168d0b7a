# SPDX-License-Identifier: MIT
"""What is believed of points before the study's first report, and how far the study's reports confirm it."""

import itertools
import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from hyperopt_app.sampling.curves.cube import Cube, Floats
from hyperopt_app.sampling.curves.model import CurveModel

__all__ = ["Belief", "Trend", "confirmed"]

# The trust that is considered in each belief, and how likely it is held before the first report: a belief is as likely
# false as it is true in part. What earlier trials say may also be the reverse of the truth, which teaches as much once
# it is seen.
_TRUSTS = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0)
_REVERSED, _FALSE, _TRUE_IN_PART = math.log(0.0625), math.log(0.5), math.log(0.125)


class Belief(Protocol):
    """A belief about the points of a cube.

    Attributes:
        is_ranking: Whether it ranks all points, and not only says where good ones are: the reverse of a ranking may
            be true, while points far from a wrong place are not good for being far.
    """

    is_ranking: bool

    def scores(self, points: Floats) -> Floats:
        """Return what points are believed to be worth in the end, about standard normal, shape (n,)."""

    def near(self, points: Floats, rng: np.random.Generator) -> Floats:
        """Return points that are believed to be good, spread there as the given ones are over the cube."""


class Trend:
    """What the model expects of rows before any report: the beliefs, each as far as it is trusted.

    They are about the ends of trainings. So they are expected of an early report as far as the model has learned that
    it agrees with the end, and in reverse where it says the reverse.

    Args:
        model: Whose trend it is.
        cube: The cube whose points the rows begin with.
        beliefs: The beliefs.
        trusts: Of each, from 0 for not at all to 1; down to -1 where the reverse of it is true.
    """

    def __init__(self, model: CurveModel, cube: Cube, beliefs: Sequence[Belief], trusts: Sequence[float]) -> None:
        self._model, self._beliefs = model, beliefs
        self._width, self.trusts = cube.width, tuple(trusts)

    def __call__(self, rows: Floats) -> Floats:
        """Return what is expected, shape (n,)."""
        expected = np.zeros(len(rows))
        for belief, trust in zip(self._beliefs, self.trusts, strict=True):
            expected += trust * belief.scores(rows[:, : self._width])
        return expected * self._model.lasting(rows[:, -1])


def confirmed(model: CurveModel, cube: Cube, beliefs: Sequence[Belief], rows: Floats, scores: Floats) -> Trend:
    """Return the beliefs with the trust that they have earned: how well each explains what was reported.

    Args:
        model: Fitted to the reports.
        cube: The cube whose points the rows begin with.
        beliefs: The beliefs.
        rows: Place and progress of each report.
        scores: What was reported.
    """
    believed = np.array([belief.scores(rows[:, : cube.width]) for belief in beliefs]) * model.lasting(rows[:, -1])
    considered = (_TRUSTS if belief.is_ranking else [trust for trust in _TRUSTS if trust >= 0] for belief in beliefs)
    trusts = np.array(list(itertools.product(*considered)))
    before = np.select([trusts == 0, trusts < 0], [_FALSE, _REVERSED], _TRUE_IN_PART).sum(axis=1)
    evidence = before + model.evidence(rows, scores - trusts @ believed)
    weights = np.exp(evidence - evidence.max())
    return Trend(model, cube, beliefs, [float(trust) for trust in weights @ trusts / weights.sum()])
