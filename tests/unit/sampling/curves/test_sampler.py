# SPDX-License-Identifier: MIT
"""The sampler `curves` in whole searches."""

import logging
import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import TrialState

from hyperopt_app.sampling.curves import sampler
from hyperopt_app.sampling.curves.cube import Cube
from hyperopt_app.sampling.curves.model import CurveModel
from hyperopt_app.sampling.curves.sampler import CurvesSampler
from hyperopt_app.sampling.failure_aware_tpe import failure_aware
from hyperopt_app.sampling.samplers import sampler_factory
from hyperopt_app.sampling.seeds import trial_seed
from tests.unit.sampling.curves._searches import bowl, searched


def _params(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


def test_it_finds_better_points_than_a_random_search() -> None:
    """After as many trials of the same bowl, in the median of five seeds."""
    best: dict[str, list[float]] = {"curves": [], "random": []}
    for seed in range(5):
        ours = searched(optuna.create_study(), bowl, 30, lambda seed=seed: CurvesSampler(seed=seed))  # type: ignore[misc]
        other = RandomSampler(seed=seed)
        best["curves"].append(ours.best_value)
        best["random"].append(searched(optuna.create_study(), bowl, 30, lambda other=other: other).best_value)  # type: ignore[misc]
    assert np.median(best["curves"]) < np.median(best["random"])


def test_a_study_of_one_worker_repeats_also_across_an_interruption() -> None:
    """Nothing is kept in memory: each point follows from the study's seed and what the study holds."""
    at_once = searched(optuna.create_study(), bowl, 20)
    in_parts = optuna.create_study()
    for part in (9, 3, 8):
        searched(in_parts, bowl, part)
    assert _params(at_once) == _params(in_parts)
    assert _params(searched(optuna.create_study(), bowl, 20, lambda: CurvesSampler(seed=4))) != _params(at_once)


def test_without_reports_it_is_tpe() -> None:
    """Point by point that of the group `async_tpe`, which learns from final values alone."""

    def silent(trial: optuna.Trial) -> list[float]:
        return bowl(trial)[-1:]

    numbers = iter(range(16))
    tpe = searched(
        optuna.create_study(),
        silent,
        16,
        lambda: failure_aware(TPESampler(seed=trial_seed(3, next(numbers)), constant_liar=True)),
    )
    assert _params(searched(optuna.create_study(), silent, 16)) == _params(tpe)


def test_with_two_reports_it_is_tpe_too() -> None:
    """A search by final values does better there, since nothing ends early."""

    def two(trial: optuna.Trial) -> list[float]:
        return bowl(trial)[-2:]

    def one(trial: optuna.Trial) -> list[float]:
        return bowl(trial)[-1:]

    assert _params(searched(optuna.create_study(), two, 14)) == _params(searched(optuna.create_study(), one, 14))


def test_several_objectives_are_tpes() -> None:
    """No learning curve is recorded for them."""
    study = optuna.create_study(directions=["minimize", "maximize"])
    for number in range(14):
        study.sampler = CurvesSampler(seed=1)
        trial = study.ask()
        study.tell(trial, [bowl(trial)[-1], float(number)])
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 14


def test_half_of_the_points_are_spread() -> None:
    """They follow from the seed and the trial's number alone, whatever has been reported."""

    def another(trial: optuna.Trial) -> list[float]:
        return [-value for value in bowl(trial)]

    first, second = searched(optuna.create_study(), bowl, 24), searched(optuna.create_study(), another, 24)
    same = [one == other for one, other in zip(_params(first), _params(second), strict=True)]
    assert same[10::2] == [True] * 7
    assert not any(same[11::2])


def test_a_running_trial_is_kept_away_from() -> None:
    """Workers that ask at one time get different points, since each believes what is predicted of the others."""
    study = searched(optuna.create_study(), bowl, 21)
    cube = Cube(study.trials[0].distributions)
    points = [cube.point(trial.params) for trial in study.trials]
    for _ in range(6):
        study.sampler = CurvesSampler(seed=3, spread_every=0)
        trial = study.ask()
        bowl(trial)
        points.append(cube.point(trial.params))
    gaps = [math.dist(points[at], other) for at in range(21, 27) for other in points[:at]]
    assert min(gaps) > 1e-3


def test_an_interrupted_trial_goes_on_with_its_point() -> None:
    """No model is computed for it."""
    study = searched(optuna.create_study(), bowl, 12)
    study.enqueue_trial(study.trials[3].params)
    study.sampler = CurvesSampler(seed=3)
    trial = study.ask()
    assert trial.relative_params == {}
    bowl(trial)
    assert trial.params == study.trials[3].params


def test_where_the_algebra_fails_a_point_is_spread_and_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once for each process; the search goes on."""

    def fails(*_: object) -> None:
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr(CurveModel, "fit", fails)
    monkeypatch.setattr(sampler, "_said", set())
    with caplog.at_level(logging.WARNING):
        study = searched(optuna.create_study(), bowl, 16)
    assert [record.getMessage() for record in caplog.records] == [
        "the sampler `curves` takes a spread point, since its model cannot be computed: singular"
    ]
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 16


def test_a_parameter_that_some_trials_have_is_searched_too() -> None:
    """The momentum of one of two optimisers is modelled where it is there, and the better optimiser is preferred."""

    def conditional(trial: optuna.Trial) -> list[float]:
        rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
        loss = (math.log10(rate) + 2) ** 2 / 4
        if trial.suggest_categorical("optimizer", ["adam", "sgd"]) == "sgd":
            loss += (trial.suggest_float("momentum", 0.0, 1.0) - 0.8) ** 2
        else:
            loss += 0.3
        return [loss + 1 / step for step in (1, 2, 4, 8)]

    study = searched(optuna.create_study(), conditional, 40)
    assert all(("momentum" in trial.params) == (trial.params["optimizer"] == "sgd") for trial in study.trials)
    late = study.trials[21::2]
    assert sum(trial.params["optimizer"] == "sgd" for trial in late) > 6
    assert study.best_value < 0.15 + 1 / 8


def test_ranges_may_change_and_grow() -> None:
    """What no trial has had so far is drawn by itself, and a value out of the range is not proposed."""
    study = searched(optuna.create_study(), bowl, 14)

    def wider(trial: optuna.Trial) -> list[float]:
        x = trial.suggest_float("x", 2.0, 3.0)
        return [x + trial.suggest_float("new", -1.0, 0.0) + 1 / step for step in (1, 2, 4)]

    searched(study, wider, 10)
    assert all(2 <= trial.params["x"] <= 3 and -1 <= trial.params["new"] <= 0 for trial in study.trials[14:])


@pytest.mark.parametrize(
    "field", [{"n_candidates": 1}, {"spread_every": -1}, {"n_startup_trials": -1}, {"n_candidates": 10**9}]
)
def test_a_number_out_of_range_is_refused(field: dict[str, Any]) -> None:
    """With the field's name."""
    with pytest.raises(ValueError, match=f"{next(iter(field))}: .* is not allowed; set a whole number from"):
        CurvesSampler(**field)


def test_all_trials_of_a_study_share_the_spread_points() -> None:
    """A worker's sampler is made anew for each trial, from the study's seed and not from the trial's."""
    make = sampler_factory({"_target_": "hyperopt_app.sampling.curves.sampler.CurvesSampler"}, 3)
    study = optuna.create_study()
    for number in range(16):
        study.sampler = make(number)
        trial = study.ask()
        curve = bowl(trial)
        for step, value in enumerate(curve, 1):
            trial.report(value, step)
        study.tell(trial, curve[-1], TrialState.COMPLETE)
    assert _params(study) == _params(searched(optuna.create_study(), bowl, 16))
