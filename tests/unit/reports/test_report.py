# SPDX-License-Identifier: MIT
"""`hyperopt-app report`: the report on any study."""

import importlib.util
from pathlib import Path

import optuna
import pytest

from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.budget.steering import discard
from hyperopt_app.budget.ticket_issue import keep_budget
from hyperopt_app.cli import main
from hyperopt_app.reports.report import report
from hyperopt_app.storage.opening import open_storage
from tests.unit._reports import searched

PLOTS = {"intermediate_values.png", "optimization_history.png", "partial_dependence_value.png"}
CURVES = "curves.csv" if importlib.util.find_spec("pyarrow") is None else "curves.parquet"
FILES = {*PLOTS, CURVES, "report.html", "trials_dataframe.csv"}


@pytest.fixture
def study() -> optuna.Study:
    """A study in a directory of its own, with its journal."""
    Path("mine").mkdir()
    study = optuna.create_study(study_name="s", storage=open_storage(None, Path("mine")))
    study.add_trials(searched().trials)
    return study


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    main(["report", *words])
    return capsys.readouterr().out.splitlines()


def test_a_report_is_written_into_the_study(study: optuna.Study, capsys: pytest.CaptureFixture[str]) -> None:
    """Plots and table are written; counts, best trial and importances are shown; the journal stays as it was."""
    before = Path("mine/journal.log").read_bytes()
    lines = _said(capsys, "mine")
    assert {path.name for path in Path("mine/report").iterdir()} == FILES
    assert Path("mine/journal.log").read_bytes() == before
    assert f"Best trial number: {study.best_trial.number}" in lines
    assert "\tTotal number of trials in the study: 12" in lines
    assert "Parameter importances, metric: value" in lines
    header = Path("mine/report/trials_dataframe.csv").read_text().splitlines()[0].split(",")
    assert header[:4] == ["number", "value", "datetime_start", "datetime_complete"]


def test_the_plots_may_be_set_and_go_elsewhere(study: optuna.Study, capsys: pytest.CaptureFixture[str]) -> None:
    """By a YAML file, and --out."""
    Path("plots.yml").write_text("optimization_history: {save_path: history.svg, set_yscale: log}\n")
    _said(capsys, "mine", "--out", "there", "--plots", "plots.yml")
    assert Path("history.svg").exists()
    assert {path.name for path in Path("there").iterdir()} == FILES - {"optimization_history.png"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "plots.yml: it cannot be read: No such file or directory; check the path"),
        ("a: [", "plots.yml: this is not YAML: "),
        ("3", "plots.yml: it holds 3; write a mapping"),
        ("history: {}", "plots.yml: history: this is not a plot (did you mean optimization_history?)"),
    ],
)
def test_a_faulty_plot_file_is_told_before_anything_is_written(
    text: str | None, message: str, study: optuna.Study
) -> None:
    """In one line with the file and what is wrong."""
    if text is not None:
        Path("plots.yml").write_text(text)
    with pytest.raises(SystemExit, match=message.replace("(", r"\(").replace("?)", r"\?\)")):
        main(["report", "mine", "--plots", "plots.yml"])
    assert not Path("mine/report").exists()


def test_a_report_that_cannot_be_written_is_told_in_a_line(study: optuna.Study) -> None:
    """With what to do."""
    Path("file").touch()
    with pytest.raises(SystemExit, match=r"file cannot be written: File exists; give another directory with --out"):
        main(["report", "mine", "--out", "file"])


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_several_directions_are_named_by_their_metrics(tmp_path: Path) -> None:
    """As the search has named them."""
    several = searched("minimize", "maximize", n_trials=2)
    several.set_metric_names(["loss", "size"])
    lines = report(several, tmp_path, {})
    assert {path.name for path in tmp_path.iterdir()} == {"pareto_front.png", "trials_dataframe.csv"}
    assert any(line.startswith("Number of trials on the pareto front: ") for line in lines)


def test_what_is_set_aside_is_not_shown(study: optuna.Study, tmp_path: Path) -> None:
    """The best trial of those that count is told, and that there are others."""
    keep_budget(study, 12)
    best = study.best_trial.number
    discard(study, [best])
    lines = report(study, tmp_path, {})
    assert list(set_aside_of(study, study.trials)) == [best]
    assert f"Best trial number: {best}" not in lines
    assert "\tTrials that are set aside, and not counted here: 1" in lines
