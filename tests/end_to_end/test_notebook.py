# SPDX-License-Identifier: MIT
"""The example notebook runs: each of its cells, in their order, on a study."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import REPO
from tests.unit._made_studies import mixed

NOTEBOOK = REPO / "docs" / "a-study-in-a-notebook.ipynb"


def test_each_cell_of_the_notebook_runs(run_script: Callable[..., CompletedProcess[str]]) -> None:
    """The last line of a cell is an expression whose value a notebook shows; none is an error."""
    pytest.importorskip("pandas")
    mixed(Path("studies/sphere"))
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    done = run_script("-c", "\n".join(code) + "\nprint(study.state, len(study.trials), study.best.number)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "waiting 10 2"


def test_the_notebook_holds_no_outputs() -> None:
    """They would be of some study of somebody's, and grow old."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert [cell["outputs"] for cell in cells if cell.get("outputs")] == []
