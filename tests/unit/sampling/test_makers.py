# SPDX-License-Identifier: MIT
"""Samplers whose classes do not take what a YAML can say."""

import numpy as np
import optuna
import pytest

from hyperopt_app.sampling.makers import motpe, nsgaiii


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_reference_points_come_as_a_list() -> None:
    """Optuna wants an array of them; without any it lays them out itself."""
    sampler = nsgaiii([[0, 1], [1, 0]], population_size=4, seed=1)
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 1.0), n_trials=9)
    points = sampler._elite_population_selection_strategy._reference_points  # type: ignore[attr-defined]
    assert np.array_equal(points, [[0.0, 1.0], [1.0, 0.0]])
    assert isinstance(nsgaiii(), optuna.samplers.NSGAIIISampler)


def test_what_is_gone_says_what_to_choose() -> None:
    """Whatever its fields are."""
    with pytest.raises(ValueError, match="hydra/sweeper/sampler=tpe"):
        motpe(seed=3)
