# SPDX-License-Identifier: MIT
"""A trial as two CSV files: its curve, and a table of its parameters, metrics and state."""

import csv
import io
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hyperopt_app.loggers.run import FINAL, RunEnd, RunFacts, new_folder
from hyperopt_app.support.files import appending, replace_text

__all__ = ["CsvRun"]


class CsvRun:
    """A folder with `curve.csv` (step, time, value) and `run.csv` (kind, name, value).

    Args:
        settings: `directory`, absolute, or None for `csv` in the study's directory.
        facts: The trial.
        known: The folder below it, of an earlier attempt; None for a new one.
    """

    def __init__(self, settings: Mapping[str, Any], facts: RunFacts, known: str | None) -> None:
        base = Path(settings["directory"] or facts.study_dir / "csv")
        self.run_id = known or new_folder(base, facts)
        self._facts, self._folder = facts, base / self.run_id
        self._folder.mkdir(parents=True, exist_ok=True)
        self._curve = self._folder / "curve.csv"
        rows = [("step", "time", facts.curve), *_whole_rows(self._curve)]
        # A worker that was killed may have left half of a line.
        replace_text(self._curve, _text(rows))
        self._steps = {int(row[0]) for row in rows[1:]}
        self._write_run(RunEnd("running"))

    def has(self, step: int, /) -> bool:
        """Whether the file has a line of this step."""
        return step in self._steps

    def report(self, value: float, step: int, /) -> None:
        """Append a line to the curve; the time is in seconds since the epoch."""
        with appending(self._curve) as file:
            file.write(_text([(str(step), f"{time.time():.3f}", repr(float(value)))]).encode())
        self._steps.add(step)

    def end(self, end: RunEnd, /) -> None:
        """Write the metrics and the state."""
        self._write_run(end)

    def pause(self) -> None:
        """Write that the trial waits."""
        self._write_run(RunEnd("waiting"))

    def _write_run(self, end: RunEnd) -> None:
        rows = [("about", name, text) for name, text in self._facts.about.items()]
        rows += [("parameter", name, str(value)) for name, value in self._facts.params.items()]
        rows += [("metric", f"{FINAL}{name}", repr(float(value))) for name, value in end.metrics.items()]
        rows += [("error", "error", end.error)] if end.error else []
        replace_text(self._folder / "run.csv", _text([("kind", "name", "value"), *rows, ("state", "state", end.state)]))


def _whole_rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the points of a curve, without a torn last line."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    for row in csv.reader(line for line in lines[1:] if line.endswith("\n")):
        if len(row) == 3 and row[0].lstrip("-").isdigit():
            yield row[0], row[1], row[2]


def _text(rows: list[tuple[str, str, str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
