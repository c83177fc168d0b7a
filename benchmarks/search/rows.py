# SPDX-License-Identifier: MIT
"""The rows of results: a line of JSON for each simulated search, so that a run can go on where it ended."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.search.simulation import Conditions, Outcome

__all__ = ["Row", "append", "read"]


@dataclass(frozen=True)
class Row:
    """A simulated search and what it came to.

    Attributes:
        family: Of problems.
        task: The problem's name within it.
        seed: Of the search.
        method: Its name.
        conditions: The fields of `Conditions`.
        time: When the target was reached, in mean full trainings; None if it was not.
        trials: The trials started until then.
        use: The share of their time in which the workers trained.
        ask_s: The mean CPU seconds of an ask.
    """

    family: str
    task: str
    seed: int
    method: str
    conditions: Conditions
    time: float | None
    trials: int
    use: float
    ask_s: float

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two rows the same search."""
        return (self.family, self.task, self.seed, self.method, self.conditions)

    @staticmethod
    def of(family: str, task: str, seed: int, method: str, conditions: Conditions, outcome: Outcome) -> "Row":
        """Make a row, with figures short enough to read."""
        time = None if outcome.time is None else float(f"{outcome.time:.5g}")
        return Row(
            family, task, seed, method, conditions, time, outcome.trials, round(outcome.use, 3), round(outcome.ask_s, 4)
        )


def read(paths: Iterable[Path]) -> list[Row]:
    """Read the rows of files; a file that is not there has none.

    Raises:
        SystemExit: A line is not a row.
    """
    rows = []
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                rows.append(_row(json.loads(line)))
            except (ValueError, TypeError, KeyError) as error:
                raise SystemExit(f"{path}, line {number}: not a row of a simulated search ({error!r})")  # noqa: B904
    return rows


def append(path: Path, row: Row) -> None:
    """Add a row to a file; conditions that are as usual are left out."""
    usual = {field.name: field.default for field in fields(Conditions)}
    fact = asdict(row)
    fact["conditions"] = {name: value for name, value in fact["conditions"].items() if value != usual[name]}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(fact) + "\n")


def _row(fact: Mapping[str, Any]) -> Row:
    return Row(**{**fact, "conditions": Conditions(**fact["conditions"])})
