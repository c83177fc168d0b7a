# SPDX-License-Identifier: MIT
"""Samplers, pruners and first points of the original; quirk by quirk."""

from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.legacy.reading.pair import Method
from tests.unit.legacy._pairs import ORIGINAL, faults, notes, parameter, read, section


def _with(**parameters: dict[str, Any]) -> dict[str, Any]:
    return section({"parameters": {key.replace("__", ":"): value for key, value in parameters.items()}})


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("MOTPESampler", "TPESampler"),
        ("MOTPEMultiObjectiveSampler", "TPESampler"),
        ("NSGAIIMultiObjectiveSampler", "NSGAIISampler"),
        ("RandomMultiObjectiveSampler", "RandomSampler"),
    ],
)
def test_q14_samplers_that_are_gone_have_successors(tmp_path: Path, written: str, name: str) -> None:
    """MOTPESampler is the only one for several metrics in the wild; its arguments stay."""
    arguments = {"n_startup_trials": 7, "n_ehvi_candidates": 9, "seed": 3} if name == "TPESampler" else {"seed": 3}
    pair = read(tmp_path, section({"sampler": {"type": written, **arguments}}))
    arguments["n_ei_candidates"] = arguments.pop("n_ehvi_candidates", 9)
    expected = arguments if name == "TPESampler" else {"seed": 3}
    assert pair.sampler == Method(name, expected, written)
    assert f"{name} stands in for it" in notes(pair)


@pytest.mark.parametrize("name", ["QMCSampler", "GPSampler", "BruteForceSampler", "NSGAIIISampler"])
def test_q15_samplers_that_were_replaced_in_silence_are_used(tmp_path: Path, name: str) -> None:
    """And it is told that they were not."""
    parameters = {"model:layers": parameter("int", low=1, high=4)}
    pair = read(tmp_path, section({"sampler": {"type": name}, "parameters": parameters}))
    assert pair.sampler == Method(name, {}, name)
    assert "said nothing" in notes(pair)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("sampler", {"type": "BaseSampler"}, "cannot be used"),
        ("sampler", {"type": "IntersectionSearchSpace"}, "cannot be used"),
        ("sampler", {"type": "TPE"}, "did you mean TPESampler?"),
        ("sampler", "TPESampler", "write it as sampler: {type: NAME}"),
        ("sampler", {"n_startup_trials": 3}, "sampler.type: it is missing"),
        ("sampler", {"type": "TPESampler", "n_startup_trails": 3}, "did you mean n_startup_trials?"),
        ("sampler", {"type": "TPESampler", "gamma": "f"}, "no YAML file can hold"),
        ("sampler", {"type": "TPESampler", "n_startup_trials": "some"}, "write a whole number"),
        ("sampler", {"type": "TPESampler", "n_startup_trials": 1.5}, "1.5 is not allowed; write a whole number"),
        ("sampler", {"type": "TPESampler", "n_startup_trials": None}, "None is not allowed; write a whole number"),
        ("sampler", {"type": "optuna.samplers.TPESampler"}, "did you mean TPESampler?"),
        ("sampler", {"type": "PartialFixedSampler", "fixed_params": "lr"}, "write a mapping of names to values"),
        ("sampler", {"type": "PartialFixedSampler", "fixed_params": {"model:layers": 2}}, "is called layers here"),
        ("sampler", {"type": "CmaEsSampler", "x0": {"depth": 2}}, "sampler.x0.depth: no parameter has this name"),
        ("sampler", {"type": "BruteForceSampler"}, "optimizer:learning_rate has no end of them"),
        ("pruner", {"type": "MedianPruner", "n_startup_trials": None}, "None is not allowed; write a whole number"),
        ("sampler", {"type": "NSGAIISampler", "population_size": 1}, "refuses this"),
        ("pruner", {"type": "BasePruner"}, "cannot be used"),
        ("pruner", {"type": "PatientPruner", "patience": 3}, "write wrapped_pruner: {type: MedianPruner}"),
        ("pruner", {"type": "PercentilePruner"}, "write percentile"),
        ("pruner", {"type": "MedianPruner", "warmup": 3}, "has no such argument"),
        ("pruner", {"type": "ThresholdPruner"}, "refuses this"),
    ],
)
def test_q15_methods_that_cannot_work_are_refused(tmp_path: Path, key: str, value: Any, told: str) -> None:
    """Each argument is held against Optuna's own signature, and the class is built once."""
    (line,) = faults(tmp_path, section({key: value}))
    assert told in line


def test_arguments_in_disguise_are_read(tmp_path: Path) -> None:
    """Numbers written as text, also where a word is allowed; whole numbers and truths in each other's place."""
    pruner = {"type": "HyperbandPruner", "max_resource": "9", "min_resource": 1.0}
    sampler = {"type": "TPESampler", "n_startup_trials": True, "multivariate": 1, "prior_weight": "1e0", "seed": None}
    pair = read(tmp_path, section({"pruner": pruner, "sampler": sampler}))
    assert pair.pruner is not None
    assert pair.sampler is not None
    assert pair.pruner.arguments == {"max_resource": 9, "min_resource": 1}
    expected = {"n_startup_trials": 1, "multivariate": True, "prior_weight": 1.0, "seed": None}
    assert pair.sampler.arguments == expected
    assert type(pair.sampler.arguments["n_startup_trials"]) is int
    assert type(pair.sampler.arguments["multivariate"]) is bool
    assert "max_resource is the text '9'" in notes(pair)


def test_a_pruner_within_a_pruner_is_read(tmp_path: Path) -> None:
    """What the original could not build from YAML."""
    wanted = {"type": "PatientPruner", "patience": 3, "wrapped_pruner": {"type": "MedianPruner", "n_min_trials": 2}}
    pair = read(tmp_path, section({"pruner": wanted}))
    assert pair.pruner is not None
    assert pair.pruner.arguments["wrapped_pruner"] == Method("MedianPruner", {"n_min_trials": 2}, "MedianPruner")


def test_q30_the_pruner_in_force_is_that_of_the_dialect(tmp_path: Path) -> None:
    """Without a word in the file: the median rule until A2, none since."""
    assert read(tmp_path).pruner is None
    pair = read(tmp_path, ORIGINAL, save_path=...)
    assert pair.pruner == Method("MedianPruner")
    assert "MedianPruner in force" in notes(pair)


def test_q30_several_metrics_are_not_pruned(tmp_path: Path) -> None:
    """Optuna does not; a pruner that is named is told to do nothing."""
    optuna = section({"metric": ["a", "b"], "direction": ["minimize"] * 2, "pruner": {"type": "MedianPruner"}})
    pair = read(tmp_path, optuna)
    assert pair.pruner is None
    assert "MedianPruner does nothing" in notes(pair)


def test_q31_the_file_names_the_sampler_of_every_worker(tmp_path: Path) -> None:
    """The original's workers took TPE whatever it said."""
    optuna = section({"sampler": {"type": "RandomSampler"}}, ORIGINAL)
    assert read(tmp_path, optuna, save_path=...).sampler == Method("RandomSampler", {}, "RandomSampler")


def test_q32_equal_seeds_no_longer_mean_equal_draws(tmp_path: Path) -> None:
    """It is told."""
    pair = read(tmp_path, section({"sampler": {"type": "TPESampler", "seed": 10}}))
    assert "seed 10: each trial draws its own numbers from it" in notes(pair)


def test_one_metric_samplers_are_refused_for_several(tmp_path: Path) -> None:
    """At load time."""
    optuna = section({"metric": ["a", "b"], "direction": ["minimize"] * 2, "sampler": {"type": "CmaEsSampler"}})
    assert "optimises one metric" in faults(tmp_path, optuna)[0]


def test_q39_enqueue_goes_by_settings_name(tmp_path: Path) -> None:
    """In the order of the file; numbers in disguise are numbers."""
    pair = read(tmp_path, section({"enqueue": [{"lr": "1e-3", "layers": 2}, {"layers": 3}]}))
    assert pair.enqueue == ({"lr": 1e-3, "layers": 2}, {"layers": 3})


@pytest.mark.parametrize(
    ("point", "told"),
    [
        ({"learning_rate": 0.1}, "optimizer:learning_rate is called lr here"),
        ({"optimizer:learning_rate": 0.1}, "optimizer:learning_rate is called lr here"),
        ({"layer": 1}, "did you mean layers?"),
        ({"layers": "three"}, "'three' is not a number"),
        (3, "3 is not a point"),
    ],
    ids=["last-part", "key", "near", "text", "number"],
)
def test_q39_an_enqueue_key_that_matches_nothing_is_refused(tmp_path: Path, point: Any, told: str) -> None:
    """The README's own example has such keys, and they were ignored; the right name is offered."""
    (line,) = faults(tmp_path, section({"enqueue": [point]}))
    assert told in line
    assert line.startswith("optuna.enqueue[0]")


def test_q39_a_choice_that_is_none_is_refused(tmp_path: Path) -> None:
    """Optuna would raise in the trial."""
    optuna = {**_with(model__activation=parameter("categorical", choices=["relu", "1"])), "enqueue": [{"p": 1}]}
    assert "none of its choices" in faults(tmp_path, optuna)[0]


def test_q39_a_value_out_of_range_is_tried_with_a_warning(tmp_path: Path) -> None:
    """As Optuna does."""
    pair = read(tmp_path, section({"enqueue": [{"layers": 99}]}))
    assert pair.enqueue == ({"layers": 99},)
    assert "99 is outside of 1 to 8" in notes(pair)


GRID = {"type": "GridSampler", "search_space": {"lr": [0.001, 0.01], "layers": [1, 2, 3]}}


def test_a_grid_is_its_points(tmp_path: Path) -> None:
    """Each once, and no trial more, however large n_trials is."""
    pair = read(tmp_path, section({"sampler": GRID}))
    assert pair.n_trials == 6
    assert pair.enqueue[:2] == ({"lr": 0.001, "layers": 1}, {"lr": 0.001, "layers": 2})
    assert len({tuple(point.items()) for point in pair.enqueue}) == 6


def test_a_grid_larger_than_n_trials_is_drawn_from(tmp_path: Path) -> None:
    """Without a repetition, and the same ones each time."""
    first, again = (read(tmp_path, section({"sampler": GRID, "n_trials": 4})) for _ in range(2))
    assert first.enqueue == again.enqueue
    assert (first.n_trials, len(first.enqueue)) == (4, 4)


def test_a_huge_grid_is_not_written_out(tmp_path: Path) -> None:
    """Only what is tried is."""
    space = {"lr": [0.001] * 10_000, "layers": [1] * 10_000}
    assert len(read(tmp_path, section({"sampler": {**GRID, "search_space": space}})).enqueue) == 50


def test_a_grid_of_everything_is_the_grid(tmp_path: Path) -> None:
    """As a user of this project would write it: hydra/sweeper/sampler=grid."""
    optuna = _with(
        model__layers=parameter("int", low=1, high=3),
        model__activation=parameter("categorical", name="a", choices=["x", "y"]),
    )
    optuna["sampler"] = {"type": "GridSampler", "search_space": {"a": ["y", "x"], "p": [1, 2, 3]}}
    pair = read(tmp_path, optuna)
    assert pair.sampler == Method("GridSampler", {}, "GridSampler")
    assert (pair.enqueue, pair.n_trials) == ((), 6)


@pytest.mark.parametrize(
    ("space", "told"),
    [
        (None, "GridSampler wants it"),
        ({"lr": [0.01]}, "layers is missing"),
        ({"lr": [0.01], "layers": 3}, "write a list of values"),
        ({"lr": [0.01], "layers": [1], "x": [1]}, "no parameter has this name"),
    ],
)
def test_a_grid_that_is_incomplete_is_refused(tmp_path: Path, space: Any, told: str) -> None:
    """Where Optuna would fail in the trials."""
    sampler = {"type": "GridSampler", **({} if space is None else {"search_space": space})}
    assert any(told in line for line in faults(tmp_path, section({"sampler": sampler})))
