# SPDX-License-Identifier: MIT
"""The commands that look at studies: what they print, and that they write nothing."""

import json
import re
import shlex
from pathlib import Path

import pytest
from optuna.trial import TrialState

from hyperopt_app import cli
from hyperopt_app.commands.listed import COMMANDS
from hyperopt_app.commands.printing import print_json
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.heartbeat import this_worker
from hyperopt_app.study.opening import only_study
from hyperopt_app.study.records.study_records import keep_retrain_record
from hyperopt_app.study.stopping import Stop, write_stop
from tests.unit._made_studies import ended, kept, mixed, two_objectives
from tests.unit.test_cli import _refusal


@pytest.fixture(autouse=True)
def studies() -> Path:
    """Two studies in ./studies: one with trials of all kinds, one of two objectives."""
    mixed(Path("studies/mixed"))
    two_objectives(Path("studies/two"))
    return Path("studies")


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    files = {path: path.read_bytes() for path in Path("studies").rglob("*") if path.is_file()}
    cli.main(words)
    assert {path: path.read_bytes() for path in Path("studies").rglob("*") if path.is_file()} == files
    return capsys.readouterr().out


def test_ls_lists_studies(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, with state, counts and best value; one that cannot be read is listed with the reason."""
    Path("studies/torn").mkdir()
    Path("studies/torn/journal.log").write_text("epoch 1\n")
    lines = _said(capsys, "ls").splitlines()
    assert lines[0].split() == ["study", "state", "ended", "failed", "running", "best", "trial", "last", "change"]
    assert lines[1].split()[:7] == ["studies/mixed", "waiting", "6/9", "2", "0", "0.125", "2"]
    assert (
        lines[2].split()[:8] == ["studies/two", "done", "5/5", "1", "0", "front", "of", "2"] or "unreadable" in lines[2]
    )
    assert any("studies/torn" in line and "not a study's journal" in line for line in lines)


def test_status_names_the_command_that_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no worker is at work, with the user's own words, and a password masked."""
    assert "the same command goes on\n" in _said(capsys, "status", "mixed")
    study = only_study(open_storage(None, Path("studies/mixed")), None)
    keep_retrain_record(study, {"program": "python train.py"})
    overrides = {
        "hydra": ["hydra.mode=MULTIRUN", "hydra.sweeper.storage=postgresql://me:secret@host/db"],
        "task": ["data=large set"],
    }
    Path("studies/mixed/multirun.yaml").write_text(json.dumps({"hydra": {"overrides": overrides}}), encoding="utf-8")
    said = " ".join(_said(capsys, "status", "mixed").split())
    assert "goes on: python train.py --multirun 'hydra.sweeper.storage=postgresql://me:***@host/db'" in said
    assert said.endswith("'data=large set'")


def test_ls_has_json_and_says_if_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The counts are those of the storage; without a folder, or a study in it, there is a line that says so."""
    entries = {entry["name"]: entry for entry in json.loads(_said(capsys, "ls", "studies", "--json"))}
    study = only_study(open_storage(None, Path("studies/mixed"), reading=True), None)
    states = [trial.state for trial in study.get_trials() if trial.number != 6]
    assert entries["mixed"]["complete"] == states.count(TrialState.COMPLETE)
    assert entries["mixed"]["failed"] == states.count(TrialState.FAIL)
    assert entries["mixed"]["best"] == [{"trial": 2, "values": [0.125]}]
    assert [best["trial"] for best in entries["two"]["best"]] == [1, 2]
    Path("empty").mkdir()
    assert _said(capsys, "ls", "empty") == "No study lies in empty or in a folder below it.\n"
    assert _refusal("ls", "nowhere").startswith("nowhere: directory not found")


def test_trials_are_listed_by_a_studys_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A name below ./studies will do for the directory."""
    lines = _said(capsys, "trials", "mixed", "--top", "2").splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["2", "complete", "0.125"], ["1", "complete", "0.25"]]
    assert "No trial of studies/mixed is of this kind" in _said(capsys, "trials", "mixed", "--where", "lr>1")
    rows = json.loads(_said(capsys, "trials", "studies/mixed", "--failed", "--json"))
    assert [(row["number"], row["failure_kind"], row["value"]) for row in rows] == [(4, "bug", None), (5, "oom", None)]
    assert "hunter2" not in str(rows)
    assert "not a column" in _refusal("trials", "mixed", "--sort", "nope")


def test_one_trial_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """As text and as JSON; a number that is not there is refused."""
    assert _said(capsys, "show", "mixed", "2").startswith("trial 2 of mixed: complete, loss 0.125 (place 1 of 3)\n")
    shown = json.loads(_said(capsys, "show", "mixed", "4", "--json"))
    assert shown["curve"] == []
    assert shown["traceback"].startswith("Traceback")
    assert [Path(log).name for log in shown["logs"]] == ["app.log"]
    assert "has no trial 99" in _refusal("show", "mixed", "99")


def test_the_k_best_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """With two objectives the front comes first; without a complete trial there is a line that says so."""
    lines = _said(capsys, "best", "mixed", "-k", "5").splitlines()
    assert [line.split()[0] for line in lines] == ["number", "2", "1", "0"]
    lines = _said(capsys, "best", "two", "-k", "3").splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "0"]
    assert lines[4] == "The first 2 of them are on the Pareto front of 2."
    assert [row["number"] for row in json.loads(_said(capsys, "best", "two", "--json"))] == [1, 2]
    kept(Path("studies/new"), [], n_trials=2)
    assert _said(capsys, "best", "new", "-k", "1") == "No trial of studies/new has completed yet.\n"


def test_studies_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """At equal trials and equal compute, with the differences; what cannot be compared is refused."""
    kept(Path("studies/other"), [ended(values=1.0), ended(values=0.05, begun_s=10)], metrics=["loss"])
    lines = _said(capsys, "compare", "mixed", "studies/other").splitlines()
    assert lines[0].startswith("best loss so far")
    assert lines[1].split()[:3] == ["study", "5", "6"]
    assert lines[2].split()[:3] == ["studies/mixed", "0.125", "0.125"]
    assert "studies/mixed -> studies/other:" in lines
    data = json.loads(_said(capsys, "compare", "mixed", "other", "--json"))
    assert data["studies"][1]["best_so_far"]["loss"][-1] == {"trials": 2, "compute_s": 20.0, "value": 0.05}
    kept(Path("studies/new"), [], n_trials=2)
    assert _said(capsys, "compare", "new", "new").startswith("no trial of these studies has ended yet\n")
    assert "two or more" in _refusal("compare", "mixed")
    assert "optimises minimize loss, maximize accuracy" in _refusal("compare", "mixed", "two")


def test_logs_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A trial's by its number, the workers' without; following ends where nothing more can come."""
    assert _said(capsys, "logs", "mixed", "4") == "epoch 1\nepoch 2\\x1b[2J\n"
    assert _said(capsys, "logs", "mixed", "4", "-n", "1", "-f") == "epoch 2\\x1b[2J\n"
    assert _said(capsys, "logs", "mixed", "0") == "Trial 0 has left no logs that are seen from here.\n"
    assert _said(capsys, "logs", "mixed") == "The workers have left no logs that are seen from here.\n"
    assert [Path(path).name for path in json.loads(_said(capsys, "logs", "mixed", "4", "--json"))] == ["app.log"]
    assert "has no trial 99" in _refusal("logs", "mixed", "99")


def test_trials_are_exported(capsys: pytest.CaptureFixture[str]) -> None:
    """To standard output as CSV or JSON, or to a file."""
    assert _said(capsys, "export", "mixed").startswith("number,state,value,params.lr")
    assert len(json.loads(_said(capsys, "export", "two", "--json"))["trials"]) == 5
    assert _said(capsys, "export", "two", "--to", "two.csv") == "5 trials of studies/two written to two.csv\n"
    assert Path("two.csv").is_file()
    assert "nowhere/two.csv" in _refusal("export", "two", "--to", "nowhere/two.csv")
    assert "not both" in _refusal("export", "two", "--to", "two.json", "--json")


def test_a_study_that_runs_has_a_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    """When it ends and what it costs until then; without a worker that lives nobody can tell."""
    assert "forecast" not in _said(capsys, "status", "mixed")
    worker = this_worker(0, Path("studies/mixed"))
    Path(worker.beat).parent.mkdir(exist_ok=True)
    Path(worker.beat).write_text(json.dumps(worker.as_claim()), encoding="utf-8")
    line = next(line for line in _said(capsys, "status", "mixed").splitlines() if line.startswith("forecast: "))
    assert re.fullmatch(
        r"forecast: ends \w{3} \d\d \w{3} \d\d:\d\d with 1 worker, 0\.0\d+ worker-hours more \(so far 0\.01944\)", line
    )


def test_the_status_has_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The counts of the table, the state, and why nothing starts."""
    write_stop(only_study(open_storage(None, Path("studies/mixed")), None), Stop("enough", is_fault=False))
    status = json.loads(_said(capsys, "status", "mixed", "--json"))
    assert {key: status[key] for key in ("done", "pruned", "failed", "left", "state", "stop")} == {
        "done": 3,
        "pruned": 1,
        "failed": 2,
        "left": 3,
        "state": "stopped",
        "stop": "enough",
    }
    assert status["best"][0]["number"] == 2


def test_the_summary_is_shown_without_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    """As text and as JSON."""
    assert _said(capsys, "show", "mixed").startswith("mixed: 6 of 9 trials")
    assert json.loads(_said(capsys, "show", "mixed", "--json"))["counts"]["complete"] == 3


def test_each_command_has_an_example_that_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Its help ends with one, and the parser takes it."""
    for name, command in COMMANDS.items():
        with pytest.raises(SystemExit) as end:
            cli.main([name, "--help"])
        assert end.value.code == 0
        assert f"example: {command.example}" in capsys.readouterr().out
        words = shlex.split(command.example)
        assert words[:2] == ["hyperopt-app", name]
        assert cli._parser().parse_args(words[1:]).command == name


def test_json_holds_what_json_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers that are not finite are texts that Python's float reads; objects are texts."""
    print_json({"a": float("nan"), "b": [float("-inf"), 1.5, True, None], "c": Path("x")})
    shown = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert shown == {"a": "nan", "b": ["-inf", 1.5, True, None], "c": "x"}
