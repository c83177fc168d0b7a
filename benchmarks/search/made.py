# SPDX-License-Identifier: MIT
"""Families of problems that are computed on the spot, with six parameters; their names say what makes them hard."""

from collections.abc import Sequence

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution

from benchmarks.search.problem import Array, Config, Problem

__all__ = ["KINDS", "Made"]

#: What each kind is.
KINDS = {
    "easy": "early ranks agree with late ones",
    "mild": "the best learn slowly",
    "cross": "the best learn so slowly that after a ninth of the training they rank among the worst",
    "noisy": "noise on every report",
    "few": "two reports",
    "none": "no reports",
}
_STEPS = {"few": (1, 2), "none": (1,)}
_FACTORS = 5
_CHOICES = ("a", "b", "d")
# How much longer the best take to learn than the worst, where early ranks mislead.
_SLOWEST = {"cross": 30.0, "mild": 10.0}


class Made(Problem):
    """Two bumps in a rotated space of five numbers and a category, with curves that rise to the final value.

    Attributes:
        kind: One of KINDS.
        seed: Of the places and widths of the bumps.
    """

    space = {f"x{at}": FloatDistribution(0, 1) for at in range(_FACTORS)} | {"c": CategoricalDistribution(_CHOICES)}

    def __init__(self, kind: str, seed: int) -> None:
        self.name, self.kind, self.seed = str(seed), kind, seed
        self.steps = _STEPS.get(kind, (1, 3, 9, 27))
        self.noise = 0.3 if kind == "noisy" else 0.0
        self.reports = kind != "none"
        rng = np.random.default_rng(100 + seed)
        self._peaks = rng.uniform(0.15, 0.85, (2, _FACTORS))
        self._scale = rng.uniform(1, 5, _FACTORS)
        self._losses = rng.permutation(len(_CHOICES)) * 0.15
        self._rotation = np.linalg.qr(rng.normal(size=(_FACTORS, _FACTORS)))[0]

    def curves(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Return values and times; a training takes as long as its second number says, one to three times."""
        points = np.array([[config[f"x{at}"] for at in range(_FACTORS)] for config in configs])
        losses = np.array([self._losses[_CHOICES.index(config["c"])] for config in configs])
        finals = self._bumps(points) - losses
        done = np.array(self.steps, float) / self.steps[-1]
        return finals[:, None] - self._gaps(finals, points, done), (0.5 + points[:, 1:2]) * done

    def _bumps(self, points: Array) -> Array:
        high, wide = ((((points - peak) @ self._rotation * self._scale) ** 2).sum(axis=1) for peak in self._peaks)
        return np.asarray(np.maximum(np.exp(-high / 2), 0.8 * np.exp(-wide)))

    def _gaps(self, finals: Array, points: Array, done: Array) -> Array:
        """How far the values are from the final ones when the share `done` of the training is over."""
        if self.kind in _SLOWEST:
            quality = np.clip((finals + 0.3) / 1.1, 0, 1)[:, None]
            pace = 0.02 * _SLOWEST[self.kind] ** quality
            return np.asarray(1.5 * (np.exp(-done / pace) - np.exp(-1 / pace)))
        if len(done) == 1:
            return np.zeros((len(finals), 1))
        left = (1 / done - 1) / (1 / done[0] - 1)
        start = 0.6 + 0.4 * np.sin(9 * points[:, :1] + self.seed) * np.cos(7 * points[:, 1:2])
        return np.asarray(start * left)
