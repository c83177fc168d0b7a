# SPDX-License-Identifier: MIT
"""What a page holds of each trial."""

import math
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from hyperopt_app.page.plain import Texts, script_json
from hyperopt_app.page.trial_columns import STATES, columns_of, parameters_of
from tests.unit._made_trials import made


def _params(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    return trial.params


def test_numbers_stay_numbers_and_choices_become_places() -> None:
    """A logarithmic range keeps its bounds; choices of all types are texts, numbers among them in their order."""
    distributions = {
        "lr": FloatDistribution(1e-5, 1.0, log=True),
        "size": CategoricalDistribution([16, 128, 32]),
        "norm": CategoricalDistribution([None, True, "a"]),
    }
    points = [(0.1, 128, None), (0.01, 16, True), (0.5, 32, "a")]
    trials = [
        create_trial(value=1.0, params=dict(zip(distributions, point, strict=True)), distributions=distributions)
        for point in points
    ]
    lr, size, norm = parameters_of(trials, _params)
    assert (lr.is_log, lr.bounds, lr.labels, lr.values) == (True, (1e-5, 1.0), (), (0.1, 0.01, 0.5))
    assert (size.labels, size.values) == (("16", "32", "128"), (2, 0, 1))
    assert {norm.labels[int(place)] for place in norm.values if place is not None} == {"null", "true", "a"}


def test_a_parameter_that_a_trial_lacks_has_no_value_there() -> None:
    """As a conditional one; the order is that of first appearance."""
    trials = [made(params={"a": 1.0}), made(params={"a": 2.0, "b": 3}), made(params={"b": 4})]
    by_name = {parameter.name: parameter.values for parameter in parameters_of(trials, _params)}
    assert by_name == {"a": (1.0, 2.0, None), "b": (None, 3, 4)}


def test_lists_are_choices_too() -> None:
    """As users write them for Hydra."""
    (layers,) = parameters_of([made(params={"layers": "[1,2]"})], lambda trial: {"layers": [1, 2]})
    assert layers.labels == ("[1,2]",)


def test_each_state_is_shown_with_what_it_has() -> None:
    """A pruned trial has no value but a last one; a failed one has a kind, a line and the end of its traceback."""
    failure = {"kind": "oom", "error": "no\nmemory \x1b[31m", "traceback": "x" * 5000 + "the end"}
    trials = [
        made(values=[math.inf], number=0),
        made(TrialState.PRUNED, number=1, curve={0: 1.0, 1: 0.5}),
        made(TrialState.FAIL, number=2, failure=failure),
        made(TrialState.RUNNING, number=3, curve={0: math.nan}),
        made(TrialState.WAITING, number=4, curve={3: 2.0}, promotion={"rung": 1, "step": 3, "is_parked": True}),
    ]
    texts = Texts()
    columns = columns_of(trials, {1: "discarded"}, lambda trial: f"python app.py x={trial.number}", texts)
    assert [STATES[place] for place in columns["state"]] == ["complete", "pruned", "failed", "running", "parked"]
    assert columns["values"] == [["inf", None, None, None, None]]
    assert columns["last"] == [None, 0.5, None, None, 2.0]
    assert texts.all[columns["error"][2]] == "no memory \\x1b[31m"
    assert texts.all[columns["kind"][2]] == "oom"
    assert texts.all[columns["trace"][2]].endswith("the end")
    assert len(texts.all[columns["trace"][2]]) == 2000
    assert texts.all[columns["aside"][1]] == "discarded"
    assert [columns["retrain_head"] + rest for rest in columns["retrain"]] == [f"python app.py x={n}" for n in range(5)]
    script_json(columns)


def test_a_violated_constraint_is_marked() -> None:
    """Such a trial is complete but can not be the best."""
    trials = [made(number=0), made(number=1)]
    trials[1] = create_trial(value=1.0, constraints={"memory": 0.5})
    texts = Texts()
    places = columns_of(trials, {}, lambda _trial: "", texts)["infeasible"]
    assert [bool(texts.all[place]) for place in places] == [False, True]
