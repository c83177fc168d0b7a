# SPDX-License-Identifier: MIT
"""What the parts have measured: rows of a file of JSON lines, and the table that people read."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Row", "append", "read", "table"]


@dataclass(frozen=True)
class Row:
    """A measurement.

    Attributes:
        part: The name of the part.
        case: What was measured in it.
        came: What came of it, in words; `ok` where that is all.
        is_ok: Whether it came as it should.
        seconds: Of the whole case, or what `came` says.
        trials_per_hour: Completed trials an hour, from the first start to the last end.
        memory_mb: Memory of the GPU in use by all processes, its highest value in the case.
        device: `cuda` or `cpu`.
    """

    part: str
    case: str
    came: str = "ok"
    is_ok: bool = True
    seconds: float | None = None
    trials_per_hour: float | None = None
    memory_mb: float | None = None
    device: str = "cuda"


def append(path: Path, row: Row) -> None:
    """Add a row to a file at once, so that it is there whatever becomes of its part."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def read(path: Path) -> list[Row]:
    """Return the rows of a file, none if it is not there; a line that was cut off by a kill is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [Row(**json.loads(line)) for line in lines if line.endswith("\n")]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    header = ["part", "case", "s", "trials an hour", "MB", "what came of it"]
    cells = [
        [
            row.part,
            row.case,
            *map(_number, (row.seconds, row.trials_per_hour, row.memory_mb)),
            row.came.replace("|", "/"),
        ]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *cells])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"
