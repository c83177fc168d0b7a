# SPDX-License-Identifier: MIT
"""Fields of the sweeper that stand where nobody reads them."""

from pathlib import Path

import pytest

from hyperopt_app.settings.misplaced import Strays, misplaced
from hyperopt_app.settings.reading import read_settings
from tests.unit._made_sweeps import made_sweep, write_configs


def _strays(tmp_path: Path, text: str, *typed: str) -> Strays:
    defaults = "defaults: [_self_, {override hydra/sweeper: async_optuna}]\n"
    _, config = made_sweep(write_configs(tmp_path, {"config": defaults + text}), *typed)
    return misplaced(config, read_settings(config), typed)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("n_trials: 50", "n_trials"),
        ("n_jobs: 4", "n_jobs"),
        ("direction: maximize", "direction"),
        ("direction: [minimize, maximize]", "direction"),
        ("study_name: mine", "study_name"),
        ("storage: sqlite:///a.db", "storage"),
        ("metric: val_loss", "metric"),
        ("sampler: {_target_: optuna.samplers.RandomSampler}", "sampler"),
        ("params: {x: 'interval(0, 1)'}\nx: 1\nhydra: {sweeper: {params: {x: 'range(3)'}}}", None),
    ],
)
def test_a_field_at_the_top_is_pointed_out(tmp_path: Path, text: str, key: str | None) -> None:
    """As a note, since an app may have a key of that name, while the sweeper's own has its default."""
    strays = _strays(tmp_path, text)
    assert strays.faults == ()
    told = f"{key} at the top of the config is not read by the sweeper, whose hydra.sweeper.{key} has its default; if "
    expected = [] if key is None else [f"{told}it is intended for the sweeper, write it as hydra.sweeper.{key}"]
    assert list(strays.notes) == expected


@pytest.mark.parametrize(
    "text",
    [
        "n_trials: 50\nhydra: {sweeper: {n_trials: 7}}",
        "n_jobs: 2\nhydra: {sweeper: {n_jobs: '${n_jobs}'}}",
        "n_trials: 20",
        "n_trials: many",
        "direction: north",
        "storage: /data",
        "sampler: ddim",
        "params: {width: 3}",
        "study_name: '${hydra:job.name}'",
        "n_trials: 5\nhydra: {sweeper: {params: {n_trials: 'range(1, 9)'}}}",
        "n_trials: 5\nhydra: {sweeper: {optuna_config: {n_trials: 7}}}",
    ],
)
def test_what_is_meant_is_not_pointed_out(tmp_path: Path, text: str) -> None:
    """The sweeper's field is set, or refers to it, or the key is searched, or the value cannot be meant for it."""
    assert _strays(tmp_path, text) == Strays((), ())


def test_ranges_at_the_top_are_a_fault_where_nothing_is_searched(tmp_path: Path) -> None:
    """That can only be a mistake; a range on the command line makes it something else."""
    text = "params: {x: 'interval(0, 1)', y: 'tag(log, interval(1, 2))'}\nx: 1"
    (fault,) = _strays(tmp_path, text).faults
    assert fault.endswith("so nothing is searched; write it as hydra.sweeper.params")
    assert _strays(tmp_path, text, "x=interval(0,1)").faults == ()


def test_a_field_among_the_params_is_a_fault(tmp_path: Path) -> None:
    """One level too deep; unless the app's config has such a key."""
    text = "hydra: {sweeper: {params: {n_trials: 50, x: 'range(3)'}}}\nx: 1\n"
    (fault,) = _strays(tmp_path, text).faults
    assert fault == (
        "hydra.sweeper.params.n_trials: n_trials is a field of the sweeper and no key of the config; write "
        "hydra.sweeper.n_trials: 50"
    )
    assert _strays(tmp_path, f"{text}n_trials: 5").faults == ()


@pytest.mark.parametrize("part", ["sampler", "pruner"])
def test_a_field_in_the_sampler_or_pruner_is_a_fault(tmp_path: Path, part: str) -> None:
    """No class of Optuna's takes it; one of another module may."""
    target = {"sampler": "optuna.samplers.TPESampler", "pruner": "optuna.pruners.NopPruner"}[part]
    defaults = "defaults: [_self_, {override hydra/sweeper: async_optuna}]"
    _, config = made_sweep(write_configs(tmp_path, {"config": defaults}))
    settings = read_settings(config)
    object.__setattr__(settings, part, {"_target_": target, "n_trials": 3})
    (fault,) = misplaced(config, settings).faults
    assert fault == (
        f"hydra.sweeper.{part}.n_trials: n_trials is a field of the sweeper, not of its {part}; write "
        "hydra.sweeper.n_trials: 3"
    )
    object.__setattr__(settings, part, {"_target_": "mine.Sampler", "n_trials": 3})
    assert misplaced(config, settings).faults == ()


def test_a_group_of_a_fields_name_is_no_slip(tmp_path: Path) -> None:
    """An app may search its config group `sampler`, whose package is another."""
    assert (
        _strays(tmp_path, "hydra: {sweeper: {params: {sampler: 'choice(a, b)', metric: 'choice(c, d)'}}}").faults == ()
    )
