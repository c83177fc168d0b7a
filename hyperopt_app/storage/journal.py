# SPDX-License-Identifier: MIT
"""An Optuna journal file that survives writers killed in the middle of a line.

A journal has one JSON record per line. A dying writer leaves a torn line, and Optuna's own backend appends the next
record to it, so that every later read fails in every process. Here the damaged bytes are overwritten with blanks
before anything is appended. JSON allows blanks before a record, so the next record completes the line and Optuna's own
readers can read the file at any moment. The file never shrinks, so the offsets that other processes remember stay
valid.

Any other damage (a disk error, an editor) is never skipped: the error names the line, and the study is refused.
"""

import copy
import logging
import os
import shlex
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

from optuna.storages.journal import BaseJournalBackend, JournalStorage
from optuna.trial import TrialState

from hyperopt_app.errors import StorageError
from hyperopt_app.storage.journal_audit import Audit
from hyperopt_app.storage.journal_lines import (
    Checksums,
    begins_as_journal,
    line_of,
    read_lines,
    record_of,
    torn_part,
)
from hyperopt_app.storage.snapshots.covered import Covered
from hyperopt_app.storage.snapshots.files import read_snapshot, stored_part, write_snapshot
from hyperopt_app.storage.snapshots.replays import Reading
from hyperopt_app.support.files import appending
from hyperopt_app.support.lock_file import HolderLock

__all__ = ["ExactJournalStorage", "RepairingJournalBackend", "check_journal"]

_log = logging.getLogger(__name__)

_CHUNK = 1 << 16
# Bytes of a journal. Smaller ones open in a third of a second, and get no snapshot.
_SMALLEST = 4_000_000
# A snapshot is written when the journal has grown by so many bytes and this share since the last one, and at the end of
# a search if it has grown by less.
_LEAST_GROWN, _SHARE_GROWN, _LEAST_AT_END = 1_000_000, 0.01, 100_000


class ExactJournalStorage(JournalStorage):
    """A journal storage in which no claim is won twice and no damaged record is accepted.

    Raises:
        StorageError: A line is damaged; from whatever reads the study.
    """

    _backend: "RepairingJournalBackend"

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        state.pop("_audit", None)
        return state

    def _sync_with_backend(self) -> None:
        """Read new records as Optuna does, but check each record first."""
        if self._replay_result.log_number_read == 0:  # also once it was unpickled
            self._begin()
        first = self._replay_result.log_number_read
        self._replay_result.apply_logs(self._audited(first))

    def _begin(self) -> None:
        """Begin with the snapshot beside the journal, or with nothing if there is none that fits."""
        self._audit = Audit()
        reading = self._backend.begin_with_snapshot()
        if reading is not None:
            self._audit = reading.audit
            self._replay_result = reading.as_replay(self._replay_result._worker_id_prefix)

    def keep_snapshot(self, *, is_over: bool = False) -> None:
        """Write a snapshot of what was read beside the journal, if that saves the next reader a noticeable time.

        No other process and no other thread of this one waits for it. What goes wrong is logged: the journal has
        everything.

        Args:
            is_over: Whether the search is over, so that a small gain counts too: none will be written for long.
        """
        backend = self._backend
        if not backend.wants_snapshot(is_over=is_over):
            return
        with self._thread_lock:
            if backend.covered.records != self._replay_result.log_number_read:
                return
            replay = self._replay_result
            studies = {number: copy.copy(study) for number, study in replay._studies.items()}
            trials = [replay._trials[trial_id] for trial_id in range(len(replay._trials))]
            audit = Audit.continuing(list(self._audit.studies), list(self._audit.trials), {}, set())
            reading = Reading(backend.covered, studies, trials, audit, copy.deepcopy(backend.checksums))
        backend.write_snapshot(reading)

    def _audited(self, first: int) -> Iterator[dict[str, Any]]:
        for number, record in enumerate(self._backend.read_logs(first), first):
            fault = self._audit.fault(record)
            if fault:
                raise self._backend.damage(number, fault)
            yield record

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Set a trial's state as Optuna does, but accept a claim only if this call made the trial RUNNING.

        Optuna answers that a claim was won if the trial is the one that this thread claimed last. That is
        wrong when the trial was freed since and another process has just claimed it.
        """
        if state == TrialState.RUNNING:
            replay = self._replay_result
            replay._worker_id_to_owned_trial_id.pop(replay.worker_id, None)
        return super().set_trial_state_values(trial_id, state, values)


class RepairingJournalBackend(BaseJournalBackend):
    """Reads and appends the records of a journal file, and repairs torn lines under the file's lock.

    Any number of processes on any machines may use it on the same file at the same time, together with
    processes that use Optuna's `JournalFileBackend`. A complete record is never lost, not even if only its
    line end is missing. What was torn is kept beside the journal in `PATH.torn`.

    Args:
        path: The journal; made if it is missing, its directory must exist.
        lock: The lock; by default `PATH.lock`.
        reading: Write nothing: the file must be there, what is torn is passed over and stays as it is.

    Raises:
        StorageError: The file is missing and cannot be made, or it is not a journal.
    """

    def __init__(self, path: str | os.PathLike[str], lock: HolderLock | None = None, *, reading: bool = False) -> None:
        self._path = str(Path(path).absolute())  # an objective may change the working directory
        self._lock = lock or HolderLock(self._path)
        self._reading = reading
        self.covered = self._kept = Covered()  # what was read, and what the last known snapshot has of it
        self.checksums = Checksums()  # of that part
        check_journal(Path(self._path))
        if reading:
            return
        try:
            if not Path(self._path).exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o666))
        except OSError as error:
            raise StorageError(f"{self._path}: the journal cannot be made: {error.strerror}") from error
        # Who may only read needs no repair: readers stop before a torn line.
        with suppress(OSError):
            self._repair_at_opening()

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Return the complete records from this number on; takes no lock unless a line is torn.

        Raises:
            StorageError: A line is damaged otherwise.
        """
        while True:
            damaged = yield from self._read(log_number_from)
            if damaged is None:
                return
            self._blank_out(damaged, self.covered.records)
            log_number_from = max(log_number_from, self.covered.records)

    def _read(self, log_number_from: int) -> Generator[dict[str, Any], None, int | None]:
        """As `read_logs`, but ends at a damaged line and returns its offset."""
        if self.covered.records > log_number_from:
            self.covered, self.checksums = Covered(), Checksums()
        number, offset, checksum = self.covered
        with open(self._path, "rb") as journal:  # noqa: PTH123 - called very often
            size = os.fstat(journal.fileno()).st_size
            while lines := _complete_lines(journal, offset, size):
                batch = read_lines(lines, number, self.checksums, passes_torn=self._reading)
                for record, line in zip(batch.records, lines, strict=False):
                    offset += len(line)
                    checksum = crc32(line, checksum)
                    if record is None:  # nothing but blanks: the next line's record counts as this one's
                        continue
                    number += 1
                    self.covered = Covered(number, offset, checksum)
                    if number > log_number_from:
                        yield record
                if batch.is_torn:
                    return offset
                if batch.fault:
                    raise self.damage(batch.damaged, batch.fault)
        return None

    def begin_with_snapshot(self) -> Reading | None:
        """Return what the snapshot beside the journal knows, and read on behind it; None if there is none that fits."""
        reading = read_snapshot(Path(self._path))
        if reading is not None:
            self.covered, self.checksums = self._kept, _ = reading.covered, reading.checksums
        return reading

    def wants_snapshot(self, *, is_over: bool) -> bool:
        """Whether a new snapshot would save the next reader a noticeable time, or any once the search is over."""
        if self._reading or not self._has_grown(is_over=is_over):
            return False
        self._kept = stored_part(Path(self._path))
        return self._has_grown(is_over=is_over)

    def _has_grown(self, *, is_over: bool) -> bool:
        size, kept = self.covered.size, self._kept.size
        least = min(_LEAST_AT_END, _LEAST_GROWN) if is_over else _LEAST_GROWN + size * _SHARE_GROWN
        # A longer one is of another journal.
        return size >= _SMALLEST and (kept > size or size - kept > least)

    def write_snapshot(self, reading: Reading) -> None:
        """Write a snapshot beside the journal; what goes wrong is logged."""
        try:
            write_snapshot(Path(self._path), reading)
        except Exception as error:  # noqa: BLE001 -- of a disk or of values of any kind; it must end no search
            _log.debug("%s: no snapshot was written: %s", self._path, error)
        # Also where it failed: the next try comes when the journal has grown again.
        self._kept = reading.covered

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append the records, durably: when it returns, they are on the disk.

        Raises:
            StorageError: The file cannot be written (disk full, no permission), was removed, or is only read here.
        """
        if self._reading:
            raise StorageError(f"{self._path}: this command only reads the journal")
        data = b"".join(map(line_of, logs))
        try:
            with self._lock:
                fd = os.open(self._path, os.O_RDWR | os.O_APPEND)
                try:
                    self._repair_tail(fd)
                    self._write(fd, data)
                    os.fsync(fd)
                finally:
                    os.close(fd)
        except FileNotFoundError as error:
            raise StorageError(f"{self._path}: the journal was removed while the study was in use") from error
        except OSError as error:
            raise StorageError(
                f"{self._path}: the journal cannot be written: {error.strerror}. What is stored is safe; "
                "fix this and run the same command again"
            ) from error

    def _write(self, fd: int, data: bytes) -> None:
        # One call in practice: on a local disk the kernel keeps appends apart even if a lock was broken
        # wrongly.
        while data:
            data = data[os.write(fd, data) :]

    def _repair_at_opening(self) -> None:
        """Repair a torn line for Optuna's own writers, without touching what a lock's holder may be writing."""
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND)
        try:
            if not _is_whole(fd) and self._lock.try_acquire():
                self._repair_tail(fd)
        finally:
            self._lock.release()
            os.close(fd)

    def _repair_tail(self, fd: int) -> None:
        """Make what follows the last line end harmless; only under the lock."""
        if _is_whole(fd):
            return
        start, tail = _last_line(fd)
        if record_of(tail) is not None:
            os.write(fd, b"\n")
        elif tail.strip(b" "):
            self._blank(start, tail)

    def _blank_out(self, offset: int, number: int) -> None:
        """Blank the torn part of the complete line at this offset; takes the lock.

        A writer without repair has appended its record to a torn line. If a line is nothing but blanks, its end goes
        too and the next line's record moves up.
        """
        try:
            with self._lock, open(self._path, "rb") as journal:  # noqa: PTH123 - as above
                journal.seek(offset)
                line = journal.readline()
                torn = torn_part(line) if line.endswith(b"\n") and record_of(line) is None else None
                if torn is not None:
                    self._blank(offset, line[:torn])
        except OSError as error:
            fault = f"it begins with a torn record that cannot be blanked out: {error.strerror}"
            raise self.damage(number, fault) from error

    def damage(self, number: int, fault: str) -> StorageError:
        """Return the error that refuses the study because of this record, counted from 0."""
        path = Path(self._path)
        storage = "" if path.name == "journal.log" else f" --storage {shlex.quote(f'journal:{path}')}"
        return StorageError(
            f"{path}, line {number + 1}: the journal is damaged there: {fault}. Nothing is read around it; "
            "this writes a copy that keeps every whole trial, and leaves the journal as it is:\n"
            f"  hyperopt-app repair {shlex.quote(str(path.parent))}{storage}"
        )

    def _blank(self, offset: int, damaged: bytes) -> None:
        mode = Path(self._path).stat().st_mode & 0o777
        with appending(Path(f"{self._path}.torn"), mode) as aside:
            aside.write(damaged.rstrip(b"\n") + b"\n")
        # Not through the appending descriptor: Linux would append there.
        with open(self._path, "r+b") as journal:  # noqa: PTH123 - as above
            journal.seek(offset)
            journal.write(b" " * len(damaged))
            journal.flush()
            os.fsync(journal.fileno())
        _log.warning("%s: blanked out %d bytes of a torn record at byte %d", self._path, len(damaged), offset)


def check_journal(path: Path) -> None:
    """Refuse a file that is not a journal; only journals are ever repaired. Reads a few bytes.

    Raises:
        StorageError: It holds something else, is not a file, or cannot be read.
    """
    try:
        if Path(f"{path}.lock").is_dir():
            raise StorageError(f"{path}.lock: this is a directory, and the journal's lock has that name; move it away")
        if not path.exists():
            return
        if not path.is_file():
            raise StorageError(f"{path}: this is not a file, so it cannot be a study's journal; name another one")
        with path.open("rb") as journal:
            start = journal.read(_CHUNK)
    except OSError as error:
        raise StorageError(f"{path}: the journal cannot be read: {error.strerror}") from error
    if not begins_as_journal(start):
        raise StorageError(
            f"{path}: this file is not a study's journal (it begins with {start[:20]!r}); nothing was changed in it. "
            "Name another file"
        )


def _complete_lines(journal: BinaryIO, offset: int, size: int) -> list[bytes]:
    """Return some lines from this offset on that end within the file's first `size` bytes; none if there is none."""
    if offset >= size:
        return []
    journal.seek(offset)
    lines = journal.readlines(min(_CHUNK, size - offset))
    end = offset + sum(map(len, lines))
    while lines and (end > size or not lines[-1].endswith(b"\n")):
        end -= len(lines.pop())
    return lines


def _is_whole(fd: int) -> bool:
    """Whether the file is empty or ends with a line end."""
    size = os.fstat(fd).st_size
    return size == 0 or os.pread(fd, 1, size - 1) == b"\n"


def _last_line(fd: int) -> tuple[int, bytes]:
    """Return offset and bytes of what follows the last line end."""
    size = start = os.fstat(fd).st_size
    tail = b""
    while start > 0 and b"\n" not in tail:
        start = max(0, start - _CHUNK)
        tail = os.pread(fd, size - start, start)
    cut = tail.rfind(b"\n") + 1
    return start + cut, tail[cut:]
