# SPDX-License-Identifier: MIT
"""The objective without training."""

from pathlib import Path

import optuna
import pytest

from hyperopt_app.objective.trial import active_trial
from objectives.sphere import Sphere
from tests.examples._trials import Always, a_trial, composed, curve


def test_it_returns_the_square_of_the_distance() -> None:
    """value = x^2 + y^2 + z^2, also outside a sweep."""
    assert Sphere().train(None, composed("hparams=sphere", "x=1", "y=-2", "z=3")) == {"value": 14.0}


def test_it_plays_a_training(tmp_path: Path) -> None:
    """It reports falling values that end at its result, and lasts as long as it is told to."""
    naps: list[float] = []
    trial = a_trial(tmp_path)
    with active_trial(trial):
        Sphere(naps.append).train(trial, composed("hparams=sphere", "x=2", "y=0", "z=0", "steps=4", "sleep=2"))
    assert curve(trial) == {1: 4.75, 2: 4.5, 3: 4.25, 4: 4.0}
    assert naps == [0.5] * 4


def test_it_can_be_pruned(tmp_path: Path) -> None:
    """The pruner ends it at its first step."""
    trial = a_trial(tmp_path, Always())
    with active_trial(trial), pytest.raises(optuna.TrialPruned):
        Sphere().train(trial, composed("hparams=sphere"))
    assert list(curve(trial)) == [1]
