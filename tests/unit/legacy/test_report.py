# SPDX-License-Identifier: MIT
"""The report: its files, its plots, its words."""

import builtins
import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.trial import TrialState

from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.report import report
from hyperopt_app.reports.summary import best_lines, importance_lines, summary_lines
from tests.unit._made_trials import made, study_of
from tests.unit._reports import pair_of, png_size, searched


def test_a_study_of_one_metric(tmp_path: Path) -> None:
    """CSV, best.yml and three plots, with the summary of old."""
    model = tmp_path / "model.yml"
    model.write_text("optimizer: {learning_rate: 1.0, type: adam}\nlayers: 3\n")
    study = searched()
    text = report(pair_of(tmp_path), study, model=model)
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [
        "best.yml", "intermediate_values.png", "optimization_history.png", "partial_dependence_val_loss.png",
        "report.html", "s.csv",
    ]  # fmt: skip
    best = study.best_trial
    assert yaml.safe_load((tmp_path / "results" / "best.yml").read_text()) == {
        "optimizer": {"learning_rate": best.params["lr"], "type": "adam"},
        "layers": best.params["n"],
    }
    assert png_size(tmp_path / "results" / "optimization_history.png") == (1920, 1440)  # 300 dots per inch
    for line in (
        "\tTotal number of trials in the study: 12",
        "\tTrials with state COMPLETE: 11",
        "\tTrials with state PRUNED: 1",
        "\tRequested number of trials: 100",
        f"Best trial value: {best.value}",
        f"Best trial number: {best.number}",
        f"\tlr: {best.params['lr']}",
        "Parameter importances, metric: val_loss",
    ):
        assert line in text.splitlines()
    assert "norm" in text.split("Only the objective applies these", 1)[1]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_study_of_several_metrics(tmp_path: Path, count: int) -> None:
    """The front is drawn for two and three metrics; each has its own dependences and importances."""
    metrics = [f"m{k}/x" for k in range(count)]
    text = report(pair_of(tmp_path, *metrics), searched(*["minimize"] * count), top_k=2)
    names = {path.name for path in (tmp_path / "results").iterdir()}
    assert names == {
        "report.html",
        "s.csv",
        *(["pareto_front.png"] if count < 4 else []),
        *(f"partial_dependence_m{k}_x.png" for k in range(count)),
    }
    assert ("No pareto_front plot" in text) == (count == 4)
    assert text.count("Parameter importances, metric:") == count


def test_few_trials_have_no_dependences(tmp_path: Path) -> None:
    """The original wanted ten, too."""
    text = report(pair_of(tmp_path), searched(n_trials=3))
    assert "No partial_dependence plots: they need 10 complete trials." in text
    assert not list((tmp_path / "results").glob("partial*"))


@pytest.mark.parametrize("state", [None, TrialState.FAIL], ids=["empty", "failed"])
def test_a_study_without_a_result(tmp_path: Path, state: TrialState | None) -> None:
    """There is nothing to draw, and no best.yml."""
    study = study_of()
    if state is not None:
        study.add_trial(made(state))
    model = tmp_path / "model.yml"
    model.write_text("layers: 3\n")
    assert "No trial is complete yet." in report(pair_of(tmp_path), study, model=model)
    assert sorted(path.suffix for path in (tmp_path / "results").iterdir()) == [".csv", ".html"]


def test_values_that_cannot_be_drawn(tmp_path: Path) -> None:
    """Infinite values, equal values and a study without parameters end no report."""
    study = study_of()
    for value in [math.inf, *[1.0] * 12]:
        study.add_trial(made(values=[value], curve={0: math.nan, 1: math.inf}))
    text = report(pair_of(tmp_path), study)
    assert "no parameter took two values" in text
    assert "No importances for val_loss" in text
    assert (tmp_path / "results" / "optimization_history.png").exists()


def test_without_matplotlib_the_rest_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the command that brings the plots is told."""
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("hyperopt_app.reports.plots"):
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    text = report(pair_of(tmp_path), searched(n_trials=2))
    assert "matplotlib is not installed. Install it with: pip install 'hyperopt-app[report]'" in text
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["report.html", "s.csv"]


def test_many_trials_tell_importances_from_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna's measure takes hours for twenty thousand."""
    monkeypatch.setattr("hyperopt_app.reports.importances._MOST_TRIALS", 5)
    text = report(pair_of(tmp_path), searched(n_trials=9))
    assert "The importances are those of 5 of the 8 complete trials, drawn at random" in text.splitlines()
    assert "lr" in text.split("Parameter importances", 1)[1]


def test_a_model_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """In one line with its path."""
    with pytest.raises(ConfigError, match=r"nix\.yml: file not found"):
        report(pair_of(tmp_path), searched(n_trials=1), model=tmp_path / "nix.yml")


def test_the_times_are_those_of_trials_that_count() -> None:
    """In hours, and what is left is guessed from their mean."""
    trials = [made(length_s=3600.0), made(TrialState.PRUNED, length_s=1800.0), made(TrialState.FAIL, length_s=9e9)]
    assert summary_lines([*trials, made(TrialState.RUNNING)], 4)[-1] == "\tThe longest trial took 1.0000 hrs"
    assert summary_lines([*trials, made(TrialState.RUNNING)], 6, 2)[-4:] == [
        "\tTotal study simulation run time: 1.5000 hrs",
        "\tAverage trial simulation run time: 0.7500 hrs",
        "\tThe longest trial took 1.0000 hrs",
        "\tEstimated remaining simulation time needed: 1.5000 hrs",
    ]


def test_the_first_k_trials_of_a_front_are_told() -> None:
    """As many as -k says."""
    front = [made(values=[float(k), 2.0], params={"x": 0.5}, number=k) for k in range(3)]
    lines = best_lines(front, lambda trial: trial.params, is_single=False, top_k=2)
    assert lines == [
        "Number of trials on the pareto front: 3",
        "Best parameters in the study:",
        "\tTrial number: 0\tPareto rank: 1",
        "\tMetrics values: [0.0, 2.0]",
        "\t\tx: 0.5",
        "\tTrial number: 1\tPareto rank: 2",
        "\tMetrics values: [1.0, 2.0]",
        "\t\tx: 0.5",
        "\t1 more on the pareto front; -k 3 shows all",
    ]
    assert "-k" not in best_lines(front, lambda trial: trial.params, is_single=False, top_k=3)[-1]


def test_best_yml_says_which_trial_of_a_front_it_holds(tmp_path: Path) -> None:
    """The first, as in the original, though it may be the worst in most metrics; a single best one is told above."""
    study = study_of("minimize", "minimize", "maximize")
    for number, values in enumerate(([9.0, 9.0, 9.0], [5.0, 5.0, 0.0], [1.0, 9.0, 1.0], [2.0, 2.0, 1.0])):
        study.add_trial(made(values=values, params={"lr": 0.5 + number}))
    model = tmp_path / "model.yml"
    model.write_text("optimizer: {learning_rate: 1.0}\n")
    pair = dataclasses.replace(pair_of(tmp_path, "a", "b", "c"), directions=("minimize", "minimize", "maximize"))
    lines = report(pair, study, model=model).splitlines()
    assert "\t2 more on the pareto front; -k 3 shows all" in lines
    assert "\tIt is trial 0: of the 3 on the pareto front the one with the lowest number, as ever" in lines
    assert yaml.safe_load((tmp_path / "results" / "best.yml").read_text()) == {"optimizer": {"learning_rate": 0.5}}
    (tmp_path / "results" / "best.yml").unlink()
    assert "It is trial" not in report(pair_of(tmp_path), searched(n_trials=2), model=model)


def test_tickets_are_no_trials(tmp_path: Path) -> None:
    """What nobody has begun is in neither the summary nor the table, but told in one line."""
    study = study_of()
    study.add_trial(made(values=[0.5]))
    study.add_trial(made(TrialState.RUNNING))
    issue(study, 500, [{}, {}, {"x": 1}])
    lines = report(pair_of(tmp_path), study).splitlines()
    assert "\tTotal number of trials in the study: 2" in lines
    assert [line for line in lines if "WAITING" in line or "tried" in line] == ["\tStill to be tried: 128"]
    keep_budget(study, 500)  # of a large budget only some tickets wait at a time
    assert "\tStill to be tried: 498" in report(pair_of(tmp_path), study)
    keep_budget(study, 2)
    assert "Still" not in report(pair_of(tmp_path), study)
    (table,) = (tmp_path / "results").glob("*.csv")
    header, *rows = table.read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["0", "1"]
    assert "fixed_params" not in header


def test_a_file_of_other_directions_is_refused(tmp_path: Path) -> None:
    """The largest values would be told to be the best; nothing is written."""
    pair = pair_of(tmp_path, "a", "b")
    with pytest.raises(ConfigError) as caught:
        report(pair, searched("maximize", "maximize"), model=tmp_path / "nix.yml")
    assert caught.value.faults[0] == (
        f"{tmp_path}/hyper.yml: optuna.direction: minimize, minimize came, but the study 's' has maximize, maximize; "
        "write what the study has, or name another study in study_name"
    )
    assert len(caught.value.faults) == 2
    assert not (tmp_path / "results").exists()


def test_importances_are_told_in_order() -> None:
    """The most important parameter first, by both measures."""
    assert importance_lines("loss", {"a": 0.25, "b": 0.75}, {"a": 0.4, "b": 0.6}) == [
        "Parameter importances, metric: loss",
        "\tParameter  fANOVA    MDI",
        "\tb          0.750000  0.600000",
        "\ta          0.250000  0.400000",
    ]
