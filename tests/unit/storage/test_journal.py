# SPDX-License-Identifier: MIT
"""The journal's reading and repair of one process; what several processes do stands in tests/contracts."""

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.errors import StorageError
from hyperopt_app.storage.journal import ExactJournalStorage, RepairingJournalBackend
from hyperopt_app.support.lock_file import HolderLock


def record(number: int) -> dict[str, Any]:
    return {"op_code": 8, "worker_id": "w", "trial_id": number, "user_attr": {"k": {"op_code": number}}}


def numbers(backend: RepairingJournalBackend, first: int = 0) -> list[int]:
    return [log["trial_id"] for log in backend.read_logs(first)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with the records 0 to 2."""
    path = tmp_path / "journal.log"
    RepairingJournalBackend(path).append_logs([record(number) for number in range(3)])
    return path


def test_records_come_back_in_order_from_any_number(path: Path) -> None:
    """Reading from number n yields the records n, n+1, ..., also when it goes back."""
    backend = RepairingJournalBackend(path)
    assert [numbers(backend, first) for first in (0, 2, 3, 1, 4)] == [[0, 1, 2], [2], [], [1, 2], []]
    backend.append_logs([record(3)])
    assert numbers(backend, 3) == [3]


def test_a_reader_that_stops_half_way_goes_on_there(path: Path) -> None:
    """When applying a record raises, the next reading begins behind it, as Optuna's storage expects."""
    backend = RepairingJournalBackend(path)
    assert next(iter(backend.read_logs(0)))["trial_id"] == 0
    assert numbers(backend, 1) == [1, 2]


def test_a_torn_line_is_blanked_and_kept_aside(path: Path) -> None:
    """An append after a tear keeps every byte in its place: blanks stand where the torn record was."""
    whole = path.read_bytes()
    with path.open("ab") as journal:
        journal.write(b'{"op_code":8,"wor')
    RepairingJournalBackend(path).append_logs([record(3)])
    assert path.read_bytes().startswith(whole + b" " * 17 + b'{"op_code":8,"worker_id":"w","trial_id":3')
    assert path.with_name("journal.log.torn").read_bytes() == b'{"op_code":8,"wor\n'
    assert numbers(RepairingJournalBackend(path)) == [0, 1, 2, 3]


def test_tear_after_tear_is_repaired(path: Path) -> None:
    """A writer that dies over the record that follows a repair costs nothing either."""
    for number in range(3, 6):
        for torn in (b'{"op', b'{"op_code":', b"{"):
            with path.open("ab") as journal:
                journal.write(torn)
            RepairingJournalBackend(path)
        RepairingJournalBackend(path).append_logs([record(number)])
    assert numbers(RepairingJournalBackend(path)) == [0, 1, 2, 3, 4, 5]
    assert path.read_bytes().count(b"\n") == 6


def test_a_record_without_its_line_end_counts(path: Path) -> None:
    """A record of which only the line end is missing is complete: it gets its line end."""
    path.write_bytes(path.read_bytes()[:-1])
    backend = RepairingJournalBackend(path)
    assert numbers(backend) == [0, 1, 2]
    assert not path.with_name("journal.log.torn").exists()


def test_a_long_torn_line_is_found_whole(path: Path) -> None:
    """A torn record may be longer than the piece that is looked at first."""
    torn = b'{"op_code":8,"user_attr":"' + b"x" * 200_000
    with path.open("ab") as journal:
        journal.write(torn)
    RepairingJournalBackend(path).append_logs([record(3)])
    assert path.with_name("journal.log.torn").read_bytes() == torn + b"\n"
    assert numbers(RepairingJournalBackend(path)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "torn", [b"\n", b"   \n", b"{", b'{"op_code":8,"worker', b'{"op_code":8,{"op_code":8,'], ids=repr
)
def test_what_dying_writers_leave_in_the_middle_costs_no_record(path: Path, torn: bytes) -> None:
    """Blanks and torn records between two records are passed over, by Optuna's own reader too after that."""
    first, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(first + b"\n" + torn + rest)
    assert numbers(RepairingJournalBackend(path)) == [0, 1, 2]
    stock = optuna.storages.journal.JournalFileBackend(str(path))
    assert [log["trial_id"] for log in stock.read_logs(0)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (b"\x00" * 50 + b"\n", "it is not valid JSON"),
        (b"\xff\xfe\x00\n", "it is not valid JSON"),
        (b"\x00\x00", "it is not valid JSON"),
        (b"12\n", "it is not a JSON object"),
        (b'{"no":"code"}\n', "it has no op_code"),
        (b'{"op_code":8,"worker\n', "it is not valid JSON"),
        (b'{"op_code":8}J', "it is not valid JSON"),  # a flipped line end: two records in one line
        (b'{"op_code":8,"crc32":7}\n', "its checksum does not fit"),
    ],
    ids=repr,
)
def test_other_damage_is_named_and_nothing_is_touched(path: Path, damage: bytes, words: str) -> None:
    """Damage that no dying writer leaves is refused with its line, and the file stays as it is, byte for byte."""
    first, _, rest = path.read_bytes().partition(b"\n")
    damaged = first + b"\n" + damage + rest
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match=f"journal.log, line 2: the journal is damaged there: {words}"):
        numbers(RepairingJournalBackend(path))
    assert path.read_bytes() == damaged


def test_a_reader_without_rights_reads_a_torn_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not write reads up to the torn record; only damage between records needs a writer, and says so."""
    with path.open("ab") as journal:
        journal.write(b'{"op_code"')
    really_open = os.open

    def refuse(name: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return really_open(name, flags, *rest, **named)

    monkeypatch.setattr("os.open", refuse)
    backend = RepairingJournalBackend(path)
    assert numbers(backend) == [0, 1, 2]
    with pytest.raises(StorageError, match=r"journal\.log: the journal cannot be written: Permission denied"):
        backend.append_logs([record(3)])
    path.write_bytes(b'{"op_' + path.read_bytes())
    with pytest.raises(StorageError, match=r"line 1: .* torn record that cannot be blanked out: Permission"):
        numbers(RepairingJournalBackend(path))


def test_a_full_disk_tears_a_record_and_the_next_append_repairs_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills up in mid-append, the writer is told, and nothing else is lost."""
    backend, really_write = RepairingJournalBackend(path), os.write

    def write_half(fd: int, data: bytes) -> int:
        if not data.endswith(b"}\n"):
            return really_write(fd, data)
        if not data.startswith(b"{"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return really_write(fd, data[:20])

    with monkeypatch.context() as patch:
        patch.setattr("os.write", write_half)
        with pytest.raises(StorageError, match="No space left on device"):
            backend.append_logs([record(3)])
    assert HolderLock(path).try_acquire()
    path.with_name("journal.log.lock").unlink()
    backend.append_logs([record(4)])
    assert numbers(backend) == [0, 1, 2, 4]


def test_a_removed_journal_is_not_begun_anew(path: Path) -> None:
    """A study whose directory was removed under a worker ends; the worker does not write a journal without a head."""
    backend = RepairingJournalBackend(path)
    path.unlink()
    with pytest.raises(StorageError, match="was removed while the study was in use"):
        backend.append_logs([record(3)])
    assert not path.exists()


def test_a_journal_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A journal in a directory that does not exist is a StorageError with the path."""
    with pytest.raises(StorageError, match=r"absent/journal\.log: the journal cannot be made"):
        RepairingJournalBackend(tmp_path / "absent" / "journal.log")


def test_a_change_of_directory_does_not_lose_the_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path goes on to mean the same file when the objective changes the working directory."""
    monkeypatch.chdir(path.parent)
    backend = RepairingJournalBackend("journal.log")
    monkeypatch.chdir("/")
    backend.append_logs([record(3)])
    assert numbers(backend) == [0, 1, 2, 3]


def test_a_journal_storage_can_be_pickled(tmp_path: Path) -> None:
    """A study with this storage can travel to another process."""
    storage = ExactJournalStorage(RepairingJournalBackend(tmp_path / "journal.log"))
    study = optuna.create_study(storage=storage)
    study.tell(study.ask(), 1.0)
    copy = pickle.loads(pickle.dumps(storage))
    assert copy.get_all_trials(0) == study.trials


def test_a_claim_that_another_worker_has_just_won_is_lost(tmp_path: Path) -> None:
    """A worker that held a ticket before is not told that it won it again when another's claim came first."""

    class Late(RepairingJournalBackend):
        before_append: Any = None

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            act, self.before_append = self.before_append, None
            if act is not None:
                act()
            super().append_logs(logs)

    late = Late(tmp_path / "journal.log")
    mine = ExactJournalStorage(late)
    optuna.create_study(storage=mine).enqueue_trial({})
    other = ExactJournalStorage(RepairingJournalBackend(tmp_path / "journal.log"))
    assert mine.set_trial_state_values(0, TrialState.RUNNING)
    assert mine.set_trial_state_values(0, TrialState.WAITING)

    won = []
    late.before_append = lambda: won.append(other.set_trial_state_values(0, TrialState.RUNNING))
    won.append(mine.set_trial_state_values(0, TrialState.RUNNING))
    assert won == [True, False]
