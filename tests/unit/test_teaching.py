# SPDX-License-Identifier: MIT
"""A sampler that learns from what did not fit into memory."""

import warnings
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.teaching import is_infeasible, risk, taught
from tests.unit._made_trials import made

SPACE: dict[str, Any] = {
    "width": IntDistribution(1, 101),
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "kind": CategoricalDistribution(["a", "b"]),
}


def _tried(number: int, width: int, kind: str | None = None) -> FrozenTrial:
    params = {"width": width, "rate": 0.01, "kind": "a"}
    if kind is None:
        return made(TrialState.COMPLETE, number=number, params=params)
    return made(TrialState.FAIL, number=number, params=params, failure={"kind": kind})


@pytest.mark.parametrize(("kind", "teaches"), [("oom", True), ("diverged", True), ("bug", False), ("timeout", False)])
def test_only_what_the_parameters_are_to_blame_for_teaches(kind: str, teaches: bool) -> None:
    """A bug may be anywhere."""
    assert is_infeasible(_tried(0, 5, kind)) is teaches
    assert not is_infeasible(_tried(0, 5))


def test_a_point_near_a_failure_is_a_risk() -> None:
    """By the nearest tried points, and the nearer the worse."""
    tried = [_tried(0, 10), _tried(1, 90, "oom")]
    near, nearer, far = ({"width": width, "rate": 0.01, "kind": "a"} for width in (70, 85, 12))
    assert risk(far, [_tried(0, 10)], SPACE)[0] == 0
    assert risk(near, tried, SPACE) < risk(nearer, tried, SPACE)
    assert risk(far, tried, SPACE) < risk(near, tried, SPACE)


def test_other_samplers_stay_as_they_are() -> None:
    """They know nothing that could be taught."""
    sampler = RandomSampler()
    assert taught(sampler) is sampler


def _share_in_bad_half(wrap: Any, seed: int, n_trials: int = 50) -> float:
    """A loss that is best far from the half that fails; the share of trials there after ten at random."""
    study = optuna.create_study()
    bad = 0
    for number in range(n_trials):
        study.sampler = wrap(TPESampler(seed=100 * seed + number, constant_liar=True))
        trial = study.ask()
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        if x > 0.5:
            bad += number >= 10
            trial.set_user_attr("failure", {"kind": "oom"})
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, (x - 0.15) ** 2 + 0.1 * (y - 0.3) ** 2)
    assert all(trial.state in {TrialState.COMPLETE, TrialState.FAIL} for trial in study.trials)
    return bad / (n_trials - 10)


def test_a_taught_search_keeps_away_from_what_failed() -> None:
    """At most 15 % of the trials; without the lesson far more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = [_share_in_bad_half(taught, seed) for seed in range(3)]
        bare = [_share_in_bad_half(lambda one: one, seed) for seed in range(3)]
    assert sum(ours) / 3 <= 0.15
    assert sum(bare) / 3 > 0.3


def test_without_failures_nothing_changes() -> None:
    """The same seeds give the same points."""

    def points(wrap: Any) -> list[dict[str, Any]]:
        study = optuna.create_study()
        for number in range(15):
            sampler: BaseSampler = wrap(TPESampler(seed=number, constant_liar=True))
            study.sampler = sampler
            trial = study.ask()
            study.tell(trial, trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 9))
        return [trial.params for trial in study.trials]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert points(taught) == points(lambda one: one)
