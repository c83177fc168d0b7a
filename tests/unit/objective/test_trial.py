# SPDX-License-Identifier: MIT
"""What an objective sees of its trial, and what is made of what it returns."""

import copy
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

import hyperopt_app
from hyperopt_app.errors import ConfigError, DescendantError, MetricError
from hyperopt_app.objective.base import Objective
from hyperopt_app.objective.outcomes import Completed, Failed, outcome_of
from hyperopt_app.objective.trial import OWN_ATTRIBUTES, Trial, active_trial


class Above(optuna.pruners.BasePruner):
    """Prunes what reports more than 1."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return max(trial.intermediate_values.values(), default=0.0) > 1


def _trial(directory: Path, directions: int = 1, **options: Any) -> Trial:
    study = optuna.create_study(directions=["minimize"] * directions, pruner=Above())
    return Trial(study.ask(), directory=directory, seed=7, **options)


def _curve(trial: Trial) -> dict[int, float]:
    return trial.study.get_trials()[trial.number].intermediate_values  # type: ignore[no-any-return]


def test_outside_of_a_sweep_there_is_no_trial() -> None:
    """The same training code runs alone: nothing is reported, nothing is pruned."""
    assert hyperopt_app.current_trial() is None
    hyperopt_app.report(1e9, 1)


def test_the_current_trial_is_there_while_the_objective_runs(tmp_path: Path) -> None:
    """It goes when the objective ends, however it ends."""
    trial = _trial(tmp_path)

    def fail() -> None:
        assert hyperopt_app.current_trial() is trial
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), active_trial(trial):
        fail()
    assert hyperopt_app.current_trial() is None


def test_a_trial_shows_what_an_objective_needs(tmp_path: Path) -> None:
    """Its place, its seed, its parameters; everything else is Optuna's."""
    trial = _trial(tmp_path, metric_names=["loss"], resumed=True)
    assert (trial.number, trial.seed, trial.resumed, trial.metric_names) == (0, 7, True, ("loss",))
    assert trial.checkpoint == tmp_path / "last.ckpt"
    value = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("note", "n")
    assert trial.params == {"x": value}
    assert trial.user_attrs == {"note": "n"}
    assert repr(trial) == f"Trial(number=0, params={{'x': {value}}})"


def test_a_private_name_of_a_trial_is_not_looked_up_in_optunas(tmp_path: Path) -> None:
    """Copying and pickling ask for such names before there is a trial to ask."""
    assert not hasattr(_trial(tmp_path), "_trial_id")
    assert not hasattr(object.__new__(Trial), "_trial")


@pytest.mark.parametrize("key", sorted(OWN_ATTRIBUTES))
def test_what_we_keep_with_a_trial_is_not_the_objectives_to_write(tmp_path: Path, key: str) -> None:
    """A claim of another form would take its worker along."""
    trial = _trial(tmp_path)
    trial.set_user_attr("mine", [1])
    with pytest.raises(ValueError, match=f"{key!r} is this package's own"):
        trial.set_user_attr(key, 1)
    assert trial.user_attrs == {"mine": [1]}


def test_a_report_is_recorded(tmp_path: Path) -> None:
    """Step and value, as a float."""
    trial = _trial(tmp_path)
    with active_trial(trial):
        hyperopt_app.report(np.float32(0.5), 1)  # type: ignore[arg-type]
        hyperopt_app.report(1, 2)
    assert _curve(trial) == {1: 0.5, 2: 1.0}


def test_a_report_ends_a_trial_that_is_not_worth_going_on(tmp_path: Path) -> None:
    """Optuna's own exception, after the value is recorded."""
    trial = _trial(tmp_path)
    with active_trial(trial), pytest.raises(optuna.TrialPruned, match="pruned at step 3 with 2"):
        hyperopt_app.report(2.0, 3)
    assert _curve(trial) == {3: 2.0}


@pytest.mark.parametrize("reported", [(1,), (1, 2)])
def test_a_step_that_was_recorded_before_an_interruption_stays(tmp_path: Path, reported: tuple[int, ...]) -> None:
    """A trial that continues repeats the steps since its last checkpoint; warnings are errors here."""
    trial = _trial(tmp_path, reported=reported)
    for step in (1, 2, 2, 3):
        trial.report(0.1, step)
    assert set(_curve(trial)) == {1, 2, 3} - set(reported)


STORY = {
    "report first": (["report", "save", "report", "save"], ["report", "save, may end", "report", "save, may end"]),
    "save first": (["save", "report", "save", "report"], ["save", "report, may end", "save", "report, may end"]),
    "saves alone": (["save", "save", "save"], ["save", "save, may end", "save, may end"]),
    "reports alone": (["report", "report"], ["report", "report"]),
    "reports seldom": (["save", "save", "report", "save"], ["save", "save, may end", "report, may end", "save"]),
}


@pytest.mark.parametrize("case", STORY)
def test_a_trial_may_end_behind_both_the_report_and_the_checkpoint_of_a_step(case: str, tmp_path: Path) -> None:
    """Whichever of the two comes first; an objective that never reports may end at its second checkpoint."""
    calls, seen = STORY[case]
    ends: list[bool] = []
    trial = _trial(tmp_path, on_checkpoint=lambda: ends.append(True))
    story = []
    for step, call in enumerate(calls):
        ends.clear()
        if call == "report":
            trial.report(0.5, step)
        else:
            trial.checkpointed()
        story.append(f"{call}, may end" if ends else call)
    assert story == seen


def test_a_checkpoint_after_which_nothing_is_reported_is_an_end(tmp_path: Path) -> None:
    """The objective may say so, and with several objectives it is always so."""
    for directions, options in ((1, {"reported": True}), (2, {})):
        ends: list[bool] = []
        trial = _trial(tmp_path, directions, on_checkpoint=lambda: ends.append(True))  # noqa: B023
        trial.checkpointed(**options)
        assert ends == [True]


def test_whoever_watches_hears_of_a_checkpoint_at_which_the_trial_may_not_end_yet(tmp_path: Path) -> None:
    """Of an objective that writes checkpoints it is known from the first one on that it will write others."""
    heard: list[str] = []
    trial = _trial(tmp_path, on_saved=lambda: heard.append("saved"), on_checkpoint=lambda: heard.append("may end"))
    trial.checkpointed()
    assert heard == ["saved"]
    trial.report(0.5, 1)
    assert heard == ["saved", "may end"]


def test_the_order_is_pointed_out_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In the trial's log."""
    trial = _trial(tmp_path)
    for step in range(3):
        trial.checkpointed()
        trial.report(0.5, step)
    assert [record.message[:46] for record in caplog.records] == ["checkpointed() was called before report(): rep"]


def test_a_seed_is_the_trials_then_the_environments_then_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of best.yaml sets the variable; in a trial it counts nothing."""
    assert (hyperopt_app.current_seed(), hyperopt_app.current_seed(3)) == (None, 3)
    monkeypatch.setenv("HYPEROPT_SEED", "11")
    assert (hyperopt_app.current_seed(), hyperopt_app.current_seed(3)) == (11, 11)
    with active_trial(_trial(tmp_path)):
        assert (hyperopt_app.current_seed(), hyperopt_app.current_seed(3)) == (7, 7)
    monkeypatch.setenv("HYPEROPT_SEED", "-1")
    with pytest.raises(ConfigError, match="HYPEROPT_SEED: '-1' is not allowed; set a whole number from 0"):
        hyperopt_app.current_seed()


def test_it_is_noticed_that_an_objective_reads_the_seed(tmp_path: Path) -> None:
    """Once, in the place of the config's own key `seed`; who asks otherwise is answered by the environment later."""
    read: list[bool] = []
    trial = _trial(tmp_path, on_seed=lambda: read.append(True), key_seed=5)
    with active_trial(trial):
        hyperopt_app.current_seed()
        hyperopt_app.current_seed(0)
        assert read == []
        assert hyperopt_app.current_seed(5) == trial.seed == 7
    assert read == [True]


def test_whole_numbers_that_the_study_could_not_keep_are_not_suggested(tmp_path: Path) -> None:
    """Up to 2**53 floats tell them apart, in which Optuna keeps them."""
    trial = _trial(tmp_path)
    assert trial.suggest_int("n", 2**53, 2**53) == trial.params["n"] == 2**53
    with pytest.raises(ValueError, match="suggest_categorical"):
        trial.suggest_int("m", 0, 2**53 + 1)


def test_several_objectives_have_no_curve(tmp_path: Path) -> None:
    """Optuna prunes on one value alone; reporting is allowed and does nothing."""
    trial = _trial(tmp_path, directions=2)
    with active_trial(trial):
        hyperopt_app.report(5.0, 1)
    assert _curve(trial) == {}
    assert not trial.should_prune()


def test_an_objective_without_train_is_told_by_name() -> None:
    """A subclass that forgot its method, or named it otherwise."""

    class Forgetful(Objective):
        pass

    with pytest.raises(NotImplementedError, match="Forgetful has no method train"):
        Forgetful().train(None, None)


class Tensor:
    """A number that is none of Python's, like a tensor of one element."""

    def __float__(self) -> float:
        return 0.25


class Matrix:
    """A tensor of many elements."""

    def __float__(self) -> float:
        raise RuntimeError("a Tensor with 4 elements cannot be converted to Scalar")


RETURNED: dict[str, tuple[Any, tuple[str, ...], int, Completed]] = {
    "a number": (2, (), 1, Completed((2.0,))),
    "a named number": (2, ("loss",), 1, Completed((2.0,), {"loss": 2.0})),
    "a numpy number": (np.float64(0.5), (), 1, Completed((0.5,))),
    "a tensor": (Tensor(), (), 1, Completed((0.25,))),
    "an array without a dimension": (np.array(0.5), (), 1, Completed((0.5,))),
    "an array of one number": (np.array([[1.5]]), (), 1, Completed((1.5,))),
    "an array of one number per direction": (np.array([1.5, 2]), (), 2, Completed((1.5, 2.0))),
    "a dictionary of arrays of one number": (
        {"loss": np.array([1.5]), "curve": np.array([1, 2])},
        ("loss",),
        1,
        Completed((1.5,), {"loss": 1.5}),
    ),
    "a list": ([1, 2.5], (), 2, Completed((1.0, 2.5))),
    "a list of one": ([3], (), 1, Completed((3.0,))),
    "a named tuple of values": ((1, 2), ("a", "b"), 2, Completed((1.0, 2.0), {"a": 1.0, "b": 2.0})),
    "a dictionary": (
        {"acc": 0.9, "loss": Tensor(), "name": "best", "none": None, "matrix": Matrix()},
        ("loss",),
        1,
        Completed((0.25,), {"acc": 0.9, "loss": 0.25}),
    ),
    "a dictionary in another order": (
        {"b": 1, "a": 2},
        ("a", "b"),
        2,
        Completed((2.0, 1.0), {"b": 1.0, "a": 2.0}),
    ),
    "the only metric": ({"loss": 1, "note": "text"}, (), 1, Completed((1.0,), {"loss": 1.0})),
}


@pytest.mark.parametrize("case", RETURNED)
def test_what_an_objective_may_return(case: str) -> None:
    """The values stand in the order of the directions; all metrics that are numbers are kept."""
    returned, names, directions, expected = RETURNED[case]
    assert outcome_of(returned, names, directions) == expected


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_value_that_is_not_finite_is_a_diverged_trial(value: str) -> None:
    """Its other metrics are kept for whoever wants to know why."""
    outcome = outcome_of({"loss": float(value), "acc": 0.5}, ["loss"], 1)
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.error) == ("diverged", f"the objective returned {value}")
    assert outcome.metrics["acc"] == 0.5


def test_a_metric_that_is_not_optimised_may_be_anything() -> None:
    """Only the values that the sampler learns from have to be finite."""
    outcome = outcome_of({"loss": 1.0, "ratio": float("inf")}, ["loss"], 1)
    assert isinstance(outcome, Completed)


WRONG: dict[str, tuple[Any, tuple[str, ...], int, str]] = {
    "nothing": (None, (), 1, "The objective returned None; 1 number"),
    "text": ("0.5", (), 1, "The objective returned a str '0.5'; 1 number"),
    "an array of text": (np.array(["1.5"]), (), 1, "The objective returned a ndarray of the shape (1,); 1 number"),
    "what is long": ("x" * 99, (), 1, f"a str '{'x' * 59}...; 1 number"),
    "too few": (1.0, (), 2, "2 number"),
    "too many": ([1, 2], (), 1, "1 number"),
    "no number in a list": ([1, None], (), 2, "2 number"),
    "text among numbers": ([1, "2", 3], (), 2, "The objective returned a list [1, '2', 3]; 2 number"),
    "a missing metric": ({"acc": 1, "f1": 2}, ("loss",), 1, "metric: loss; the objective returned acc, f1."),
    "a metric that is not a number": (
        {"loss": None},
        ("loss",),
        1,
        "metric: loss is None. Return a number in its place.",
    ),
    "metrics that are no numbers": (
        {"loss": "1.5", "acc": np.array([1, 2])},
        ("loss", "acc"),
        2,
        "metric: loss is a str '1.5'; acc is a ndarray of the shape (2,). Return a number in its place.",
    ),
    "a metric that is not a number beside a missing one": ({"a": "1"}, ("a", "b"), 2, "metric: a, b; the objective"),
    "no metric named": (
        {"a": 1, "b": 2},
        (),
        1,
        "not named; the objective returned a, b. Set hydra.sweeper.metric to one of",
    ),
    "too few named": ({"a": 1, "b": 2}, ("a",), 2, "2 of these names"),
    "an empty dictionary": ({}, ("loss",), 1, "an empty dictionary"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_optimised_is_told_with_what_came(case: str) -> None:
    """The returned names are shown, and what to set."""
    returned, names, directions, text = WRONG[case]
    with pytest.raises(MetricError) as error:
        outcome_of(returned, names, directions)
    assert text in str(error.value)
    assert "hydra.sweeper.metric" in str(error.value)


def test_a_trial_that_was_sent_by_pickle_has_its_facts_and_no_voice(tmp_path: Path) -> None:
    """What another process gets of it; a copy where the trial itself runs is the trial."""
    trial = _trial(tmp_path, metric_names=["loss"], resumed=True)
    value = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("note", "n")
    sent = pickle.loads(pickle.dumps(trial))
    assert (sent.number, sent.directory, sent.seed, sent.resumed) == (0, tmp_path, 7, True)
    assert (sent.metric_names, sent.checkpoint, repr(sent)) == (("loss",), trial.checkpoint, repr(trial))
    assert (sent.params, sent.user_attrs) == ({"x": value}, {"note": "n"})
    for call in (
        lambda: sent.report(1.0, 1),
        sent.should_prune,
        lambda: sent.set_user_attr("other", 1),
        lambda: sent.suggest_float("y", 0, 1),
        lambda: sent.suggest_int("n", 0, 1),
        lambda: sent.study,
    ):
        with pytest.raises(DescendantError, match="may speak for the trial"):
            call()
    with active_trial(trial):
        assert copy.deepcopy(trial) is trial
        assert pickle.loads(pickle.dumps(trial)) is trial


def test_what_a_trial_starts_knows_that_it_descends_from_one(tmp_path: Path) -> None:
    """By its environment, which is as it was when the trial is over."""
    before = dict(os.environ)
    with active_trial(_trial(tmp_path)):
        assert set(os.environ.items()) - set(before.items()) == {("HYPEROPT_TRIAL_PID", str(os.getpid()))}
    assert dict(os.environ) == before
