# SPDX-License-Identifier: MIT
"""The lines at the end of a study, and the numbers in them."""

import json
from pathlib import Path

import optuna
import pytest

from hyperopt_app.looking.failures import failures_of
from hyperopt_app.looking.matters import importances_of
from hyperopt_app.looking.summary import summary_data, summary_of
from hyperopt_app.looking.time_spent import time_spent
from hyperopt_app.looking.view import read_view
from tests.unit._made_studies import POINT, ended, failure, kept, mixed, two_objectives, viewed
from tests.unit._made_trials import START


def test_the_summary_of_a_study_with_trials_of_all_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, times, each kind of failure with its remedy, the best three, and what to do next."""
    monkeypatch.chdir(tmp_path)
    assert summary_of(read_view(mixed(tmp_path / "s"), tmp_path / "s")) == [
        "s: 6 of 9 trials in 50 s, 2 workers 77 % busy, 54 s of compute, 8 s saved by pruning",
        "  3 complete, 1 pruned, 2 failed, 3 left, 1 set aside",
        "  failed   1x bug TypeError: no (#4) -> hyperopt-app retry s --kind bug",
        "  failed   1x oom out of memory at postgresql://me:***@db/x (#5) -> hyperopt-app retry s --kind oom",
        "  best     loss 0.125 #2  lr 0.001  width 64  optimizer sgd    (2nd 0.25 #1, 3rd 0.5 #0)",
        "  look     hyperopt-app report s",
    ]


def test_the_summary_of_two_objectives_and_of_nothing(tmp_path: Path) -> None:
    """The front with its values; without a complete trial it says so; without any trial too."""
    lines = summary_of(read_view(two_objectives(tmp_path / "two"), tmp_path / "two"))
    assert "  best     Pareto front of 2 trials: loss 0.1 accuracy 0.6 #1; loss 0.4 accuracy 0.9 #2" in lines
    failed = summary_of(viewed(tmp_path / "f", [ended("FAIL", **failure("bug", "x" * 200))]))
    assert "  best     no trial has completed" in failed
    assert any(line.startswith(f"  failed   1x bug {'x' * 77}...") for line in failed)
    empty = summary_of(viewed(tmp_path / "e", [], n_trials=3))
    assert empty[:2] == ["e: 0 of 3 trials in 0 s", "  3 left"]
    assert len(empty) == 3


def test_of_many_failed_trials_the_first_are_named(tmp_path: Path) -> None:
    """So that `show` can be asked for any of them."""
    lines = summary_of(viewed(tmp_path / "f", [ended("FAIL", **failure("bug", "no"))] * 6))
    assert any(line.startswith("  failed   6x bug no (#0, #1, #2, #3 and 2 more) -> ") for line in lines)


def test_what_matters_and_what_is_wrong_is_said(tmp_path: Path) -> None:
    """Importances from ten complete trials on, and the findings of the health checks."""
    points = [{**POINT, "lr": 10 ** (-5 + place / 10)} for place in range(30)]
    view = viewed(tmp_path / "s", [ended(values=float(n), params=p, begun_s=10.0 * n) for n, p in enumerate(points)])
    lines = summary_of(view)
    assert any(line.startswith("  matters  lr ") for line in lines)
    assert any(
        line.startswith("  edge     lr of the best trials is at the end of its range (1e-05): ") for line in lines
    )
    assert importances_of(viewed(tmp_path / "few", [ended(values=float(n)) for n in range(9)])) == {}
    assert importances_of(viewed(tmp_path / "equal", [ended(values=1.0) for _ in range(20)])) == {}


def test_names_and_errors_of_strangers_obey_nobody(tmp_path: Path) -> None:
    """Control characters are shown, not sent."""
    view = viewed(tmp_path / "s", [ended("FAIL", **failure("bug", "\x1b[2J" * 3)), ended()], metrics=["\x1b[1m"])
    assert "\x1b" not in "\n".join(summary_of(view))


def test_the_data_are_those_of_the_lines(tmp_path: Path) -> None:
    """For programs, with what the lines round."""
    data = summary_data(read_view(mixed(tmp_path / "s"), tmp_path / "s"))
    assert data["counts"] == {"complete": 3, "pruned": 1, "failed": 2, "waiting": 3}
    assert data["seconds"]["compute_s"] == 54.0
    assert [row["number"] for row in data["best"]] == [2]
    assert [(group["kind"], group["numbers"]) for group in data["failures"]] == [("bug", [4]), ("oom", [5])]


def test_hours_of_gpus_are_added_up_where_workers_had_some(tmp_path: Path) -> None:
    """From the worker's begin to its end, whatever its trials have taken."""
    study = mixed(tmp_path / "s")
    times = tmp_path / "s" / "workers" / "times"
    times.mkdir(parents=True)
    record = {"worker": "w0", "number": 0, "host": "h", "node": "", "job": "", "gpus": 2}
    moment = START.timestamp()
    (times / "w0.json").write_text(json.dumps({**record, "begun": moment, "ended": moment + 5400}))
    view = read_view(study, tmp_path / "s")
    assert view.cost.idle == pytest.approx(3 - 2 * 34 / 3600)
    assert ", 3 GPU-hours" in summary_of(view)[0]
    assert summary_data(view)["cost"]["total"] == pytest.approx(3)  # a sum of parts


def test_times_add_up_over_runs_and_interruptions(tmp_path: Path) -> None:
    """What ended before the last command is an earlier run; each attempt of a trial is compute."""
    moment = START.timestamp()
    attempts = [{"worker": "w5", "begun": moment - 50, "ended": moment - 20}]
    study = kept(
        tmp_path / "s",
        [
            ended(begun_s=0, length_s=10, worker=0, ended_attempts=attempts),
            ended(begun_s=100, length_s=10, worker=1),
            ended("PRUNED", begun_s=115, length_s=2, worker=1),
            ended(begun_s=100, length_s=30, worker=2),
        ],
    )
    study.set_user_attr("run", {"number": 2, "ended_before": [[0, 0]], "is_judged": True})
    spent = time_spent(read_view(study, tmp_path / "s"))
    assert (spent.run_s, spent.earlier_s, spent.workers) == (30.0, 40.0, 2)
    assert spent.compute_s == 30 + 10 + 10 + 2 + 30
    assert spent.active_s == 30 + 10 + 17 + 30
    assert spent.idle_s == 5.0
    assert spent.busy == pytest.approx(82 / 87)
    assert spent.saved_s == 28.0


def test_an_interrupted_attempt_is_of_the_run_that_began_it(tmp_path: Path) -> None:
    """Though its trial ends in the next run, and none had ended in the run before."""
    moment = START.timestamp()
    attempts = [{"worker": "w5", "begun": moment - 50, "ended": moment - 20}]
    study = kept(tmp_path / "s", [ended(begun_s=0, length_s=10, worker=0, ended_attempts=attempts)])
    study.set_user_attr("run", {"number": 2, "ended_before": [], "is_judged": True, "began": moment - 5})
    spent = time_spent(read_view(study, tmp_path / "s"))
    assert (spent.run_s, spent.earlier_s, spent.workers) == (10.0, 30.0, 1)


def test_failures_are_grouped_by_kind(tmp_path: Path) -> None:
    """The commonest kind first, with its commonest text; without a record there is no text."""
    trials = [ended("FAIL", **failure("bug", text)) for text in ("a", "b", "b")] + [ended("FAIL")]
    groups = failures_of(viewed(tmp_path / "s", trials))
    assert [(group.kind, len(group.numbers), group.text, group.times) for group in groups] == [
        ("bug", 3, "b", 2),
        ("", 1, "", 0),
    ]


def test_a_study_of_another_tool_is_summarised(tmp_path: Path) -> None:
    """Without workers, which it does not name, and without what matters where there is one parameter."""
    study = optuna.create_study(study_name="foreign")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=12)
    lines = summary_of(read_view(study, tmp_path))
    assert lines[0].startswith("foreign: 12 of 12 trials in ")
    assert "worker" not in lines[0]
    assert not [line for line in lines if "matters" in line]


def test_infeasible_trials_are_counted_and_never_the_best(tmp_path: Path) -> None:
    """Where none is feasible, the trial that comes nearest is named, with by how much it violates which constraint."""
    limited = [ended(values=float(number)) for number in range(3)]
    for trial, excess in zip(limited, (20.5, 4.25, -1.0), strict=True):
        trial.set_constraint("ms <= 100", excess)
    lines = summary_of(viewed(tmp_path / "some", limited))
    assert lines[1].startswith("  3 complete, 2 of them infeasible")
    assert any(line.startswith("  best") and " 2 #2" in line and "#0" not in line for line in lines)
    none = summary_of(viewed(tmp_path / "none", limited[:2]))
    assert "  best     no trial meets the constraints; the nearest is #1: ms <= 100 by 4.25" in none
