# SPDX-License-Identifier: MIT
"""The table of all trials."""

import csv
import io
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from hyperopt_app.results.trials_csv import text_of_cell, trials_csv
from tests.unit._made_trials import START, made, study_of


def rows(study: optuna.Study, *columns: str) -> list[dict[str, str]]:
    text = trials_csv(study.get_trials(deepcopy=False), columns or ("value",))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table_has_every_trial_that_started() -> None:
    """State, value, parameters, metrics, times, worker, place and error; waiting trials are left out."""
    study = study_of()
    claim = {"worker": "w", "number": 3, "host": "node-1", "pid": 99}
    facts: dict[str, Any] = {"metrics": {"loss": 0.5}, "claim": claim, "directory": "/data/0", "training_seed": 5}
    study.add_trial(made(params={"x": 0.25}, curve={1: 1.5, 2: 0.75}, **facts))
    study.add_trial(made(TrialState.PRUNED, params={"y": 2}, claim=claim))
    failure = {"kind": "bug", "error": 'ValueError: "x",\nmust be\tpositive', "traceback": "...", "log": ""}
    study.add_trial(made(TrialState.FAIL, params={"x": 0.5, "y": 1}, failure=failure, metrics={"acc": 0.1}))
    study.add_trial(made(TrialState.WAITING))
    study.add_trial(made(TrialState.RUNNING, params={"x": 0.75}))
    table = rows(study)
    assert list(table[0].items()) == [
        ("number", "0"),
        ("state", "complete"),
        ("value", "0.5"),
        ("params.x", "0.25"),
        ("params.y", ""),
        ("metrics.loss", "0.5"),
        ("metrics.acc", ""),
        ("start", "2026-11-23T12:00:00"),
        ("duration_s", "4.100"),
        ("worker", "3"),
        ("host", "node-1"),
        ("directory", "/data/0"),
        ("error", ""),
        ("failure_kind", ""),
        ("seed", "5"),
        ("steps", "2"),
        ("attempts", "1"),
        ("last_value", "0.75"),
        ("set_aside", ""),
    ]
    assert [(row["number"], row["state"], row["params.y"]) for row in table] == [
        ("0", "complete", ""),
        ("1", "pruned", "2"),
        ("2", "failed", "1"),
        ("4", "running", ""),
    ]
    assert table[2]["error"] == 'ValueError: "x", must be positive'
    assert [row["failure_kind"] for row in table] == ["", "", "bug", ""]
    assert table[3]["duration_s"] == ""


def test_a_parked_trial_has_its_row() -> None:
    """It has begun and waits at a rung; what it has reported last stands in the column for that."""
    study = study_of()
    promotion = {"rung": 1, "step": 3, "is_parked": True}
    study.add_trial(made(TrialState.WAITING, params={"x": 0.25}, curve={1: 0.5, 3: 0.25}, promotion=promotion))
    study.add_trial(made(TrialState.WAITING, curve={1: 0.5}, promotion={**promotion, "is_parked": False}))
    (row,) = rows(study)
    assert (row["number"], row["state"], row["value"], row["last_value"], row["steps"]) == (
        *("0", "parked", "", "0.25", "2"),
    )


def test_only_a_complete_trial_has_a_value() -> None:
    """What a pruned one has reported last, which Optuna keeps as its value, stands in a column of its own."""
    study = study_of()
    study.add_trial(made(TrialState.PRUNED, [0.7], curve={1: 0.9, 2: 0.7}))
    study.add_trial(made(TrialState.PRUNED))
    study.add_trial(made(values=[0.8]))
    shown = [(row["value"], row["last_value"], row["steps"]) for row in rows(study)]
    assert shown == [("", "0.7", "2"), ("", "", "0"), ("0.8", "", "0")]


def test_the_duration_is_that_of_all_attempts() -> None:
    """What was interrupted counts, the pause between does not; the trial began with the first attempt."""
    study = study_of()
    first = {"worker": "a", "begun": START.timestamp() - 3600, "ended": START.timestamp() - 3590}
    study.add_trial(made(length_s=4.5, ended_attempts=[first]))
    lost = {"worker": "b", "begun": START.timestamp(), "ended": START.timestamp() + 1}
    study.add_trial(made(TrialState.FAIL, length_s=500.0, ended_attempts=[first, lost]))
    shown = [(row["start"], row["duration_s"], row["attempts"]) for row in rows(study)]
    assert shown == [("2026-11-23T11:00:00", "14.500", "2"), ("2026-11-23T11:00:00", "11.000", "2")]


def test_a_trial_of_an_older_release_has_been_tried_once_more_than_lost() -> None:
    """It stores no attempts."""
    study = study_of()
    study.add_trial(made(losses=[{"worker": "a", "node": "", "cause": "gone"}]))
    study.add_trial(made())
    assert [(row["duration_s"], row["attempts"]) for row in rows(study)] == [("4.100", "2"), ("4.100", "1")]


def test_a_reason_that_was_written_before_a_retry_is_not_shown() -> None:
    """A trial that failed on one worker and completed on another has no error."""
    study = study_of()
    study.add_trial(made(failure={"error": "RuntimeError: lost"}))
    assert rows(study)[0]["error"] == ""


def test_the_table_keeps_awkward_values() -> None:
    """Commas, quotes, line ends and umlauts survive; booleans and null are spelled as Hydra spells them."""
    study = study_of()
    params = {"a": 'x,"y"', "b": "two\nlines", "c": "ü", "d": True, "e": None, "f": 1e-5, "g": 1, "h": 0.0}
    study.add_trial(made(params=params))
    row = rows(study)[0]
    shown = {name.removeprefix("params."): cell for name, cell in row.items() if name.startswith("params.")}
    assert shown == {
        "a": 'x,"y"',
        "b": "two\nlines",
        "c": "ü",
        "d": "true",
        "e": "null",
        "f": "1e-05",
        "g": "1",
        "h": "0.0",
    }


def test_several_values_have_a_column_each() -> None:
    """Under the given headers; empty where a trial has no values."""
    study = study_of("minimize", "minimize")
    study.add_trial(made(values=[1.0, 2.0]))
    study.add_trial(made(TrialState.FAIL))
    table = rows(study, "value_loss", "value_size")
    assert [(row["value_loss"], row["value_size"]) for row in table] == [("1.0", "2.0"), ("", "")]


def test_a_trial_that_counts_no_longer_keeps_its_row() -> None:
    """It says why, in a text that is not a formula."""
    study = study_of()
    study.add_trial(made(values=[1.0]))
    study.add_trial(made(values=[2.0]))
    text = trials_csv(study.trials, ["value"], aside={1: "=discarded"})
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["value"], row["set_aside"]) for row in table] == [("1.0", ""), ("2.0", "'=discarded")]


def test_a_study_without_trials_has_a_header_only() -> None:
    """The table is there from the beginning."""
    header = "number,state,value,start,duration_s,worker,host,directory,error"
    appended = "failure_kind,seed,steps,attempts,last_value,set_aside"
    assert trials_csv(study_of().trials, ["value"]) == f"{header},{appended}\n"


def test_an_error_is_no_formula() -> None:
    """A spreadsheet would run it; a program sees one more quote. What commands a terminal is spelled."""
    study = study_of()
    for error in ("=cmd|' /C calc'!A0", "@SUM(1)", "\x1b[31mred"):
        study.add_trial(made(TrialState.FAIL, failure={"kind": "bug", "error": error}))
    assert [row["error"] for row in rows(study)] == ["'=cmd|' /C calc'!A0", "'@SUM(1)", "\\x1b[31mred"]


def test_a_parameter_is_no_formula() -> None:
    """Neither a choice nor a text that the objective has suggested; a negative number is what it is."""
    study = study_of()
    study.add_trial(made(params={"a": "=1+1", "b": "@SUM", "c": "-x", "d": "-1.5e3", "e": -2.0, "f": "\t=1"}))
    shown = {name: cell for name, cell in rows(study)[0].items() if name.startswith("params.")}
    assert [*shown.values()] == ["'=1+1", "'@SUM", "'-x", "-1.5e3", "-2.0", "'\t=1"]
    assert [*map(text_of_cell, shown.values())] == ["=1+1", "@SUM", "-x", "-1.5e3", "-2.0", "\t=1"]


@pytest.mark.parametrize("cell", ["adam", "=1+1", "'=1+1'", "'10'", "'", "", "'a"])
def test_a_cell_without_that_mark_is_its_text(cell: str) -> None:
    """Also one of another program, and an override text in quotes."""
    assert text_of_cell(cell) == cell


def test_constraints_have_columns_and_words() -> None:
    """Where trials have any; above 0 is violated, and the last column says by how much."""
    study = optuna.create_study()
    study.add_trial(create_trial(value=1.0, constraints={"ms <= 100": 20.5, "=n <= 5": -1.0}))
    study.add_trial(create_trial(value=2.0))
    first, second = csv.DictReader(io.StringIO(trials_csv(study.trials, ["value"])))
    assert (first["constraints.ms <= 100"], first["constraints.=n <= 5"]) == ("20.5", "-1.0")
    assert (first["infeasible"], second["infeasible"]) == ("ms <= 100 by 20.5", "")
    assert list(first)[-1] == "infeasible"
    assert "infeasible" not in trials_csv(study.trials[1:], ["value"])
