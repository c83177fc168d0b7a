# SPDX-License-Identifier: MIT
"""The command line of the simulated searches: rows that are not run twice, and the figures made of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.search import rows, statistics
from benchmarks.search.__main__ import main
from benchmarks.search.rows import Row
from benchmarks.search.simulation import Conditions

ROW = Row("easy", "0", 0, "random", Conditions(4), 2.0, 9, 0.5, 0.01)
RUN = [
    *("run", "--families", "few", "--methods", "random", "random-sha"),
    *("--workers", "4", "--runs", "0-1", "--limit", "3"),
]


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Conditions that are not the usual ones are kept, and a file that is not there has no rows."""
    path = tmp_path / "rows.jsonl"
    written = [ROW, replace(ROW, time=None, conditions=Conditions(8, restart_cost=0.02, limit=5.0))]
    for row in written:
        rows.append(path, row)
    assert rows.read([path, tmp_path / "absent.jsonl"]) == written


def test_a_line_of_something_else_is_named(tmp_path: Path) -> None:
    """The message has file and line, and no traceback."""
    path = tmp_path / "rows.jsonl"
    rows.append(path, ROW)
    path.write_text(path.read_text() + '{"family": "easy"}\n')
    with pytest.raises(SystemExit, match=r"rows\.jsonl, line 2: not a row"):
        rows.read([path])


def test_a_command_runs_only_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command again adds nothing; a line less, and it is that line which comes back."""
    monkeypatch.chdir(tmp_path)
    main(RUN)
    path = tmp_path / "search_rows.jsonl"
    first = path.read_text().splitlines()
    assert len(first) == 4
    main(RUN)
    assert path.read_text().splitlines() == first
    path.write_text("\n".join(first[1:]) + "\n")
    capsys.readouterr()
    main(RUN)
    assert capsys.readouterr().out.splitlines()[0].startswith("few, random, 4 workers: 1 runs")
    again = rows.read([path])[-1]
    assert (again.task, again.seed, again.method) == ("0", 0, "random")
    main(["table", "--against", "random", "--within", "20"])
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "| family | workers | method | runs | median | hit | sooner than random | within 20 |"
    assert len(table) == 4


def test_speed_up_compares_the_same_searches() -> None:
    """Twice as soon in every run is 2 with bounds of 2; a run that missed counts at its limit; others are refused."""
    base = [replace(ROW, seed=seed, time=2.0 + seed) for seed in range(5)]
    halved = [replace(row, time=(row.time or 0) / 2) for row in base]
    assert statistics.speed_up(halved, base) == pytest.approx((2, 2, 2))
    missed = [*base[:4], replace(base[4], time=None)]
    assert statistics.speed_up(base, missed)[0] == pytest.approx((30 / 6) ** (1 / 5))
    mean, low, high = statistics.speed_up(base, missed)
    assert low == pytest.approx(1)
    assert low < mean < high
    assert statistics.speed_up([replace(ROW, time=0.0)], [ROW])[0] == pytest.approx(200)
    with pytest.raises(SystemExit, match=r"not run on the same searches: .*'0', 4"):
        statistics.speed_up(base[:4], base)


def test_a_cell_has_median_and_shares() -> None:
    """A run that missed is infinitely late, and within no number of trials."""
    some = [replace(ROW, seed=seed, time=time, trials=30) for seed, time in enumerate((1.0, 2.0, None))]
    assert statistics.cell(some) == pytest.approx((3, 2.0, 2 / 3, 0.01))
    assert statistics.share_within(some, 29) == 0
    assert statistics.share_within(some, 30) == pytest.approx(2 / 3)
