# SPDX-License-Identifier: MIT
"""Copy the intact records of a damaged journal into a new one; the damaged file is only read.

Records identify a trial by its position among all trials ever created. So a trial that cannot be kept is replaced by
a failed one: the numbers, directories and budget of the others stay right, and no later trial reuses its directory.
"""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from hyperopt_app.errors import StorageError
from hyperopt_app.storage.journal_audit import CREATE_TRIAL, Audit
from hyperopt_app.storage.journal_lines import (
    NO_CHECKSUM,
    Checksums,
    line_of,
    put_right,
    read_line,
    record_of,
    torn_part,
)
from hyperopt_app.support.files import beside, read_file

__all__ = ["Salvage", "place_of_copy", "salvage", "write_copy"]

_PARAM, _STATE, _REPORT = 5, 6, 7
_START = b'{"op_code":'
_TRIAL_ID, _STUDY_ID = re.compile(rb'"trial_id":(\d+)'), re.compile(rb'"study_id":(\d+)')
# What every record that makes a trial holds; of three marks a flipped bit leaves two.
_MARKS_OF_MAKING = (b'"op_code":4,', b'"study_id":', b'"datetime_start":')


@dataclass
class Salvage:
    """The intact part of a journal.

    Attributes:
        lines: How many lines it has.
        damaged: Line number and what is wrong, of each damaged line.
        left_out: Number in the study and the reason, of each trial that is not whole.
        trials: How many trials there are, those that are left out among them.
        kept: The lines of the copy.
    """

    lines: int = 0
    damaged: list[tuple[int, str]] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)
    trials: int = 0
    kept: list[bytes] = field(default_factory=list)


def salvage(path: Path) -> Salvage:
    """Read a journal line by line and check each trial; changes nothing.

    Raises:
        StorageError: The file cannot be read, or the line that makes the study is lost.
    """
    try:
        content = read_file(path)
    except OSError as error:
        raise StorageError(f"{path}: the journal cannot be read: {error.strerror}") from error
    lines = content.split(b"\n")
    reader = _Reader(_without_checksum(lines))
    for number, line in enumerate(lines, 1):
        if line.strip() and (number < len(lines) or record_of(line) is not None):  # else a dying writer's last words
            reader.read(number, line)
    if not reader.audit.studies:
        first = f": {reader.salvaged.damaged[0][1]}" if reader.salvaged.damaged else ""
        raise StorageError(
            f"{path}: no line that makes a study is whole{first}. Nothing can be kept; restore the file from a backup"
        )
    reader.finish()
    reader.salvaged.lines = len(lines) - (not lines[-1])
    return reader.salvaged


def _without_checksum(lines: Sequence[bytes]) -> set[int]:
    """Return the numbers of the lines that have lost their checksum."""
    checksums = Checksums()
    whole = ((number, record, line) for number, line in enumerate(lines, 1) if (record := record_of(line)) is not None)
    return {lost for entry in whole if (lost := checksums.lost(*entry)) is not None}


def place_of_copy(path: Path) -> Path:
    """Return the path for the copy of a journal."""
    return path.with_name(f"{path.stem}.repaired{path.suffix}")


def write_copy(salvaged: Salvage, place: Path, mode: int = 0o666) -> None:
    """Write the copy under a temporary name and rename it; never replaces an existing file.

    Args:
        salvaged: What is whole of a journal.
        place: The copy.
        mode: Permissions of the copy, less the process's umask.

    Raises:
        StorageError: There is such a file, or it cannot be written.
    """
    try:
        with beside(place, mode) as aside:
            with aside.open("wb") as copy:
                copy.writelines(salvaged.kept)
                copy.flush()
                os.fsync(copy.fileno())
            os.link(aside, place)
    except FileExistsError:
        raise StorageError(f"{place} exists already: move it away, then run the same command again") from None
    except OSError as error:
        raise StorageError(f"{place}: the copy cannot be written: {error.strerror}") from error


class _Reader:
    """Reads a journal once; trials are identified by their positions in it.

    Args:
        without_checksum: The numbers of the lines that have lost their checksum.
    """

    def __init__(self, without_checksum: Collection[int]) -> None:
        self._without_checksum = without_checksum
        self.salvaged = Salvage()
        self.audit = Audit()
        self._whole: list[tuple[int | None, dict[str, Any]]] = []  # the trial, if it is about one
        self._states: dict[int, TrialState] = {}
        self._hurt: dict[int, str] = {}
        self._all_later = ""  # why trials created from here on cannot be identified by their position

    def read(self, number: int, line: bytes) -> None:
        """Check the next line."""
        at = line.rfind(_START)
        if at > 1 and record_of(line[: at - 1]) is not None and record_of(line[at:]) is not None:
            self.salvaged.damaged.append((number, "two lines had become one, and are two again"))
            self.read(number, line[: at - 1])
            line = line[at:]
        record, fault = read_line(line)
        if number in self._without_checksum:
            record, fault = None, NO_CHECKSUM
        elif record is None and (torn := torn_part(line)) is not None:
            record = record_of(line[torn:])
        if record is None and (record := put_right(line)) is not None:
            self.salvaged.damaged.append((number, "one bit had flipped, which its checksum puts right"))
        if record is not None:
            fault = self.audit.fault(record)
        if record is None or fault:
            self.salvaged.damaged.append((number, fault))
            self._miss(line, f"line {number} is damaged: {fault}")
        else:
            self._keep(record)

    def _keep(self, record: dict[str, Any]) -> None:
        code = record["op_code"]
        trial = record.get("trial_id")
        if code == CREATE_TRIAL and len(self.audit.trials) > len(self._states):
            trial = len(self._states)
            self._states[trial] = TrialState(record.get("state", TrialState.RUNNING.value))
            if self._all_later:
                self._hurt.setdefault(trial, self._all_later)
        elif trial is not None:
            waits = self._states[trial] == TrialState.WAITING
            state = TrialState(record["state"]) if code == _STATE else None
            if waits and (code in (_PARAM, _REPORT) or (state is not None and state.is_finished())):
                self._hurt.setdefault(trial, "the line that says when it began is lost")
            if state is not None and not self._states[trial].is_finished():
                self._states[trial] = state
        self._whole.append((trial, record))

    def _miss(self, line: bytes, reason: str) -> None:
        """Find the trial that a damaged line was about, as far as its text reveals it."""
        about = _TRIAL_ID.search(line)
        made = sum(mark in line for mark in _MARKS_OF_MAKING)
        if made >= 2 and about is None and self.audit.studies:
            study = _STUDY_ID.search(line)
            place = min(int(study[1]), len(self.audit.studies) - 1) if study else 0
            self.audit.trials.append(place)
            trial = len(self._states)
            self._states[trial] = TrialState.FAIL
            self._hurt[trial] = reason
            self._whole.append((trial, {"op_code": CREATE_TRIAL, "worker_id": "repair", "study_id": place}))
        elif about is not None and line.count(b'"op_code":') <= 1 and int(about[1]) in self._states:
            self._hurt.setdefault(int(about[1]), reason)
            if self._states[int(about[1])].is_finished():  # then its number may be what is damaged
                self._mark_running_as_uncertain(reason)
        elif _STUDY_ID.search(line) is None or line.count(b'"op_code":') > 1:
            self._mark_running_as_uncertain(reason)
            self._all_later = f"it was made after {reason}"

    def _mark_running_as_uncertain(self, reason: str) -> None:
        for trial, state in self._states.items():
            if state == TrialState.RUNNING:
                self._hurt.setdefault(trial, reason)

    def finish(self) -> None:
        """Build the lines of the copy."""
        for trial, record in self._whole:
            reason = None if trial is None else self._hurt.get(trial)
            if reason is None:
                self.salvaged.kept.append(line_of(record))
            elif record["op_code"] == CREATE_TRIAL:
                self.salvaged.kept.append(line_of(_placeholder(record, reason)))
        numbers, counts = [], defaultdict[int, int](int)
        for study in self.audit.trials:
            numbers.append(counts[study])
            counts[study] += 1
        self.salvaged.left_out = {numbers[trial]: reason for trial, reason in sorted(self._hurt.items())}
        self.salvaged.trials = len(self.audit.trials)


def _placeholder(made: dict[str, Any], reason: str) -> dict[str, Any]:
    """Return a failed trial to replace one that is left out."""
    now = datetime.now(timezone.utc).isoformat()
    failure = {"kind": "infrastructure", "error": f"left out when the journal was repaired: {reason}", "traceback": ""}
    return {
        "op_code": CREATE_TRIAL,
        "worker_id": made["worker_id"],
        "study_id": made["study_id"],
        "datetime_start": now,
        "datetime_complete": now,
        "state": TrialState.FAIL.value,
        "user_attrs": {"failure": failure},
    }
