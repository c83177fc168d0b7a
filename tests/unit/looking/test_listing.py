# SPDX-License-Identifier: MIT
"""Which trials a user gets who asks for some, and how their table looks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.tables.listing import Wanted, best_table, nothing_line, selected, text_table, usual_columns
from hyperopt_app.looking.tables.rows import columns_of, named_column, row_of
from hyperopt_app.looking.tables.selecting import Condition
from hyperopt_app.looking.view import View, read_view
from hyperopt_app.results.trials_csv import trials_csv
from tests.unit._made_studies import ended, mixed, two_objectives, viewed


@pytest.fixture
def view(tmp_path: Path) -> View:
    """A study with trials of all kinds."""
    return read_view(mixed(tmp_path / "s"), tmp_path / "s")


def _numbers(view: View, **wanted: object) -> list[int]:
    return [row["number"] for row in selected(view, Wanted(**wanted))[0]]  # type: ignore[arg-type]


def test_trials_are_selected_as_asked(view: View) -> None:
    """By state, by place, by conditions, and by all of them at once."""
    assert _numbers(view) == [0, 1, 2, 3, 4, 5]
    assert _numbers(view, set_aside=True) == [0, 1, 2, 3, 4, 5, 6]
    assert _numbers(view, states=["failed"]) == [4, 5]
    assert _numbers(view, states=["pruned", "failed"]) == [3, 4, 5]
    assert _numbers(view, states=["waiting"]) == [7, 8, 9]
    assert _numbers(view, top=2) == [2, 1]
    assert _numbers(view, top=2, where=["optimizer=adam"]) == [1, 0]
    assert _numbers(view, top=4, states=["complete", "failed"]) == [2, 1, 0, 4]
    assert _numbers(view, where=["lr<1e-3"]) == [3]
    assert _numbers(view, where=["lr <= 0.001", "state!=failed"]) == [0, 2, 3]
    assert _numbers(view, where=["loss<0.3"]) == [1, 2]
    assert _numbers(view, where=["failure_kind='oom'"]) == [5]
    assert _numbers(view, where=["width>=128"]) == [4]
    assert _numbers(view, sort="duration_s") == [4, 5, 3, 0, 2, 1]
    assert _numbers(view, sort="-duration_s")[0] == 1
    assert _numbers(view, sort="loss") == [2, 1, 0, 3, 4, 5]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted(where=["lr"]), "--where: 'lr' is not a condition"),
        (Wanted(where=["Lr<1"]), "Lr: not a column of this study (did you mean lr"),
        (Wanted(sort="-nope"), "nope: not a column of this study"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_word_is_pointed_out(view: View, wanted: Wanted, says: str) -> None:
    """With the columns that there are."""
    with pytest.raises(StudyMismatchError) as error:
        selected(view, wanted)
    assert says in str(error.value)


def test_the_table_has_what_is_worth_seeing(view: View) -> None:
    """Of failed trials the kind and the error, of complete ones no empty columns; errors show no password."""
    rows, columns = selected(view, Wanted(states=["failed"]))
    table = text_table(view, rows, usual_columns(view, rows, columns))
    assert table.headers == [
        "number",
        "state",
        "loss",
        "duration_s",
        "lr",
        "width",
        "optimizer",
        "failure_kind",
        "error",
    ]
    assert table.cells[0] == ["4", "failed", "", "1.0", "0.001", "128", "adam", "bug", "TypeError: no"]
    assert "hunter2" not in str(table.cells)
    rows, columns = selected(view, Wanted(top=1))
    assert usual_columns(view, rows, columns)[-1] == "params.optimizer"
    assert usual_columns(view, rows, columns, "number, lr") == ["number", "params.lr"]
    assert usual_columns(view, rows, columns, "all") == columns
    assert text_table(view, rows, ["start"]).cells == [["2026-11-23 12:00:10"]]


def test_the_columns_are_those_of_trials_csv(view: View, tmp_path: Path) -> None:
    """With one objective and with two, so that a reader of the one can read the other."""
    several = read_view(two_objectives(tmp_path / "two"), tmp_path / "two")
    for seen, values in ((view, ["value"]), (several, ["value_loss", "value_accuracy"])):
        rows = [row_of(seen, trial) for trial in seen.counting if trial.state.name != "WAITING"]
        header = trials_csv(seen.trials, values).partition("\n")[0].split(",")
        assert columns_of(seen, rows) == header


def test_the_best_of_two_objectives_begin_with_the_front(tmp_path: Path) -> None:
    """Each objective has its column, by the metric's name."""
    view = read_view(two_objectives(tmp_path / "two"), tmp_path / "two")
    table = best_table(view, [row_of(view, trial) for trial in view.ranked(3)])
    assert table.headers[:3] == ["number", "loss", "accuracy"]
    assert [row[:3] for row in table.cells] == [["1", "0.1", "0.6"], ["2", "0.4", "0.9"], ["0", "0.5", "0.5"]]


def test_nothing_says_what_there_is(view: View) -> None:
    """So a user sees that the study was read."""
    assert "3 complete, 1 pruned, 2 failed, 3 waiting" in nothing_line(view)


def test_the_end_of_a_dotted_name_will_do(tmp_path: Path) -> None:
    """Where only one parameter ends so."""
    space = {"optimizer.lr": ended().distributions["lr"], "head.lr": ended().distributions["lr"]}
    view = viewed(tmp_path / "s", [ended(params={"optimizer.lr": 0.1}, space=space)])
    columns = columns_of(view, [row_of(view, view.trials[0])])
    assert named_column(view, columns, "lr") == "params.optimizer.lr"
    with pytest.raises(StudyMismatchError, match=r"several columns end so: optimizer.lr, head.lr"):
        named_column(view, [*columns, "params.head.lr"], "lr")


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.sampled_from(["<", "<=", ">", ">=", "=", "!="]))
def test_a_condition_compares_numbers_as_python_does(value: float, bound: float, comparison: str) -> None:
    """Whatever the numbers; and a row that lacks the column never satisfies it."""
    sign = {"=": "=="}.get(comparison, comparison)
    condition = Condition("value", comparison, repr(bound))
    assert condition.holds({"value": value}) is eval(f"value {sign} bound", {"value": value, "bound": bound})  # noqa: S307
    assert not condition.holds({"value": None})
    assert not condition.holds({})
