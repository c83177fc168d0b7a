# SPDX-License-Identifier: MIT
"""A trial's repeats as cells and lines."""

from pathlib import Path

import pytest
from optuna.trial import TrialState

from hyperopt_app.repeats.shown import (
    best_repeat,
    race_text,
    repeat_cells,
    repeat_columns,
    repeat_entries,
    repeat_lines,
)
from tests.unit._made_repeats import repeat_records
from tests.unit._made_trials import made

LOST = made(
    TrialState.PRUNED,
    **repeat_records([3.0], [1.0], seed=11, reports=2),
    race={"repeats": 2, "against": 4, "chance": 0.0123},
)


def test_the_cells_of_one_objective() -> None:
    """Count, spread, who won, and each value; nothing for a trial that is trained once."""
    cells = repeat_cells(LOST, ["value"])
    assert cells == {"repeats": 2, "lost_to": 4, "spread": pytest.approx(2**0.5), "repeat_0": 3.0, "repeat_1": 1.0}
    assert repeat_cells(made(), ["value"]) == {}


def test_the_columns_stand_in_order() -> None:
    """Ten repeats are ordered by number, and several objectives stand side by side."""
    many = repeat_records(*([float(number), 0.0] for number in range(11)))
    columns = repeat_columns([{}, repeat_cells(made(values=[1.0, 2.0], **many), ["value_a", "value_b"])])
    assert columns[:4] == ["repeats", "spread_a", "spread_b", "lost_to"]
    assert columns[4:] == [f"repeat_{number}_{name}" for number in range(11) for name in "ab"]


def test_the_lines_for_people() -> None:
    """How many of how many, the spread, the race, and a line for each."""
    assert repeat_lines(LOST, "5 with mean") == [
        (
            "2 of 5 with mean, spread 1.414; lost the race to trial 4 after 2 repeats, which chance alone explains "
            "with a probability of 0.012"
        ),
        "#0  3  seed 11",
        "#1  1  seed 12",
    ]
    assert repeat_lines(made(), "") == []
    assert (race_text(LOST), race_text(made())) == ("lost the race to trial 4 after 2 repeats", "")


def test_the_best_repeat_and_its_place() -> None:
    """By the direction; the entries name seed and directory."""
    assert (best_repeat(LOST, maximize=False), best_repeat(LOST, maximize=True)) == (1, 0)
    assert best_repeat(made(), maximize=False) is None
    first, second = repeat_entries(LOST, Path("trials/7"))
    assert (second["seed"], second["directory"]) == (12, "trials/7/repeats/1")
    assert (first["values"], first["metrics"], first["curve"]) == ([3.0], {"m": 3.0}, [])
    assert second["curve"] == [[0, 1.0]]
    assert repeat_entries(LOST, None)[0]["directory"] is None
