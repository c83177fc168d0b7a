# SPDX-License-Identifier: MIT
"""The files that a study leaves beside itself: optimization_results.yaml, best.yaml, trials.csv."""

import csv
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.errors import ResultsError
from hyperopt_app.results.files import write_results
from hyperopt_app.support.plain_yaml import plain_yaml
from tests.unit._made_trials import made, study_of

FILES = ("best.yaml", "optimization_results.yaml", "trials.csv")


def again(trial: FrozenTrial) -> str:
    return f"python -m app trial={trial.number}"


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# optimization_results.yaml


def test_one_objective_is_written_as_the_stock_sweeper_writes_it(tmp_path: Path) -> None:
    """The text is what OmegaConf makes of name, best_params and best_value, byte for byte."""
    study = study_of("maximize")
    params = {
        "optimizer.lr": 1e-5,
        "model.z_dim": 32,
        "flag": True,
        "none": None,
        "text": "a,b",
        "number": "1e-3",
    }
    study.add_trial(made(values=[0.25], params=params))
    study.add_trial(made(values=[0.75], params=params))
    write_results(study, tmp_path, again)
    expected = OmegaConf.create(
        {"name": "optuna", "best_params": study.best_trial.params, "best_value": study.best_trial.value}
    )
    assert (tmp_path / "optimization_results.yaml").read_text(encoding="utf-8") == OmegaConf.to_yaml(expected)


def test_several_objectives_are_written_as_the_stock_sweeper_writes_them(tmp_path: Path) -> None:
    """The Pareto front is a list of params and values, in Optuna's order."""
    study = study_of("minimize", "maximize")
    for values in ([1.0, 1.0], [2.0, 2.0], [3.0, 1.0]):
        study.add_trial(made(values=values, params={"x": values[0]}))
    write_results(study, tmp_path, again)
    solutions = [{"params": trial.params, "values": trial.values} for trial in study.best_trials]
    expected = OmegaConf.create({"name": "optuna", "solutions": solutions})
    assert (tmp_path / "optimization_results.yaml").read_text(encoding="utf-8") == OmegaConf.to_yaml(expected)
    assert [solution["values"] for solution in solutions] == [[1.0, 1.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    "value",
    [
        "${model.z_dim}",
        "${",
        "\\${x}",
        "???",
        "1e-3",
        "0x1F",
        "yes",
        "null",
        "",
        "2026-11-23",
        "it's: ü",
        "a\nb",
    ],
)
def test_every_string_comes_back_as_it_was(tmp_path: Path, value: str) -> None:
    """Interpolations are left alone and texts that look like numbers, booleans or dates stay texts."""
    study = study_of()
    study.add_trial(made(values=[1.0], params={"x": value}))
    write_results(study, tmp_path, again)
    assert loaded(tmp_path / "optimization_results.yaml")["best_params"] == {"x": value}
    assert loaded(tmp_path / "best.yaml")["params"] == {"x": value}


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: "${" not in text))
def test_yaml_and_omegaconf_read_the_same_text(text: str) -> None:
    """Whatever a string holds, both readers give it back."""
    written = plain_yaml({"key": text})
    assert yaml.safe_load(written) == {"key": text}
    assert OmegaConf.to_container(OmegaConf.create(written)) == {"key": text}


def test_numbers_of_numpy_become_plain_numbers() -> None:
    """An in-memory study may hold NumPy's numbers; the file holds Python's."""
    content = {"a": np.float64(0.5), "b": np.int64(3), "c": [np.bool_(True)], "d": (1, 2)}
    assert yaml.safe_load(plain_yaml(content)) == {"a": 0.5, "b": 3, "c": [True], "d": [1, 2]}


# best.yaml


def test_best_yaml_tells_all_about_the_best_trial(tmp_path: Path) -> None:
    """Number, value, metric, parameters, all metrics, place, checkpoint, command and overrides."""
    place = tmp_path / "trials" / "1"
    (place / ".hydra").mkdir(parents=True)
    (place / ".hydra" / "overrides.yaml").write_text("- x=0.5\n- 'name=''${a}'''\n", encoding="utf-8")
    (place / "last.ckpt").touch()
    study = study_of()
    study._storage.set_study_system_attr(study._study_id, "study:metric_names", ["val_loss"])
    study.add_trial(made(values=[0.9], params={"x": 0.1}))
    metrics = {"val_loss": 0.2, "acc": 0.8}
    study.add_trial(made(values=[0.2], params={"x": 0.5}, metrics=metrics, directory=str(place)))
    write_results(study, tmp_path, again)
    assert loaded(tmp_path / "best.yaml") == {
        "trial": 1,
        "value": 0.2,
        "metric": "val_loss",
        "params": {"x": 0.5},
        "seed": None,
        "metrics": metrics,
        "directory": str(place),
        "checkpoint": str(place / "last.ckpt"),
        "retrain": "python -m app trial=1",
        "overrides": ["x=0.5", "name='${a}'"],
    }


def test_the_command_stands_on_one_line(tmp_path: Path) -> None:
    """However long it is, it can be copied from the file."""
    study = study_of()
    study.add_trial(made(values=[1.0]))
    command = "python -m app " + " ".join(f"some.parameter_{index}=0.1" for index in range(50))
    write_results(study, tmp_path, lambda _: command)
    assert f"retrain: {command}\n" in (tmp_path / "best.yaml").read_text(encoding="utf-8")


def test_best_yaml_of_several_objectives_lists_the_front(tmp_path: Path) -> None:
    """Each solution has the keys of a single best trial, with a list of values."""
    study = study_of("minimize", "minimize")
    study.add_trial(made(values=[1.0, 2.0], params={"x": 1.0}))
    study.add_trial(made(values=[2.0, 1.0], params={"x": 2.0}))
    study.add_trial(made(values=[3.0, 3.0], params={"x": 3.0}))
    write_results(study, tmp_path, again, metric_names=["loss", "size"])
    solutions = loaded(tmp_path / "best.yaml")["solutions"]
    assert [(one["trial"], one["values"], one["metric"]) for one in solutions] == [
        (0, [1.0, 2.0], ["loss", "size"]),
        (1, [2.0, 1.0], ["loss", "size"]),
    ]
    assert [one["retrain"] for one in solutions] == ["python -m app trial=0", "python -m app trial=1"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], None),
        (["model.pt"], None),
        (["old.ckpt", "new.ckpt"], "new.ckpt"),
        (["best.ckpt", "last.ckpt", "new.ckpt"], "last.ckpt"),
        (["checkpoints/epoch=3.ckpt"], "checkpoints/epoch=3.ckpt"),
    ],
    ids=["nothing", "another-kind", "the-newest", "the-last", "one-level-below"],
)
def test_the_checkpoint_is_named_if_there_is_one(tmp_path: Path, files: list[str], expected: str | None) -> None:
    """`last.ckpt` comes first, then the newest other one; without any the key is null."""
    place = tmp_path / "trials" / "0"
    for age, name in enumerate(reversed(files)):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    study = study_of()
    study.add_trial(made(values=[1.0], directory=str(place)))
    write_results(study, tmp_path, again)
    best = loaded(tmp_path / "best.yaml")
    assert best["checkpoint"] == (None if expected is None else str(place / expected))
    assert best["overrides"] is None


def test_without_a_complete_trial_there_is_only_the_table(tmp_path: Path) -> None:
    """Nothing is best yet, and an older best.yaml is left as it is."""
    (tmp_path / "best.yaml").write_text("trial: 7\n", encoding="utf-8")
    study = study_of()
    study.add_trial(made(TrialState.FAIL))
    study.add_trial(made(TrialState.PRUNED))
    write_results(study, tmp_path, again)
    assert loaded(tmp_path / "best.yaml") == {"trial": 7}
    assert not (tmp_path / "optimization_results.yaml").exists()
    assert [row["state"] for row in rows(tmp_path)] == ["failed", "pruned"]


# trials.csv


@pytest.mark.parametrize(
    ("names", "columns"),
    [([], ["value_0", "value_1"]), (["loss", "size"], ["value_loss", "value_size"])],
    ids=["without-names", "with-names"],
)
def test_the_columns_of_several_values_are_named_after_the_metrics(
    tmp_path: Path, names: list[str], columns: list[str]
) -> None:
    """Without names they are numbered."""
    study = study_of("minimize", "minimize")
    study.add_trial(made(values=[1.0, 2.0]))
    write_results(study, tmp_path, again, metric_names=names)
    assert [rows(tmp_path)[0][column] for column in columns] == ["1.0", "2.0"]


def test_an_error_text_that_is_no_unicode_is_written_escaped(tmp_path: Path) -> None:
    """A file name in a foreign encoding, quoted by an exception, does not cost the table."""
    study = study_of()
    study.add_trial(made(TrialState.FAIL, failure={"error": "FileNotFoundError: b\udce4r.nc"}))
    write_results(study, tmp_path, again)
    assert rows(tmp_path)[0]["error"] == "FileNotFoundError: b\\udce4r.nc"


# How they are written


def test_the_study_is_read_while_the_lock_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a writer that had to wait does not replace newer files by older ones."""
    study = study_of()
    held = []

    def get_trials(**_: object) -> list[FrozenTrial]:
        held.append((tmp_path / ".results.lock").exists())
        return []

    monkeypatch.setattr(study, "get_trials", get_trials)
    write_results(study, tmp_path, again)
    assert held == [True]
    assert not (tmp_path / ".results.lock").exists()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """A fault in mid-write costs neither the old file nor the lock nor another file, and leaves no temporary one."""
    study = study_of()
    study.add_trial(made(values=[1.0]))
    write_results(study, tmp_path, again)
    before = (tmp_path / "best.yaml").read_text(encoding="utf-8")

    def broken(trial: FrozenTrial) -> str:
        raise OSError(trial.number)

    with pytest.raises(OSError, match="0"):
        write_results(study, tmp_path, broken)
    assert (tmp_path / "best.yaml").read_text(encoding="utf-8") == before
    for name in ("best.yaml", "trials.csv"):
        (tmp_path / name).unlink()
    (tmp_path / "trials.csv").mkdir()
    with pytest.raises(ResultsError, match=r"trials\.csv: Is a directory"):
        write_results(study, tmp_path, again)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_writers_at_the_same_time_leave_whole_files(tmp_path: Path) -> None:
    """Whoever reads meanwhile sees a whole table of some moment."""
    study = study_of()
    for value in range(50):
        study.add_trial(made(values=[float(value)], params={"x": float(value)}))
    write_results(study, tmp_path, again)
    writers = [threading.Thread(target=write_results, args=(study, tmp_path, again)) for _ in range(4)]
    for writer in writers:
        writer.start()
    seen = {len(rows(tmp_path)) for _ in range(20)}
    for writer in writers:
        writer.join()
    assert seen == {50}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
