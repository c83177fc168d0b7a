# SPDX-License-Identifier: MIT
"""What becomes of the fields of a group when a class is named over it."""

import functools
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from hyperopt_app.config.store import register_beside_stock, replacing_old_sampler, stored_nodes
from hyperopt_app.errors import HyperoptError
from hyperopt_app.sampling.fitting import Below, fit
from hyperopt_app.sampling.recipes import recipe_of
from hyperopt_app.sampling.samplers import build_pruner, sampler_factory
from hyperopt_app.sampling.targets import signature_of
from tests.unit.sampling import _made_methods as made

Node = dict[str, Any]
SEEDED, OPEN = f"{made.HERE}.Seeded", f"{made.HERE}.Open"


@functools.cache
def _nodes(kind: str) -> Mapping[str, Node]:
    register_beside_stock()
    nodes = stored_nodes(f"hydra/sweeper/{kind}")
    return {name: (kind == "sampler" and replacing_old_sampler(name)) or node for name, node in nodes.items()}


def _sampler(group: str | None, written: Node, *, told: bool = True) -> tuple[Node, list[str]]:
    """What is composed when this is written over a group; what is written can be told from it unless not `told`."""
    nodes = _nodes("sampler")
    under = nodes.get(str(group), {})
    below = Below(under, tuple(nodes.values()), (lambda key: key in written) if told else (lambda _key: True))
    return fit({**under, **written}, below, nodes["async_tpe"], BaseSampler, "hydra.sweeper.sampler")


def _right(group: str | None, written: Node) -> Node:
    node, faults = _sampler(group, written)
    assert faults == []
    return node


GROUPS = ["async_tpe", "tpe", "random", "cmaes", "nsgaii", "nsgaiii", "gp", "qmc", "grid", "brute_force", "motpe"]
# What these are wanted for is not installed everywhere.
WANTED = {"CmaEsSampler": ("cmaes",), "GPSampler": ("scipy", "torch"), "QMCSampler": ("scipy",)}


def _wants(name: str) -> None:
    lacking = [package for package in WANTED.get(name, ()) if importlib.util.find_spec(package) is None]
    if lacking:
        pytest.skip(f"{name} wants {', '.join(lacking)}, not installed here")


OPTUNAS = [
    "TPESampler",
    "RandomSampler",
    "CmaEsSampler",
    "NSGAIISampler",
    "GPSampler",
    "QMCSampler",
    "BruteForceSampler",
]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", OPTUNAS)
def test_any_class_stands_over_any_group(group: str, name: str) -> None:
    """What remains is what the class takes, so that it can be called; Hydra's own words of the group go too."""
    target = f"optuna.samplers.{name}"
    node = _right(group, {"_target_": target, "seed": 4})
    _wants(name)
    recipe = recipe_of(node, BaseSampler, "hydra.sweeper.sampler")
    assert node.keys() - {"_target_"} <= signature_of(recipe.make).parameters.keys()
    assert (node["_target_"], node["seed"], recipe.is_partial) == (target, 4, False)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_with_nothing_written_stays_as_it_is(group: str) -> None:
    """A class that is the group's own keeps all of its fields."""
    assert _right(group, {}) == _nodes("sampler")[group]


def test_the_same_class_by_another_name_keeps_the_groups_fields() -> None:
    """`nsgaii` names a function of upstream's, which makes NSGAIISampler."""
    node = _right("nsgaii", {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 7})
    assert node == {**_nodes("sampler")["nsgaii"], "_target_": "optuna.samplers.NSGAIISampler", "population_size": 7}


def test_the_defaults_are_the_classes_own() -> None:
    """CMA-ES begins after one trial, not after TPE's ten; but who writes ten means ten."""
    target = {"_target_": "optuna.samplers.CmaEsSampler"}
    assert _right("async_tpe", target) == {**target, "seed": None}
    assert _right("async_tpe", {**target, "n_startup_trials": 10})["n_startup_trials"] == 10
    assert _sampler("async_tpe", target, told=False)[0]["n_startup_trials"] == 10


def test_fields_of_a_foreign_class_may_have_other_types() -> None:
    """TPE's `group` is a boolean."""
    written = {"_target_": SEEDED, "group": "some", "width": [1, 2]}
    assert _right("async_tpe", written) == {**written, "seed": None}


def test_a_class_that_takes_anything_gets_what_was_written() -> None:
    """And nothing of the group's."""
    written = {"_target_": OPEN, "n_ei_candidates": 5, "seed": 3}
    assert _right("async_tpe", written) == written


@pytest.mark.parametrize(
    ("group", "written", "fault"),
    [
        (
            "async_tpe",
            {"sed": 1},
            "sampler.sed: optuna.samplers.TPESampler has no such field (did you mean seed?); it ",
        ),
        (
            "random",
            {"_target_": SEEDED, "widht": 1},
            f"sampler.widht: {SEEDED} has no such field (did you mean width?); it ",
        ),
        (
            "async_tpe",
            {"n_startup_trials": "many"},
            "sampler.n_startup_trials: 'many' is not allowed; write a value of",
        ),
        (
            "async_tpe",
            {"multivariate": 3.5},
            "sampler.multivariate: 3.5 is not allowed; write a value of the type bool",
        ),
        (
            "async_tpe",
            {"n_startup_trials": None},
            "sampler.n_startup_trials: None is not allowed; write a value of the",
        ),
        ("async_tpe", {"_target_": "os.system"}, "sampler: os.system is a function, no class, and was not called; "),
        (
            "partial_fixed",
            {"fixed_params": {"x": 1}, "base_sampler": {"_target_": SEEDED, "widht": 1}},
            f"sampler.base_sampler.widht: {SEEDED} has no such field (did you mean width?); it takes width, group, ",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_field_is_a_fault(group: str, written: Node, fault: str) -> None:
    """In one line: the place, what came, and what would be right."""
    (line,) = _sampler(group, written)[1]
    assert line.startswith(f"hydra.sweeper.{fault}")


@pytest.mark.parametrize("given", [None, {}, {"_target_": None}, {"_target_": "???"}], ids=str)
def test_nothing_is_the_default(given: Node | None) -> None:
    """`sampler: null`, and a group that was overridden with null."""
    for kind, name, base in (("sampler", "async_tpe", BaseSampler), ("pruner", "nop", BasePruner)):
        default = _nodes(kind)[name]
        assert fit(given, Below(_nodes(kind)["nop" if kind == "pruner" else "cmaes"]), default, base, kind) == (
            default,
            [],
        )


def test_a_field_without_a_class_is_the_defaults() -> None:
    """`override hydra/sweeper/sampler: null` with `sampler: {seed: 3}`."""
    node = fit({"seed": 3}, Below(), _nodes("sampler")["async_tpe"], BaseSampler, "sampler")[0]
    assert node == {**_nodes("sampler")["async_tpe"], "seed": 3}


def test_a_file_of_the_users_own_leaves_fields_of_the_group_below_it() -> None:
    """`hydra/sweeper/sampler/mine.yaml` over `tpe`: what no longer can be told apart goes if it is just a default."""
    tpe = _nodes("sampler")["tpe"]
    assert _right(None, {**tpe, "_target_": "optuna.samplers.RandomSampler", "seed": 2}) == {
        "_target_": "optuna.samplers.RandomSampler",
        "seed": 2,
    }
    assert _sampler(None, {**tpe, "_target_": "optuna.samplers.RandomSampler", "n_ei_candidates": 3})[1]


def test_texts_are_read_as_hydras_schemas_read_them() -> None:
    """What an interpolation gives is often a text."""
    node = _right("async_tpe", {"seed": "7", "group": "true", "prior_weight": 2})
    assert (node["seed"], node["group"], node["prior_weight"], type(node["prior_weight"])) == (7, True, 2.0, float)


SMALL = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@given(st.dictionaries(st.sampled_from(["width", "group", "n_startup_trials", "seed"]), SMALL))
def test_what_a_foreign_class_takes_arrives_untouched(written: Node) -> None:
    """Over whatever group, whatever its type; of what was not written the class has its own default."""
    for group in GROUPS:
        node = _right(group, {"_target_": SEEDED, **written})
        assert {key: node[key] for key in written} == written
        assert node.keys() <= {"_target_", "seed", *written}


@given(st.text("abcdefghij_", min_size=1, max_size=8), SMALL)
def test_no_key_that_nobody_knows_is_passed_over(key: str, value: object) -> None:
    """It is a fault, whatever its name and value."""
    known = {*_nodes("sampler")["tpe"], *signature_of(made.Seeded).parameters}
    if key not in known:
        assert len(_sampler("tpe", {"_target_": SEEDED, key: value})[1]) == 1


def test_a_fitted_pruner_is_built_with_what_it_wraps() -> None:
    """A user's pruner within Optuna's, over the group of yet another."""
    nodes = _nodes("pruner")
    written = {"_target_": "optuna.pruners.PatientPruner", "patience": 2}
    written |= {"wrapped_pruner": {"_target_": f"{made.HERE}.Limit", "limit": 3.5}}
    below = Below(nodes["median"], tuple(nodes.values()), lambda key: key in written)
    node, faults = fit({**nodes["median"], **written}, below, nodes["nop"], BasePruner, "hydra.sweeper.pruner")
    assert (node, faults) == (written, [])
    wrapped = build_pruner(node, 5)._wrapped_pruner  # type: ignore[attr-defined]
    assert (wrapped.limit, wrapped.seed) == (3.5, 5)


def _factory(node: Node) -> Callable[[int], Any]:
    return sampler_factory(node, 3)


def test_a_foreign_sampler_lives_as_long_as_its_worker() -> None:
    """One factory is one worker; its seed is its first trial's, so two workers never have the same."""
    one, two, again = (_factory({"_target_": SEEDED, "width": 2}) for _ in range(3))
    first = one(0)
    assert one(1) is first
    assert first.came["width"] == 2
    seeds = [first.came["seed"], two(1).came["seed"], again(0).came["seed"]]
    assert seeds[0] == seeds[2] != seeds[1]


def test_a_foreign_sampler_without_a_seed_gets_none() -> None:
    """By its real signature; nor does one that takes anything, unless one is written."""
    assert isinstance(_factory({"_target_": f"{made.HERE}.Seedless"})(0), made.Seedless)
    assert _factory({"_target_": OPEN})(0).came == {}
    assert _factory({"_target_": OPEN, "seed": 1})(0).came["seed"] != 1


def test_one_within_optunas_lives_on_too() -> None:
    """PartialFixedSampler around a user's sampler is made once."""
    node = {"_target_": "optuna.samplers.PartialFixedSampler", "fixed_params": {}, "base_sampler": {"_target_": SEEDED}}
    factory = sampler_factory(node, 3)
    assert factory(0) is factory(1)


def test_a_sampler_that_raises_is_told_in_one_line() -> None:
    """Its constructor is anybody's code."""
    with pytest.raises(HyperoptError, match=r"^hydra\.sweeper\.sampler: KeyError: 'no licence'; name a class"):
        sampler_factory({"_target_": f"{made.HERE}.Raises"}, 3)(0)


@pytest.mark.parametrize("node", ["random", 3, ["random"]])
def test_a_method_that_is_no_node_is_a_fault(node: Any) -> None:
    """Typed as a value instead of as a group; the default must not run in its place without a word."""
    nodes = _nodes("sampler")
    _, (fault,) = fit(node, Below({}), nodes["async_tpe"], BaseSampler, "hydra.sweeper.sampler")
    assert fault.startswith(
        f"hydra.sweeper.sampler: {node!r} is not a node; choose a group with hydra/sweeper/sampler="
    )
