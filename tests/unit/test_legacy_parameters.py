# SPDX-License-Identifier: MIT
"""Parameters of the original: kinds, settings, places, names, samplers, first points; quirk by quirk."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution

from hyperopt_app.grammar import element_of
from hyperopt_app.legacy.pair import Method, Pair
from hyperopt_app.legacy.ranges import sweep_text
from hyperopt_app.space import parse_space
from tests.unit._legacy_pairs import MODEL, OPTUNA, ORIGINAL, faults, notes, parameter, read, section


def _with(**parameters: dict[str, Any]) -> dict[str, Any]:
    return section({"parameters": {key.replace("__", ":"): value for key, value in parameters.items()}})


def _names(pair: Pair, place: str) -> list[str]:
    return [one.key for one in pair.parameters if one.place == place]


CASES = [
    ("int", {"low": 1, "high": 8}),
    ("int", {"low": 1, "high": 10, "step": 3}),
    ("int", {"low": 4, "high": 5, "step": 3}),
    ("int", {"low": 1, "high": 1000, "log": True}),
    ("int", {"low": 7, "high": 7}),
    ("int", {"low": -5, "high": -2, "step": 1}),
    ("int", {"low": 1.0, "high": 8.0}),
    ("int", {"low": 0, "high": 2**60 + 1}),
    ("float", {"low": 0, "high": 1}),
    ("float", {"low": 0.5, "high": 0.5}),
    ("float", {"low": -1e300, "high": 1e-300}),
    ("float", {"low": 1e-6, "high": 3, "log": True}),
    ("float", {"low": 0, "high": 1, "step": 0.3}),
    ("float", {"low": 0.1, "high": 0.35, "step": 0.1}),
    ("float", {"low": 10, "high": 12, "step": 5}),
    ("float", {"low": 0.0, "high": 1.0, "step": None}),
    ("loguniform", {"low": 0.0000001, "high": 0.01}),
    ("loguniform", {"low": 1, "high": 4200}),
    ("uniform", {"low": 3, "high": 4}),
    ("discrete_uniform", {"low": 1, "high": 10, "q": 2}),
    ("discrete_uniform", {"low": 0.5, "high": 2.2, "q": 0.25}),
    ("categorical", {"choices": ["relu", "unet++", "a/b", "None", "255", "1e-3", "", "true", "a, b", "it's", "x y"]}),
    ("categorical", {"choices": [1, 2.5, True, None, "null", -3, 1e-12]}),
    ("categorical", {"choices": [None, "adam"]}),
    ("categorical", {"choices": ["unet"]}),
    ("categorical", {"choices": [["mae"], ["mse", "1"], [[1], [None]]]}),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "settings"), CASES, ids=[f"{kind}-{number}" for number, (kind, _) in enumerate(CASES)]
)
def test_a_range_is_that_of_the_originals_suggest(tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    """Through Hydra's grammar to the very distribution that Optuna's own call makes; a choice keeps its value."""
    pair = read(tmp_path, _with(model__layers=parameter(kind, **settings)))
    space, wrong = parse_space({"p": sweep_text(pair.parameters[0])}, [])
    assert not wrong
    trial = optuna.create_study().ask()
    getattr(trial, f"suggest_{kind}")("p", **settings)
    made, expected = space.distributions["p"], trial.distributions["p"]
    if isinstance(expected, CategoricalDistribution):
        assert isinstance(made, CategoricalDistribution)
        assert [element_of(one) if isinstance(one, str) else one for one in made.choices] == list(expected.choices)
    else:
        assert made == expected


def test_q3_numbers_in_disguise_are_numbers(tmp_path: Path) -> None:
    """1e-6 is a text to YAML 1.1, and the original failed at the first trial."""
    pair = read(tmp_path, _with(model__layers=parameter("loguniform", low="1e-6", high="1e-2")))
    assert (pair.parameters[0].settings["low"], pair.parameters[0].settings["high"]) == (1e-6, 1e-2)
    assert "settings.low is the text '1e-6' in YAML 1.1" in notes(pair)


def test_q4_equal_names_share_one_value(tmp_path: Path) -> None:
    """As they always did; which keys are tied is told."""
    pair = read(
        tmp_path,
        _with(model__layers=parameter("int", low=1, high=3), trainer__batch_size=parameter("int", low=1, high=9)),
    )
    assert "model:layers, trainer:batch_size have the one name 'p'" in notes(pair)


@pytest.mark.parametrize(
    "other",
    [
        parameter("float", low=1, high=3),
        parameter("int", low=1, high=3, log=True),
        parameter("categorical", choices=[1, 2]),
    ],
    ids=["kind", "log", "choices"],
)
def test_q4_equal_names_that_cannot_share_are_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    """In the original each trial failed and took its worker along."""
    (line,) = faults(tmp_path, _with(model__layers=parameter("int", low=1, high=3), trainer__batch_size=other))
    assert line.startswith("optuna.parameters.trainer:batch_size.settings.name")
    assert "model:layers" in line


def test_q4_what_the_objective_suggests_itself_may_differ(tmp_path: Path) -> None:
    """It may suggest only one of them; the tie is told."""
    optuna = _with(first=parameter("int", low=1, high=3), second=parameter("float", low=1, high=3))
    assert "may suggest only one" in notes(read(tmp_path, optuna))


def test_q5_a_last_part_that_is_missing_is_made_and_told(tmp_path: Path) -> None:
    """A misspelt path became a dead parameter in silence; the nearest existing one is named."""
    pair = read(tmp_path, _with(optimizer__learning_rat=parameter("float", low=0, high=1)))
    assert _names(pair, "new") == ["optimizer:learning_rat"]
    assert "is made there (did you mean optimizer:learning_rate?)" in notes(pair)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("optimiser:learning_rate", "the model config has no optimiser (did you mean optimizer:learning_rate?)"),
        ("trainer:metrics:0", "trainer:metrics in the model config is a list, so 0 cannot be set in it"),
        ("model:layers:width", "model:layers in the model config is the value 3, so width cannot be set in it"),
        ("weights:0:x", "has the key 0 as a number"),
        ("empty:x", "empty in the model config is empty, so x cannot be set in it"),
        ("model:", "a part between the colons is empty"),
        (":layers", "a part between the colons is empty"),
    ],
)
def test_q5_a_path_that_leads_nowhere_is_refused(tmp_path: Path, key: str, told: str) -> None:
    """Where the original raised in each trial; the nearest existing path is named."""
    model = {**MODEL, "weights": {0: {"x": 1}}, "empty": None}
    optuna = section({"parameters": {key: parameter("int", low=1, high=3)}})
    (line,) = faults(tmp_path, optuna, model=model)
    assert told in line
    assert line.startswith(f"optuna.parameters.{key}: ")


def test_a_path_into_the_section_optuna_is_a_path(tmp_path: Path) -> None:
    """The objective sees it in its config."""
    pair = read(tmp_path, _with(optuna__n_trials=parameter("int", low=1, high=3)))
    assert _names(pair, "model") == ["optuna:n_trials"]


def test_q6_a_plain_key_is_set_if_the_model_has_it(tmp_path: Path) -> None:
    """Since 2021-01-26; otherwise it is the objective's to suggest."""
    pair = read(tmp_path, _with(seed=parameter("int", low=1, high=3), blocks=parameter("int", name="b", low=1, high=3)))
    assert _names(pair, "model") == ["seed"]
    assert _names(pair, "objective") == ["blocks"]
    assert "left to the objective" in notes(pair)


def test_q6_the_original_left_plain_keys_to_the_objective(tmp_path: Path) -> None:
    """In files with optuna.name, whatever the model config has; it is told."""
    optuna = section({"parameters": {"seed": parameter("int", low=1, high=3)}}, ORIGINAL)
    pair = read(tmp_path, optuna, save_path=...)
    assert _names(pair, "objective") == ["seed"]
    assert "seed is in the model config, but" in notes(pair)


def test_a_key_with_dots_is_told_to_want_colons(tmp_path: Path) -> None:
    """The original never applied train_data.k_ways."""
    pair = read(tmp_path, section({"parameters": {"model.layers": parameter("int", low=1, high=3)}}))
    assert _names(pair, "objective") == ["model.layers"]
    assert "write model:layers" in notes(pair)


@pytest.mark.parametrize(
    ("low", "high", "q", "is_integer"),
    [(1, 9, 2, True), (1.0, 9.0, 2.0, True), (1, 9, 0.5, False), (0.5, 9, 1, False), (1, 9.5, 1, False)],
    ids=str,
)
def test_q7_discrete_uniform_is_whole_if_all_of_it_is(
    tmp_path: Path, low: float, high: float, q: float, is_integer: bool
) -> None:
    """int() as releases up to 1.2 for layer counts, the value itself for fractions, which is told."""
    pair = read(tmp_path, _with(model__layers=parameter("discrete_uniform", low=low, high=high, q=q)))
    assert pair.parameters[0].is_integer is is_integer
    assert ("cut down to a whole number" in notes(pair)) is not is_integer


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"type": "categorical", "name": "p", "choices": [1]}, "name, choices belong(s) under it"),
        ({"type": "int"}, "settings: it is missing"),
        ({"settings": {"name": "p"}}, "type: it is missing"),
        (parameter("integer", low=1, high=2), "did you mean int?"),
        (parameter("categorial", choices=[1]), "did you mean categorical?"),
        (parameter("int", low=1), "settings.high: it is missing"),
        (parameter("int", low=1, high=2, q=1), "settings.q: a int parameter has"),
        (parameter("loguniform", low=0, high=1), "begins above 0"),
        (parameter("int", low=0, high=9, log=True), "begins at 1"),
        (parameter("float", low=2, high=1), "low must not be above high"),
        (parameter("float", low=1, high=2, step=0), "above 0"),
        (parameter("float", low=1, high=2, step=1, log=True), "do not go together"),
        (parameter("int", low=1, high=9, step=2, log=True), "do not go together"),
        (parameter("int", low="one", high=9), "'one' is no number"),
        (parameter("int", low=True, high=9), "True is no number"),
        (parameter("float", low=0, high=float("inf")), "is no number"),
        (parameter("categorical", choices=[]), "at least one choice"),
        (parameter("categorical", choices="adam"), "at least one choice"),
        (parameter("categorical", choices=["???"]), "cannot be kept"),
        (parameter("int", name=3, low=1, high=2), "put the name in quotes"),
        ("int", "write type: and settings:"),
    ],
)
def test_q40_a_misplaced_or_unknown_setting_is_refused(tmp_path: Path, entry: Any, told: str) -> None:
    """At once, with the parameter's path, where the original raised in the first trial."""
    lines = faults(tmp_path, section({"parameters": {"model:layers": entry}}))
    assert any(told in line for line in lines), lines
    assert all(line.startswith("optuna.parameters.model:layers") for line in lines)


@pytest.mark.parametrize("value", [None, [], "x"], ids=repr)
def test_parameters_must_be_a_mapping(tmp_path: Path, value: Any) -> None:
    """A fault, no traceback."""
    assert faults(tmp_path, section({"parameters": value}))[0].startswith("optuna.parameters: ")


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
    pair = read(tmp_path, section({"sampler": {"type": name}}))
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
        ("sampler", {"type": "TPESampler", "n_startup_trials": "some"}, "write int"),
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
        ({"layers": "three"}, "'three' is no number"),
        (3, "3 is no point"),
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


def test_the_examples_own_pair_is_used_by_these_tests() -> None:
    """Its parameters are in its model config."""
    assert all(key.split(":")[0] in MODEL for key in OPTUNA["parameters"])
