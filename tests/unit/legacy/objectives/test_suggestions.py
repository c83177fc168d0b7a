# SPDX-License-Identifier: MIT
"""How objectives of the original ask for values: in the words of Optuna 2, rightly and wrongly spelled."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.errors import HyperoptError
from hyperopt_app.legacy.objectives import devices as once
from hyperopt_app.legacy.objectives.suggestions import trial_suggest_loader
from hyperopt_app.legacy.objectives.trial import LegacyTrial, NoTrial
from hyperopt_app.objective.trial import active_trial
from hyperopt_app.space.space import categorical
from hyperopt_app.study import repeated_warnings
from tests.unit._made_objectives import a_trial, curve, frozen

CALLS: dict[str, tuple[Callable[[Any], Any], type, Any]] = {
    "int": (lambda trial: trial.suggest_int("p", 1, 9, 2), int, IntDistribution(1, 9, step=2)),
    "int of floats": (lambda trial: trial.suggest_int("p", low=1.0, high=8.0), int, IntDistribution(1, 8)),
    "int, log": (lambda trial: trial.suggest_int("p", 1, 8, log=True), int, IntDistribution(1, 8, log=True)),
    "float": (lambda trial: trial.suggest_float("p", 0, 1), float, FloatDistribution(0, 1)),
    "float, step": (lambda trial: trial.suggest_float("p", 0, 1, 0.5), float, FloatDistribution(0, 1, step=0.5)),
    "uniform": (lambda trial: trial.suggest_uniform("p", 0, 1), float, FloatDistribution(0, 1)),
    "loguniform": (lambda trial: trial.suggest_loguniform("p", "1e-5", 1), float, FloatDistribution(1e-5, 1, log=True)),
    "discrete_uniform": (
        lambda trial: trial.suggest_discrete_uniform(name="p", low=2, high=8, q=2),
        float,
        FloatDistribution(2, 8, step=2),
    ),
    "categorical": (lambda trial: trial.suggest_categorical("p", [True]), bool, CategoricalDistribution([True])),
    "categorical of lists": (
        lambda trial: trial.suggest_categorical("p", [["mae", 1]]),
        list,
        categorical([["mae", 1]]),
    ),
    "categorical of nothing": (
        lambda trial: trial.suggest_categorical("p", [None]),
        type(None),
        CategoricalDistribution([None]),
    ),
}


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_warnings, "_said_alone", set())


@pytest.mark.parametrize("name", sorted(CALLS))
def test_q45_every_suggest_of_optuna_2_works_without_a_warning(name: str, tmp_path: Path) -> None:
    """Deprecated ones included; what comes back has the type that Optuna gave, and the study the right distribution."""
    call, kind, distribution = CALLS[name]
    trial = a_trial(tmp_path)
    value = call(LegacyTrial(trial))
    assert (type(value), frozen(trial).distributions["p"]) == (kind, distribution)


@pytest.mark.parametrize("by", ["keywords", "position"])
def test_q8_the_whole_entry_is_taken_for_its_settings(
    by: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As the original README spells it; the declared type counts, so `range` takes the value; told once."""
    entry = {"type": "int", "settings": {"name": "num_dense", "low": 0, "high": 10}}
    trial = LegacyTrial(a_trial(tmp_path, params={"num_dense": 3}))

    def ask() -> Any:
        return trial.suggest_discrete_uniform(**entry) if by == "keywords" else trial.suggest_discrete_uniform(entry)

    assert list(range(ask())) == [0, 1, 2]
    assert ask() == 3
    (record,) = caplog.records
    assert 'suggest_int(**parameters[...]["settings"])' in record.message


def test_q8_later_trials_are_silent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each trial has a process of its own; the first one that has something to tell does, whatever its number."""
    trial = a_trial(tmp_path)
    trial.number = 5
    for _ in range(2):
        with repeated_warnings.each_warning_once(tmp_path), active_trial(trial):
            LegacyTrial(trial).suggest_int(type="int", settings={"name": "n", "low": 0, "high": 1})
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda trial: trial.suggest_int("p", low=0), "high is missing"),
        (lambda trial: trial.suggest_float("p", 0, 1, q=1), "q is unknown"),
        (lambda trial: trial.suggest_uniform("p", 0, 1, 2), "too many"),
    ],
    ids=["missing", "unknown", "too many"],
)
def test_wrong_arguments_are_named(ask: Callable[[Any], Any], text: str, tmp_path: Path) -> None:
    """With the parameter's name and what is allowed."""
    with pytest.raises(TypeError, match=rf"'p'\): .*{text}; it takes name, low, high"):
        ask(LegacyTrial(a_trial(tmp_path)))


def test_an_unknown_type_is_named(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match="'normal' is not known; the types are categorical"):
        trial_suggest_loader(LegacyTrial(a_trial(tmp_path)), {"type": "normal", "settings": {"name": "n"}})


def test_q9_a_name_that_is_suggested_in_two_ways_names_both_places(tmp_path: Path) -> None:
    """Optuna's error, with the hyperparameter file and the line of the objective."""
    trial = a_trial(tmp_path, space={"lr": FloatDistribution(1e-4, 1, log=True)})
    with pytest.raises(ValueError, match=r"'lr' is suggested twice.* hyper\.yml .*test_suggestions\.py, line"):
        LegacyTrial(trial, declared_in="hyper.yml").suggest_float("lr", 1e-4, 1)


def test_a_name_that_is_suggested_again_gives_the_same_value(tmp_path: Path) -> None:
    """Custom updates ask for what the application has applied already."""
    trial = a_trial(tmp_path, space={"lr": FloatDistribution(1e-4, 1, log=True), "n": IntDistribution(1, 9)})
    legacy = LegacyTrial(trial)
    assert (legacy.suggest_loguniform("lr", 1e-4, 1), legacy.suggest_int("n", 1, 9)) == tuple(trial.params.values())


@pytest.mark.parametrize(
    ("kept", "choices"),
    [
        (["relu", "'a b'"], ["relu", "a b"]),
        ([True, False], [True, False]),
        (["null", "[mae]"], [None, ["mae"]]),
        ([1, 2.5], [1, 2.5]),
        (["'1e-3'"], ["1e-3"]),
    ],
    ids=["text", "bool", "null and list", "numbers", "text of a number"],
)
def test_choices_of_the_searched_space_come_back_as_they_were_written(
    kept: list[Any], choices: list[Any], tmp_path: Path
) -> None:
    """The study keeps them as override text; `params` and a second suggestion give the user's own."""
    for number, text in enumerate(kept):
        trial = LegacyTrial(a_trial(tmp_path, space={"c": CategoricalDistribution(kept)}, params={"c": text}))
        assert trial.params["c"] == choices[number]
        assert trial.suggest_categorical("c", choices) == choices[number]


def test_what_the_objective_has_suggested_itself_is_as_it_wrote_it(tmp_path: Path) -> None:
    """Also in a trial that continues after an interruption, where it is there from the start."""
    space = {"own": CategoricalDistribution(["1e-3"]), "c": CategoricalDistribution(["null"])}
    trial = LegacyTrial(a_trial(tmp_path, space=space), searched={"c": [None], "not yet": None})
    assert trial.params == {"own": "1e-3", "c": None}


def test_choices_of_numpy_are_numbers_in_the_study(tmp_path: Path) -> None:
    """The objective gets back what it gave."""
    import numpy as np

    trial = a_trial(tmp_path, params={"n": 2, "t": [1, 2]})
    legacy = LegacyTrial(trial)
    assert isinstance(legacy.suggest_categorical("n", list(np.arange(3))), np.integer)
    assert legacy.suggest_categorical("t", ("a", (1, 2))) == (1, 2)
    assert frozen(trial).distributions["n"] == CategoricalDistribution((0, 1, 2))
    assert trial.params == {"n": 2, "t": [1, 2]}


def test_attributes_of_the_users_do_not_replace_ours(tmp_path: Path) -> None:
    """And they may be numbers of any library."""
    import numpy as np

    trial = a_trial(tmp_path)
    LegacyTrial(trial).set_user_attr("claim", np.float32(0.5))
    LegacyTrial(trial).set_user_attr(key="mine", value=np.arange(2))
    assert frozen(trial).user_attrs == {"claim_": 0.5, "mine": [0, 1]}


def test_other_choices_than_the_searched_ones_are_refused(tmp_path: Path) -> None:
    """As Optuna does, with both places."""
    trial = LegacyTrial(a_trial(tmp_path, space={"c": CategoricalDistribution(["a", "b"])}))
    with pytest.raises(ValueError, match="'c' is suggested twice"):
        trial.suggest_categorical("c", ["a", "c"])


@pytest.mark.parametrize(
    ("settings", "value", "wanted"),
    [
        ({"low": 2, "high": 8, "q": 2}, 4.0, 4),
        ({"low": 2.0, "high": 8.0, "q": 2.0}, 4.0, 4),
        ({"low": 2, "high": 8, "q": 0.5}, 2.5, 2.5),
    ],
    ids=["whole", "whole floats", "halves"],
)
def test_q7_steps_are_cast_to_int_only_if_all_of_them_are_whole(
    settings: dict[str, Any], value: float, wanted: Any, tmp_path: Path
) -> None:
    """The original made 2 of 2.5 for a while, and later 3.0 of 3."""
    trial = LegacyTrial(a_trial(tmp_path, params={"n": value}))
    found = trial_suggest_loader(trial, {"type": "discrete_uniform", "settings": {"name": "n", **settings}})
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("declared", "settings", "kind"),
    [
        ("int", {"low": 0, "high": 3}, int),
        ("float", {"low": 0, "high": 3}, float),
        ("uniform", {"low": 0, "high": 3}, float),
        ("loguniform", {"low": 1, "high": 3}, float),
        ("categorical", {"choices": ["a"]}, str),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_loader_gives_the_declared_type(
    declared: str, settings: dict[str, Any], kind: type, tmp_path: Path
) -> None:
    """The original's `trial_suggest_loader`, which also takes a trial of Optuna's own."""
    entry = {"type": declared, "settings": {"name": "p", **settings}}
    trial = a_trial(tmp_path)
    assert type(trial_suggest_loader(LegacyTrial(trial), entry)) is kind
    assert type(trial_suggest_loader(optuna.create_study().ask(), entry)) is kind


def test_q3_numbers_that_yaml_reads_as_text_are_numbers(tmp_path: Path) -> None:
    """`low: 1e-6` has no dot, so YAML 1.1 takes it for text."""
    entry = {"type": "loguniform", "settings": {"name": "p", "low": "1e-6", "high": "1e-2"}}
    assert 1e-6 <= trial_suggest_loader(LegacyTrial(a_trial(tmp_path)), entry) <= 1e-2


def test_a_trial_reports_prunes_and_keeps_attributes(tmp_path: Path) -> None:
    """It is true, has Optuna's words and ours, and takes values of any library."""
    import numpy as np

    trial = a_trial(tmp_path)
    legacy = LegacyTrial(trial)
    legacy.report(np.float32(0.5), step=int(np.int64(3)))
    legacy.report(np.array([0.25]), step=4)
    legacy.set_user_attr("note", "kept")
    assert bool(legacy) is True
    assert legacy.should_prune(4) is False  # Optuna 1
    assert (legacy.number, legacy.should_prune(), legacy.user_attrs["note"], curve(trial)) == (
        0,
        False,
        "kept",
        {3: 0.5, 4: 0.25},
    )
    assert (legacy.directory, repr(legacy)) == (tmp_path, "LegacyTrial(number=0, params={})")


def test_several_objectives_have_nothing_to_prune_on(tmp_path: Path) -> None:
    """In the original `should_prune` raised, and the worker died."""
    trial = LegacyTrial(a_trial(tmp_path, directions=["minimize", "maximize"]))
    trial.report(1.0, step=0)
    assert trial.should_prune() is False


def test_a_study_that_is_at_hand_is_the_real_one(tmp_path: Path) -> None:
    """Without isolation."""
    trial = a_trial(tmp_path)
    assert LegacyTrial(trial).study is trial.study


def test_a_study_that_is_not_at_hand_is_stood_in_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What callbacks ask of it is there; for the rest the error says what to set."""
    trial = a_trial(tmp_path)
    monkeypatch.delattr(type(trial._trial), "study", raising=False)
    monkeypatch.delattr(trial._trial, "study", raising=False)
    study = LegacyTrial(trial, "old.db", ["maximize"]).study
    assert (study.study_name, study.direction.name, study._is_multi_objective()) == ("old.db", "MAXIMIZE", False)
    with pytest.raises(AttributeError, match=r"study\.best_value: .*isolation=none"):
        _ = study.best_value
    several = LegacyTrial(trial, "old.db", ["maximize", "minimize"]).study
    assert [one.name for one in several.directions] == ["MAXIMIZE", "MINIMIZE"]
    with pytest.raises(RuntimeError, match="several objectives"):
        _ = several.direction


def test_outside_a_sweep_the_trial_is_false() -> None:
    """`if not trial`, `trial == False`; what is only told is passed over, and a value must be given."""
    trial = NoTrial({"n": 4})
    trial.report(1.0, step=0)
    trial.set_user_attr("note", 1)
    assert not trial
    assert trial == False  # noqa: E712 - as users write it
    assert trial != NoTrial()
    assert {False: "outside"}[trial] == "outside"  # type: ignore[index]
    assert (trial.should_prune(), trial.suggest_int("n", 0, 9)) == (False, 4)
    with pytest.raises(HyperoptError, match=r"'m' is asked.*\+objective\.params\.m="):
        trial.suggest_uniform("m", 0, 1)


def test_warnings_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """The same words twice are one warning."""
    log = logging.getLogger("test")
    once.warn_once(log, "%s is odd", "this")
    once.warn_once(log, "%s is odd", "this")
    once.warn_once(log, "%s is odd", "that")
    assert [record.message for record in caplog.records] == ["this is odd", "that is odd"]
