# SPDX-License-Identifier: MIT
"""What the workers rely on, tried on every storage; the journal's own promises stand in test_journal.py."""

from itertools import chain, product
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import create_engine, inspect, text

from hyperopt_app.errors import StorageError
from hyperopt_app.storage.opening import open_storage
from tests.contracts.conftest import Place, Programs


def test_one_of_six_racing_processes_wins_each_ticket(shared_place: Place, run_program: Programs) -> None:
    """Six processes that try to claim all of forty tickets win each of them exactly once."""
    shared_place.create(40)
    won = run_program("race", *shared_place.arguments(), 6)
    study = optuna.load_study(study_name="contract", storage=shared_place.open())
    assert sorted(chain.from_iterable(won)) == [trial._trial_id for trial in study.trials]
    assert {trial.state for trial in study.trials} == {TrialState.RUNNING}


def test_a_result_and_a_return_of_the_same_ticket_exclude_each_other(
    shared_place: Place, run_program: Programs
) -> None:
    """When workers tell a trial while others give it back, whoever finishes it first has the last word."""
    study = shared_place.create(10)
    for trial in study.trials:
        study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
    answers = run_program("settle", *shared_place.arguments(), 4)
    trials = optuna.load_study(study_name="contract", storage=shared_place.open()).trials
    assert [answer.count("COMPLETE") for answer in zip(*answers, strict=True)] == [1] * 10
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert [answers[int(trial.values[0])][trial.number] for trial in trials] == ["COMPLETE"] * 10


def test_four_workers_finish_every_ticket_once(shared_place: Place, run_program: Programs) -> None:
    """Four processes that claim, report and tell finish each of 16 tickets once, and nothing is lost."""
    shared_place.create(16)
    finished = run_program("work", *shared_place.arguments(), 4)
    trials = optuna.load_study(study_name="contract", storage=shared_place.open()).trials
    assert sorted(chain.from_iterable(finished)) == list(range(16))
    assert [trial.values for trial in trials] == [[float(trial._trial_id)] for trial in trials]
    assert {tuple(trial.intermediate_values.items()) for trial in trials} == {((0, 0.0), (1, 0.5), (2, 1.0))}
    assert [
        trial.number for trial in trials for mine in [finished[trial.user_attrs["by"]]] if trial.number in mine
    ] == (list(range(16)))


def test_six_processes_may_begin_a_storage_at_once(shared_place: Place, run_program: Programs) -> None:
    """Processes that open a storage nobody has opened before make one study in it, and none of them fails."""
    assert run_program("begin", *shared_place.arguments(), 6) == [1] * 6
    trials = optuna.load_study(study_name="contract", storage=shared_place.open()).trials
    assert [trial.number for trial in trials] == list(range(6))


def test_processes_may_write_the_same_attribute_of_a_study_at_once(shared_place: Place, run_program: Programs) -> None:
    """The last of several writers of one attribute wins, and the others are told nothing of it."""
    study = shared_place.create(0)
    assert run_program("annotate", *shared_place.arguments(), 4) == [10] * 4
    assert study.user_attrs["stop"]["number"] == 9
    assert len(study.user_attrs) == 11


def test_a_ticket_given_back_keeps_all_that_is_known(place: Place) -> None:
    """RUNNING -> WAITING keeps number, parameters, learning curve and attributes; it can be claimed again."""
    study = place.create(2)
    trial = study.ask()
    trial.suggest_float("x", 1e-5, 1.0, log=True)
    trial.suggest_categorical("kind", ["a", None, 3])
    trial.report(0.5, 1)
    trial.report(float("nan"), 2)
    trial.set_user_attr("metrics", {"loss": 0.25, "text": "ü\n'\""})
    before = study.trials[0]

    assert study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    other = place.open()
    waiting = other.get_trial(trial._trial_id)
    assert waiting.state == TrialState.WAITING
    assert other.set_trial_state_values(trial._trial_id, TrialState.RUNNING)

    again = other.get_trial(trial._trial_id)
    for name in ("number", "params", "distributions", "user_attrs"):
        assert getattr(before, name) == getattr(waiting, name) == getattr(again, name)
    kept = [{key: one.system_attrs[key] for key in one.system_attrs.keys() - {"taken_by"}} for one in (before, again)]
    assert kept == [kept[0]] * 2
    assert repr(before.intermediate_values) == repr(again.intermediate_values) == "{1: 0.5, 2: nan}"


def test_a_ticket_of_somebody_else_is_not_won(place: Place) -> None:
    """A claim on a running trial is refused, also to the worker that held it before it was freed."""
    place.create(1)
    mine, other = place.open(), place.open()
    ticket = mine.get_all_trials(0 if place.kind in ("memory", "journal") else 1)[0]._trial_id
    assert mine.set_trial_state_values(ticket, TrialState.RUNNING)
    assert other.set_trial_state_values(ticket, TrialState.WAITING)
    assert other.set_trial_state_values(ticket, TrialState.RUNNING)
    assert not mine.set_trial_state_values(ticket, TrialState.RUNNING)


def test_a_finished_trial_stays_as_it_is(place: Place) -> None:
    """Claiming, freeing or telling a finished trial raises UpdateFinishedTrialError and changes nothing."""
    study, late = place.create(3), place.open()
    for state, value in ((TrialState.COMPLETE, 2.0), (TrialState.PRUNED, None), (TrialState.FAIL, None)):
        trial = study.ask()
        trial.report(0.5, 3)
        study.tell(trial, value, state)
    before = study.trials

    for trial_id, state, values in product(
        [one._trial_id for one in before],
        [TrialState.WAITING, TrialState.RUNNING, TrialState.COMPLETE, TrialState.FAIL],
        [None, [1.0]],
    ):
        with pytest.raises(UpdateFinishedTrialError):
            late.set_trial_state_values(trial_id, state, values)
        with pytest.raises(UpdateFinishedTrialError):
            late.set_trial_user_attr(trial_id, "late", 1)

    assert [one.state for one in before] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert optuna.load_study(study_name="contract", storage=late).trials == before


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_foreign_table_of_studies_is_refused(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """In a line, before Optuna has put its other tables beside it."""
    storage = request.getfixturevalue(f"{kind}_server").new_database()
    engine = create_engine(storage)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE studies (title VARCHAR(20))"))
    with pytest.raises(StorageError, match="a table `studies` that is not Optuna's; nothing was written"):
        open_storage(storage, tmp_path)
    assert inspect(engine).get_table_names() == ["studies"]
    engine.dispose()


@pytest.mark.parametrize("shared_place", ["sqlite", "postgresql", "mariadb"], indirect=True)
@pytest.mark.parametrize("several", [False, True])
def test_a_database_is_read_at_once_as_optuna_reads_it(shared_place: Place, several: bool) -> None:
    """Numbers that are not finite, odd names, trials of each state and of another study beside them."""
    shared_place.create(2)
    storage = shared_place.open()
    assert isinstance(storage, RDBStorage)
    study = optuna.create_study(storage=storage, directions=["minimize", "maximize"] if several else ["minimize"])
    curve = {3: float("nan"), 1: float("inf"), 2: -float("inf"), 0: 1e-300}
    space = {"é": CategoricalDistribution(["a", None, 3]), "a.b": FloatDistribution(1e-5, 1.0, log=True)}
    for values in ([float("inf"), -1.0], [0.5, -float("inf")]):
        trial = optuna.trial.create_trial(
            values=values if several else values[:1],
            params={"é": None, "a.b": 0.5},
            distributions=dict(space),
            user_attrs={"metrics": {"loss": 0.25, "text": "ü\n'\""}, "none": None},
            intermediate_values={} if several else dict(curve),
        )
        study.add_trial(trial)
    study.add_trial(optuna.trial.create_trial(state=TrialState.FAIL))
    study.enqueue_trial({"a.b": 0.25})
    study.ask()
    expected = _in_order(RDBStorage._get_trials(storage, study._study_id, None, set(), -1))
    assert _in_order(storage.get_all_trials(study._study_id)) == _in_order(study.trials) == expected
    some = storage.get_all_trials(study._study_id, states=(TrialState.FAIL, TrialState.RUNNING))
    assert [trial.number for trial in some] == [2, 3]
    with pytest.raises(KeyError):
        storage.get_all_trials(10**6)


def _in_order(trials: list[FrozenTrial]) -> list[str]:
    """All of the trials, without the order of attributes, which a database does not keep."""
    for trial in trials:
        trial.user_attrs = dict(sorted(trial.user_attrs.items()))
        trial.intermediate_values = dict(sorted(trial.intermediate_values.items()))
    return [repr(trial) for trial in trials]
