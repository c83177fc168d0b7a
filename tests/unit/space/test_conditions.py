# SPDX-License-Identifier: MIT
"""Conditions under which keys are searched: what they mean, and what is wrong with them."""

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from hyperopt_app.space.changes import differences, space_from_json, space_to_json
from hyperopt_app.space.points import fitting_point, grid_points, point_of
from hyperopt_app.space.space import Space, parse_space, suggest_all, with_values

PARAMS = {"optimizer": "choice(adam, sgd)", "n": "range(1, 4)", "x": "interval(0, 1)"}
WHEN: dict[str, Any] = {
    "optimizer=sgd": {
        "momentum": "interval(0.0, 0.99)",
        "nesterov": "choice(true, false)",
        "when": {"nesterov=true": {"decay": "choice(linear, cosine)"}},
    },
    "n=2,3": {"layer2": "range(1, 3)"},
    "n=range(3, 4)": {"layer3": 8},
}


def _space(*arguments: str, params: dict[str, str] = PARAMS, when: dict[str, Any] = WHEN, **names: str) -> Space:
    space, faults = parse_space(params, arguments, None, names, when)
    assert faults == []
    return space


def test_a_key_has_the_conditions_of_all_above_it() -> None:
    """A branch in a branch, and several values; a range comes behind those on which it depends."""
    space = _space()
    written = {key: [str(needed) for needed in conditions] for key, conditions in space.conditions.items()}
    assert written == {
        "momentum": ["optimizer=sgd"],
        "nesterov": ["optimizer=sgd"],
        "decay": ["optimizer=sgd", "nesterov=true"],
        "layer2": ["n=2,3"],
        "layer3": ["n=3"],
    }
    assert list(space.distributions)[-1] == "decay"
    assert space.distributions["layer3"] == CategoricalDistribution([8])
    assert space_from_json(space_to_json(space)) == space


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no such key": ({"optimizr=sgd": {"a": "1,2"}}, "when.optimizr=sgd: 'optimizr' is not searched (did you mean opti"),
    "no such choice": ({"optimizer=sdg": {"a": "1,2"}}, "when.optimizer=sdg: optimizer is never sdg (did you mean sgd"),
    "a number out of range": ({"n=5": {"a": "1,2"}}, "when.n=5: n is never 5; it lies out of its range"),
    "a key of floats": ({"x=1": {"a": "1,2"}}, "when.x=1: a condition wants a key of choices or whole numbers"),
    "a range of floats": ({"n=interval(0.5, 1)": {"a": "1,2"}}, "names a range of floats, and a condition lists"),
    "a circle": (
        {"a=1": {"b": "1,2"}, "b=1": {"a": "1,2"}},
        "when.b=1: the condition refers back to itself (b -> a -> b",
    ),
    "itself": ({"a=1": {"a": "1,2"}}, "when.a=1: the condition refers back to itself (a -> a)"),
    "among the params": ({"optimizer=sgd": {"n": "1,2"}}, "when.optimizer=sgd.n: n is among the params too"),
    "in two branches": (
        {"optimizer=sgd": {"a": "1,2"}, "optimizer=adam": {"a": "1,3"}},
        "when.optimizer=adam.a: a has a range at hydra.sweeper.when.optimizer=sgd.a already",
    ),
    "never": (
        {"optimizer=sgd": {"a": "1,2", "when": {"optimizer=adam": {"b": "1,2"}}}},
        "when.optimizer=sgd.when.optimizer=adam: no value of optimizer meets all conditions of b",
    ),
    "no condition": ({"optimizer": {"a": "1,2"}}, "write a condition as KEY=VALUE or KEY=VALUE,VALUE"),
    "no branch": ({"optimizer=sgd": "a"}, "when.optimizer=sgd: 'a' is not a branch; write the ranges"),
    "an empty branch": ({"optimizer=sgd": {}}, "when.optimizer=sgd: {} is not a branch"),
    "a condition in a branch": (
        {"optimizer=sgd": {"optimizer=adam": {"a": "1,2"}}},
        "when.optimizer=sgd.optimizer=adam: a mapping is not a range; further conditions stand under when",
    ),
    "a wrong range": ({"optimizer=sgd": {"a": "interval(3, 1)"}}, "when.optimizer=sgd.a: 'a=interval(3, 1)': `low <="),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_wrong_with_a_condition_is_one_line_with_its_key(case: str) -> None:
    """Each names the setting, what came and what is allowed."""
    when, line = FAULTS[case]
    _, faults = parse_space(PARAMS, [], None, None, when)
    assert len(faults) == 1
    assert line in faults[0]
    assert faults[0].startswith("hydra.sweeper.when.")


def test_all_faults_come_at_once() -> None:
    """Not one after the other."""
    cases = ("no such key", "no such choice", "a circle")
    when = {key: branch for case in cases for key, branch in FAULTS[case][0].items()}
    assert len(parse_space(PARAMS, [], None, None, when)[1]) == 3


def test_the_command_line_decides_a_condition() -> None:
    """A fixed value lets a branch always be there, or never; a choice that it takes away leaves its branch out."""
    chosen = _space("optimizer=sgd")
    assert "momentum" in chosen.distributions
    assert "momentum" not in chosen.conditions
    assert [str(needed) for needed in chosen.conditions["decay"]] == ["nesterov=true"]
    for argument in ("optimizer=adam", "optimizer=choice(adam, lion)"):
        assert {"momentum", "nesterov", "decay"}.isdisjoint(_space(argument, momentum="m").distributions)


def test_a_value_of_the_command_line_stays_in_its_branch() -> None:
    """Else it would be set in the other branches too, where the config has no such key."""
    space = _space("momentum=0.9")
    assert space.distributions["momentum"] == FloatDistribution(0.9, 0.9)
    assert space.fixed == ()
    assert space.values({"optimizer": "adam", "momentum": 0.9}) == {"optimizer": "adam"}


def test_the_sampler_is_asked_for_what_is_searched_alone() -> None:
    """A name that two keys share is asked for once, where one of them is searched."""
    when = {"optimizer=sgd": {"sgd.m": "interval(0, 1)"}, "optimizer=adam,lion": {"adam.m": "interval(0, 1)"}}
    space, faults = parse_space(
        {"optimizer": "choice(adam, sgd, lion, none)"}, [], None, {"sgd.m": "m", "adam.m": "m"}, when
    )
    assert faults == []
    for choice, key in (("sgd", "sgd.m"), ("lion", "adam.m"), ("none", None)):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        study.enqueue_trial({"optimizer": choice, "m": 0.5})
        trial = study.ask()
        suggest_all(trial, space)
        assert set(trial.params) == {"optimizer"} | ({"m"} if key else set())
        assert space.values(trial.params) == {"optimizer": choice} | ({key: 0.5} if key else {})
    assert space.tree == {"m": [{"optimizer": ["sgd"]}, {"optimizer": ["adam", "lion"]}]}


def test_a_study_of_plain_choices_knows_its_branches() -> None:
    """There true is no text, and the tree is in the study's form."""
    params, when = {"a": "choice('1', b)"}, {"a='1'": {"c": "interval(0, 1)"}}
    space = with_values(_space(params=params, when=when))
    assert space.values({"a": "1", "c": 0.5}) == {"a": "'1'", "c": 0.5}
    assert space.tree == {"c": [{"a": ["1"]}]}
    assert point_of(space, {"a": "1", "c": 0.5}) == ({"a": "1", "c": 0.5}, [])


def test_a_point_may_name_what_is_searched_beside_its_values() -> None:
    """And nothing else; what it lacks is sampled, but for a key on which another one of it depends."""
    space = _space()
    assert point_of(space, {"optimizer": "sgd", "momentum": 0.5, "n": 3})[1] == []
    assert point_of(space, {"optimizer": "adam", "momentum": 0.5})[1] == [
        "'momentum' is searched with optimizer=sgd alone; the point has optimizer=adam; leave it out"
    ]
    assert point_of(space, {"momentum": 0.5})[1] == [
        "'momentum' is searched with optimizer=sgd alone; add optimizer=sgd to the point, or leave it out"
    ]
    assert point_of(space, {"momentum": 0.5}, is_part=True)[1] == []
    point = {"optimizer": "adam", "momentum": 0.5, "n": 1, "layer2": 2}
    assert fitting_point(space, point) == {"optimizer": "adam", "n": 1}


def test_a_grid_walks_the_tree() -> None:
    """Each branch has its own points, and no point is there twice."""
    params, when = {"a": "choice(x, y)"}, {"a=y": {"b": "1,2,3", "when": {"b=1,2": {"c": "u,v"}}}}
    points = grid_points(_space(params=params, when=when))
    assert points == [
        {"a": "x"},
        *({"a": "y", "b": b, "c": c} for b in (1, 2) for c in "uv"),
        {"a": "y", "b": 3},
    ]


def test_a_changed_condition_is_a_changed_space() -> None:
    """A study that began with another one says so, and goes on if that is accepted."""
    other = {**WHEN, "n=3": {"layer2": "range(1, 3)"}}
    del other["n=2,3"]
    assert differences(_space(), _space()) == ([], [])
    assert differences(_space(), _space(when=other)) == (["layer2: searched with n=2,3 -> with n=3"], [])
