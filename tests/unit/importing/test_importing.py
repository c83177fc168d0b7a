# SPDX-License-Identifier: MIT
"""Trials of other studies and of tables in a study: what is refused, what samplers see, and that no budget changes."""

import json
from collections.abc import Sequence
from pathlib import Path

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from hyperopt_app import cli
from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.importing.trials import import_trials
from hyperopt_app.looking.view import read_view
from hyperopt_app.objective.outcomes import Completed
from hyperopt_app.space.space import Space
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.identity import Identity, keep_identity
from hyperopt_app.study.opening import create_study
from tests.unit._made_studies import ended, kept
from tests.unit._made_tickets import hand
from tests.unit.test_cli import _refusal

SPACE = Space(
    {
        "lr": FloatDistribution(1e-5, 1e-1, log=True),
        "+width": IntDistribution(16, 128, step=16),
        "optimizer": CategoricalDistribution(["adam", "sgd", "'10'", "@own"]),
    }
)
TABLE = """\
lr,width,optimizer,loss,state
1e-3,64,adam,0.5,complete
0.01,16,10,,pruned
1e-4,128,sgd,0.25,COMPLETE
1e-4,128,sgd,,running
1e-2,32,'@own,,failed
"""


def begun(directory: Path = Path("studies/here"), n_trials: int = 3) -> optuna.Study:
    """A study of that space that a command has begun; it minimises a loss."""
    directory.mkdir(parents=True, exist_ok=True)
    study = create_study(open_storage(None, directory), directory.name, ["minimize"])
    keep_identity(study, Identity(("minimize",), ("loss",), SPACE, 0))
    keep_budget(study, n_trials)
    issue(study, n_trials)
    return study


def _table(text: str = TABLE) -> str:
    Path("earlier.csv").write_text(text, encoding="utf-8")
    return "earlier.csv"


def test_a_table_is_imported_once(capsys: pytest.CaptureFixture[str]) -> None:
    """As finished trials of the study's form; the same again adds none, a longer table its new rows."""
    study = begun()
    cli.main(["import", "here", _table()])
    assert capsys.readouterr().out == "4 trials imported from earlier.csv; 1 was left out, not ended or set aside.\n"
    fresh = study.get_trials()[3:]
    assert [trial.state.name for trial in fresh] == ["COMPLETE", "PRUNED", "COMPLETE", "FAIL"]
    assert fresh[0].params == {"lr": 1e-3, "+width": 64, "optimizer": "adam"}
    assert fresh[1].params["optimizer"] == "'10'", "the text 10 and not a number"
    assert fresh[3].params["optimizer"] == "@own", "as our own table has it, lest a spreadsheet runs it"
    cli.main(["import", "here", _table(f"{TABLE}1e-5,16,adam,0.5,complete\n"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said == {"source": "earlier.csv", "added": 1, "there": 4, "skipped": 0, "others": 1}
    assert len(study.get_trials()) == 8


def test_the_export_of_a_sweep_of_wandb_is_imported_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """With its states, its quotes and its whole numbers with a point; columns of no meaning here are passed over."""
    study = begun()
    header = '"Name","State","Notes","Runtime","Sweep","lr","width","optimizer","epochs","val_acc","loss"\n'
    rows = [
        '"wild-sweep-3","finished","-","5","s","0.001","64.0","adam","9","0.9","0.5"',
        '"calm-sweep-2","crashed","-","5","s","0.01","16","sgd","9","",""',
        '"late-sweep-1","running","-","5","s","0.01","16","sgd","9","0.1","0.7"',
    ]
    cli.main(["import", "here", _table(header + "\n".join(rows))])
    assert capsys.readouterr().out == "2 trials imported from earlier.csv; 1 was left out, not ended or set aside.\n"
    fresh = study.get_trials()[3:]
    assert [(trial.state.name, trial.params["+width"]) for trial in fresh] == [("COMPLETE", 64), ("FAIL", 16)]
    assert "column 'width' is missing" in _refusal("import", "here", _table(header.replace("width", "depth")))


def test_what_is_imported_counts_for_no_budget(capsys: pytest.CaptureFixture[str]) -> None:
    """It is shown apart, is not the best, and can be discarded; samplers see it until then."""
    study = begun()
    cli.main(["import", "here", _table()])
    worker = hand(study, n_trials=3)
    seen = list[int]()
    for _ in range(3):
        trial = worker.claim(lambda _number: optuna.samplers.RandomSampler(0))
        assert trial is not None
        seen.append(sum(other.state.is_finished() for other in trial.study.get_trials()))
        assert worker.settle(trial, Completed((0.75,)))
        if len(seen) == 1:
            cli.main(["discard", "here", "5"])
    assert seen == [4, 4, 5]
    assert worker.claim(lambda _number: optuna.samplers.RandomSampler(0)) is None
    view = read_view(study, Path("studies/here"))
    assert (view.state, view.ended, view.best[0].number) == ("done", 3, 0)
    assert (view.cost.pruned, view.cost.failed) == (0, 0)
    capsys.readouterr()
    for words, says in (
        (("show", "here"), "3 complete, 4 imported"),
        (("status", "here"), "3 done · 0 pruned · 0 failed · 0 running · 0 left · 4 imported"),
        (("show", "here", "3"), "trial 3 of here: complete, 0.5, imported from earlier.csv"),
        (("trials", "here", "--imported", "--top", "1"), "5  "),
        (("trials", "here", "--imported"), "imported from earlier.csv"),
    ):
        cli.main(words)
        assert says in capsys.readouterr().out
    assert "imported from earlier.csv" in Path("studies/here/trials.csv").read_text(encoding="utf-8")
    assert "cannot be tried again" in _refusal("retry", "here", "3")


def test_all_faults_are_said_at_once_with_line_and_column(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is imported then, unless what does not fit is to be skipped."""
    study = begun()
    source = _table("lr,width,optimizer,loss\n5,64,adam,0.5\n1e-3,65,adamw,nan\n1e-3,64,adam,0.5\n1e-3,,adam,1\n1e-3\n")
    refusal = _refusal("import", "here", source)
    for line in (
        "earlier.csv: 4 of 5 trials do not fit, so none was imported",
        "line 2: column lr: lr=5 is out of range; allowed is ",
        "line 3: column loss: 'nan' is not a finite number",
        "line 3: column width: +width=65 is out of range",
        "line 3: column optimizer: optimizer='adamw' is out of range",
        "line 5: it has no value of width",
        "line 6: it has 1 cells, the header 4",
    ):
        assert line in refusal
    assert len(study.get_trials()) == 3
    cli.main(["import", "here", source, "--skip"])
    assert capsys.readouterr().out == "1 trial imported from earlier.csv; 4 were skipped.\n"


def test_a_table_in_which_no_row_fits_is_a_fault_also_when_such_rows_are_passed_over() -> None:
    """Else a script would take it for done."""
    study = begun()
    refusal = _refusal("import", "here", _table("lr,width,optimizer,loss\n5,64,adam,0.5\n"), "--skip")
    assert "1 of 1 trial do not fit, so none was imported; correct them:" in refusal
    assert len(study.get_trials()) == 3


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_cells_may_be_separated_by_semicolons_or_tabs(delimiter: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As spreadsheets of other countries write them."""
    begun()
    cli.main(["import", "here", _table(TABLE.replace(",", delimiter))])
    assert capsys.readouterr().out == "4 trials imported from earlier.csv; 1 was left out, not ended or set aside.\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lr,width,loss\n", ["column 'optimizer' is missing; it is searched"]),
        ("lr,width,optimizer\n", ["column 'loss' is missing; it is what the study optimises"]),
        (
            "lr,lr,optimiser,loss\n",
            ["column 'lr' is there twice", "column 3, 'optimiser', is neither", "'width' is missing"],
        ),
        ("", ["column 'lr' is missing"]),
        ("lr,width,optimizer,loss,state\n1e-3,64,adam,1,done\n", ["line 2: column state: 'done' is not known"]),
    ],
)
def test_a_header_that_does_not_fit_is_refused(text: str, says: Sequence[str]) -> None:
    """With all its columns that do not."""
    begun()
    refusal = _refusal("import", "here", _table(text))
    assert all(line in refusal for line in says)


def test_another_study_is_imported(capsys: pytest.CaptureFixture[str]) -> None:
    """From its directory, its storage or its trials.csv, all of which are the same trials; curves come along."""
    study, other = begun(), begun(Path("studies/other"))
    point = {"lr": 1e-2, "+width": 32, "optimizer": "'10'"}
    other.add_trials([ended(values=0.125, params=point, space=SPACE.parameters, curve=[0.5, 0.125])])
    other.add_trials([ended(params={"lr": 1e-2}), ended("FAIL", params={})])
    with pytest.raises(StudyMismatchError, match=r"1 of 3 trials do not fit(.|\n)*trial 4: it has no value of width"):
        import_trials(study, Path("studies/here"), "studies/other")
    imported = import_trials(study, Path("studies/here"), "studies/other", skips=True)
    assert (imported.added, imported.skipped, imported.others) == (1, 2, 3)
    assert study.get_trials()[3].intermediate_values == {1: 0.5, 2: 0.125}
    cli.main(["discard", "other", "5"])
    cli.main(["export", "other", "--to", "other.csv"])
    cli.main(["export", "other", "--to", "other.db"])
    capsys.readouterr()
    for source in ("other", "studies/other/journal.log", "other.db", f"sqlite:///{Path.cwd()}/other.db", "other.csv"):
        cli.main(["import", "here", source, "--skip"])
        said = capsys.readouterr().out
        assert said.startswith("0 trials imported from "), source
        assert "left out" in said
    assert len(study.get_trials()) == 4
    assert "is the study itself" in _refusal("import", "here", "here")
    assert "not found; give a study's directory" in _refusal("import", "here", "nowhere")
    assert "nowhere.csv cannot be read: No such file" in _refusal("import", "here", "nowhere.csv")


def test_studies_of_other_aims_are_refused() -> None:
    """Other directions, other metrics; and a target whose space nobody knows."""
    begun()
    kept(Path("studies/two"), [ended()], directions=["maximize"])
    assert "wants to maximize, this study to minimize" in _refusal("import", "here", "two")
    kept(Path("studies/named"), [ended()], metrics=["error"])
    assert "optimises error, this study loss" in _refusal("import", "here", "named")
    assert "its search space is unknown" in _refusal("import", "named", "here")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n_trials=some.integers(1, 6), rows=some.lists(some.integers(1, 3), max_size=5), first=some.integers(0, 6))
def test_a_budget_is_run_exactly_beside_any_import(n_trials: int, rows: Sequence[int], first: int) -> None:
    """Before, between and after trials; rows that are equal are as many trials."""
    study = optuna.create_study()
    keep_identity(study, Identity(("minimize",), ("loss",), SPACE, 0))
    keep_budget(study, n_trials)
    issue(study, n_trials)
    worker, done = hand(study, n_trials=n_trials), 0
    text = "lr,width,optimizer,loss\n" + "".join(f"0.001,{16 * row},adam,{row}\n" for row in rows)
    while True:
        if done == min(first, n_trials):
            assert import_trials(study, Path("s"), _table(text)).added == len(rows)
            assert import_trials(study, Path("s"), _table(text)).added == 0
        trial = worker.claim(lambda _number: optuna.samplers.RandomSampler(0))
        if trial is None:
            break
        assert worker.settle(trial, Completed((0.0,)))
        done += 1
    assert done == n_trials
    states = [trial.state for trial in study.get_trials()]
    assert states.count(TrialState.COMPLETE) == len(states) == n_trials + len(rows)
