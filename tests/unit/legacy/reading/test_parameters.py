# SPDX-License-Identifier: MIT
"""Parameters of the original: kinds, settings, places, names, samplers, first points; quirk by quirk."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution

from hyperopt_app.legacy.reading.pair import Pair
from hyperopt_app.legacy.translating.translation import sweep_text
from hyperopt_app.space.override_text import element_of
from hyperopt_app.space.space import parse_space
from tests.unit.legacy._pairs import MODEL, OPTUNA, ORIGINAL, faults, notes, parameter, read, section


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
        (parameter("int", low=1, high=2, q=1), "settings.q: an int parameter has"),
        (parameter("loguniform", low=0, high=1), "begins above 0"),
        (parameter("int", low=0, high=9, log=True), "begins at 1"),
        (parameter("float", low=2, high=1), "low must not be above high"),
        (parameter("float", low=1, high=2, step=0), "above 0"),
        (parameter("float", low=1, high=2, step=1, log=True), "do not go together"),
        (parameter("int", low=1, high=9, step=2, log=True), "do not go together"),
        (parameter("int", low="one", high=9), "'one' is not a number"),
        (parameter("int", low=True, high=9), "True is not a number"),
        (parameter("float", low=0, high=float("inf")), "is not a number"),
        (parameter("categorical", choices=[]), "at least one choice"),
        (parameter("categorical", choices="adam"), "at least one choice"),
        (parameter("categorical", choices=["???"]), "cannot be kept"),
        (parameter("int", name=True, low=1, high=2), "put the name in quotes"),
        (parameter("int", low=1, high=2, step=0.5), "0.5 is not allowed; the step of an int parameter is a whole"),
        (parameter("categorical", choices=[{1: 2}]), "its key 1 would be read as something else"),
        (parameter("categorical", choices=[{"null": 2}]), "its key 'null' would be read as something else"),
        ("int", "write type: and settings:"),
    ],
)
def test_q40_a_misplaced_or_unknown_setting_is_refused(tmp_path: Path, entry: Any, told: str) -> None:
    """At once, with the parameter's path, where the original raised in the first trial."""
    lines = faults(tmp_path, section({"parameters": {"model:layers": entry}}))
    assert any(told in line for line in lines), lines
    assert all(line.startswith("optuna.parameters.model:layers") for line in lines)


@pytest.mark.parametrize(
    ("settings", "told", "clean"),
    [
        ({"name": 3, "low": 1, "high": 2}, "the parameter is called '3'", {"name": "3"}),
        ({"low": 0.5, "high": 3.7}, "settings.high: 3.7 counts as 3", {"low": 0, "high": 3}),
        ({"low": 1, "high": 9, "log": "False"}, "any text counts as yes", {"log": "False"}),
    ],
)
def test_what_optuna_takes_otherwise_than_it_looks_is_told(
    tmp_path: Path, settings: dict[str, Any], told: str, clean: dict[str, Any]
) -> None:
    """It ran in the original, and so it does here."""
    pair = read(tmp_path, section({"parameters": {"model:layers": parameter("int", **settings)}}))
    assert told in notes(pair)
    assert clean.items() <= pair.parameters[0].settings.items()


@pytest.mark.parametrize("choice", [{"a b": 1}, {"x.y": ["p", None]}, {"a:b": {"c,d": "e f"}}, {}], ids=str)
def test_a_mapping_is_a_choice_if_its_keys_come_back(tmp_path: Path, choice: dict[str, Any]) -> None:
    """Hydra's grammar has no quotes for keys, but backslashes."""
    entry = parameter("categorical", choices=[choice, "x"])
    pair = read(tmp_path, section({"parameters": {"model:activation": entry}}))
    space, faults = parse_space({"k": sweep_text(pair.parameters[0])}, [], None, {})
    assert not faults
    (found,) = space.distributions.values()
    assert isinstance(found, CategoricalDistribution)
    assert element_of(str(found.choices[0])) == choice


def test_q4_tied_categories_that_differ_are_shown(tmp_path: Path) -> None:
    """Not "categorical and categorical"."""
    entries = {
        "model:activation": parameter("categorical", choices=["relu", "elu"]),
        "optimizer:type": parameter("categorical", choices=["adam"]),
    }
    (line,) = faults(tmp_path, section({"parameters": entries}))
    assert "one value cannot be one of ['relu', 'elu'] and one of ['adam']" in line


@pytest.mark.parametrize("value", [None, [], "x"], ids=repr)
def test_parameters_must_be_a_mapping(tmp_path: Path, value: Any) -> None:
    """A fault, no traceback."""
    assert faults(tmp_path, section({"parameters": value}))[0].startswith("optuna.parameters: ")


def test_the_examples_own_pair_is_used_by_these_tests() -> None:
    """Its parameters are in its model config."""
    assert all(key.split(":")[0] in MODEL for key in OPTUNA["parameters"])
