# SPDX-License-Identifier: MIT
"""The original's CSV files: names, columns and cells, read as a user's notebook reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from hyperopt_app.budget.hidden import without
from hyperopt_app.budget.set_aside import set_aside
from hyperopt_app.legacy.tables import files
from hyperopt_app.space.space import Space
from hyperopt_app.study.identity import Identity, keep_identity
from tests.unit._made_trials import made, study_of

LONG = 0.00023533156661551276


def told(
    value: float | None,
    results: Mapping[str, Any],
    params: Mapping[str, Any] | None = None,
    *,
    pruned: bool | None = False,
    job: str = "",
    number: int = 0,
    length_s: float = 4.0,
    **claim: Any,
) -> optuna.trial.FrozenTrial:
    """A trial whose train() has returned: complete, or failed if there is no value."""
    place = {"host": "node7", "number": number, "place": {"job": job}, **claim}
    legacy = {"results": dict(results), "pruned": pruned}
    state = TrialState.FAIL if value is None else TrialState.COMPLETE
    return made(state, None if value is None else [value], params, length_s=length_s, legacy=legacy, claim=place)


def conf(folder: Path, dialect: str = "B3", metric: Any = "val_loss") -> dict[str, Any]:
    """As much of the composed config as the tables want."""
    return {"objective": {"dialect": dialect, "save_path": str(folder), "study_name": "s", "metric": metric}}


def written(folder: Path, *trials: optuna.trial.FrozenTrial, dialect: str = "B3", direction: str = "minimize") -> None:
    """Write the tables of a study of these trials."""
    study = study_of(direction)
    study.add_trials(trials)
    files.write_tables(study, conf(folder, dialect))


def names(folder: Path) -> list[str]:
    """The files below a folder that a user sees."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_job_has_its_file_and_all_have_the_merged_one(tmp_path: Path) -> None:
    """From B2 on there is one file per job in trial_results/, and trial_results.csv in save_path, even for one."""
    written(
        tmp_path,
        told(0.5, {"val_loss": 0.5, "epoch": 3}, {"lr": 0.1, "layers": 2}, job="81.casper-pbs"),
        told(0.25, {"val_loss": 0.25, "epoch": 9}, {"lr": LONG, "layers": 4}, job="82.casper-pbs"),
    )
    assert names(tmp_path) == [
        "trial_results.csv",
        "trial_results/trial_results_81.casper-pbs.csv",
        "trial_results/trial_results_82.casper-pbs.csv",
    ]
    lines = (tmp_path / "trial_results.csv").read_text().splitlines()
    assert lines == [
        ",trial,lr,layers,val_loss,epoch,pruned",
        "0,0,0.1,2,0.5,3,0",
        f"1,1,{LONG!r},4,0.25,9,0",
    ]


def test_workers_of_this_machine_are_called_by_its_name(tmp_path: Path) -> None:
    """Outside of a scheduler the host stands for the job; `legacy run -n` goes before both."""
    written(tmp_path, told(1.0, {"val_loss": 1.0}), told(2.0, {"val_loss": 2.0}, job="5", label="mine/1"))
    assert names(tmp_path)[1:] == ["trial_results/trial_results_mine_1.csv", "trial_results/trial_results_node7.csv"]


def test_nothing_is_written_before_a_trial_has_returned(tmp_path: Path) -> None:
    """A study whose trials have failed or run leaves no empty table."""
    written(tmp_path, made(TrialState.FAIL), made(TrialState.PRUNED, curve={0: 1.0}))
    assert names(tmp_path) == []


def test_the_config_may_be_hydras(tmp_path: Path) -> None:
    """Workers hand over a DictConfig."""
    study = study_of("minimize", "maximize")
    study.add_trial(made(values=[1.0, 2.0], legacy={"results": {"a": 1.0, "b": 2.0}, "pruned": None}))
    files.write_tables(study, OmegaConf.create(conf(tmp_path, metric=["a", "b"])))
    assert (tmp_path / "trial_results.csv").read_text() == ",trial,a,b\n0,0,1.0,2.0\n"


def test_q25_two_processes_of_one_job_have_two_files(tmp_path: Path) -> None:
    """The second has the suffix .1, which the original's pattern trial_results*.csv still matches."""
    written(
        tmp_path,
        *(told(float(k), {"val_loss": float(k)}, job="7", number=k % 2 + 4) for k in range(4)),
    )
    first = pd.read_csv(tmp_path / "trial_results" / "trial_results_7.csv")
    second = pd.read_csv(tmp_path / "trial_results" / "trial_results_7.1.csv")
    assert [list(one.trial) for one in (first, second)] == [[0, 2], [1, 3]]


def test_q26_trials_may_return_different_keys(tmp_path: Path) -> None:
    """The columns are the union; what a trial has not returned is an empty cell."""
    written(
        tmp_path,
        told(1.0, {"val_loss": 1.0, "early": 5}, {"lr": 0.5}),
        told(2.0, {"val_loss": 2.0, "late": 6}, {"lr": 0.5, "momentum": 0.9}),
    )
    table = pd.read_csv(tmp_path / "trial_results.csv", index_col=0)
    assert list(table) == ["trial", "lr", "momentum", "val_loss", "early", "late", "pruned"]
    assert table.isna().sum().to_dict() == {
        "trial": 0, "lr": 0, "momentum": 1, "val_loss": 0, "early": 1, "late": 1, "pruned": 0,
    }  # fmt: skip


def test_q26_a_result_called_like_a_parameter_gets_a_suffix(tmp_path: Path) -> None:
    """So do results called `trial` and `pruned`; the suffix is no other key's."""
    results = {"val_loss": 1.0, "lr": 0.1, "trial": 7, "pruned": 8, "lr_result": 9}
    written(tmp_path, told(1.0, results, {"lr": 0.5}))
    table = pd.read_csv(tmp_path / "trial_results.csv", index_col=0)
    assert table.iloc[0].to_dict() == {
        "trial": 0, "lr": 0.5, "val_loss": 1.0, "lr_result_result": 0.1, "trial_result": 7, "pruned_result": 8,
        "lr_result": 9, "pruned": 0,
    }  # fmt: skip


def test_q27_pruned_is_said_of_each_row_by_itself(tmp_path: Path) -> None:
    """The original wrote the latest trial's answer into all rows."""
    written(tmp_path, *(told(1.0, {"val_loss": 1.0}, pruned=pruned) for pruned in (False, True, False)))
    assert list(pd.read_csv(tmp_path / "trial_results.csv").pruned) == [0, 1, 0]


def test_q27_trials_that_ended_by_an_exception_have_no_row(tmp_path: Path) -> None:
    """Users' scripts take every row for a result; the complete table is trials.csv in the study's directory."""
    written(tmp_path, made(TrialState.PRUNED, curve={0: 1.0}), made(TrialState.FAIL), told(1.0, {"val_loss": 1.0}))
    assert list(pd.read_csv(tmp_path / "trial_results.csv").trial) == [2]


def test_q28_the_merged_file_keeps_digits_and_the_word_none(tmp_path: Path) -> None:
    """Neither is lost by reading and writing again, however often."""
    trials = [told(LONG, {"val_loss": LONG, "norm_used": "None"}, {"norm": "None"}, job="1")]
    for length in (1, 2, 3):
        written(tmp_path, *(trials * length))
    lines = (tmp_path / "trial_results.csv").read_text().splitlines()
    assert lines[1:] == [f"{k},{k},None,{LONG!r},None,0" for k in range(3)]
    kept = pd.read_csv(tmp_path / "trial_results.csv", keep_default_na=False, dtype=str)
    assert float(kept.val_loss[2]) == LONG
    assert kept.norm[2] == "None"


def test_q41_a_trial_without_a_number_has_a_row(tmp_path: Path) -> None:
    """Optuna fails it, the table shows nan, and pandas makes a missing number of it."""
    written(
        tmp_path, told(None, {"val_loss": float("nan"), "epoch": 1}), told(float("inf"), {"val_loss": float("inf")})
    )
    assert (tmp_path / "trial_results.csv").read_text().splitlines()[1] == "0,0,nan,1,0"
    table = pd.read_csv(tmp_path / "trial_results.csv")
    assert list(table.val_loss.isna()) == [True, False]
    assert table.val_loss.dtype == float


def test_q42_lists_are_written_as_the_original_wrote_them(tmp_path: Path) -> None:
    """A list of numbers looks as it always did; texts and mappings in it can be read back, too."""
    written(tmp_path, told(1.0, {"val_loss": 1.0, "history": [1, 2.5], "used": ["mae", None], "flag": True}))
    row = pd.read_csv(tmp_path / "trial_results.csv").iloc[0]
    assert (row.history, row.used, row.flag) == ("[1, 2.5]", "['mae', None]", True)


def test_choices_that_the_study_keeps_as_text_are_values_again(tmp_path: Path) -> None:
    """null is an empty cell as in the original, a list a list, and the order of the columns is the space's."""
    norm, losses = CategoricalDistribution(["null", "minmax"]), CategoricalDistribution(["[mae,mse]", "[mse]"])
    study = study_of()
    keep_identity(study, Identity(("minimize",), (), Space({"norm": norm, "losses": losses}), 1))
    for own, choice in (("null", "null"), ("x", "minmax")):
        study.add_trial(
            create_trial(
                value=1.0,
                params={"own": own, "losses": "[mae,mse]", "norm": choice},
                distributions={"own": CategoricalDistribution(["null", "x"]), "losses": losses, "norm": norm},
                user_attrs={"legacy": {"results": {"val_loss": 1.0}, "pruned": False}},
            )
        )
    files.write_tables(study, conf(tmp_path))
    lines = (tmp_path / "trial_results.csv").read_text().splitlines()
    assert lines == [
        ",trial,norm,losses,own,val_loss,pruned",
        "0,0,,\"['mae', 'mse']\",null,1.0,0",
        "1,1,minmax,\"['mae', 'mse']\",x,1.0,0",
    ]


def test_a1_has_the_best_value_so_far_and_a_merged_and_a_best_file(tmp_path: Path) -> None:
    """best_<metric> stands before pruned; a trial that ended earlier counts earlier, whatever its number."""
    written(
        tmp_path,
        told(3.0, {"val_loss": 3.0}, {"lr": 0.5}, job="1", length_s=9),
        told(2.0, {"val_loss": 2.0}, {"lr": 0.25}, job="2", length_s=5),
        told(4.0, {"val_loss": 4.0}, {"lr": 0.125}, job="2", length_s=7),
        dialect="A1",
    )
    assert names(tmp_path) == ["best.csv", "hyper_opt.csv", "hyper_opt_1.csv", "hyper_opt_2.csv"]
    assert (tmp_path / "hyper_opt_2.csv").read_text().splitlines() == [
        ",trial,lr,val_loss,best_val_loss,pruned",
        "0,1,0.25,2.0,2.0,0",
        "1,2,0.125,4.0,2.0,0",
    ]
    assert (tmp_path / "hyper_opt.csv").read_text().splitlines()[:2] == [
        ",best_val_loss,lr,pruned,trial,val_loss",
        "0,2.0,0.5,0,0,3.0",
    ]


@pytest.mark.parametrize(("direction", "trial"), [("minimize", 1), ("maximize", 2)])
def test_the_best_file_heeds_the_direction(tmp_path: Path, direction: str, trial: int) -> None:
    """The original took the greatest value even where the smallest is the best."""
    written(
        tmp_path,
        *(told(value, {"val_loss": value}) for value in (3.0, 2.0, 4.0)),
        told(None, {"val_loss": float("nan")}),
        dialect="A1",
        direction=direction,
    )
    assert list(pd.read_csv(tmp_path / "best.csv").trial) == [trial]


def test_a_trial_that_is_set_aside_keeps_its_row_and_is_no_best_one(tmp_path: Path) -> None:
    """Neither in best.csv, where it stood before, nor as the best value so far; also if the study hides it."""
    study = study_of()
    study.add_trials([told(value, {"val_loss": value}, job="1") for value in (3.0, 1.0, 2.0)])
    files.write_tables(study, conf(tmp_path, "A1"))
    assert list(pd.read_csv(tmp_path / "best.csv").trial) == [1]
    set_aside(study, [1], "for a reason")
    files.write_tables(without(study, [1]), conf(tmp_path, "A1"))
    assert list(pd.read_csv(tmp_path / "best.csv").trial) == [2]
    table = pd.read_csv(tmp_path / "hyper_opt.csv")
    assert list(table.trial) == [0, 1, 2]
    assert list(table.best_val_loss)[::2] == [3.0, 2.0]


def test_a2_has_workers_files_alone(tmp_path: Path) -> None:
    """The merged file was given up in 2020-11."""
    written(tmp_path, told(1.0, {"val_loss": 1.0}, job="1"), dialect="A2")
    assert names(tmp_path) == ["hyper_opt_1.csv"]
    assert "best_val_loss" in pd.read_csv(tmp_path / "hyper_opt_1.csv")


def test_b1_counts_its_workers_from_the_first_free_number(tmp_path: Path) -> None:
    """A file of an earlier run keeps its number, and its bytes."""
    old = ",trial,val_loss,pruned\n0,0,9.0,0\n"
    (tmp_path / "worker_0.csv").write_text(old)
    trials = [told(1.0, {"val_loss": 1.0}, job="5"), told(2.0, {"val_loss": 2.0}, job="4")]
    for length in (1, 2):
        written(tmp_path, *trials[:length], dialect="B1")
    assert names(tmp_path) == ["worker_0.csv", "worker_1.csv", "worker_2.csv"]
    assert (tmp_path / "worker_0.csv").read_text() == old
    assert list(pd.read_csv(tmp_path / "worker_1.csv").val_loss) == [1.0]


def _write_as_the_original(folder: Path) -> None:
    """Two workers' files, and the merged one as pandas made it of them: fewer digits, an empty cell for None."""
    (folder / "trial_results").mkdir(parents=True)
    (folder / "trial_results" / "trial_results_1.csv").write_text(
        f",trial,lr,norm,val_loss,epoch,pruned\n1,2,{LONG!r},None,0.5,9,0\n0,0,0.1,minmax,0.75,8,0\n"
    )
    (folder / "trial_results" / "trial_results_2.csv").write_text(
        ',trial,lr,norm,val_loss,epoch,pruned\n0,1,0.2,"a, b",0.25,7,1\n'
    )
    (folder / "trial_results.csv").write_text(
        ',Unnamed: 0,trial,lr,norm,val_loss,epoch,pruned\n0,0,0,0.1,minmax,0.75,8,0\n0,0,1,0.2,"a, b",0.25,7,1\n'
        "1,1,2,0.0002353315666155,,0.5,9,0\n"
    )


def test_the_rows_of_a_study_that_is_continued_stay(tmp_path: Path) -> None:
    """Imported trials say nothing of train()'s result: their rows come from the old files, with all their digits."""
    _write_as_the_original(tmp_path)
    old = {path: path.read_bytes() for path in (tmp_path / "trial_results").iterdir()}
    trials = [*(made(values=[1.0]) for _ in range(3)), told(0.125, {"val_loss": 0.125}, {"lr": 0.3}, job="3")]
    for _ in range(2):
        written(tmp_path, *trials)
        assert (tmp_path / "trial_results.csv").read_text().splitlines() == [
            ",trial,lr,norm,val_loss,epoch,pruned",
            "0,0,0.1,minmax,0.75,8,0",
            '1,1,0.2,"a, b",0.25,7,1',
            f"2,2,{LONG!r},None,0.5,9,0",
            "3,3,0.3,,0.125,,0",
        ]
    assert all(path.read_bytes() == content for path, content in old.items())


def test_the_merged_file_alone_is_enough_to_keep_old_rows(tmp_path: Path) -> None:
    """Without -n the original wrote no other file."""
    (tmp_path / "trial_results.csv").write_text(",trial,lr,val_loss,pruned\n0,0,0.1,0.75,0\n")
    written(tmp_path, made(values=[1.0]), told(0.125, {"val_loss": 0.125}, {"lr": 0.3}))
    assert list(pd.read_csv(tmp_path / "trial_results.csv").val_loss) == [0.75, 0.125]


def test_two_studies_may_share_a_folder(tmp_path: Path) -> None:
    """Both have a trial 0; neither's row is lost, and none is there twice, whoever writes last."""
    first, second = told(1.0, {"val_loss": 1.0}, {"lr": 0.1}), told(2.0, {"val_loss": 2.0}, {"lr": 0.2})
    for trial in (first, second, first, second):
        written(tmp_path, trial)
    assert sorted(pd.read_csv(tmp_path / "trial_results.csv").val_loss) == [1.0, 2.0]


def test_a_table_that_a_user_has_saved_again_is_recognised(tmp_path: Path) -> None:
    """pandas writes an index column more, and makes floats of what has a gap; the rows are still the study's own."""
    trials = [told(1.0, {"val_loss": 1.0}, {"lr": LONG, "layers": 3}), told(2.0, {"val_loss": 2.0}, {"lr": 0.5})]
    written(tmp_path, *trials)
    path = tmp_path / "trial_results.csv"
    before = path.read_text()
    pd.read_csv(path).to_csv(path)
    assert path.read_text() != before
    written(tmp_path, *trials)
    assert path.read_text() == before


def test_a_file_that_is_no_table_is_kept_under_another_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of the user's is overwritten, and the log says where it is."""
    (tmp_path / "trial_results.csv").write_text("my notes\n")
    written(tmp_path, told(1.0, {"val_loss": 1.0}))
    written(tmp_path, told(1.0, {"val_loss": 1.0}))
    assert (tmp_path / "kept_1_trial_results.csv").read_text() == "my notes\n"
    assert "kept_1_trial_results.csv" in caplog.text
    assert names(tmp_path) == [
        "kept_1_trial_results.csv", "trial_results.csv", "trial_results/trial_results_node7.csv"
    ]  # fmt: skip


@pytest.mark.parametrize("directions", [("minimize",), ("minimize", "maximize")], ids=["one", "two"])
def test_the_study_csv_is_optunas_own_table(tmp_path: Path, directions: tuple[str, ...]) -> None:
    """Column by column what trials_dataframe().to_csv(index=False) writes, but that pandas cuts zeros off the times."""
    study = study_of(*directions)
    values = [0.1] * len(directions)
    for trial in (
        made(values=values, params={"b": 2.5, "a": "x"}, note="seen", curve={0: 1.0}),
        made(TrialState.FAIL, params={"b": 3.5}, length_s=200_000.5),
        made(TrialState.RUNNING),
    ):
        study.add_trial(trial)
    path = files.write_study_csv(study, tmp_path)
    study.trials_dataframe().to_csv(tmp_path / "expected.csv", index=False)
    assert path.name == f"{study.study_name}.csv"
    times = ["datetime_start", "datetime_complete"]
    found, expected = (pd.read_csv(one, parse_dates=times) for one in (path, tmp_path / "expected.csv"))
    pd.testing.assert_frame_equal(found, expected)


def test_the_study_csv_leaves_out_what_this_project_keeps(tmp_path: Path) -> None:
    """Claims and results are mappings, which no reader of the original's table expects."""
    study = study_of()
    study.add_trial(told(1.0, {"val_loss": 1.0}, {"lr": 0.5}))
    header = files.write_study_csv(study, tmp_path).read_text().splitlines()[0]
    assert header == "number,value,datetime_start,datetime_complete,duration,params_lr,state"


def test_writing_leaves_nothing_beside_the_tables(tmp_path: Path) -> None:
    """No lock and no half-written file stays."""
    written(tmp_path, told(1.0, {"val_loss": 1.0}))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
