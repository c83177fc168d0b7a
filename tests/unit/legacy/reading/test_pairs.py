# SPDX-License-Identifier: MIT
"""Reading a pair of files of the original: names, places, numbers; quirk by quirk."""

from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.reader import read_pair, read_study
from tests.unit.legacy._pairs import MODEL, OPTUNA, ORIGINAL, faults, notes, read, section, write


def test_a_pair_is_read(tmp_path: Path) -> None:
    """The commonest form, whole, without a word."""
    pair = read(tmp_path)
    assert (pair.study_name, pair.metrics, pair.directions) == ("rain", ("val_loss",), ("minimize",))
    assert (pair.n_trials, pair.workers, pair.gpu, pair.dialect) == (50, 1, False, "B2")
    assert pair.objective == tmp_path / "objective.py"
    assert pair.save_path == tmp_path / "results"
    assert pair.storage == f"sqlite:///{tmp_path}/results/rain.db"
    assert pair.model == MODEL
    assert pair.optuna == {**OPTUNA, "save_path": str(tmp_path / "results")}
    assert (pair.sampler, pair.pruner, pair.log_path, pair.launchers, pair.notes) == (None, None, None, (), ())


@pytest.mark.parametrize(
    ("dialect", "optuna", "top"),
    [
        ("A1", ORIGINAL, {"save_path": ...}),
        ("A2", section({"storage": "sqlite:///x.db", "storage_type": ..., "save_path": "."}), {"save_path": ...}),
        (
            "B1",
            section(
                {"storage": "sqlite:///x.db", "storage_type": ..., "save_path": ".", "pruner": {"type": "NopPruner"}}
            ),
            {"save_path": ...},
        ),
        ("B2", OPTUNA, {}),
        ("B3", section({"storage_type": "nfs"}), {}),
        ("B3", section({"enqueue": [{"lr": 0.01}]}), {}),
    ],
    ids=["A1", "A2", "B1", "B2", "B3-nfs", "B3-enqueue"],
)
def test_a_dialect_is_known_by_its_keys(
    tmp_path: Path, dialect: str, optuna: dict[str, Any], top: dict[str, Any]
) -> None:
    """The guess that texts and defaults follow."""
    assert read(tmp_path, optuna, **top).dialect == dialect


def test_one_file_holds_both(tmp_path: Path) -> None:
    """The oldest form: the model config stands beside `optuna`; what it never said is filled in and told."""
    (tmp_path / "objective.py").touch()
    alone = {**MODEL, "log": "logs", "optuna": section({"study_name": ..., "storage": ..., "storage_type": ...})}
    alone["optuna"]["save_path"] = "out"
    pair = read_pair(write(tmp_path, "one.yml", alone), None, {}, tmp_path)
    assert (pair.dialect, pair.model_path, pair.study_name) == ("A0", None, "hyper_opt")
    assert pair.model == {**MODEL, "log": "logs"}
    assert pair.storage == f"sqlite:///{tmp_path}/out/hyper_opt.db"
    assert pair.log_path == tmp_path / "logs" / "log.txt"
    assert "hyper_opt" in notes(pair)


def test_a_prototype_without_metric_asks_for_it(tmp_path: Path) -> None:
    """Its study cannot run; the options of the command that would help are named."""
    content = {**MODEL, "optuna": {"n_trials": 5, "save_path": "x", "parameters": OPTUNA["parameters"]}}
    with pytest.raises(ConfigError) as caught:
        read_pair(write(tmp_path, "one.yml", content), None, {}, tmp_path)
    assert [fault.split(": ")[1] for fault in caught.value.faults] == [
        *("optuna.metric", "optuna.direction", "optuna.objective"),
    ]
    changes = {"metric": "loss", "direction": "minimize", "objective": "o.py"}
    assert read_pair(tmp_path / "one.yml", None, changes, tmp_path).metrics == ("loss",)


def test_a_second_file_is_asked_for(tmp_path: Path) -> None:
    """A hyperparameter file alone holds no model config."""
    path = write(tmp_path, "hyper.yml", {"save_path": "x", "log": True, "optuna": OPTUNA})
    with pytest.raises(ConfigError, match="give the model file as the second argument"):
        read_pair(path, None, {}, tmp_path)


def test_swapped_files_are_told_as_that(tmp_path: Path) -> None:
    """And not by what follows from it."""
    hyper = write(tmp_path, "hyper.yml", {"save_path": "x", "optuna": OPTUNA})
    model = write(tmp_path, "model.yml", MODEL)
    with pytest.raises(ConfigError) as caught:
        read_pair(model, hyper, {}, tmp_path)
    assert caught.value.faults == [f"{model}: the section optuna is in {hyper}: the two files are swapped"]


def test_a_misspelt_key_is_named_where_it_is_missed(tmp_path: Path) -> None:
    """At every depth."""
    wrong = section({"n_trials": ..., "n_trails": 5, "metric": ..., "metrik": "loss"})
    wrong["parameters"] = {"model:layers": {"type": "int", "setings": {"name": "n", "low": 1, "high": 2}}}
    told = faults(tmp_path, wrong)
    assert [line.partition("(is ")[2].partition(")")[0] for line in told] == [
        *("setings meant for it?", "metrik meant for it?", "n_trails meant for it?"),
    ]


def test_a_study_is_read_without_its_model(tmp_path: Path) -> None:
    """For commands that only look: paths are not held against a model config."""
    pair = read_study(write(tmp_path, "hyper.yml", {"save_path": "x", "optuna": OPTUNA}), cwd=tmp_path)
    assert [one.name for one in pair.parameters] == ["lr", "layers"]
    assert pair.model == {}


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Each with its place, what came, and what to write."""
    wrong = section({"direction": "min", "n_trials": "many", "storage_type": "sqllite", "metric": ...})
    wrong["parameters"] = {"nowhere:lr": OPTUNA["parameters"]["model:layers"]}
    told = faults(tmp_path, wrong, save_path=...)
    assert len(told) == 6
    for key in ("optuna.direction", "optuna.n_trials", "optuna.storage_type", "optuna.metric", "save_path", "nowhere"):
        assert any(key in line for line in told), key


def test_a_missing_file_is_a_fault_of_its_own(tmp_path: Path) -> None:
    """Of both files at once."""
    with pytest.raises(ConfigError) as caught:
        read_pair(Path("no.yml"), Path("none.yml"), {}, tmp_path)
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["no.yml", "none.yml"]


@pytest.mark.parametrize(
    ("value", "is_used", "is_told"),
    [
        (True, True, False),
        (0, False, False),
        (1, True, False),
        ("v100", True, True),
        ("False", False, True),
        ("no", False, True),
        ("0", False, True),
        ("True", True, False),
        (None, False, False),
    ],
    ids=repr,
)
def test_q13_gpu_is_what_was_meant(tmp_path: Path, value: Any, is_used: bool, is_told: bool) -> None:
    """The original took every text for yes, also False in quotes."""
    pair = read(tmp_path, section({"gpu": value}))
    assert pair.gpu is is_used
    assert bool(pair.notes) is is_told


@pytest.mark.parametrize("name", ["study_name", "storage", "objective", "direction", "metric", "n_trials", "gpu"])
def test_q20_the_command_line_is_really_applied(tmp_path: Path, name: str) -> None:
    """To what is read and to the config as it counts; the original ignored all but one."""
    value = {
        "study_name": "snow",
        "storage": "snow.db",
        "objective": "other.py",
        "direction": "maximize",
        "metric": "acc",
        "n_trials": 7,
        "gpu": True,
    }[name]
    pair = read(tmp_path, changes={name: value, "storage_type": None})
    found = {
        "study_name": pair.study_name,
        "storage": Path(pair.storage).name,
        "objective": pair.objective.name,
        "direction": pair.directions[0],
        "metric": pair.metrics[0],
        "n_trials": pair.n_trials,
        "gpu": pair.gpu,
    }
    assert found[name] == value
    assert Path(str(pair.hyper["optuna"][name])).name == str(value)


def test_q20_save_path_of_the_command_line_moves_everything(tmp_path: Path) -> None:
    """Also in a file of the older form; it counts from the working directory."""
    for optuna, save_path in ((None, "results"), (ORIGINAL, ...)):
        pair = read(tmp_path, optuna, changes={"save_path": "moved"}, save_path=save_path)
        assert pair.save_path == tmp_path / "moved"
        assert pair.storage == f"sqlite:///{tmp_path}/moved/rain.db"


def test_q20_a_name_of_the_command_line_renames_the_originals_study(tmp_path: Path) -> None:
    """In A1 the name is also the file's."""
    pair = read(tmp_path, ORIGINAL, save_path=..., changes={"study_name": "snow.db"})
    assert (pair.study_name, pair.storage) == ("snow.db", f"sqlite:///{tmp_path}/results/snow.db")


SLURM = {"jobs": 4, "batch": {"t": "12:00:00"}}


def test_q29_n_trials_of_the_old_form_counts_for_each_worker(tmp_path: Path) -> None:
    """Until B1; -t sets the number of the whole study."""
    pair = read(tmp_path, ORIGINAL, save_path=..., slurm=SLURM)
    assert pair.n_trials == 200
    assert "50 for each of 4 workers" in notes(pair)
    assert read(tmp_path, ORIGINAL, save_path=..., slurm=SLURM, changes={"n_trials": 60}).n_trials == 60


def test_q29_n_trials_of_the_new_form_is_the_studys(tmp_path: Path) -> None:
    """Since B2, and now exactly."""
    pair = read(tmp_path, slurm=SLURM)
    assert (pair.n_trials, pair.workers) == (50, 4)
    assert "for each of" not in notes(pair)


@pytest.mark.parametrize("value", ["1e3", "1000", 1000.0], ids=repr)
def test_q3_n_trials_may_be_a_number_in_disguise(tmp_path: Path, value: Any) -> None:
    """1e3 is a text to YAML 1.1."""
    assert read(tmp_path, section({"n_trials": value})).n_trials == 1000


@pytest.mark.parametrize("value", [0, -1, True, "many", 1.5, None, [3], float("inf"), float("nan")], ids=repr)
def test_n_trials_that_is_no_number_of_trials_is_a_fault(tmp_path: Path, value: Any) -> None:
    """Nothing is guessed."""
    assert faults(tmp_path, section({"n_trials": value}))[0].startswith("optuna.n_trials")


@pytest.mark.parametrize(
    ("metric", "direction", "told"),
    [
        ("a", "min", "did you mean minimize?"),
        ("a", "Maximize", "did you mean maximize?"),
        (["a", "b"], ["minimize"], "there are 2 metric(s) (a, b) and 1 direction(s) (minimize)"),
        (["a", "b"], "minimize", "one direction for each metric"),
        (["a"], ["minimize"], "write metric: a"),
        ("a", ["minimize"], "write direction: minimize"),
        (["a", "a"], ["minimize", "minimize"], "names a metric twice"),
        (3, "minimize", "write a text"),
    ],
    ids=["min", "case", "fewer", "one", "list", "mixed", "twice", "number"],
)
def test_q38_metric_and_direction_must_fit(tmp_path: Path, metric: Any, direction: Any, told: str) -> None:
    """A direction is never guessed from the metric's name."""
    assert any(told in line for line in faults(tmp_path, section({"metric": metric, "direction": direction})))


def test_q38_val_loss_may_be_maximized(tmp_path: Path) -> None:
    """In a real study it is an R2; nothing is said of it."""
    pair = read(tmp_path, section({"direction": "maximize"}))
    assert pair.directions == ("maximize",)
    assert not pair.notes


def test_several_metrics_keep_their_order(tmp_path: Path) -> None:
    """That of values_0, values_1 in the tables."""
    pair = read(tmp_path, section({"metric": ["b", "a"], "direction": ["maximize", "minimize"]}))
    assert (pair.metrics, pair.directions) == (("b", "a"), ("maximize", "minimize"))


def test_an_objective_that_is_not_there_is_only_noted(tmp_path: Path) -> None:
    """Translating and looking work without it."""
    assert "gone.py does not exist" in notes(read(tmp_path, section({"objective": "gone.py"})))


def test_reload_0_never_replaces_a_study(tmp_path: Path) -> None:
    """It asked for a new one; that the old one goes on is told (Q16: no study is deleted)."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "rain.db").touch()
    assert "its study goes on" in notes(read(tmp_path, ORIGINAL, save_path=...))
    assert "its study goes on" not in notes(read(tmp_path, {**ORIGINAL, "reload": 1}, save_path=...))


@pytest.mark.parametrize(
    ("key", "value"),
    [("repeats", {"n": 5}), ("constraints", ["x <= 1"]), ("when", {}), ("budget", {"hours": 8}), ("order", ["a", "b"])],
)
def test_a_key_of_the_sweeper_is_noted(key: str, value: Any, tmp_path: Path) -> None:
    """Once, with the way to it; the rest of the file is read as ever."""
    pair = read(tmp_path, section({key: value}))
    (note,) = pair.notes
    assert note.startswith(f"optuna.{key} means nothing in this form of file and is ignored; write the pair as a Hydra")
    assert note.endswith(f"(`hyperopt-app legacy translate`), and there hydra.sweeper.{key}")


def test_a_key_that_looks_like_another_is_noted(tmp_path: Path) -> None:
    """The original ignored whatever it did not know; a slip of the pen is told."""
    pair = read(tmp_path, section({"sampelr": {"type": "RandomSampler"}}), slrum="mine", remarks="mine")
    assert "optuna.sampelr means nothing and is ignored; did you mean optuna.sampler?" in pair.notes
    assert "slrum means nothing and is ignored; did you mean slurm?" in pair.notes
    assert "remarks" not in notes(pair)


@pytest.mark.parametrize(
    ("name", "meant"), [("slrum", "slurm"), ("SLURM", "slurm"), ("slurms", "slurm"), ("PBS", "pbs")]
)
def test_a_misspelt_batch_block_is_refused(tmp_path: Path, name: str, meant: str) -> None:
    """Its workers would run on this machine; beside the right block it is a copy that does not count."""
    misspelt: dict[str, Any] = {name: SLURM}
    with pytest.raises(ConfigError, match=rf"{name}: it is not known, .*; write {meant}$"):
        read(tmp_path, **misspelt)
    assert "did you mean slurm?" in notes(read(tmp_path, slurm=SLURM, slurm2=SLURM))


def test_q37_integer_keys_are_kept(tmp_path: Path) -> None:
    """In the model config, where they ended trials of the original."""
    model = {**MODEL, "weights": {0: 1.0, -1: 2.0}}
    assert read(tmp_path, model=model).model["weights"] == {0: 1.0, -1: 2.0}


def test_a_models_own_optuna_is_replaced(tmp_path: Path) -> None:
    """As it always was."""
    pair = read(tmp_path, model={**MODEL, "optuna": {"n_trials": 1}})
    assert "optuna" not in pair.model
