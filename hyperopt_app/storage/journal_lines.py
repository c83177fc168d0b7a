# SPDX-License-Identifier: MIT
"""Write, read and check one line of a journal. Does not open files.

A record gets one key that Optuna does not write, the CRC of its text; without it a flipped bit in a number would go
unnoticed. Optuna ignores unknown keys. Lines written by plain Optuna or by an earlier release have no CRC and are
checked only by their form.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = [
    "NO_CHECKSUM",
    "Batch",
    "Checksums",
    "begins_as_journal",
    "line_of",
    "put_right",
    "read_line",
    "read_lines",
    "record_of",
    "torn_part",
]

_RECORD_START = b'{"op_code":'  # how Optuna writes every record
_KEY = "crc32"
_CHECK = b',"crc32":'
# Longer lines are not searched for a flipped bit: the time grows with the square of the length.
_LONGEST_SEARCHED = 1 << 14

# What is wrong with a record that has lost its checksum.
NO_CHECKSUM = "it has no checksum, and its writer gives one to each record, so a part of the line is lost"


class Checksums:
    """Detects records that have lost their checksum with a part of their line.

    A writer (one opening of a journal by one process) gives a checksum to all of its records or, as plain Optuna
    does, to none. Without this a line that damage has cut short could be taken for a line of plain Optuna.
    """

    def __init__(self) -> None:
        self._with: set[str] = set()
        self._first_without: dict[str, int] = {}

    def as_data(self) -> list[Any]:
        """Return what it has seen as plain data."""
        return [sorted(self._with), self._first_without]

    @classmethod
    def from_data(cls, data: list[Any]) -> "Checksums":
        """Return the one that has seen what `as_data` of another says."""
        checksums = cls()
        checksums._with, checksums._first_without = set(data[0]), dict(data[1])
        return checksums

    def lost(self, number: int, record: Mapping[str, Any], line: bytes) -> int | None:
        """Check the next record; return the number of a record that has lost its checksum, maybe an earlier one.

        Args:
            number: Of the record or its line, as the caller counts them.
            record: A whole one.
            line: Its line.
        """
        writer = str(record.get("worker_id"))
        if _has_checksum(line):
            self._with.add(writer)
            return self._first_without.get(writer)
        self._first_without.setdefault(writer, number)
        return number if writer in self._with else None


def begins_as_journal(start: bytes) -> bool:
    """Whether a file that begins so may be a journal: it is empty, or a record or a part of one begins there.

    The very first record may be torn or damaged, so one behind it will do.
    """
    return _RECORD_START in start or _RECORD_START.startswith(start.strip(b" \n"))


def line_of(record: dict[str, Any]) -> bytes:
    """Format a record as a line, with its line end."""
    text = json.dumps(record, separators=(",", ":")).encode()[:-1]
    return b"%s%s%d}\n" % (text, _CHECK, zlib.crc32(text))


def record_of(line: bytes) -> dict[str, Any] | None:
    """Parse a line; None if it is damaged. A part of an object never parses, so the record is complete."""
    return read_line(line)[0]


def read_line(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """Return the record of a line, or None and what is wrong with the line."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return None, f"it is not valid JSON ({' '.join(str(error).split())})"
    if not isinstance(record, dict):
        return None, "it is not a JSON object"
    if "op_code" not in record:
        return None, "it has no op_code"
    if _KEY in record:
        written = record.pop(_KEY)
        end = line.rfind(_CHECK)
        if end < 0 or zlib.crc32(line[line.find(b"{") : end]) != written:
            return None, "its checksum does not fit, so that something in it has changed since it was written"
    return record, ""


class Batch(NamedTuple):
    """The records of lines that follow one another, up to one that is damaged.

    Attributes:
        records: One for each line before that; None for a line of nothing but blanks, which counts as no record.
        is_torn: Whether a dying writer left the damaged line.
        damaged: Of any other damage, the number of the record.
        fault: What is wrong with it; empty if nothing is damaged, or if a line is torn.
    """

    records: list[dict[str, Any] | None]
    is_torn: bool = False
    damaged: int = 0
    fault: str = ""


def read_lines(lines: Sequence[bytes], first: int, checksums: Checksums, *, passes_torn: bool) -> Batch:
    """Parse complete lines.

    Args:
        lines: Complete lines, each with its line end.
        first: The number of the first record.
        checksums: Has seen the records before; sees these.
        passes_torn: Whether what a dying writer left is passed over, and the record behind it read.
    """
    records, number = list[dict[str, Any] | None](), first
    for line in lines:
        record, fault = read_line(line)
        if record is None:
            torn = torn_part(line)
            if torn is None or not passes_torn:
                return Batch(records, torn is not None, number, "" if torn is not None else fault)
            record = record_of(line[torn:])
        if record is not None:
            lost = checksums.lost(number, record, line)
            if lost is not None:
                return Batch(records, damaged=lost, fault=NO_CHECKSUM)
            number += 1
        records.append(record)
    return Batch(records)


def torn_part(line: bytes) -> int | None:
    """Return how many bytes precede the record at the end of a damaged line, if a dying writer left them.

    Such bytes begin as a record does, or are blank, and hold no whole one. None for every other damage.
    """
    start = line.find(_RECORD_START)
    while start >= 0 and record_of(line[start:]) is None:
        start = line.find(_RECORD_START, start + 1)
    if start < 0:
        return None if line.strip() else len(line)
    torn = line[:start].strip(b" ")
    if torn and not torn.startswith(_RECORD_START) and not _RECORD_START.startswith(torn):
        return None
    return None if _begins_whole(torn) else start


def _begins_whole(torn: bytes) -> bool:
    """Whether the line starts with a complete record: two became one line, and neither may be lost."""
    try:
        json.JSONDecoder().raw_decode(torn.decode(errors="replace"))
    except ValueError:
        return False
    return True


def put_right(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line in which one bit flipped, using its checksum; None for any other damage."""
    if len(line) > _LONGEST_SEARCHED:
        return None
    body = bytearray(line.strip(b" \n"))
    for place in range(len(body)):
        before = body[place]
        for bit in range(8):
            body[place] = before ^ (1 << bit)
            if _fits(body):
                record = record_of(bytes(body))
                if record is not None:
                    return record
        body[place] = before
    return None


def _has_checksum(line: bytes) -> bool:
    """Whether a complete record ends in its own checksum; one inside an attribute ends in `}}`."""
    end = line.rfind(_CHECK)
    return end >= 0 and line[end + len(_CHECK) :].rstrip()[:-1].isdigit()


def _fits(body: bytearray) -> bool:
    """Whether the text ends in its own checksum; fast, because it is called for each bit."""
    end = body.rfind(_CHECK)
    digits = body[end + len(_CHECK) : -1]
    return end >= 0 and digits.isdigit() and zlib.crc32(body[:end]) == int(digits)
