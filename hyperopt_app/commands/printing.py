# SPDX-License-Identifier: MIT
"""Print what commands answer: lines, tables for people, JSON for programs."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from hyperopt_app.looking.tables.json_data import plain_json
from hyperopt_app.support.display_text import visible

__all__ = ["print_json", "print_lines", "print_table"]

# Wider than any table: a terminal breaks long lines by itself.
_ENDLESS = 100_000


def print_lines(lines: Sequence[str]) -> None:
    """Print lines of text."""
    print("\n".join(lines))


def print_json(value: Any) -> None:
    """Print plain data as JSON; numbers that are not finite become the texts `nan`, `inf` and `-inf`."""
    print(json.dumps(plain_json(value), indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print a table with a header. No cell is shortened: numbers would mislead, and other programs read it too.

    Args:
        columns: The headers.
        rows: The cells.
        right: Which columns are aligned to the right.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        justify: Literal["left", "right"] = "right" if index in right else "left"
        table.add_column(Text(visible(name)), justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(visible(" ".join(cell.split()))) for cell in row))
    console = Console(width=_ENDLESS, highlight=False)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))
