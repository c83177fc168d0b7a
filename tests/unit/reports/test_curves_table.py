# SPDX-License-Identifier: MIT
"""The table of the learning curves."""

import importlib.util
import math
from pathlib import Path

import pytest

from hyperopt_app.reports.curves_table import write_curves
from tests.unit._made_trials import made

TRIALS = [made(number=0, curve={1: 0.5, 0: 2.0}), made(number=1), made(number=2, curve={7: math.nan})]


def test_each_reported_value_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By trial and step; without pyarrow it is CSV."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    path = write_curves(TRIALS, tmp_path)
    assert path == tmp_path / "curves.csv"
    assert path.read_text() == "number,step,value\n0,0,2.0\n0,1,0.5\n2,7,nan\n"


def test_with_pyarrow_it_is_parquet(tmp_path: Path) -> None:
    """The same rows."""
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    path = write_curves(TRIALS[:2], tmp_path)
    assert path == tmp_path / "curves.parquet"
    assert pandas.read_parquet(path).to_numpy().tolist() == [[0, 0, 2.0], [0, 1, 0.5]]


def test_without_curves_there_is_no_table(tmp_path: Path) -> None:
    """Nothing is written."""
    assert write_curves([made()], tmp_path) is None
    assert not list(tmp_path.iterdir())
