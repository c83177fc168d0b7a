# SPDX-License-Identifier: MIT
"""A snapshot changes nothing but the time: whatever lies beside a journal, its studies are what its records say."""

import json
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.storage import journal as journal_module
from hyperopt_app.storage.journal import ExactJournalStorage, RepairingJournalBackend
from hyperopt_app.storage.journal_lines import line_of
from hyperopt_app.storage.snapshots.stored_trials import StoredTrials, packed_trials

NUMBERS = st.floats() | st.integers(-(2**70), 2**70)
ATTRIBUTES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
) | st.just({"worker": "0-node-1-abcdef", "beat": "/a/long/path/that/every/trial/of/a/worker/has/in/its/claim"})
NAMES = st.sampled_from(["lr", "a.b", "é", ""])
DISTRIBUTIONS: dict[str, Sequence[BaseDistribution]] = {
    "lr": [FloatDistribution(1e-5, 0.1, log=True), FloatDistribution(1e-5, 0.2, log=True)],
    "a.b": [IntDistribution(1, 9)],
    "é": [CategoricalDistribution([1, True, None, "x", 0.5]), CategoricalDistribution([True, 1])],
    "": [FloatDistribution(0, 1, step=0.25)],
}
# As Optuna's trials have them: local, and never the second of two equal times.
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2200, 1, 1)).map(lambda moment: moment.replace(fold=0))  # noqa: DTZ001


@st.composite
def parameters(draw: st.DrawFn) -> tuple[str, float, BaseDistribution]:
    """A name, an internal value and what it was drawn from."""
    name = draw(NAMES)
    distribution = draw(st.sampled_from(DISTRIBUTIONS[name]))
    if isinstance(distribution, CategoricalDistribution):
        return name, draw(st.integers(0, len(distribution.choices) - 1)), distribution
    return (
        name,
        float(draw(st.integers(1, 9)) / (1 if isinstance(distribution, IntDistribution) else 100)),
        distribution,
    )


@st.composite
def templates(draw: st.DrawFn) -> FrozenTrial:
    """A trial that is added as a whole."""
    drawn = draw(st.lists(parameters(), max_size=3, unique_by=lambda entry: entry[0]))
    state = draw(st.sampled_from(TrialState))
    has_values = state == TrialState.COMPLETE or (state == TrialState.PRUNED and draw(st.booleans()))
    begun, ended = draw(MOMENTS), draw(MOMENTS)
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=state,
        value=draw(NUMBERS) if has_values else None,
        params={name: distribution.to_external_repr(value) for name, value, distribution in drawn},
        distributions={name: distribution for name, _value, distribution in drawn},
        user_attrs=draw(st.dictionaries(NAMES, ATTRIBUTES, max_size=2)),
        system_attrs=draw(st.dictionaries(NAMES, ATTRIBUTES, max_size=2)),
        intermediate_values=draw(st.dictionaries(st.integers(), NUMBERS, max_size=3)),
        datetime_start=None if state == TrialState.WAITING else begun,
        datetime_complete=ended if state.is_finished() else None,
    )


PLACES = st.integers(0, 5)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("create_new_study"), st.just([StudyDirection.MINIMIZE]), st.sampled_from(["s", "t", "u"])),
        st.tuples(st.just("delete_study"), PLACES),
        st.tuples(st.just("set_study_user_attr"), PLACES, NAMES, ATTRIBUTES),
        st.tuples(st.just("set_study_system_attr"), PLACES, NAMES, ATTRIBUTES),
        st.tuples(st.just("create_new_trial"), PLACES, st.none() | templates()),
        st.tuples(st.just("create_new_trial"), st.just(0), st.none() | templates()),
        st.builds(lambda place, drawn: ("set_trial_param", place, *drawn), PLACES, parameters()),
        st.tuples(st.just("set_trial_state_values"), PLACES, st.sampled_from(TrialState), st.just([0.5])),
        st.tuples(st.just("set_trial_intermediate_value"), PLACES, st.integers(0, 9), NUMBERS),
        st.tuples(st.just("set_trial_user_attr"), PLACES, NAMES, ATTRIBUTES),
        st.tuples(st.just("set_trial_system_attr"), PLACES, NAMES, ATTRIBUTES),
        st.just(("snapshot",)),
        st.just(("reopen",)),
    ),
    max_size=25,
)
# What Optuna says to an operation on what is not there, or not to be changed; the records have it in any case.
REFUSALS = (KeyError, DuplicatedStudyError, UpdateFinishedTrialError, ValueError, AssertionError)


@contextmanager
def snapshots_of_all_sizes() -> Iterator[None]:
    """Also small journals get a snapshot, as soon as they have grown."""
    with patch.multiple(journal_module, _SMALLEST=0, _LEAST_GROWN=0, _SHARE_GROWN=0):
        yield


def opened(path: Path, *, reading: bool = False) -> ExactJournalStorage:
    return ExactJournalStorage(RepairingJournalBackend(path, reading=reading))


def said(storage: ExactJournalStorage) -> str:
    """All that a storage says of its studies and trials, with types and orders."""
    replay = storage._replay_result
    trials = [(number, repr(trial)) for number, trial in replay._trials.items()]
    studies = [(number, repr(vars(study))) for number, study in replay._studies.items()]
    rest = (replay._study_id_to_trial_ids, replay._trial_id_to_study_id, replay._next_study_id, replay.log_number_read)
    audit = storage._audit
    judged = (audit.studies, audit.trials, audit._names, audit._finished)
    return repr((studies, trials, rest, judged, storage._backend.covered))


def replayed(path: Path) -> str:
    """What the records of a journal say."""
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / path.name
        shutil.copy(path, alone)
        return said(opened(alone))


def applied(storage: ExactJournalStorage, operation: Sequence[Any]) -> None:
    """Do it, if the trial or study that it is about is there."""
    name, *arguments = operation
    replay = storage._replay_result
    about_a_study = name in ("delete_study", "create_new_trial", "set_study_user_attr", "set_study_system_attr")
    there: Collection[Any] = replay._studies if about_a_study else replay._trials
    if name == "create_new_study" or arguments[0] in there:
        with suppress(*REFUSALS):
            getattr(storage, name)(*arguments)


@settings(max_examples=150)
@given(st.lists(templates(), max_size=4))
def test_packed_trials_come_back_as_they_were(trials: list[FrozenTrial]) -> None:
    """Every attribute with its type and its order, whatever it is and whichever trials share it."""
    packed = packed_trials([*trials, *trials], [0] * 2 * len(trials))
    came_back = StoredTrials(packed).trials()
    for number, (trial, before) in enumerate(zip(came_back, [*trials, *trials], strict=True)):
        assert repr(trial) == repr(before).replace("number=-1", f"number={number}").replace(
            "trial_id=-1", f"trial_id={number}"
        )


@settings(max_examples=80)
@given(OPERATIONS)
def test_a_study_opened_with_a_snapshot_is_that_of_its_records(operations: list[Sequence[Any]]) -> None:
    """For any operations and any moments of snapshots and reopenings; what follows acts on the same state."""
    with tempfile.TemporaryDirectory() as folder, snapshots_of_all_sizes():
        path = Path(folder) / "journal.log"
        storage = opened(path)
        applied(storage, ("create_new_study", [StudyDirection.MINIMIZE], "s"))
        for operation in operations:
            if operation == ("snapshot",):
                storage.keep_snapshot()
            elif operation == ("reopen",):
                storage = opened(path)
                assert said(storage) == replayed(path)
            else:
                applied(storage, operation)
        assert said(opened(path)) == said(opened(path, reading=True)) == replayed(path) == said(storage)


@cache
def kept() -> tuple[bytes, bytes, bytes]:
    """A journal with its snapshot, and the same journal with what was written since."""
    with tempfile.TemporaryDirectory() as folder, snapshots_of_all_sizes():
        path = Path(folder) / "journal.log"
        storage = opened(path)
        study = storage.create_new_study([StudyDirection.MINIMIZE], "s")
        for number in range(3):
            trial = storage.create_new_trial(study)
            storage.set_trial_param(trial, "lr", 0.01, DISTRIBUTIONS["lr"][0])
            storage.set_trial_intermediate_value(trial, 1, 0.5 + number)
            storage.set_trial_state_values(trial, TrialState.COMPLETE, [0.5 + number])
        storage.keep_snapshot()
        journal, snapshot = path.read_bytes(), path.with_name("journal.log.snapshot").read_bytes()
        storage.create_new_trial(study)
        return journal, snapshot, path.read_bytes()


def read_beside(journal: bytes, snapshot: bytes) -> tuple[str, str]:
    """What is read of a journal with such a file beside it, and what its records say."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.log"
        path.write_bytes(journal)
        path.with_name("journal.log.snapshot").write_bytes(snapshot)
        return said(opened(path, reading=True)), replayed(path)


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_snapshot_is_only_slower(data: st.DataObject) -> None:
    """A flipped bit, a cut, a hole or foreign bytes: the study is what the records say."""
    _journal, whole, grown = kept()
    place = data.draw(st.integers(0, len(whole) - 1))
    content = bytearray(whole)
    damage = data.draw(st.sampled_from(["bit", "cut", "hole", "foreign"]))
    if damage == "bit":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    elif damage == "cut":
        del content[place:]
    elif damage == "hole":
        del content[place : place + data.draw(st.integers(1, 200))]
    else:
        content = bytearray(data.draw(st.binary(max_size=50)))
    seen, expected = read_beside(grown, bytes(content))
    assert seen == expected


@settings(max_examples=60)
@given(st.data())
def test_a_snapshot_of_another_journal_is_not_used(data: st.DataObject) -> None:
    """A digit anywhere in the journal was changed without its checksum's knowledge, or lines are gone at its end."""
    _journal, snapshot, grown = kept()
    lines = grown.splitlines(keepends=True)
    if data.draw(st.booleans()):
        edited = b"".join(lines[: data.draw(st.integers(0, len(lines)))])
    else:
        trial = data.draw(st.integers(0, 2))
        edited = grown.replace(b'"values":[%d.5],' % trial, b'"values":[%d.75],' % trial)
        edited = b"".join(line if b".75]" not in line else _resealed(line) for line in edited.splitlines(keepends=True))
    seen, expected = read_beside(edited, snapshot)
    assert seen == expected


def _resealed(line: bytes) -> bytes:
    """The line with a checksum that fits."""
    record = json.loads(line)
    del record["crc32"]
    return line_of(record)
