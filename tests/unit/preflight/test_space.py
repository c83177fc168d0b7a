# SPDX-License-Identifier: MIT
"""Faults between a search space and the config that it searches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.hydra_compat import store_node
from hyperopt_app.preflight import branches
from hyperopt_app.preflight import space as preflight_space
from hyperopt_app.preflight.space import check_space
from hyperopt_app.space.space import first_value, parse_space
from tests._releases import IS_1_4
from tests.unit._made_sweeps import made_space, made_sweep, write_configs

CONFIGS = {
    "config": """
        defaults: [{model: small}, {counts: typed}, _self_]
        x: 1
        optimizer: {learning_rate: 0.1, momentum: 0.9, missing: '???', same: '${x}'}
        layers: [{width: 4}, {width: 8}]
        alias: ${model}
        """,
    "model/small": "width: 1\n",
    "model/big": "depth: 3\n",
    "model/more/deep": "width: 2\n",
    "model/more/round": "width: ${x}\n",
    "data/mnist": "path: m\n",
}


@dataclass
class Numbers:
    """What takes whole numbers alone."""

    n: int = 1


def _register() -> None:
    store_node("counts", "typed", Numbers)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> tuple[HydraContext, DictConfig]:
    """The context and config of a sweep over CONFIGS."""
    _register()
    return made_sweep(write_configs(tmp_path_factory.mktemp("conf"), CONFIGS))


@pytest.fixture
def faults(sweep: tuple[HydraContext, DictConfig]) -> Callable[..., list[str]]:
    """`faults(*command_line, key=sweep)`: what is wrong with a space that can be read."""
    context, config = sweep
    loader = context.config_loader
    _register()  # each test begins with an empty store

    def check(*arguments: str, **params: str) -> list[str]:
        space, unread = parse_space(params, arguments, loader)
        assert not unread
        return check_space(
            space,
            lambda overrides: loader.load_sweep_config(config, list(overrides)),
            lambda group: loader.get_group_options(group) if "." not in group else [],
        )

    return check


Faults = Callable[..., list[str]]

RIGHT: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "nothing": ((), {}),
    "a value": ((), {"optimizer.learning_rate": "interval(0, 1)"}),
    "a missing value": ((), {"optimizer.missing": "1,2"}),
    "an interpolated value": ((), {"optimizer.same": "1,2"}),
    "an element of a list": ((), {"layers.0.width": "1,2", "layers[1].width" if IS_1_4 else "layers.1.width": "1,2"}),
    "a whole node": ((), {"optimizer": "{momentum: 1},{momentum: 2}"}),
    "a group": ((), {"model": "small,big"}),
    "a nested option": ((), {"model": "small,more/deep"}),
    "all options of a group": ((), {"model": "glob(*)"}),
    "several options": ((), {"+data": "[mnist],[]"}),
    "a key that one option has": (("model=small",), {"model.width": "1,2"}),
    "a group of a package": ((), {"+data@extra": "mnist,mnist"}),
    "a new key": ((), {"+optimizer.new": "1,2", "++optimizer.momentum": "1,2"}),
    "a key that is added on the command line": (("+fresh=1",), {"fresh": "1,2"}),
    "a deleted key beside it": (("~optimizer.momentum",), {"optimizer.learning_rate": "1,2"}),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_hydra_composes_is_no_fault(case: str, faults: Faults) -> None:
    """Whatever may stand in an override may be searched."""
    arguments, params = RIGHT[case]
    assert faults(*arguments, **params) == []


def test_unknown_keys_are_told_with_the_nearest_names(faults: Faults) -> None:
    """All of them at once; a key that ends in the same word is near, however long its path is."""
    told = faults(**{"optimizer.learning_rat": "1,2", "width": "1,2", "zzz": "1,2"})
    near = {
        "optimizer.learning_rat": (
            " (did you mean optimizer.learning_rate or optimizer.missing or optimizer.momentum?)"
        ),
        "width": " (did you mean model.width or layers.0.width or layers.1.width?)",
        "zzz": "",
    }
    assert told == [
        f"hydra.sweeper.params.{key}: the config has no key {key!r}{names}; "
        f"correct the name, or write +{key} to add a new key"
        for key, names in near.items()
    ]


def test_a_key_that_one_option_lacks_is_told_with_the_option(faults: Faults) -> None:
    """The config is composed with each option of a searched group: big has no width, small no depth."""
    told = faults(**{"model": "small,big", "model.width": "1,2", "model.depth": "1,2"})
    assert [line.split(";")[0] for line in told] == [
        (
            "hydra.sweeper.params.model.depth: the config has no key 'model.depth' (with model=small), but has it with "
            "model=big"
        ),
        (
            "hydra.sweeper.params.model.width: the config has no key 'model.width' (with model=big), but has it with "
            "model=small"
        ),
    ]
    assert "hydra.sweeper.when: {model=big: {model.depth: ...}}" in told[0]
    assert "hydra.sweeper.when: {model=small: {model.width: ...}}" in told[1]
    assert all("++model." in line for line in told)


def test_unknown_options_are_told_with_those_that_there_are(faults: Faults) -> None:
    """All of them at once, with the nearest; nothing is composed for them."""
    assert faults(model="small,bgi,null", **{"+data": "mnits,mnist"}) == [
        "hydra.sweeper.params.model: the config group has no option 'bgi' (did you mean big?); it has big, small",
        "hydra.sweeper.params.model: the config group has no option 'null'; it has big, small",
        "hydra.sweeper.params.+data: the config group has no option 'mnits' (did you mean mnist?); it has mnist",
    ]


def test_an_unknown_nested_option_is_told_by_composing(faults: Faults) -> None:
    """The list of a group's options does not name those of its subgroups."""
    (fault,) = faults(model="small,more/wide")
    assert fault.startswith("the config cannot be composed (with model=more/wide): ")
    assert "more/wide" in fault.partition("): ")[2]


def test_a_group_wants_choices(faults: Faults) -> None:
    """A number selects no file."""
    assert faults(model="range(3)") == ["hydra.sweeper.params.model: a config group needs choices, from big, small"]


def test_what_the_config_does_not_take_is_told(faults: Faults) -> None:
    """A key that is there cannot be added; Hydra's own words say what to write."""
    assert faults(**{"+x": "1,2"}) == [
        "hydra.sweeper.params.+x: the config has the key 'x'; write x to search it, +x only adds a missing key"
    ]


def test_what_cannot_be_composed_is_told(faults: Faults) -> None:
    """A fixed value from hydra.sweeper.params that the config lacks."""
    (fault,) = faults(nope="3", x="1,2")
    assert fault.startswith("the config cannot be composed: Could not override 'nope'.")


def test_a_number_selects_no_option(tmp_path: Path) -> None:
    """Hydra says so with an error of Python's own; a file of that name needs quotes."""
    context, config = made_sweep(write_configs(tmp_path, {"config": "x: 1", "size/1": "w: 1", "size/2": "w: 2"}))
    loader = context.config_loader
    told = [
        check_space(
            made_space(**{"+size": text}),
            lambda overrides: loader.load_sweep_config(config, list(overrides)),
            loader.get_group_options,
        )
        for text in ("'1','2'", "1,2")
    ]
    assert told[0] == []
    assert [fault.split(":")[0] for fault in told[1]] == [
        "the config cannot be composed (with +size=1)",
        "the config cannot be composed (with +size=2)",
    ]


def test_many_combinations_are_tried_up_to_a_number(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """Group choices multiply; what is not found here is found when it is tried."""
    monkeypatch.setattr(branches, "_MOST_OPTIONS", 1)
    monkeypatch.setattr(branches, "_MOST_COMBINATIONS", 1)
    assert faults(**{"model": "small,big", "model.width": "1,2"}) == []


def test_every_choice_is_composed(faults: Faults) -> None:
    """Not only the first; parameter and choice are named, with what the config says of it, all at once."""
    told = faults(**{"counts.n": "1,some,3", "x": "1,${absent},{a: '${model.none}'}", "+new": "1,${nowhere}"})
    assert told == [
        (
            "hydra.sweeper.params.counts.n: the config does not take some: Value 'some' of type 'str' "
            "could not be converted to Integer; correct it, or leave it out"
        ),
        (
            "hydra.sweeper.params.x: the config does not take ${absent}: Interpolation key 'absent' not "
            "found; correct it, or leave it out"
        ),
        (
            "hydra.sweeper.params.x: the config does not take {a:'${model.none}'}: Interpolation key "
            "'model.none' not found; correct it, or leave it out"
        ),
        (
            "hydra.sweeper.params.+new: the config does not take ${nowhere}: Interpolation key 'nowhere' "
            "not found; correct it, or leave it out"
        ),
    ]


def test_what_only_a_job_can_answer_is_not_asked(faults: Faults) -> None:
    """Hydra's own values, variables of the environment, and resolvers that the app registers as it runs."""
    assert (
        faults(x="1,${hydra:job.num},${oc.env:NOT_SET_HERE},${later:1},${oc.select:absent,3},${optimizer.momentum}")
        == []
    )


@pytest.mark.parametrize(
    ("params", "what", "way"),
    [
        ({"x": "1,${x}"}, "x: the config does not take ${x}", "x -> x"),
        ({"x": "1,'${x}0'"}, "x: the config does not take '${x}0'", "x -> x"),
        ({"x": "${x}"}, "x: the config does not take ${x}", "x -> x"),
        ({"+new": "1,'${new}'"}, "+new: the config does not take '${new}'", "new -> new"),
        (
            {"model.width": "1,${model}"},
            "model.width: the config does not take ${model}",
            "model.width -> model -> model.width",
        ),
        (
            {"model.width": "1,${alias}"},
            "model.width: the config does not take ${alias}",
            "model.width -> alias -> model -> model.width",
        ),
        (
            {"x": "1,${optimizer.same}"},
            "x: the config does not take ${optimizer.same}",
            "x -> optimizer.same -> x",
        ),
        (
            {"x": "1,'${layers[0].width}'", "layers.0.width": "2,'${x}0'"},
            "x: the config does not take '${layers[0].width}' (with layers.0.width='${x}0')",
            "x -> layers.0.width -> x",
        ),
        (
            {"optimizer": "{momentum: '${.same}', same: '${.momentum}'},{momentum: 1}"},
            "optimizer: the config does not take {momentum:'${.same}',same:'${.momentum}'}",
            "optimizer.momentum -> optimizer.same -> optimizer.momentum",
        ),
        (
            {"x": "1,${model.width}", "model": "small,more/round"},
            "x: the config does not take ${model.width} (with model=more/round)",
            "x -> model.width -> x",
        ),
    ],
)
def test_what_refers_to_itself_is_told(params: dict[str, str], what: str, way: str, faults: Faults) -> None:
    """Directly, by a node that holds it, in a circle of the config, of two parameters, or of one option alone."""
    assert faults(**params) == [
        f"hydra.sweeper.params.{what}: the interpolation refers to itself ({way}); correct it, or leave it out"
    ]


def test_a_circle_through_a_key_that_is_made_is_told(faults: Faults) -> None:
    """Only OmegaConf knows which key it is."""
    (fault,) = faults("+which=same", x="1,'${optimizer[${which}]}'")
    assert fault == (
        "hydra.sweeper.params.x: the config does not take '${optimizer[${which}]}': Recursive interpolation detected; "
        "correct it, or leave it out"
    )


@pytest.mark.parametrize(
    "params",
    [
        {"x": r"1,'\${x}'"},
        {"optimizer.momentum": "1,${optimizer.same}", "x": "1,2"},
        {"x": "1,${optimizer.same}", "optimizer.same": "3,4"},
        {"optimizer.momentum": "1,${.learning_rate}", "optimizer.learning_rate": "1,${..x}"},
    ],
)
def test_what_only_looks_like_a_circle_is_none(params: dict[str, str], faults: Faults) -> None:
    """An escaped one, a chain, and one that the choices of another parameter always break."""
    assert faults(**params) == []


def test_an_inner_value_of_a_range_is_tried(faults: Faults) -> None:
    """A typed key that takes whole numbers takes no float of an interval."""
    (fault, *others) = faults(**{"counts.n": "interval(0, 2)"})
    assert fault.startswith("hydra.sweeper.params.counts.n: the config does not take 0.0: Value '0.0' of type 'float'")
    assert fault.endswith(
        "for whole numbers write int(interval(low, high)) or range(start, stop), else what the key takes"
    )
    assert len(others) == 2
    assert faults(**{"counts.n": "int(interval(0, 2))"}) == []


def test_of_many_wrong_values_some_are_told(faults: Faults) -> None:
    """The rest is counted."""
    told = faults(**{"counts.n": ",".join(f"a{number}" for number in range(9))})
    assert len(told) == 6
    assert told[-1] == "hydra.sweeper.params.counts.n: so it is with 4 more of its values"


def test_values_are_tried_up_to_a_number(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """A choice may have any number of values, and the preflight shall not take longer than the study."""
    monkeypatch.setattr(preflight_space, "_MOST_VALUES", 2)
    assert faults(**{"counts.n": "1,2,some"}) == []


def test_every_option_of_every_group_is_composed(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the combinations are too many to be tried; a bad option is told once."""
    monkeypatch.setattr(branches, "_MOST_COMBINATIONS", 1)
    (fault,) = faults(**{"model": "small,more/none", "+data": "mnist,[]"})
    assert fault.startswith("the config cannot be composed (with model=more/none +data=mnist): ")


def test_a_key_below_a_reference_is_the_key_that_it_refers_to(faults: Faults) -> None:
    """To add it there would set the other node's."""
    assert faults(**{"alias.width": "1,2"}) == [
        (
            "hydra.sweeper.params.alias.width: the config has no key 'alias.width' of its own: alias is only ${model}; "
            "search model.width"
        )
    ]


def test_a_key_that_is_added_to_some_options_is_told_with_the_other(faults: Faults) -> None:
    """What can be done is said at once, and not one plus after the other."""
    (fault,) = faults(**{"model": "small,big", "+model.depth": "1,2"})
    assert fault.startswith(
        "hydra.sweeper.params.+model.depth: the config has no key 'model.depth' (with model=small), but has "
        "it with model=big"
    )
    assert faults(**{"model": "small,big", "++model.depth": "1,2"}) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [("a,b", "a"), ("range(2, 5)", 2), ("tag(log, interval(0.5, 1))", 0.5), ("range(1, 0, step=-0.25)", 0.25)],
)
def test_some_value_of_a_distribution(text: str, value: object) -> None:
    """For a config that only has to compose."""
    assert first_value(made_space(x=text).distributions["x"]) == value


class Color(Enum):
    """Keys of a dictionary."""

    RED = 1


@dataclass
class Counts:
    """A schema with such a dictionary."""

    by_color: dict[Color, int] = field(default_factory=lambda: {Color.RED: 1})


def test_a_key_that_is_an_enum_is_known_by_its_name() -> None:
    """As Hydra's overrides have it."""
    config = OmegaConf.structured(Counts)
    assert check_space(made_space(**{"by_color.RED": "5,6"}), lambda _overrides: config, lambda _group: []) == []


def test_what_refers_to_a_value_of_another_type_is_told(faults: Faults) -> None:
    """Unless it refers to what is searched itself, and may be right then."""
    (fault,) = faults(**{"counts.n": "2,'${x}+'"})
    assert fault.startswith("hydra.sweeper.params.counts.n: the config does not take")
    assert "'1+'" in fault
    assert faults(**{"counts.n": "2,'${x}0'", "x": "1,2"}) == []
    assert faults(**{"counts.n": "2,'${x}+'", "x": "1,2"}) == []
