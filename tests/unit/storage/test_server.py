# SPDX-License-Identifier: MIT
"""Calls to a database server whose answer is lost: the transaction is stored, and the connection breaks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from hyperopt_app.errors import StorageError
from hyperopt_app.storage import database
from hyperopt_app.storage.absence import Absence, is_away
from hyperopt_app.storage.patience import giving_up
from hyperopt_app.storage.server import ServerDatabase

WAITING, RUNNING, COMPLETE = TrialState.WAITING, TrialState.RUNNING, TrialState.COMPLETE


@dataclass
class Line:
    """The connection of one storage to its server.

    Attributes:
        storage: The storage.
        loses: Whether the answer to the next commit is lost.
        meanwhile: What others do before the server answers again.
    """

    storage: ServerDatabase = field(init=False)
    loses: bool = False
    meanwhile: Callable[[], object] = lambda: None

    def lose(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Lose the next answer."""
        self.loses, self.meanwhile = True, meanwhile

    def back(self) -> bool:
        """The server answers again."""
        self.meanwhile()
        return True


def broken() -> OperationalError:
    """What a driver makes of a connection that breaks."""
    return OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[], Line]]:
    """`connect()`: one more process at the same database, which stands in a file here."""
    lines: list[Line] = []

    def one() -> Line:
        line = Line()

        class Losing(Session):
            def commit(self) -> None:
                super().commit()
                if line.loses:
                    line.loses = False
                    raise broken()

        line.storage = ServerDatabase(f"sqlite:///{tmp_path / 'study.db'}", {}, line.back)
        line.storage.scoped_session = scoped_session(sessionmaker(bind=line.storage.engine, class_=Losing))
        lines.append(line)
        return line

    yield one
    for line in lines:
        line.storage.remove_session()
        line.storage.engine.dispose()


def ticket(line: Line) -> int:
    """A waiting trial, by id."""
    study = optuna.create_study(storage=line.storage, study_name="s", load_if_exists=True)
    study.add_trial(create_trial(state=WAITING))
    return study.get_trials()[-1]._trial_id


def test_a_claim_that_was_stored_is_won(connect: Callable[[], Line]) -> None:
    """By the one who has made it, and by no other."""
    one, other = connect(), connect()
    trial = ticket(one)
    one.lose()
    assert one.storage.set_trial_state_values(trial, RUNNING)
    assert not other.storage.set_trial_state_values(trial, RUNNING)
    assert not one.storage.set_trial_state_values(trial, RUNNING)


def test_a_claim_that_was_not_stored_may_be_lost_to_another(connect: Callable[[], Line]) -> None:
    """The answer that says so is lost as well."""
    one, other = connect(), connect()
    trial = ticket(one)
    assert other.storage.set_trial_state_values(trial, RUNNING)
    one.lose()
    assert not one.storage.set_trial_state_values(trial, RUNNING)


def test_a_result_that_was_stored_is_told_once(connect: Callable[[], Line]) -> None:
    """A second telling after it is refused, as ever."""
    one = connect()
    trial = ticket(one)
    one.storage.set_trial_state_values(trial, RUNNING)
    one.lose()
    assert one.storage.set_trial_state_values(trial, COMPLETE, [2.0])
    assert (one.storage.get_trial(trial).state, one.storage.get_trial(trial).value) == (COMPLETE, 2.0)
    with pytest.raises(UpdateFinishedTrialError):
        one.storage.set_trial_state_values(trial, COMPLETE, [3.0])


@pytest.mark.parametrize("finishes", [False, True])
def test_a_ticket_that_was_given_back_is_not_taken_from_its_next_holder(
    connect: Callable[[], Line], *, finishes: bool
) -> None:
    """Who has claimed it, or told its result, before the first one hears that the server is back."""
    one, other = connect(), connect()
    trial = ticket(one)
    one.storage.set_trial_state_values(trial, RUNNING)

    def next_holder() -> None:
        assert other.storage.set_trial_state_values(trial, RUNNING)
        if finishes:
            assert other.storage.set_trial_state_values(trial, COMPLETE, [1.0])

    one.lose(next_holder)
    assert one.storage.set_trial_state_values(trial, WAITING)
    assert other.storage.get_trial(trial).state == (COMPLETE if finishes else RUNNING)


def test_a_ticket_is_issued_once(connect: Callable[[], Line]) -> None:
    """With its point; two that are alike are two."""
    one = connect()
    study = optuna.create_study(storage=one.storage, study_name="s")
    for _ in range(2):
        one.lose()
        study.enqueue_trial({"x": 1})
    points = [trial.system_attrs["fixed_params"] for trial in study.get_trials()]
    assert points == [{"x": 1}, {"x": 1}]


def test_attributes_reports_and_parameters_may_come_twice(connect: Callable[[], Line]) -> None:
    """They say the same again."""
    one = connect()
    trial = ticket(one)
    one.storage.set_trial_state_values(trial, RUNNING)
    space = optuna.distributions.FloatDistribution(0, 1)
    writes: list[tuple[Callable[..., object], tuple[Any, ...]]] = [
        (one.storage.set_trial_user_attr, (trial, "a", 1)),
        (one.storage.set_trial_system_attr, (trial, "b", 2)),
        (one.storage.set_trial_intermediate_value, (trial, 0, 0.5)),
        (one.storage.set_trial_param, (trial, "x", 0.25, space)),
    ]
    for write, arguments in writes:
        one.lose()
        write(*arguments)
    found = one.storage.get_trial(trial)
    assert (found.user_attrs, found.system_attrs["b"]) == ({"a": 1}, 2)
    assert (found.intermediate_values, found.params) == ({0: 0.5}, {"x": 0.25})


def test_another_fault_of_a_statement_is_raised(connect: Callable[[], Line], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that comes again and again although the server answers."""
    one = connect()
    monkeypatch.setattr(one.storage, "_await_answer", lambda: False)
    monkeypatch.setattr("hyperopt_app.storage.server._PAUSE_S", 0)

    def fail() -> None:
        raise broken()

    with pytest.raises(OperationalError):
        one.storage.answered(fail)


@pytest.mark.parametrize(
    ("text", "away"),
    [
        ("server closed the connection unexpectedly", True),
        ("(2013, 'Lost connection to MySQL server during query')", True),
        ("(2006, \"MySQL server has gone away (BrokenPipeError(32, 'Broken pipe'))\")", True),
        ("connection failed: FATAL:  the database system is starting up", True),
        ("connection failed: FATAL:  password authentication failed for user", False),
        ("(1213, 'Deadlock found when trying to get lock; try restarting transaction')", False),
        ("database is locked", False),
    ],
)
def test_what_a_driver_says_tells_an_absence(text: str, away: bool) -> None:
    """As an error of SQLAlchemy's, and as Optuna wraps it; a value in the statement says nothing."""
    error = OperationalError("INSERT ... connection", {"value": "gone away"}, Exception(text))
    wrapped = StorageInternalError("An exception is raised during the commit.")
    wrapped.__cause__ = error
    assert (is_away(error), is_away(wrapped)) == (away, away)


def test_an_absence_is_told_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever waits; and an end only of what has begun."""
    times = iter([10.0, 30.0])
    absence = Absence("postgresql://u:***@h/d", lambda: next(times))
    absence.ends()
    for _ in range(3):
        absence.begins("connection refused", float("inf"))
    absence.ends()
    absence.ends()
    name = "the database at postgresql://u:***@h/d"
    assert caplog.messages == [
        f"{name} does not answer (connection refused); waiting for it",
        f"{name} answers again after 20 s",
    ]


def test_who_is_told_to_end_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the error at the next look."""
    url = database.parse_url("postgresql+psycopg://u:secret@127.0.0.1:1/d")
    pauses: list[float] = []
    with giving_up(lambda: len(pauses) == 2), pytest.raises(StorageError, match="cannot be reached"):
        database.await_server(url, float("inf"), pauses.append)
    assert len(pauses) == 2
