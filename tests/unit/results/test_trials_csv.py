# SPDX-License-Identifier: MIT
"""The table of all trials."""

import csv
import io

import optuna
from optuna.trial import TrialState

from hyperopt_app.results.trials_csv import trials_csv
from tests.unit._made_trials import made, study_of


def rows(study: optuna.Study, *columns: str) -> list[dict[str, str]]:
    text = trials_csv(study.get_trials(deepcopy=False), columns or ("value",))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table_has_every_trial_that_started() -> None:
    """State, value, parameters, metrics, times, worker, place and error; waiting trials are left out."""
    study = study_of()
    claim = {"worker": "w", "number": 3, "host": "node-1", "pid": 99}
    study.add_trial(made(params={"x": 0.25}, metrics={"loss": 0.5}, claim=claim, directory="/data/0"))
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
    ]
    assert [(row["number"], row["state"], row["params.y"]) for row in table] == [
        ("0", "complete", ""),
        ("1", "pruned", "2"),
        ("2", "failed", "1"),
        ("4", "running", ""),
    ]
    assert table[2]["error"] == 'ValueError: "x", must be positive'
    assert table[3]["duration_s"] == ""


def test_a_pruned_trial_has_its_last_report_as_value_if_optuna_keeps_one() -> None:
    """The column holds what the storage holds, for pruned trials too."""
    study = study_of()
    study.add_trial(made(TrialState.PRUNED, [0.7]))
    study.add_trial(made(TrialState.PRUNED))
    assert [row["value"] for row in rows(study)] == ["0.7", ""]


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


def test_a_study_without_trials_has_a_header_only() -> None:
    """The table is there from the beginning."""
    header = "number,state,value,start,duration_s,worker,host,directory,error\n"
    assert trials_csv(study_of().trials, ["value"]) == header
