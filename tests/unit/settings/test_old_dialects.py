# SPDX-License-Identifier: MIT
"""`search_space` and `optuna_config` of hydra-optuna-sweeper 1.0 and 1.1 in the words of today."""

from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.settings.hints import old_dialect_note
from hyperopt_app.settings.old_dialects import Translation, translated
from hyperopt_app.settings.reading import default_fields, read_settings
from hyperopt_app.space.space import parse_space
from tests.unit._made_sweeps import made_sweep, write_configs


def _translated(*typed: str, **node: Any) -> Translation:
    return translated({**default_fields(), **node}, default_fields(), typed)


RANGES: dict[str, tuple[dict[str, Any], BaseDistribution]] = {
    "float": ({"type": "float", "low": 0.0001, "high": 0.2}, FloatDistribution(0.0001, 0.2)),
    "float of whole numbers": ({"type": "float", "low": 1, "high": 5}, FloatDistribution(1, 5)),
    "float from text": ({"type": "float", "low": "1e-5", "high": 1.0}, FloatDistribution(1e-5, 1)),
    "float, log": ({"type": "float", "low": 1e-5, "high": 0.1, "log": True}, FloatDistribution(1e-5, 0.1, log=True)),
    "float with steps": (
        {"type": "float", "low": 0.001, "high": 0.01, "step": 0.001},
        FloatDistribution(0.001, 0.01, step=0.001),
    ),
    "float whose last step is short": (
        {"type": "float", "low": -5.5, "high": 5.6, "step": 0.5},
        FloatDistribution(-5.5, 5.5, step=0.5),
    ),
    "int": ({"type": "int", "low": 1, "high": 8}, IntDistribution(1, 8)),
    "int, log": ({"type": "int", "low": 1, "high": 1000, "log": True, "step": 1}, IntDistribution(1, 1000, log=True)),
    "int with steps": ({"type": "int", "low": 16, "high": 130, "step": 16}, IntDistribution(16, 128, step=16)),
    "numbers": ({"type": "categorical", "choices": [32, 64.5, True]}, CategoricalDistribution([32, 64.5, True])),
    "words": (
        {"type": "categorical", "choices": ["relu", "a b", "8", None]},
        CategoricalDistribution(["relu", "'a b'", "'8'", "null"]),
    ),
    "lists": ({"type": "categorical", "choices": [[64, 32], [8]]}, CategoricalDistribution(["[64,32]", "[8]"])),
}


@pytest.mark.parametrize("case", RANGES)
def test_an_old_range_is_the_same_range_today(case: str) -> None:
    """Both bounds are included, a step lowers the upper one, as in version 1.1."""
    entry, distribution = RANGES[case]
    told = _translated(search_space={"model.x": entry})
    assert told.faults == []
    space, faults = parse_space(told.fields["params"], [])
    assert faults == []
    assert space.distributions == {"model.x": distribution}


WRONG: dict[str, tuple[Any, str]] = {
    "no mapping": ([1, 2], "x: [1, 2] is not a mapping"),
    "no type": ({"low": 0, "high": 1}, "x.type: is missing; write int, float or categorical"),
    "an unknown type": (
        {"type": "floot", "low": 0, "high": 1},
        "x.type: 'floot' is not known (did you mean float?); write int, float or categorical",
    ),
    "an unknown setting": ({"type": "int", "low": 0, "hihg": 1, "high": 1}, "x.hihg: this setting is not known (did"),
    "no low": ({"type": "float", "high": 1}, "x.low: is missing; write a number"),
    "no number": ({"type": "float", "low": "small", "high": 1}, "x.low: 'small' is not allowed; write a number"),
    "a boolean": ({"type": "float", "low": 0, "high": True}, "x.high: True is not allowed; write a number"),
    "infinity": ({"type": "float", "low": 0, "high": "inf"}, "x.high: 'inf' is not allowed; write a number"),
    "half an int": ({"type": "int", "low": 0.5, "high": 3}, "x.low: 0.5 is not allowed; write a whole number"),
    "upside down": ({"type": "float", "low": 2, "high": 1}, "x.low: 2.0 is above high: 1.0; exchange them"),
    "zero on a log scale": (
        {"type": "float", "low": 0, "high": 1, "log": True},
        "x.low: 0.0 is not allowed with log: true; write a number above 0",
    ),
    "no step": (
        {"type": "int", "low": 0, "high": 1, "step": 0},
        "x.step: 0 is not allowed; write a whole number above",
    ),
    "steps on a log scale": (
        {"type": "float", "low": 1, "high": 2, "log": True, "step": 0.5},
        "x.step: 0.5 is not allowed with log: true; leave one of them out",
    ),
    "log as text": ({"type": "int", "low": 1, "high": 2, "log": "yes"}, "x.log: 'yes' is not allowed; write true or"),
    "no choices": ({"type": "categorical"}, "x.choices: is missing; write a list"),
    "one choice without brackets": ({"type": "categorical", "choices": "a"}, "x.choices: 'a' is not a list of choices"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_fault_of_an_old_range_names_its_place(case: str) -> None:
    """One line, with the key below hydra.sweeper.search_space."""
    entry, line = WRONG[case]
    (fault,) = _translated(search_space={"x": entry, "y": {"type": "int", "low": 0, "high": 1}}).faults
    assert fault.startswith(f"hydra.sweeper.search_space.{line}")


def test_the_fields_of_optuna_config_are_fields_of_the_sweeper() -> None:
    """Those of version 1.0, its three samplers included; what is null was not given."""
    config = {
        "direction": "maximize",
        "n_trials": 7,
        "n_jobs": 1,
        "study_name": None,
        "storage": "sqlite:///a.db",
        "sampler": "random",
        "seed": 3,
    }
    told = _translated(optuna_config=config)
    assert told.faults == []
    assert {name: told.fields[name] for name in config} == {
        **config,
        "sampler": {"_target_": "optuna.samplers.RandomSampler"},
    }
    assert told.changed.keys() == config.keys() - {"study_name"}
    assert "optuna_config" not in told.fields


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"n_trails": 3}, ".n_trails: unknown field (did you mean n_trials?); correct the name"),
        ({"timeout": 3}, ".timeout: unknown field; write it as hydra.sweeper.timeout"),
        ({"n_trials": "many"}, ".n_trials: 'many' is not allowed; write a whole number"),
        ({"direction": 1}, ".direction: 1 is not allowed; write minimize or maximize"),
        ({"study_name": 1}, ".study_name: 1 is not allowed; write a text"),
        ({"sampler": "tpo"}, ".sampler: 'tpo' is not known (did you mean tpe?); write tpe, random or cmaes"),
        ({"sampler": {"seed": 1}}, ".sampler: {'seed': 1} is not allowed; write a mapping with a _target_"),
        ([1], ": [1] is not a mapping; write its fields directly under hydra.sweeper"),
    ],
    ids=str,
)
def test_a_fault_of_optuna_config_names_its_place(config: Any, line: str) -> None:
    """One line, with the key below hydra.sweeper.optuna_config."""
    (fault,) = _translated(optuna_config=config).faults
    assert fault.startswith(f"hydra.sweeper.optuna_config{line}")


def test_both_names_are_allowed_where_they_say_the_same() -> None:
    """Otherwise one of the two is a leftover, and nobody can say which."""
    old = {"x": {"type": "int", "low": 0, "high": 3}}
    assert _translated(search_space=old, params={"x": "int(interval(0,3))"}).faults == []
    assert _translated(optuna_config={"n_trials": 9}, n_trials=9).faults == []
    (fault,) = _translated(search_space=old, params={"x": "range(9)"}).faults
    assert fault == (
        "hydra.sweeper.search_space.x: this means int(interval(0, 3)), hydra.sweeper.params.x says range(9); "
        "keep the latter alone"
    )
    (fault,) = _translated(optuna_config={"n_trials": 9}, n_trials=5).faults
    assert (
        fault == "hydra.sweeper.optuna_config.n_trials: this is 9, hydra.sweeper.n_trials is 5; keep the latter alone"
    )


def test_the_command_line_wins_over_a_files_old_names(tmp_path: Path) -> None:
    """As it does over new ones: `hydra.sweeper.n_trials=20` counts though 20 is the default, too."""
    text = """
    defaults: [_self_, {override hydra/sweeper: async_optuna}]
    x: 1
    hydra:
      sweeper:
        optuna_config: {n_trials: 50, sampler: {_target_: optuna.samplers.CmaEsSampler}, direction: maximize}
        search_space: {x: {type: int, low: 0, high: 3}}
    """
    configs = write_configs(tmp_path, {"config": text})
    _, config = made_sweep(configs, "hydra.sweeper.n_trials=20", "hydra/sweeper/sampler=random")
    settings = read_settings(config)
    assert settings.reading_faults == []
    assert (settings.n_trials, settings.directions, settings.params) == (
        20,
        ("maximize",),
        {"x": "int(interval(0, 3))"},
    )
    assert settings.sampler["_target_"] == "optuna.samplers.RandomSampler"
    _, config = made_sweep(configs, "+hydra.sweeper.params={x: 'range(9)'}")
    assert read_settings(config).params == {"x": "range(9)"}
    assert read_settings(config).n_trials == 50


@pytest.mark.parametrize(
    ("text", "today"),
    [
        ("loguniform(1e-5, 1e-3)", "tag(log, interval(1e-5, 1e-3))"),
        ("uniform(0, 1)", "interval(0, 1)"),
        ("interval(0, 1)", None),
    ],
)
def test_uniform_functions_are_understood(text: str, today: str | None) -> None:
    """No sweeper's grammar has them, public files do."""
    told = _translated(params={"x": text, "y": "range(3)"})
    assert told.fields["params"] == {"x": today or text, "y": "range(3)"}
    assert told.changed == ({} if today is None else {"params": {"x": today}})


def test_the_note_prints_what_to_write_instead() -> None:
    """As YAML that can be copied; without old names there is none."""
    told = _translated(
        search_space={"model.lr": {"type": "float", "low": 0.1, "high": 1, "log": True}},
        optuna_config={"n_trials": 7},
    )
    (note,) = old_dialect_note(told.changed)
    assert note.splitlines()[1:] == [
        "hydra:",
        "  sweeper:",
        "    params:",
        "      model.lr: tag(log, interval(0.1, 1.0))",
        "    n_trials: 7",
    ]
    assert list(old_dialect_note(_translated().changed)) == []
