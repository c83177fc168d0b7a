# SPDX-License-Identifier: MIT
"""The journal beside dying writers, and beside processes that use Optuna's own backend on the same file."""

import os
from itertools import chain
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalFileSymlinkLock
from optuna.trial import TrialState

from hyperopt_app.storage.journal import ExactJournalStorage, RepairingJournalBackend
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.support.lock_file import HolderLock
from tests.contracts.conftest import Programs
from tests.contracts.programs import VICTIM

HALF = b'{"op_code":8,"worker_id":"somebody-1","trial_id":0,"user_at'


def stock(path: Path) -> JournalStorage:
    """The journal as a process without this project opens it."""
    return JournalStorage(JournalFileBackend(str(path)))


def ours(path: Path) -> JournalStorage:
    """The journal as this project opens it."""
    return ExactJournalStorage(RepairingJournalBackend(path))


def tear(path: Path, part: bytes = HALF) -> None:
    """Leave what a writer leaves that dies in the middle of a record."""
    with path.open("ab") as journal:
        journal.write(part)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a study and two trials, one of them finished."""
    path = tmp_path / "journal.log"
    study = optuna.create_study(study_name="contract", storage=stock(path))
    study.tell(study.ask(), 1.0)
    study.enqueue_trial({})
    return path


def test_writers_killed_in_mid_append_lose_nothing(run_program: Programs, tmp_path: Path) -> None:
    """Of 24 writers killed in mid-append beside two that work, none costs a trial or another's success.

    A dead holder must be noticed at once: 24 waits of 30 s, Optuna's grace period, would exceed the time limit.
    """
    finished = run_program("tear", tmp_path, 24)
    trials = optuna.load_study(study_name="contract", storage=open_storage(None, tmp_path)).trials
    by_victims = [trial.number for trial in trials if trial.user_attrs["by"] == VICTIM]
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert sorted([*chain.from_iterable(finished), *by_victims]) == list(range(len(trials)))
    assert len(trials) >= 3 * 24
    # Two of the torn results lacked only their line end: complete records, which count.
    assert len(by_victims) == 2
    assert (tmp_path / "journal.log.torn").stat().st_size > 0
    assert optuna.load_study(study_name="contract", storage=stock(tmp_path / "journal.log")).trials == trials


def test_two_processes_never_hold_the_lock_at_once(run_program: Programs, tmp_path: Path) -> None:
    """Of six processes that take one lock in turn, five die holding it, 8 times: nobody meets a living holder."""
    assert run_program("storm", tmp_path, 8) == {"done": 8, "failed": 40}
    with HolderLock(tmp_path / "shared"):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["owner"]


def test_a_reader_of_plain_optuna_goes_on_over_the_repair(path: Path) -> None:
    """A plain Optuna process that polled before, during and after a tear reads and writes on."""
    reader = stock(path)
    assert len(reader.get_all_trials(0)) == 2
    tear(path)
    assert len(reader.get_all_trials(0)) == 2

    worker = ours(path)
    assert reader.get_all_trials(0) == worker.get_all_trials(0)
    worker.set_trial_state_values(1, TrialState.RUNNING)
    worker.set_trial_user_attr(1, "by", "worker")
    assert reader.get_trial(1).user_attrs == {"by": "worker"}

    reader.set_trial_state_values(1, TrialState.COMPLETE, [2.0])
    reader.create_new_trial(0)
    assert worker.get_all_trials(0) == reader.get_all_trials(0) == stock(path).get_all_trials(0)
    assert worker.get_trial(1).values == [2.0]


def test_a_reader_of_plain_optuna_survives_every_step_of_a_repair(path: Path) -> None:
    """At no moment of a repair and of the next append does the file hold what plain Optuna fails at."""
    steps: list[list[Any]] = []
    reader = stock(path)

    class Watched(RepairingJournalBackend):
        def _blank(self, offset: int, damaged: bytes) -> None:
            steps.append(reader.get_all_trials(0))
            super()._blank(offset, damaged)
            steps.append(reader.get_all_trials(0))

        def _write(self, fd: int, data: bytes) -> None:
            for byte in data:
                os.write(fd, bytes([byte]))
                steps.append(reader.get_all_trials(0))

    backend = Watched(path)
    tear(path)
    before = reader.get_all_trials(0)
    storage = ExactJournalStorage(backend)
    storage.set_trial_user_attr(1, "k", "v")
    assert len(steps) > 50
    assert steps[:-1] == [before] * (len(steps) - 1)
    assert steps[-1] == storage.get_all_trials(0) != before


def test_a_writer_of_plain_optuna_may_follow_a_repair_at_opening(path: Path) -> None:
    """Opening a torn journal is enough for a plain Optuna process to append to it safely."""
    tear(path)
    ours(path)
    writer = stock(path)
    writer.set_trial_user_attr(1, "k", "v")
    assert stock(path).get_trial(1).user_attrs == ours(path).get_trial(1).user_attrs == {"k": "v"}


def test_a_journal_that_plain_optuna_broke_is_mended(path: Path) -> None:
    """When plain Optuna has appended to a torn line and fails for good, opening it here saves all records."""
    tear(path)
    stock(path).set_trial_user_attr(1, "first", 1)
    broken = JournalFileBackend(str(path))
    broken.append_logs([{"op_code": 8, "worker_id": "w", "trial_id": 1, "user_attr": {"second": 2}}])
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        stock(path)

    assert ours(path).get_trial(1).user_attrs == {"first": 1, "second": 2}
    assert stock(path).get_trial(1).user_attrs == {"first": 1, "second": 2}
    assert Path(f"{path}.torn").read_bytes() == HALF + b"\n"


def test_a_line_that_a_living_writer_is_writing_is_left_alone(path: Path) -> None:
    """Opening a journal while another process is in mid-append neither waits for it nor harms its record."""
    with HolderLock(path):
        tear(path)
        reader = ours(path)
        assert len(reader.get_all_trials(0)) == 2
        tear(path, b'tr":{"k":1}}\n')
    assert not Path(f"{path}.torn").exists()
    assert reader.get_all_trials(0) == stock(path).get_all_trials(0)


@pytest.mark.parametrize("lock", [JournalFileSymlinkLock, JournalFileOpenLock])
def test_writers_of_both_kinds_take_turns(path: Path, lock: Any) -> None:
    """Plain Optuna's two locks and ours keep each other out of the same journal."""
    theirs, mine = lock(str(path)), HolderLock(path)
    theirs.acquire()
    assert not mine.try_acquire()
    theirs.release()
    with mine, pytest.raises(FileExistsError):
        Path(f"{path}.lock").symlink_to(path)
    theirs.acquire()
    theirs.release()


@pytest.mark.parametrize("lock", [JournalFileSymlinkLock, JournalFileOpenLock])
def test_plain_optuna_breaks_our_lock_after_its_grace_period(
    path: Path, lock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain Optuna process does not wait for ever for a process of ours that died on another machine."""

    class Time:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            self.now += seconds

    time = Time()
    monkeypatch.setattr("optuna.storages.journal._file.time", time)
    HolderLock(path).try_acquire()
    theirs = lock(str(path))
    theirs.acquire()
    assert 30 < time.now < 40
    theirs.release()


def test_workers_that_all_keep_snapshots_finish_every_ticket_once(run_program: Programs, tmp_path: Path) -> None:
    """Six processes that write a snapshot and read the others' after each of 30 tickets lose and repeat none."""
    study = optuna.create_study(study_name="contract", storage=open_storage(None, tmp_path))
    for _ in range(30):
        study.enqueue_trial({})
    finished = run_program("keep", tmp_path, 6)
    assert sorted(chain.from_iterable(finished)) == list(range(30))
    read = optuna.load_study(study_name="contract", storage=open_storage(None, tmp_path, reading=True)).trials
    (tmp_path / "journal.log.snapshot").unlink()
    assert optuna.load_study(study_name="contract", storage=stock(tmp_path / "journal.log")).trials == read
    assert {tuple(trial.intermediate_values.items()) for trial in read} == {((0, 0.0), (1, 0.5), (2, 1.0))}
    assert not list(tmp_path.glob(".journal.log.snapshot.*"))
