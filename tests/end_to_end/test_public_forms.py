# SPDX-License-Identifier: MIT
"""The forms in which public projects write sweeper files, under the stock sweeper and, with one name changed, ours.

The files in `tests/apps/forms` are of our own writing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from tests.end_to_end._public_app import N_TRIALS, App, copied_app, stock_sweep

LR = FloatDistribution(0.0001, 0.1)


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """The app with our sweeper's name in its files."""
    return copied_app(tmp_path / "ours", monkeypatch)


# What stock runs, it and ours run alike.
ALIKE = {
    "the_template": ["hparams_search=template"],
    "all_fields_of_tpe": ["hparams_search=all_tpe_fields"],
    "an_inline_sampler_of_the_named_group": ["hparams_search=sampler_group_first"],
    "an_inline_sampler_and_no_group": ["hparams_search=no_sampler_group"],
    "jobs_from_the_launcher": ["hparams_search=jobs_of_launcher"],
    "interpolated_fields_and_an_own_resolver": ["hparams_search=interpolated"],
    "two_directions": ["hparams_search=two_directions"],
    "groups_as_choices": ["hparams_search=groups"],
    "an_sqlite_file": ["hparams_search=sqlite"],
    "every_range": ["hparams_search=ranges"],
    "a_name_with_its_ending": ["hparams_search=with_ending"],
    "an_experiment_that_names_a_search": ["experiment=searched"],
    "an_own_file_of_the_group": ["hydra/sweeper=mine"],
    "an_own_file_with_every_field": ["hydra/sweeper=whole"],
    "a_function_in_a_module_with_a_hyphen": ["hparams_search=custom_space"],
    "a_range_on_the_command_line": ["hydra/sweeper=async_optuna", "model.lr=interval(0.1,0.2)", "data.batch_size=8"],
    "another_sampler_on_the_command_line": ["hparams_search=groups", "hydra/sweeper/sampler=random"],
    "a_grid": ["hparams_search=groups", "hydra/sweeper/sampler=grid"],
}


MARKS = {
    "an_sqlite_file": [pytest.mark.slow],  # Optuna makes the tables of a database for seconds
    "all_fields_of_tpe": [pytest.mark.filterwarnings("ignore:.* has been deprecated:FutureWarning")],
}


@pytest.mark.stock
@pytest.mark.parametrize(
    "words",
    [pytest.param(words, id=name, marks=MARKS.get(name, [])) for name, words in ALIKE.items()],
)
def test_with_only_the_name_changed_the_same_is_searched(
    words: list[str], ours: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every trial completes; distributions, directions, keys of the results and types of values equal stock's."""
    found = ours.sweep(*words)
    theirs = stock_sweep(tmp_path / "stock", monkeypatch, *words)
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE] * N_TRIALS
    assert [trial.distributions for trial in found.trials] == [trial.distributions for trial in theirs.trials]
    assert found.directions == theirs.directions
    assert list(found.results or {}) == list(theirs.results or {})
    assert [_types(job["config"]) for job in found.jobs] == [_types(job["config"]) for job in theirs.jobs]
    assert [job["id"] for job in found.jobs] == [job["id"] for job in theirs.jobs]


def _types(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {key: _types(value) for key, value in config.items()}
    return type(config).__name__


# What stock refuses or cannot run, and what ours makes of it.
OURS_ALONE: dict[str, tuple[list[str], dict[str, BaseDistribution]]] = {
    "an_inline_sampler_over_the_default": (["hparams_search=inline_sampler"], {"model.lr": LR}),
    "an_inline_pruner": (["hparams_search=inline_pruner"], {"model.lr": LR}),
    "null_for_sampler_and_pruner": (["hparams_search=null_methods"], {"model.lr": LR}),
}


@pytest.mark.parametrize(("words", "space"), OURS_ALONE.values(), ids=OURS_ALONE.keys())
def test_what_the_stock_sweeper_does_not_run(
    words: list[str], space: dict[str, BaseDistribution], ours: App, capfd: pytest.CaptureFixture[str]
) -> None:
    """An inline class may stand over any group, null is the default, and none of it needs a word on the screen."""
    found = ours.sweep(*words)
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE] * N_TRIALS
    assert found.space == space
    assert "rror" not in capfd.readouterr().err


def test_the_old_search_space_runs_with_a_note(ours: App, capfd: pytest.CaptureFixture[str]) -> None:
    """`search_space` of hydra-optuna-sweeper 1.1 is searched, and the note has the lines to write instead."""
    found = ours.sweep("hparams_search=old_search_space")
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE] * N_TRIALS
    assert found.space == {
        "model.lr": FloatDistribution(0.0001, 0.1, log=True),
        "model.dropout": FloatDistribution(0.0, 0.5, step=0.1),
        "data.batch_size": CategoricalDistribution([32, 64]),
        "seed": IntDistribution(1, 9),
    }
    assert found.directions == ["MAXIMIZE"]
    told = "".join(capfd.readouterr())
    assert "write instead" in told
    assert "model.lr: tag(log, interval(0.0001, 0.1))" in told


def test_the_old_optuna_config_runs_with_a_note(ours: App, capfd: pytest.CaptureFixture[str]) -> None:
    """`optuna_config` of hydra-optuna-sweeper 1.0 gives the fields, and the note has the lines to write instead."""
    found = ours.sweep("hparams_search=old_optuna_config", n_trials=None)
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE] * 2
    assert found.space == {"model.lr": LR}
    assert found.directions == ["MAXIMIZE"]
    told = "".join(capfd.readouterr())
    assert "write instead" in told
    assert "direction: maximize" in told
