# SPDX-License-Identifier: MIT
"""Sweep texts to distributions and back, one case at a time; the laws stand in tests/properties."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.changes import differences, space_from_json, space_to_json
from hyperopt_app.space.override_text import override_text
from hyperopt_app.space.points import point_of
from hyperopt_app.space.space import Space, describe, parse_space, suggest, values_of
from tests._releases import IS_1_4
from tests.unit._made_sweeps import made_space, made_sweep, write_configs

READ = {
    "interval(1, 10)": FloatDistribution(1.0, 10.0),
    "interval(0.5, 2)": FloatDistribution(0.5, 2.0),
    "int(interval(1.5, 5.5))": IntDistribution(1, 5),
    "tag(log, interval(1e-5, 1e-1))": FloatDistribution(1e-5, 1e-1, log=True),
    "tag(log, int(interval(1, 100)))": IntDistribution(1, 100, log=True),
    "range(5)": IntDistribution(0, 4),
    "range(2, 10, step=3)": IntDistribution(2, 8, step=3),
    "range(5, 1, step=-2)": IntDistribution(3, 5, step=2),
    "range(0, 1, step=0.25)": FloatDistribution(0.0, 0.75, step=0.25),
    "range(1, 0, step=-0.25)": FloatDistribution(0.25, 1.0, step=0.25),
    "tag(log, range(1, 100))": IntDistribution(1, 99, log=True),
    "choice(adam, sgd)": CategoricalDistribution(["adam", "sgd"]),
    "2,2.5,true,null": CategoricalDistribution([2, 2.5, True, "null"]),
    "1,2.5,true,1.0": CategoricalDistribution(["1", 2.5, "true", "1.0"]),
    "choice(false, 0)": CategoricalDistribution(["false", "0"]),
    "0.0,-0.0,'0'": CategoricalDistribution(["0.0", "-0.0", "'0'"]),
    "'1','a b',plain": CategoricalDistribution(["'1'", "'a b'", "plain"]),
    "choice('1', 'a,b', 'a b')": CategoricalDistribution(["'1'", "'a,b'", "a b"]),
    "choice('${a}, b', '${a}')": CategoricalDistribution(["'${a}, b'", "${a}"]),
    # Floats have no such step: Optuna would take another last value.
    "range(-3, 1e18, step=1e18)": CategoricalDistribution([-3.0, 1e18]),
    "[1,2],[3]": CategoricalDistribution(["[1,2]", "[3]"]),
    "choice({a: 1}, {a: 'true'})": CategoricalDistribution(["{a:1}", "{a:'true'}"]),
    # 1.3 casts the bounds of a range, and 1.4 each of its values.
    "float(range(1, 4))": CategoricalDistribution([1.0, 2.0, 3.0]) if IS_1_4 else FloatDistribution(1, 3, step=1),
    "shuffle(c, a, b)": CategoricalDistribution(["c", "a", "b"]),
    "shuffle(range(3))": CategoricalDistribution([0, 1, 2]),
    "sort(3, 1, 2)": CategoricalDistribution([1, 2, 3]),
}


@pytest.mark.parametrize("text", READ)
def test_a_sweep_text_becomes_this_distribution(text: str) -> None:
    """The grammar is that of hydra-optuna-sweeper; a shuffled sweep has one order, for it is part of the space."""
    assert made_space(k=text).distributions == {"k": READ[text]}


IMPOSSIBLE = {
    "range(3, 3)": "the range is empty; its stop is excluded",
    "range(0, 1, step=-0.5)": "the range is empty; its stop is excluded",
    "range(0, 10, step=0)": "step of a range must not be 0",
    "tag(log, range(0, 1, step=0.1))": "a range with a step cannot be logarithmic",
    "tag(log, range(1, 9, step=2))": "step is 1",
    "interval(3, 1)": "low <= high",
    "interval(0, inf)": "the bounds must be finite numbers, not 0 and inf; write ones that make sense",
    "interval(nan, 1)": "not nan and 1",
    "interval(-1e400, 0)": "not -inf and 0",
    "interval(-1e308, 1e308)": "wider than a float can be; write narrower bounds",
    "int(interval(0, inf))": "cannot convert float infinity",
    "range(0, inf)": "a range goes by finite numbers; write finite bounds and a finite step",
    "range(0.0, 1, step=nan)": "a range goes by finite numbers",
    "range(1e18)": "1e+18 steps of 1 are too fine for floats; write wider ones, or an interval",
    "tag(log, interval(0, 1))": "a logarithmic scale begins above 0, not at 0",
    "tag(log, range(0, 5))": "a logarithmic scale begins above 0, not at 0",
    "interval(a, b)": "incompatible",
    "choice()": "empty choice",
    "choice(null, 1)": "write the choices with commas instead, a,b,null",
    "choice(1": "choice(1",
}


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_an_impossible_sweep_is_a_fault_of_one_line(text: str) -> None:
    """The line says where it stands, what came and what is wrong with it."""
    space, faults = parse_space({"model.k": text}, [])
    (fault,) = faults
    assert fault.startswith(f"hydra.sweeper.params.model.k: 'model.k={text}': ")
    assert IMPOSSIBLE[text] in fault
    assert "\n" not in fault
    assert space == Space({})


def test_all_faults_are_found_at_once() -> None:
    """A bad entry hides no other, and those that can be read are read."""
    space, faults = parse_space({"a": "range(0)", "b": "1,2"}, ["c=interval(2, 1)", "d=[1"])
    assert [fault.split(":")[0] for fault in faults] == [
        "hydra.sweeper.params.a",
        "command line",
        "command line",
    ]
    assert list(space.distributions) == ["b"]


def test_the_command_line_pins_a_searched_parameter() -> None:
    """A plain value takes the key out of the search; the text is kept as it was written."""
    space = made_space("opt.lr=1e-4", **{"opt.lr": "interval(0, 1)", "x": "1,2"})
    assert list(space.distributions) == ["x"]
    assert space.fixed == ("opt.lr=1e-4",)
    assert space.pinned == {"opt.lr": "0.0001"}


def test_the_command_line_replaces_a_range() -> None:
    """The later text of a key counts, whatever its prefix."""
    space = made_space("++x=range(3)", x="interval(0, 1)")
    assert space.distributions == {"++x": IntDistribution(0, 2)}
    assert space.fixed == ()


def test_a_deletion_is_fixed_and_pins_nothing() -> None:
    """`~key` goes to every trial as it is; there is no value that a result could show."""
    space = made_space("~opt.momentum", **{"opt.momentum": "interval(0, 1)"})
    assert space == Space({}, ("~opt.momentum",), {})


def test_a_package_belongs_to_the_key() -> None:
    """The same group in two packages is two parameters."""
    space = made_space("+db@a=x,y", "+db@b=x,y")
    assert list(space.distributions) == ["+db@a", "+db@b"]


def test_a_glob_is_expanded_over_a_config_group(tmp_path: Path) -> None:
    """`glob(*)` gives the options of the group, by Hydra's loader."""
    write_configs(tmp_path, {"config": "x: 1", "model/big": "w: 2", "model/small": "w: 1"})
    context, _ = made_sweep(tmp_path)
    space, faults = parse_space({"+model": "glob(*)"}, [], context.config_loader)
    assert (faults, space.distributions) == ([], {"+model": CategoricalDistribution(["big", "small"])})


def test_steps_finer_than_floats_are_choices() -> None:
    """A float distribution would merge them; the support stays what Hydra iterates."""
    distribution = made_space(k="range(1, 1.0000000000000002, step=1e-17)").distributions["k"]
    assert isinstance(distribution, CategoricalDistribution)
    assert set(distribution.choices) == {1.0, 1.0000000000000002}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("'a b'", "k='a b'"),
        ("null", "k=null"),
        (True, "k=true"),
        (0.1, "k=0.1"),
        (1e-20, "k=1e-20"),
        (3, "k=3"),
    ],
)
def test_a_suggestion_becomes_an_override(value: Any, text: str) -> None:
    """Text is override text already; numbers are written so that they are read back equal."""
    assert override_text("k", value) == text


def _suggested(distribution: BaseDistribution) -> tuple[Any, BaseDistribution]:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    return suggest(trial, "k", distribution), trial.distributions["k"]


@pytest.mark.parametrize("distribution", [*READ.values(), FloatDistribution(1.0, 1.0), IntDistribution(2, 2)], ids=str)
def test_a_suggestion_is_from_the_distribution(distribution: BaseDistribution) -> None:
    """Optuna stores the very distribution, and the value lies in it."""
    value, stored = _suggested(distribution)
    assert stored == distribution
    assert distribution._contains(distribution.to_internal_repr(value))


def test_an_unknown_distribution_is_refused() -> None:
    """A kind that Optuna may add is told, not guessed at."""

    class Other(BaseDistribution):
        def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
            return 0.0

        def single(self) -> bool:
            return True

        def _contains(self, param_value_in_internal_repr: float) -> bool:
            return True

    with pytest.raises(SpaceError, match="is not a distribution that can be searched"):
        suggest(optuna.create_study().ask(), "k", Other())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("interval(0, 1)", "[0, 1] (float)"),
        ("tag(log, interval(1e-5, 0.1))", "[1e-05, 0.1] (float, log)"),
        ("range(2, 10, step=3)", "[2, 8] (int, step 3)"),
        ("range(3)", "[0, 2] (int)"),
        ("range(0, 1, step=0.5)", "[0, 0.5] (float, step 0.5)"),
        ("a,'b c',null,3", "choice(a, 'b c', null, 3)"),
    ],
)
def test_a_distribution_is_described_in_a_users_words(text: str, words: str) -> None:
    """The words show bounds as they are sampled, inclusive."""
    assert describe(made_space(k=text).distributions["k"]) == words


def _space(**params: str) -> Space:
    return made_space(**params)


SOFT = {
    "another bound": (
        _space(x="interval(0, 1)"),
        _space(x="interval(0, 2)"),
        "x: [0, 1] (float) -> [0, 2] (float)",
    ),
    "a new key": (_space(), _space(x="range(3)"), "x: not searched -> [0, 2] (int)"),
    "a key less": (_space(x="range(3)"), _space(), "x: [0, 2] (int) -> not searched"),
    "another fixed value": (_space(x="1"), _space(x="2"), "x=1 was given when the study began, now it is x=2"),
    "a value fixed": (_space(), _space(x="2"), "x=2 is given now, and was not when the study began"),
    "a value set free": (_space(x="2"), _space(), "x=2 was given when the study began, and is not given now"),
}
HARD = {
    "other choices": (_space(x="a,b"), _space(x="a,c"), "x: choice(a, b) -> choice(a, c)"),
    "another kind of number": (
        _space(x="range(3)"),
        _space(x="interval(0, 2)"),
        "x: [0, 2] (int) -> [0, 2] (float)",
    ),
    "another scale": (
        _space(x="interval(1, 2)"),
        _space(x="tag(log, interval(1, 2))"),
        "x: [1, 2] (float) -> [1, 2] (float, log)",
    ),
}


@pytest.mark.parametrize("case", SOFT)
def test_a_change_that_a_study_can_carry(case: str) -> None:
    """Bounds, keys and fixed values may change; the line shows both sides."""
    old, new, line = SOFT[case]
    assert differences(old, new) == ([line], [])


@pytest.mark.parametrize("case", HARD)
def test_a_change_that_no_study_can_carry(case: str) -> None:
    """Optuna compares values of a parameter only within one kind, one scale and one list of choices."""
    old, new, line = HARD[case]
    assert differences(old, new) == ([], [line])


def test_the_order_of_fixed_values_is_no_difference() -> None:
    """The same overrides in another order ask for the same study."""
    assert differences(Space({}, ("a=1", "b=2")), Space({}, ("b=2", "a=1"))) == ([], [])


def test_keys_may_have_names_of_their_own_and_share_them() -> None:
    """A name stands for the value of all its keys; the study holds it once."""
    params = {"a.b": "interval(0, 1)", "c": "interval(0, 2)", "d": "range(3)"}
    space, faults = parse_space(params, [], None, {"a.b": "lr", "c": "lr"})
    assert not faults
    assert list(space.parameters) == ["lr", "d"]
    assert space.values({"lr": 0.5, "d": 2}) == {"a.b": 0.5, "c": 0.5, "d": 2}
    assert point_of(space, {"a.b": 0.5}) == ({"lr": 0.5}, [])
    assert point_of(space, {"lr": 0.5}) == ({"lr": 0.5}, [])
    assert space_from_json(space_to_json(space)) == space


def test_names_that_fit_nothing_are_faults() -> None:
    """An unknown key, and two keys that cannot have one value; a key that the command line pins may keep its name."""
    params = {"a": "interval(0, 1)", "b": "x,y", "c": "interval(0, 1)"}
    _, faults = parse_space(params, ["c=1"], None, {"a": "n", "b": "n", "c": "m", "e": "q"})
    assert [fault.split(":")[0] for fault in faults] == ["hydra.sweeper.names.e", "hydra.sweeper.names.b"]


def test_another_name_is_another_parameter() -> None:
    """A study cannot carry it: the old trials have the value under the old name."""
    named = [parse_space({"x": "range(3)"}, [], None, names)[0] for names in ({}, {"x": "n"})]
    assert differences(*named) == ([], ["x: named x -> named n"])


def test_an_unchecked_point_may_lie_outside_and_name_more() -> None:
    """What only the objective suggests, and numbers out of range; never a choice that there is not."""
    space = _space(x="interval(0, 1)", y="a,b")
    point = {"x": 3.0, "own": 4}
    assert point_of(space, point, unchecked=True) == (point, [])
    assert len(point_of(space, point)[1]) == 2
    assert len(point_of(space, {"y": "c"}, unchecked=True)[1]) == 1


@pytest.mark.parametrize(
    ("distribution", "value", "plain"),
    [
        (IntDistribution(1, 9), np.int64(7), 7),
        (FloatDistribution(0.0, 1.0), np.float64(0.25), 0.25),
        (FloatDistribution(0.0, 1.0), np.float32(0.5), 0.5),
        (CategoricalDistribution([True, False]), np.bool_(False), False),
    ],
    ids=["int64", "float64", "float32", "bool"],
)
def test_values_of_numpys_types_are_plain(distribution: BaseDistribution, value: Any, plain: Any) -> None:
    """A sampler of a user's gives them; as override text they would be another value, or none."""
    trial = SimpleNamespace(params={"x": value}, distributions={"x": distribution})
    found = values_of(trial)["x"]  # type: ignore[arg-type]
    assert (found, type(found)) == (plain, type(plain))
