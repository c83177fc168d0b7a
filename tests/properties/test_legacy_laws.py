# SPDX-License-Identifier: MIT
"""Laws of reading and translating the original's files."""

import datetime as dt
import math
import warnings
from pathlib import Path
from typing import Any

import optuna
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution

from hyperopt_app.legacy.batch.times import pbs_seconds, slurm_seconds, walltime_text
from hyperopt_app.legacy.objectives.user_config import Shape, plain_config
from hyperopt_app.legacy.reading.findings import Findings
from hyperopt_app.legacy.reading.pair import Pair, Parameter
from hyperopt_app.legacy.reading.parameter_settings import kind_of, settings_of
from hyperopt_app.legacy.translating.config_text import config_text
from hyperopt_app.legacy.translating.translation import sweep_text, translate
from hyperopt_app.legacy.translating.tree import escaped
from hyperopt_app.space.override_text import element_of, value_of_choice
from hyperopt_app.space.space import parse_space, with_values
from hyperopt_app.space.sweep_text import value_text

# YAML can hold no other characters.
_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\ufffe\uffff"), max_size=12)
_TRICKY = st.sampled_from(
    ["???", "${a}", "\\${a}", "1e-3", "1_0", "null", "~", "yes", "12:00:00", "2020-01-01", "a: b", "#", "\u2028"]
)
_TEXTS = st.one_of(_TEXT, _TRICKY)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_DATES = st.one_of(st.dates(), st.datetimes(min_value=dt.datetime(1000, 1, 1)))  # noqa: DTZ001 - YAML's have none
_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _TEXTS, _DATES)
_KEYS = st.one_of(_TEXTS, st.integers(), st.booleans())
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)
_MODELS = st.dictionaries(
    st.one_of(_KEYS, st.sampled_from(["defaults", "hydra", "objective", "placed", "objective_"])), _TREES, max_size=5
).map(lambda model: {key: value for key, value in model.items() if key != "optuna"})


def _parameter(kind: str, **given_settings: Any) -> Parameter | None:
    """As it is read; None if it is refused."""
    findings = Findings("f")
    entry = {"type": kind, "settings": {"name": "p", **given_settings}}
    found = settings_of(str(kind_of(entry, "k", findings)), entry, "k", findings)
    return None if found is None else Parameter(("k",), "p", kind, found, "model", is_integer=kind == "int")


def _suggested(kind: str, **given_settings: Any) -> Any:
    trial = optuna.create_study().ask()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(trial, f"suggest_{kind}")("p", **given_settings)
    return trial.distributions["p"]


def _made(parameter: Parameter) -> Any:
    space, faults = parse_space({"p": sweep_text(parameter)}, [])
    assert not faults
    return space.distributions["p"]


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**61), st.integers(1, 100), st.booleans())
def test_a_whole_range_is_the_originals(low: int, width: int, step: int, log: bool) -> None:
    """parse_space(sweep_text(p)) equals what suggest_int makes, wherever the original took it."""
    parameter = _parameter("int", low=low, high=low + width, step=step, log=log)
    if log and (step != 1 or low < 1):
        assert parameter is None
        return
    assert parameter is not None
    assert _made(parameter) == _suggested("int", low=low, high=low + width, step=step, log=log)


@given(_FLOATS, _FLOATS, st.booleans())
def test_a_range_of_floats_is_the_originals(one: float, other: float, log: bool) -> None:
    """Very small, very large and single points too."""
    low, high = sorted((one, other))
    assume(math.isfinite(high - low))  # beyond that no sampler has a number
    parameter = _parameter("float", low=low, high=high, log=log)
    if log and low <= 0:
        assert parameter is None
        return
    assert parameter is not None
    assert _made(parameter) == _suggested("float", low=low, high=high, log=log)


@given(st.decimals(-1000, 1000, places=3), st.decimals(0, 1000, places=3), st.decimals(0, 10, places=3))
def test_steps_are_the_originals(low: Any, width: Any, step: Any) -> None:
    """Also those that do not divide the range: the last one is Optuna's."""
    assume(step > 0)
    wanted = {"low": float(low), "high": float(low + width), "q": float(step)}
    parameter = _parameter("discrete_uniform", **wanted)
    assert parameter is not None
    assert _made(parameter) == _suggested("discrete_uniform", **wanted)


_CHOICES = st.one_of(
    st.none(), st.booleans(), st.integers(), _FLOATS, _TEXTS, st.lists(st.one_of(st.integers(), _TEXTS))
)


def _has_mark(value: Any) -> bool:
    return value == "???" or (isinstance(value, list) and any(map(_has_mark, value)))


@given(st.lists(_CHOICES, min_size=2, max_size=5))
def test_choices_keep_their_values_and_their_order(choices: list[Any]) -> None:
    """A choice of the study, set in a config, is the value of the YAML file."""
    assume(not any(map(_has_mark, choices)))
    parameter = _parameter("categorical", choices=choices)
    assert parameter is not None
    distribution = _made(parameter)
    assert isinstance(distribution, CategoricalDistribution)
    for choice, made in zip(choices, distribution.choices, strict=True):
        value = element_of(made) if isinstance(made, str) else made
        config = OmegaConf.create({"k": None})
        OmegaConf.update(config, "k", value)
        seen = OmegaConf.to_container(config, resolve=True)["k"]  # type: ignore[call-overload,index]
        assert (type(seen), seen) == (type(choice), choice)


@settings(max_examples=40)
@given(st.lists(_CHOICES, min_size=2, max_size=5))
def test_choices_are_held_as_the_original_held_them(choices: list[Any]) -> None:
    """with_values gives the distribution of suggest_categorical to the last type; each value leads to its text."""
    assume(not any(map(_has_mark, choices)))
    parameter = _parameter("categorical", choices=choices)
    assert parameter is not None
    space = with_values(parse_space({"k": sweep_text(parameter)}, [])[0])
    held = space.parameters["k"]
    assert isinstance(held, CategoricalDistribution)
    assert repr(held) == repr(_suggested("categorical", choices=choices))
    texts = space.distributions["k"].choices  # type: ignore[attr-defined]
    for text, value in zip(texts, choices, strict=True):
        assert repr(space.held({"k": text})) == repr({"k": value})
        (found,) = space.values({"k": value}).values()
        assert repr(value_of_choice(found)) == repr(value)


@given(_TEXTS)
def test_a_text_without_quotes_needs_none(text: str) -> None:
    """element_of(value_text(t)) is t, but for interpolations, which are escaped."""
    assume("${" not in text)
    assert element_of(value_text(text)) == text


@given(_TEXTS)
def test_an_escaped_text_is_itself(text: str) -> None:
    """OmegaConf resolves escaped(t) to t, unless it is the mark of a missing value."""
    assume(text != "???")
    assert OmegaConf.to_container(OmegaConf.create([escaped(text)]), resolve=True) == [text]


def _pair(model: dict[Any, Any], optuna_section: dict[str, Any], name: str, notes: tuple[str, ...]) -> Pair:
    place = Path("/a b/c")
    return Pair(
        hyper_path=place / "h.yml",
        model_path=place / "m.yml",
        dialect="B2",
        model=model,
        hyper={},
        optuna=optuna_section,
        parameters=(),
        study_name=name,
        save_path=place,
        storage="sqlite:////x.db",
        metrics=("loss",),
        directions=("minimize",),
        n_trials=3,
        workers=1,
        objective=place / "o.py",
        gpu=False,
        log_path=None,
        notes=notes,
    )


@settings(max_examples=60)
@given(_MODELS, st.dictionaries(_TEXTS, _LEAVES, max_size=3), _TEXTS, st.lists(_TEXTS, max_size=2))
def test_a_model_config_comes_back_to_the_objective(
    model: dict[Any, Any], section: dict[str, Any], name: str, notes: list[str]
) -> None:
    """The text reads back to the config by YAML and by OmegaConf, and the adapter makes the user's own of it."""
    assume(name.strip())
    assume(len({str(key) for key in model}) == len(model))
    pair = _pair(model, section, name, tuple(notes))
    translation = translate(pair)
    text = config_text(translation, pair, Path("/made"))
    assert _like(yaml.safe_load(text), translation.config)
    config: Any = OmegaConf.create(text)
    del config["hydra"], config["defaults"]  # Hydra's own
    node: Any = OmegaConf.to_container(config["objective"], resolve=True)
    shape = Shape(**{key: node[key] for key in Shape.__dataclass_fields__ if key in node})
    assert _like(plain_config(config, shape), {**model, "optuna": section})


def _like(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and set(one) == set(other) and all(_like(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_like, one, other))
    return type(one) is type(other) and one == other


@given(st.integers(1, 10**6))
def test_a_time_comes_back(seconds: int) -> None:
    """walltime_text is read as what it says, by PBS and by Slurm."""
    text = walltime_text(seconds)
    assert pbs_seconds(text) == slurm_seconds(text) == seconds
    assert math.ceil(seconds / 60) * 60 - seconds < 60
