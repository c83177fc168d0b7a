# SPDX-License-Identifier: MIT
"""Optuna storage on a database server that survives outages of the server.

Each call is repeated once the server answers again. After a broken connection nobody knows whether the last
transaction was committed, so every write must be safe to repeat. Attributes, reports and parameters are stored under
their key and are safe anyway. Three writes need help. A new trial carries a random word by which it is found again. A
claim stores a random word in the same transaction, so that a won claim is not taken for a lost one. Whether a trial's
result, or its return to WAITING, was stored is decided from its state and from whether another worker has claimed it
since.
"""

import copy
import functools
import json
import logging
import time
import uuid
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hyperopt_app.storage.absence import is_away
from hyperopt_app.storage.databases.whole_study import all_trials

__all__ = ["ClosingDatabase", "ServerDatabase"]

# System attributes of a trial: the word of the call that has made it, and of the one that has taken it last.
MADE_BY = "made_by"
TAKEN_BY = "taken_by"

# Calls in a row that fail although the server answers; then it is another fault.
_MOST_CALLS = 8
_PAUSE_S = 0.05

Answer = TypeVar("Answer")


def _is_not_misleading(record: logging.LogRecord) -> bool:
    """Drop Optuna's misleading log line about a query whose connection broke."""
    message = record.getMessage()
    return not (message.startswith("Caught an error from sqlalchemy") and "sqlite" not in message)


class ClosingDatabase(RDBStorage):
    """Optuna's storage, which closes its connections if it cannot be opened, and reads a whole study faster."""

    def __init__(self, url: str, engine_kwargs: dict[str, Any]) -> None:
        try:
            super().__init__(url, engine_kwargs)
        except Exception:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Read trials as Optuna does; all of them in a few queries."""
        if states is not None or included_trial_ids or trial_id_greater_than > -1:
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        with _create_scoped_session(self.scoped_session) as session:
            return all_trials(session, study_id)


class ServerDatabase(ClosingDatabase):
    """Optuna's storage, whose calls wait for a server that is away.

    Args:
        url: As Optuna's.
        engine_kwargs: As Optuna's.
        await_answer: Comes back once the server answers, with whether it was waited for; or raises.
    """

    def __init__(self, url: str, engine_kwargs: dict[str, Any], await_answer: Callable[[], bool]) -> None:
        self._await_answer = await_answer
        self._making: set[str] = set()
        logging.getLogger("optuna.storages._rdb.storage").addFilter(_is_not_misleading)
        super().__init__(url, engine_kwargs)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Set a trial's state as Optuna does, safe to repeat after a lost reply."""
        change = _Change(self, trial_id, state)

        def once() -> bool:
            return change.is_stored() or super(ServerDatabase, self).set_trial_state_values(trial_id, state, values)

        return self.answered(once)

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """Create a trial as Optuna does, which itself repeats the call after a broken connection and would make two."""
        if template_trial is None:
            return self.answered(lambda: super(ServerDatabase, self)._create_new_trial(study_id))
        template, word = copy.copy(template_trial), uuid.uuid4().hex
        template.system_attrs = {**template.system_attrs, MADE_BY: word}
        try:
            return self.answered(lambda: super(ServerDatabase, self)._create_new_trial(study_id, template))
        finally:
            self._making.discard(word)

    def _get_prepared_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None, session: Session
    ) -> models.TrialModel:
        """Return the trial that an earlier call created without a reply, or a new one; under the study's lock."""
        word = None if template_trial is None else template_trial.system_attrs.get(MADE_BY)
        if word is not None and word in self._making:
            attribute = models.TrialSystemAttributeModel
            made = session.query(models.TrialModel).filter(models.TrialModel.study_id == study_id).join(attribute)
            trial = made.filter(attribute.key == MADE_BY, attribute.value_json == json.dumps(word)).one_or_none()
            if trial is not None:
                return trial
        if word is not None:
            self._making.add(word)
        return super()._get_prepared_new_trial(study_id, template_trial, session)

    def leave_word(self, session: Session, kind: Any, trial_id: int, word: str) -> None:
        """Store who claims a trial, in the current transaction."""
        self._set_trial_attr_without_commit(session, kind, trial_id, TAKEN_BY, word)

    def answered(self, call: Callable[[], Answer]) -> Answer:
        """Return a call's result, repeating it as long as the server is unreachable."""
        calls = 0
        while True:
            try:
                return call()
            except (SQLAlchemyError, StorageInternalError) as error:
                calls += 1
                if not is_away(error) or calls == _MOST_CALLS:
                    raise
            with suppress(SQLAlchemyError):
                self.scoped_session.remove()
            if self._await_answer():
                calls = 0
            else:
                time.sleep(_PAUSE_S * 2**calls)


class _Change:
    """A change of a trial's state, which may already be stored when it is repeated."""

    def __init__(self, storage: ServerDatabase, trial_id: int, state: TrialState) -> None:
        self._storage = storage
        self._trial_id = trial_id
        self._state = state
        self._word = uuid.uuid4().hex
        self._was_sent = False
        self._holder: str | None = None

    def is_stored(self) -> bool:
        """Whether an earlier call has stored the change; if not, the transaction stays open for Optuna's method."""
        storage = self._storage
        session = storage.scoped_session()
        try:
            query = session.query(models.TrialModel.state).filter(models.TrialModel.trial_id == self._trial_id)
            now = query.with_for_update().scalar()
            holder = self._holder_now(session)
            if self._was_sent and self._has_come(now, holder):
                storage.scoped_session.remove()
                return True
            if self._state == TrialState.RUNNING and now == TrialState.WAITING:
                kind = models.TrialSystemAttributeModel
                storage.leave_word(session, kind, self._trial_id, self._word)
        except BaseException:
            storage.scoped_session.remove()
            raise
        self._was_sent, self._holder = True, holder
        return False

    def _holder_now(self, session: Session) -> str | None:
        kind = models.TrialSystemAttributeModel
        query = session.query(kind.value_json).filter(kind.trial_id == self._trial_id, kind.key == TAKEN_BY)
        text = query.scalar()
        return None if text is None else str(json.loads(text))

    def _has_come(self, now: TrialState | None, holder: str | None) -> bool:
        if self._state == TrialState.RUNNING:
            return now == TrialState.RUNNING and holder == self._word
        # Another has taken it since, which nobody could before this change was stored.
        return now == self._state or holder != self._holder


def _patient(name: str) -> Callable[..., Any]:
    """Wrap a method of Optuna's that may be repeated unchanged."""
    method = getattr(ClosingDatabase, name)

    @functools.wraps(method)
    def call(self: ServerDatabase, *args: Any, **kwargs: Any) -> Any:
        return self.answered(lambda: method(self, *args, **kwargs))

    return call


# Optuna's cache calls some of the underscored ones in the place of the public ones.
for _name in (
    *("create_new_study", "delete_study", "set_study_user_attr", "set_study_system_attr", "get_study_id_from_name"),
    *("get_study_name_from_id", "get_study_directions", "get_study_user_attrs", "get_study_system_attrs"),
    *("get_trial_user_attrs", "get_trial_system_attrs", "get_all_studies", "set_trial_param", "_set_trial_param"),
    *("get_trial_param", "set_trial_intermediate_value", "set_trial_user_attr", "set_trial_system_attr"),
    *("get_trial_id_from_study_id_trial_number", "get_trial", "_get_trials", "_get_best_trial_id"),
):
    setattr(ServerDatabase, _name, _patient(_name))
