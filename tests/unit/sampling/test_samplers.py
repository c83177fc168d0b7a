# SPDX-License-Identifier: MIT
"""Every sampler that a config may name, and its seeds."""

import functools
import importlib.util
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import create_trial

from hyperopt_app.config.store import replacing_old_sampler
from hyperopt_app.errors import HyperoptError
from hyperopt_app.sampling.samplers import is_grid, lists_points, sampler_factory, supports_directions
from hyperopt_app.sampling.seeds import new_study_seed
from tests.unit._made_sweeps import sweeper_node

UPSTREAM = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "cmaes": "CmaEsSampler",
    "nsgaii": "NSGAIISampler",
    "nsgaiii": "NSGAIIISampler",
    "gp": "GPSampler",
    "qmc": "QMCSampler",
    "grid": "RandomSampler",  # our tickets carry the points; the sampler fills in what they leave out
}
OURS = {
    "async_tpe": "TPESampler",
    "curves": "CurvesSampler",
    "brute_force": "BruteForceSampler",
    "partial_fixed": "PartialFixedSampler",
}
GROUPS = {**UPSTREAM, **OURS}
MORE = {"partial_fixed": ("+hydra.sweeper.sampler.fixed_params={x: 0.25}",)}

# One sequence, or a list of points, for all workers: it is the trials before that make the next one another.
SHARED = ("grid", "qmc")
# Its points follow from the number of the trial itself; tests/unit/sampling/curves has its tests.
BY_THE_TRIAL = ("curves",)
# What these are wanted for is not installed everywhere.
WANTED = {"cmaes": ("cmaes",), "gp": ("scipy", "torch"), "qmc": ("scipy",)}

SPACE = {"x": FloatDistribution(0, 1, step=0.125), "i": IntDistribution(1, 9)}


@functools.cache
def _node(group: str) -> Mapping[str, Any]:
    node: Mapping[str, Any] = sweeper_node(f"hydra/sweeper/sampler={group}", *MORE.get(group, ()))["sampler"]
    return replacing_old_sampler(group) or node


def _wants(group: str) -> None:
    lacking = [name for name in WANTED.get(group, ()) if importlib.util.find_spec(name) is None]
    if lacking:
        pytest.skip(f"the sampler {group} wants {', '.join(lacking)}, not installed here")


def _study(trials: int) -> optuna.Study:
    """A study with a history, the same every time."""
    study = optuna.create_study()
    for number in range(trials):
        params = {"x": (number * 3 % 8) / 8, "i": 1 + number * 5 % 9}
        value = (params["x"] - 0.3) ** 2 + params["i"]
        study.add_trial(create_trial(params=params, distributions=SPACE, value=value))
    return study


def _drawn(sampler: BaseSampler, study: optuna.Study) -> tuple[float, int]:
    study.sampler = sampler
    trial = study.ask()
    return trial.suggest_float("x", 0, 1, step=0.125), trial.suggest_int("i", 1, 9)


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_builds_through_the_composed_config(group: str) -> None:
    """Upstream's groups and ours, with the defaults of their schemas; no sampler warns."""
    _wants(group)
    sampler = sampler_factory(_node(group), 3)(0)
    assert type(getattr(sampler, "wrapped", sampler)).__name__ == GROUPS[group]


@pytest.mark.parametrize("history", [0, 12], ids=["first", "later"])
@pytest.mark.parametrize("group", GROUPS)
def test_the_same_seed_and_number_draw_the_same(group: str, history: int) -> None:
    """Also from a factory of another process, at the start and when the sampler has something to learn from."""
    _wants(group)
    drawn = {_drawn(sampler_factory(_node(group), 3)(history), _study(history)) for _ in range(2)}
    assert len(drawn) == 1


@pytest.mark.parametrize("group", [group for group in GROUPS if group not in (*SHARED, *BY_THE_TRIAL)])
def test_another_number_draws_another_point(group: str) -> None:
    """Of four numbers in the same place some differ: each trial has a seed of its own."""
    _wants(group)
    factory = sampler_factory(_node(group), 3)
    assert len({_drawn(factory(number), _study(0)) for number in range(4)}) > 1


@pytest.mark.parametrize("group", [group for group in GROUPS if group not in SHARED])
def test_another_study_seed_draws_another_point(group: str) -> None:
    """Whatever the seed of the sampler's own node says."""
    _wants(group)
    node = {**_node(group), "seed": 1} if "seed" in _node(group) else _node(group)
    assert len({_drawn(sampler_factory(node, seed)(0), _study(0)) for seed in range(4)}) > 1


def test_a_sequence_is_shared_by_all_workers() -> None:
    """QMC's points fill the space only if every trial takes the next one of the same sequence."""
    _wants("qmc")
    factory, study = sampler_factory(_node("qmc"), 3), optuna.create_study()
    points = set()
    for number in range(9):
        study.sampler = factory(number)
        trial = study.ask()
        points.add(trial.suggest_float("x", 0, 1))
        study.tell(trial, 0.0)
    assert len(points) == 9
    assert {0.5, 0.25, 0.75, 0.125} < points  # Sobol's, from the second trial on


def test_the_sampler_of_the_other_parameters_is_seeded_too() -> None:
    """partial_fixed holds x and leaves i to a sampler of its own."""
    factory = sampler_factory(_node("partial_fixed"), 3)
    drawn = [_drawn(factory(number), _study(0)) for number in range(6)]
    assert {x for x, _ in drawn} == {0.25}
    assert len({i for _, i in drawn}) > 1
    assert drawn == [_drawn(factory(number), _study(0)) for number in range(6)]


def test_the_removed_sampler_says_what_to_use() -> None:
    """hydra-optuna-sweeper keeps the group motpe to say so, and so do we where it is not installed."""
    with pytest.raises(HyperoptError, match=r"^hydra\.sweeper\.sampler: [Tt]he (sampler )?'motpe'") as error:
        sampler_factory(_node("motpe"), 3)
    assert "hydra/sweeper/sampler=tpe" in str(error.value)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown class": ({"_target_": "optuna.samplers.Annealing"}, "Annealing"),
    "an unknown module": ({"_target_": "optuna.samplers.more.TPESampler"}, "more"),
    "another library's": ({"_target_": "os.getcwd"}, "os.getcwd"),
    "no sampler": ({"_target_": "optuna.pruners.NopPruner"}, "NopPruner"),
    "an unknown argument": ({"_target_": "optuna.samplers.TPESampler", "warmup": 3}, "warmup"),
    "a wrong argument": ({"_target_": "optuna.samplers.QMCSampler", "qmc_type": "nope"}, "nope"),
    "no target": ({"seed": 3}, "_target_"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_sampler_is_told_with_what_is_allowed(case: str) -> None:
    """Where, what came, and the names that there are; in one line."""
    node, came = WRONG[case]
    with pytest.raises(HyperoptError) as error:
        sampler_factory(node, 3)
    text = str(error.value)
    assert text.startswith("hydra.sweeper.sampler")
    assert came in text
    assert "choose a group with hydra/sweeper/sampler=..., or one of " in text
    assert "TPESampler" in text.rpartition("one of ")[2]
    assert "BaseSampler" not in text.rpartition("one of ")[2]
    assert "\n" not in text


@pytest.mark.parametrize("group", GROUPS)
def test_a_grid_is_known_by_its_target(group: str) -> None:
    """Its points become tickets."""
    assert is_grid(_node(group)) is (group == "grid")


@pytest.mark.parametrize(
    ("group", "function", "listed"),
    [("grid", None, True), ("grid", "a.b", True), ("brute_force", None, True), ("brute_force", "a.b", False)],
)
def test_whose_points_are_known_beforehand(group: str, function: str | None, listed: bool) -> None:
    """Those of a grid are, those of brute force unless a function of the user's suggests more."""
    assert lists_points(_node(group), function) is listed


@pytest.mark.parametrize("group", GROUPS)
def test_which_samplers_take_several_objectives(group: str) -> None:
    """What is refused here does fail in Optuna, what is let through does not."""
    _wants(group)
    assert supports_directions(_node(group), 1)
    study = optuna.create_study(directions=["minimize", "maximize"])
    for number in range(12):
        params = {"x": (number * 3 % 8) / 8, "i": 1 + number % 9}
        study.add_trial(create_trial(params=params, distributions=SPACE, values=[float(number), number % 3 / 2]))
    try:
        _drawn(sampler_factory(_node(group), 3)(12), study)
    except (ValueError, RuntimeError):
        takes = False
    else:
        takes = True
    assert supports_directions(_node(group), 2) is takes


def test_a_new_study_seed_fits_every_library() -> None:
    """31 bits, and not the same twice."""
    seeds = {new_study_seed() for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_each_trial_has_a_sampler_of_optunas_for_itself() -> None:
    """What one trial's sampler has drawn is nothing to the next one's: each begins with its own seed."""
    factory = sampler_factory(_node("tpe"), 3)
    assert factory(1) is not factory(1)


def test_a_package_that_a_sampler_lacks_is_named_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna would ask for it only when the second trial is sampled."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(HyperoptError, match="CmaEsSampler needs cmaes, not installed here; pip install cmaes"):
        sampler_factory({"_target_": "optuna.samplers.CmaEsSampler"}, 1)
