# SPDX-License-Identifier: MIT
"""Read the lines of JSON that a program appends to its metrics file, while it runs and when it has ended.

A line is an object such as `{"step": 4, "loss": 0.3}`. What is not a line of that form is skipped with a warning,
because a program may be written in any language and its output may be torn.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperopt_app.errors import MetricError
from hyperopt_app.support.display_text import shortened
from hyperopt_app.support.files import appending, open_file

__all__ = ["Line", "MetricsFile", "parsed"]

_log = logging.getLogger(__name__)

_STEP = "step"
_CHECKPOINTED = "checkpointed"
# What C's printf and others write of NaN and infinity. JSON has no words for them; Python's has NaN and Infinity.
_NOT_FINITE = re.compile(r"(?<=[:\[,\s])([-+]?)(nan(?:\([^)]*\))?|inf(?:inity)?)(?=\s*[,}\]])", re.IGNORECASE)
# Warnings about lines that cannot be used, for one trial.
_MOST_WARNINGS = 3
# Bytes before the place of the next reading, by which a file that was written anew is recognised.
_COMPARED = 64


@dataclass(frozen=True)
class Line:
    """One line of a metrics file.

    Attributes:
        number: Of the line in its file, from 1.
        values: What it says but for its step: numbers by the name of the metric, and whatever else stands there.
        step: Of the learning curve; None if it has none.
        is_checkpoint: Whether the program says that it has written a checkpoint.
    """

    number: int
    values: Mapping[str, Any]
    step: int | None = None
    is_checkpoint: bool = False


def parsed(text: str, number: int, place: Path) -> Line | None:
    """Parse one line; None if it is not an object of JSON.

    Args:
        text: The line without its end.
        number: Of the line in its file, from 1.
        place: The file, for errors.

    Raises:
        MetricError: The step is not a whole number from 0.
    """
    content = _json_of(text)
    if not isinstance(content, dict):
        return None
    step = content.pop(_STEP, None)
    is_checkpoint = content.pop(_CHECKPOINTED, False) is True
    return Line(number, content, None if step is None else _whole_step(step, number, place), is_checkpoint)


def _json_of(text: str) -> Any:
    for attempt in (text, _NOT_FINITE.sub(_in_words_of_json, text)):
        try:
            return json.loads(attempt)
        except (ValueError, RecursionError):
            continue
    return None


def _in_words_of_json(match: re.Match[str]) -> str:
    if match[2].lower().startswith("nan"):
        return "NaN"
    return "-Infinity" if match[1] == "-" else "Infinity"


def _whole_step(step: Any, number: int, place: Path) -> int:
    is_whole = isinstance(step, (int, float)) and not isinstance(step, bool) and step >= 0 and step == step // 1
    if not is_whole:
        raise MetricError(
            f"{place}, line {number}: step is {shortened(repr(step))}; write a whole number from 0, or leave it out: "
            "then the lines with a value are counted from 1"
        )
    return int(step)


@dataclass
class MetricsFile:
    """Reads what a program appends to its metrics file; nothing of it is read twice unless it is written anew.

    Attributes:
        place: Absolute path of the file; it need not exist.
        lines: How many lines were read, good or not.
        unusable: How many of them were skipped.
    """

    place: Path
    lines: int = 0
    unusable: int = 0
    _read: int = field(default=0, init=False)
    _before: bytes = field(default=b"", init=False)

    def prepare(self, *, goes_on: bool) -> None:
        """Create the folder; keep what an earlier attempt has written, but for half a line at its end, or set it aside.

        Args:
            goes_on: The program goes on from a checkpoint. Otherwise it begins anew, and its lines are counted anew.

        Raises:
            MetricError: The file cannot be written.
        """
        try:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            if not self.place.exists():
                return
            if not goes_on and self.place.is_file():
                self.place.replace(self.place.with_name(f"{self.place.name}.earlier"))
                return
            content = self.place.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                with appending(self.place) as file:
                    file.truncate(whole)
        except OSError as error:
            raise self._unreadable(error) from None

    def new_lines(self, *, is_over: bool = False) -> Iterator[Line]:
        """Yield the lines that have been added since the last call.

        Args:
            is_over: Nothing more will be written, so that a last line without an end is read as well.

        Raises:
            MetricError: The file cannot be read, or a step in it is not a whole number.
        """
        try:
            with open_file(self.place) as content:
                self._begin_anew_if_replaced(content)
                content.seek(self._read)
                text = content.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unreadable(error) from None
        whole = len(text) if is_over else text.rfind(b"\n") + 1
        for line in text[:whole].splitlines(keepends=True):
            self._read += len(line)
            self._before = (self._before + line)[-_COMPARED:]
            self.lines += 1
            good = self._parsed(line.decode("utf-8", errors="replace").strip())
            if good is not None:
                yield good

    def _parsed(self, text: str) -> Line | None:
        if not text:
            return None
        line = parsed(text, self.lines, self.place)
        if line is None:
            self.unusable += 1
            if self.unusable <= _MOST_WARNINGS:
                _log.warning(
                    "%s, line %d is not an object of JSON and is skipped: %s; write lines as %s",
                    self.place,
                    self.lines,
                    shortened(text),
                    '{"step": 4, "loss": 0.3}',
                )
        return line

    def _begin_anew_if_replaced(self, content: Any) -> None:
        begin = self._read - len(self._before)
        content.seek(begin)
        if content.read(len(self._before)) != self._before:
            self._read, self._before, self.lines = 0, b"", 0

    def _unreadable(self, error: OSError) -> MetricError:
        return MetricError(
            f"objective.metrics: {self.place} cannot be used ({error.strerror}); the program appends lines of JSON to "
            "this file, so it must be a file that can be read and written"
        )
