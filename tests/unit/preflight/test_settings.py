# SPDX-License-Identifier: MIT
"""Faults of the sweeper's own fields, found before anything is started."""

from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.preflight.settings import check_settings
from hyperopt_app.settings.reading import Settings
from hyperopt_app.space.space import Space
from tests.unit._made_sweeps import made_space

SPACE = made_space(x="interval(0, 1)", y="range(4)")


def _settings(**changes: Any) -> Settings:
    plain: dict[str, Any] = {
        "sampler": {"_target_": "optuna.samplers.RandomSampler"},
        "pruner": {"_target_": "optuna.pruners.NopPruner"},
        "directions": ("minimize",),
        "metric_names": (),
        "storage": None,
        "study_name": None,
        "n_trials": 20,
        "n_jobs": 2,
        "max_failure_rate": 1.0,
        "max_consecutive_failures": 10,
        "params": {},
        "custom_search_space": None,
        "timeout": None,
        "enqueue": [],
        "prior": {},
        "plain_choices": False,
        "enqueue_unchecked": False,
        "objective_suggests": False,
        "names": {},
        "seed": None,
        "accept_changes": False,
        "trial_timeout": None,
        "lease_s": 60.0,
        "progress": "auto",
        "dry_run": False,
    }
    return Settings(**{**plain, **changes})


def _faults(space: Space = SPACE, **changes: Any) -> list[str]:
    return check_settings(_settings(**changes), space)


def test_the_defaults_have_no_fault() -> None:
    """Nothing is asked for that is not needed."""
    assert _faults() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"n_trials": 1, "n_jobs": 1},
        {"max_failure_rate": 0.0},
        {"timeout": 0.1},
        {"seed": 0},
        {"max_consecutive_failures": None},
        {"max_consecutive_failures": 1},
        *({"progress": progress} for progress in ("auto", "table", "lines", "none")),
        {"directions": ("minimize", "maximize"), "metric_names": ("a", "b")},
        {"enqueue": [{"x": 0.5}, {"x": 0, "y": 3}]},
    ],
    ids=str,
)
def test_the_bounds_themselves_are_allowed(changes: dict[str, Any]) -> None:
    """The smallest and the largest value, and every word that is known."""
    assert _faults(**changes) == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no trials": ({"n_trials": 0}, "n_trials: 0 is not allowed; set a whole number above 0"),
    "negative trials": ({"n_trials": -3}, "n_trials: -3 is not allowed; set a whole number above 0"),
    "no workers": ({"n_jobs": 0}, "n_jobs: 0 is not allowed; set a whole number above 0, the number of workers"),
    "a rate above one": ({"max_failure_rate": 1.1}, "max_failure_rate: 1.1 is not allowed; set a share from 0 to 1"),
    "a negative rate": ({"max_failure_rate": -0.1}, "max_failure_rate: -0.1 is not allowed; set a share from 0 to 1"),
    "no time": ({"timeout": 0}, "timeout: 0 is not allowed; set seconds above 0, or null"),
    "no lease": ({"lease_s": 0.0}, "lease_s: 0.0 is not allowed; set seconds above 0"),
    "a negative seed": ({"seed": -1}, "seed: -1 is not allowed; set a whole number from 0, or null"),
    "a negative seed of the sampler": (
        {"sampler": {"_target_": "optuna.samplers.TPESampler", "seed": -2}},
        "sampler.seed: -2 is not allowed; set a whole number from 0, or null",
    ),
    "no failure in a row": (
        {"max_consecutive_failures": 0},
        "max_consecutive_failures: 0 is not allowed; set a whole number above 0, or null",
    ),
    "an unknown display": ({"progress": "bar"}, "progress: 'bar' is not known; set auto, table, lines or none"),
    "no direction": (
        {"directions": ()},
        "direction: no direction is given; set minimize or maximize, or a list of them",
    ),
    "an unknown direction": (
        {"directions": ("minimise",)},
        "direction: 'minimise' is not known; set minimize or maximize (did you mean minimize or maximize?)",
    ),
    "more metrics than directions": (
        {"metric_names": ("a", "b")},
        "metric: 2 name(s) (a, b) for 1 direction(s); give as many metrics as directions, in the same order",
    ),
    "a metric twice": (
        {"directions": ("minimize", "minimize"), "metric_names": ("a", "a")},
        "metric: a, a names a metric twice",
    ),
    "an unknown key of a point": (
        {"enqueue": [{"x": 0.5}, {"z": 1}]},
        "enqueue[1]: 'z' is not searched; the searched keys are x, y",
    ),
    "what is not a point": (
        {"enqueue": [{"x": 0.5}, 5]},
        "enqueue[1]: 5 is not a point; write {key: value, ...}",
    ),
    "a race in turn": (
        {
            "directions": ("minimize",),
            "metric_names": ("a",),
            "in_turn": ({"metric": "a", "direction": "minimize", "tolerance": 0.1},),
            "repeats": {"n": 3, "race": True},
        },
        (
            "repeats.race: a race compares one metric, and hydra.sweeper.order chooses the best by several; set "
            "race=false, or leave the order out"
        ),
    ),
    "repeats that wait": (
        {"repeats": {"n": 3}, "pruner": {"_target_": "hyperopt_app.sampling.promotion.PromotePruner"}},
        (
            "pruner: promote and hydra.sweeper.repeats do not go together, since a trial that waits at a rung would "
            "hold back its other seeds; take hydra/sweeper/pruner=forecast, or set hydra.sweeper.repeats.n=1"
        ),
    ),
    "too many repeats": (
        {"repeats": {"n": 1000}},
        "repeats.n: 1000 is not allowed; set a whole number from 2 to 100, or 1 to train each configuration once",
    ),
    "a point out of range": (
        {"enqueue": [{"x": 2}]},
        "enqueue[0]: x=2 is out of range; allowed is [0, 1] (float)",
    ),
}


def test_a_seed_is_not_searched_beside_repeats() -> None:
    """The race would compare different seeds."""
    space = made_space(x="interval(0, 1)", **{"+seed": "choice(1, 2)"})
    (fault,) = _faults(space, repeats={"n": 3})
    assert fault.startswith("hydra.sweeper.params.+seed: hydra.sweeper.repeats gives each training its seed")
    assert _faults(space, repeats={"n": 1}) == []


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_field_is_told_in_one_line(case: str) -> None:
    """Where, what came, what is allowed."""
    changes, line = WRONG[case]
    assert _faults(**changes) == [f"hydra.sweeper.{line}"]


def test_a_wrong_sampler_or_pruner_is_a_fault() -> None:
    """Both are built once, before a worker would."""
    sampler, pruner = _faults(sampler={"_target_": "optuna.samplers.Nope"}, pruner={"_target_": "optuna.pruners.Nope"})
    assert sampler.startswith("hydra.sweeper.sampler._target_: ")
    assert pruner.startswith("hydra.sweeper.pruner._target_: ")


def test_a_grid_over_an_interval_is_a_fault() -> None:
    """There is no list of its points."""
    (fault,) = _faults(sampler={"_target_": "optuna.samplers.GridSampler"})
    assert fault.startswith("hydra.sweeper.params.x: a grid needs steps or choices")


def test_a_sampler_of_one_objective_is_refused_for_two() -> None:
    """CMA-ES cannot; the message names those that can."""
    (fault, *others) = _faults(
        sampler={"_target_": "optuna.samplers.CmaEsSampler"}, directions=("minimize", "maximize")
    )
    if others:  # where the package cmaes is not installed, that is a fault, too
        assert "cmaes" in fault
        (fault,) = others
    assert fault == (
        "hydra.sweeper.sampler: optuna.samplers.CmaEsSampler optimises one objective, hydra.sweeper.direction has 2; "
        "choose hydra/sweeper/sampler=tpe, nsgaii, nsgaiii, gp, random, qmc or grid, or one direction"
    )


def test_all_faults_of_the_fields_are_told_at_once() -> None:
    """One run of the command shows what there is to mend."""
    faults = _faults(
        n_trials=0,
        n_jobs=-1,
        timeout=-5,
        progress="x",
        directions=("up",),
        metric_names=("a", "b"),
        pruner={"_target_": "nope"},
        enqueue=[{"z": 1}, {"y": 9}],
    )
    told = [
        "n_trials",
        "n_jobs",
        "timeout",
        "progress",
        "direction",
        "metric",
        "pruner._target_",
        "enqueue[0]",
        "enqueue[1]",
    ]
    assert [fault.split(":")[0] for fault in faults] == [f"hydra.sweeper.{name}" for name in told]


def test_a_custom_search_space_is_found_as_hydra_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with a hyphen in its name is not a fault, as in Hydra's own example."""
    Path("space-of-mine.py").write_text("def configure(config, trial): ...\nrange = 5\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    assert _faults(custom_search_space="space-of-mine.configure") == []
    (fault,) = _faults(custom_search_space="space-of-mine.range")
    assert fault.startswith("hydra.sweeper.custom_search_space: space-of-mine.range cannot be found (ValueError: ")


def test_a_custom_search_space_that_is_not_there_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """What Hydra's look-up logs is not repeated."""
    (fault,) = _faults(custom_search_space="nowhere.configure")
    assert fault.startswith("hydra.sweeper.custom_search_space: nowhere.configure cannot be found (")
    assert fault.endswith("; give the dotted path of a function configure(config, trial)")
    assert caplog.text == ""
