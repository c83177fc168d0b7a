# SPDX-License-Identifier: MIT
"""The way of one trial, as the tracer of `benchmarks/` sees it: few rooms, and docs/design.md names its functions."""

import importlib
import operator
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
SECTION, PARAGRAPH = "\n## How one trial travels\n", "\n**One trial in its worker.**"


@pytest.fixture(scope="module")
def tracer() -> ModuleType:
    """The benchmark as a module; it imports from its own folder, as a script does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(REPO / "benchmarks")
        return importlib.import_module("trace_rooms")


@pytest.fixture(scope="module")
def calls(tracer: ModuleType) -> list[Any]:
    """The calls of a study of one trial, in driver, worker and trial process."""
    recorded: list[Any] = tracer.study_calls(REPO)
    return recorded


def _section() -> str:
    """What docs/design.md says of one trial's way."""
    page = (REPO / "docs" / "design.md").read_text(encoding="utf-8")
    if SECTION in page:
        return page.partition(SECTION)[2].partition("\n## ")[0]
    return page.partition(PARAGRAPH)[2].partition("\n\n")[0]


def test_the_page_names_functions_that_a_trial_passes(calls: list[Any]) -> None:
    """Each name in backticks, but those of files, is that of a function which was entered."""
    named = [name for name in re.findall(r"`([A-Za-z_][\w.]*)`", _section()) if not name.endswith((".csv", ".yaml"))]
    assert len(named) >= 8
    assert {_last(name) for name in named} <= {_last(call.function) for call in calls}


def test_the_steps_of_the_page_are_in_the_order_of_the_trace(tracer: ModuleType, calls: list[Any]) -> None:
    """Each numbered step, a function and its file, comes in the worker or the trial's process after the one before."""
    steps = re.findall(r"^\d+\. `([\w.]+)` \(([\w/]+)\.py\)", _section(), re.MULTILINE)
    ours = [(_last(call.function), call.callee) for call in calls if call.process != calls[0].process]
    trace = iter(ours[: [file for _, file in ours].index(tracer.RESULTS) + 1])
    for function, module in steps:
        operator.attrgetter(function)(importlib.import_module(f"hyperopt_app.{module.replace('/', '.')}"))
        step = (_last(function), f"hyperopt_app/{module}.py")
        assert step in trace, f"{function} ({module}.py) does not follow the step before it"


def _last(function: str) -> str:
    """Its name without that of its class: `report` calls `Trial.report` in the same file, which is no crossing."""
    return function.rpartition(".")[2]


def test_a_trial_passes_eight_rooms(tracer: ModuleType, calls: list[Any]) -> None:
    """Between claim and trials.csv, with the worker's own; at most two of them are entered again."""
    entered = Counter(tracer.rooms_of_way(tracer.way_of_trial(calls)))
    assert {"study", "budget", "results"} <= set(entered)
    assert len({"worker", *entered}) <= 8, entered
    assert len([room for room, times in entered.items() if times > 1]) <= 2, entered
