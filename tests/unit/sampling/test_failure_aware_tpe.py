# SPDX-License-Identifier: MIT
"""A sampler that learns from what did not fit into memory."""

import math
import warnings
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.failure_aware_tpe import failure_aware, is_infeasible, risks
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


def _risks(tried: list[FrozenTrial], *widths: int) -> list[tuple[float, float]]:
    candidates = {"width": widths, "rate": [0.01] * len(widths), "kind": ["a"] * len(widths)}
    return list(zip(*risks(candidates, tried, SPACE), strict=True))


def test_a_point_near_a_failure_is_a_risk() -> None:
    """By the nearest tried points, and how near the nearest failure is."""
    tried = [_tried(0, 11), _tried(1, 91, "oom")]
    far, near, nearer = _risks(tried, 12, 71, 81)
    assert (near[0], nearer[0]) == (1.0, 1.0)
    assert near[1] == pytest.approx(0.04)
    assert nearer[1] == pytest.approx(0.01)
    assert far[1] > near[1]
    assert _risks([*tried, _tried(2, 13)], 12)[0][0] == 0.0


def test_the_more_failures_the_more_neighbours_are_looked_at() -> None:
    """A search that has just failed keeps further away; one that has not failed for long comes nearer again."""
    tried = [_tried(0, 11), *(_tried(number, 91, "oom") for number in (1, 2))]
    assert _risks(tried, 11)[0][0] == 2.0
    since = [_tried(number, 11) for number in range(3, 24)]
    assert _risks([*tried, *since], 11)[0][0] == 0.0


def test_without_a_trial_there_is_no_risk() -> None:
    """Trials of other keys tell nothing."""
    assert _risks([], 5) == [(0.0, math.inf)]
    assert _risks([made(TrialState.COMPLETE, params={"width": 5})], 5) == [(0.0, math.inf)]


def test_other_samplers_stay_as_they_are() -> None:
    """They know nothing that could be failure_aware."""
    sampler = RandomSampler()
    assert failure_aware(sampler) is sampler


def _search(wrap: Any, best_x: float, seed: int, n_trials: int = 60) -> tuple[float, float]:
    """Beyond x = 0.5 memory runs out: the share of trials there after ten at random, and the best loss."""
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
            study.tell(trial, (x - best_x) ** 2 + 0.1 * (y - 0.3) ** 2)
    assert all(trial.state in {TrialState.COMPLETE, TrialState.FAIL} for trial in study.trials)
    return bad / (n_trials - 10), study.best_value


@pytest.mark.parametrize("best_x", [0.15, 0.5], ids=["away from what fails", "at its border"])
def test_a_taught_search_keeps_away_from_what_failed(best_x: float) -> None:
    """At most 15 % of the trials fall there, without the lesson far more; and it finds no worse a point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, ours_best = zip(*(_search(failure_aware, best_x, seed) for seed in range(4)), strict=True)
        bare, bare_best = zip(*(_search(lambda one: one, best_x, seed) for seed in range(4)), strict=True)
    assert sum(ours) / 4 <= 0.15
    assert sum(bare) / 4 > 0.3
    assert sum(ours_best) <= sum(bare_best)


@pytest.mark.parametrize("options", [{"multivariate": True, "group": True}, {"multivariate": False}])
def test_every_kind_of_tpe_can_be_taught(options: dict[str, Any]) -> None:
    """With groups of keys, or key by key; categories, whole numbers and logarithms too, whatever is missing."""
    study = optuna.create_study()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(24):
            study.sampler = failure_aware(TPESampler(seed=number, n_startup_trials=5, **options))
            trial = study.ask()
            kind = trial.suggest_categorical("kind", ["a", "b"])
            width = trial.suggest_int("width", 1, 512, log=True) if kind == "a" else 1
            rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
            if width > 64 or rate > 0.1:
                trial.set_user_attr("failure", {"kind": "oom"})
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, rate)
    assert len(study.trials) == 24


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
        assert points(failure_aware) == points(lambda one: one)
