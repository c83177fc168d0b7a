# SPDX-License-Identifier: MIT
"""The sampler `curves` and the pruner `forecast` answer the same whatever holds the study."""

import math
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from hyperopt_app.sampling.curves.forecast import ForecastPruner
from hyperopt_app.sampling.curves.sampler import CurvesSampler
from tests.contracts.conftest import Place

SPACE: dict[str, Any] = {
    "rate": FloatDistribution(1e-5, 1.0, log=True),
    "width": IntDistribution(16, 256, step=16),
    "kind": CategoricalDistribution(["a", None, 3]),
}


def _filled(study: optuna.Study) -> optuna.Study:
    """The study with complete, pruned, failed and running trials, with values that are not finite among them."""
    rng = np.random.default_rng(5)
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    for number in range(15):
        params = {
            "rate": 10.0 ** -rng.uniform(0, 5),
            "width": 16 * int(rng.integers(1, 17)),
            "kind": ["a", None, 3][number % 3],
        }
        curve = {step: float(rng.random()) + params["rate"] for step in (1, 3, 9)}
        if number in (3, 8):
            curve[9] = (math.nan, math.inf)[number == 8]
        state = states[number % 5]
        failure = {"failure": {"kind": "oom"}} if state == TrialState.FAIL else {}
        value = curve[9] if state == TrialState.COMPLETE else None
        study.add_trial(
            create_trial(
                state=state,
                value=value,
                params=params,
                distributions=SPACE,
                intermediate_values=curve,
                user_attrs=failure,
            )
        )
    running = study.ask(SPACE)
    running.report(0.4, 1)
    return study


def _answers(study: optuna.Study) -> tuple[list[dict[str, Any]], list[bool]]:
    """The points of three new trials, and whether each would end with the worst of reports."""
    points, ends = [], []
    for _ in range(3):
        study.sampler, study.pruner = CurvesSampler(seed=7, n_startup_trials=0, spread_every=0), ForecastPruner()
        trial = study.ask(SPACE)
        trial.report(9.0, 1)
        trial.report(9.0, 3)
        points.append(trial.params)
        ends.append(trial.should_prune())
    return points, ends


def test_points_and_judgements_are_those_of_a_study_in_memory(place: Place) -> None:
    """In the journal and in every database, with NaN and infinity among the reports."""
    start = CurvesSampler(seed=7)
    held = _filled(optuna.create_study(study_name="contract", storage=place.open(), sampler=start))
    in_memory = _filled(optuna.create_study(sampler=CurvesSampler(seed=7)))
    points, ends = _answers(optuna.load_study(study_name=held.study_name, storage=place.open()))
    expected, expected_ends = _answers(in_memory)
    assert [list(point) for point in points] == [list(point) for point in expected]
    for point, other in zip(points, expected, strict=True):
        assert (point["width"], point["kind"]) == (other["width"], other["kind"])
        assert math.isclose(point["rate"], other["rate"], rel_tol=1e-9)
    assert ends == expected_ends
    assert any(ends)
