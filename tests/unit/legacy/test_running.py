# SPDX-License-Identifier: MIT
"""The original's commands around the application, which these tests replace: what is left, told and refused."""

import os
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from hyperopt_app.legacy import application, commands, running
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.identity import keep_identity
from hyperopt_app.support.wording import Wording
from tests.unit.legacy._old_studies import copied
from tests.unit.legacy._pairs import MODEL, OPTUNA, write
from tests.unit.study.test_identity import IDENTITY

PAIR = ("hyper.yml", "model.yml")
CONFIG = Path("results/studies/rain/hydra_config/config.yaml")


class Application:
    """Stands in for the Hydra application; a test says what it does with the study."""

    def __init__(self) -> None:
        self.accepts, self.status = True, 0
        self.overrides: list[list[str]] = []
        self.wording = Wording()

    def __call__(self, words: list[str], wording: Wording, accepted: Callable[[], None]) -> int:
        self.overrides.append(words[words.index("--multirun") + 1 :])
        self.wording = wording
        if self.accepts:
            accepted()
            return self.status
        return 1


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Application:
    """A pair of files with its objective, on a machine without GPU, and no application."""
    _write_pair()
    Path("objective.py").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for name in ("HYPEROPT_END", "HYPEROPT_LABEL"):  # what `run` sets for its worker is put back
        monkeypatch.setenv(name, "9999999999")
    one = Application()
    monkeypatch.setattr(application, "run_application", one)
    return one


def _write_pair(model: Any = None, **changes: Any) -> None:
    write(Path(), "hyper.yml", {"save_path": "results", "optuna": {**OPTUNA, **changes}})
    write(Path(), "model.yml", {**MODEL, **(model or {})})


Say = Callable[..., str]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """`say(command, *options, status=0)`: give a command and return all that it prints."""

    def run(command: str, *options: str, status: int = 0, files: tuple[str, ...] = PAIR) -> str:
        assert commands.main([command, *files, *options]) == status
        output = capsys.readouterr()
        return output.out + output.err

    return run


def test_a_second_study_in_one_directory_is_told(program: Application, say: Say) -> None:
    """Its rows come into the same tables, as ever; one that was set aside is none."""
    assert "another study" not in say("optimize")
    Path("results/studies/rain/multirun.yaml").touch()
    Path("results/studies/rain.set-aside-20261125-120000").mkdir()
    assert "results holds another study too (rain): the tables" in say("optimize", "-n", "snow")
    assert "another study" not in say("optimize", "-n", "snow")


def test_a_study_in_the_new_form_is_told_when_it_is_begun(program: Application, say: Say) -> None:
    """Once; the copies are there with it."""
    assert say("optimize").count("The same study in the new form: ") == 1
    assert {path.name for path in Path("results").iterdir()} == {"hyper.yml", "model.yml", "studies"}
    assert "new form" not in say("optimize")


def test_a_refused_study_leaves_nothing(program: Application, say: Say) -> None:
    """Neither copies nor a config nor a directory, and nothing is told of a new form."""
    program.accepts = False
    assert say("optimize", "-s", "deep/er", status=1) == ""
    assert sorted(path.name for path in Path().iterdir()) == ["hyper.yml", "model.yml", "objective.py"]


def test_a_refused_change_leaves_the_earlier_files(program: Application, say: Say) -> None:
    """The config by which the study's best trial is trained again is that of the study."""
    say("optimize")
    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    program.accepts = False
    _write_pair({"seed": 1}, sampler={"type": "CmaEsSampler", "sigma0": 0.1})
    say("optimize", "-t", "7", status=1)
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before


def test_what_an_accepted_study_comes_to_is_the_exit_status(program: Application, say: Say) -> None:
    """The copies stay."""
    program.status = 1
    say("optimize", status=1)
    assert CONFIG.exists()


def test_a_changed_model_config_is_told(program: Application, say: Say) -> None:
    """It is not a fault; the next command has nothing more to tell."""
    say("optimize")
    _write_pair({"seed": 7})
    program.accepts = False
    assert "differs" not in say("optimize", status=1)
    program.accepts = True
    assert "note: the model config differs from the last run of this study: seed: 1000 -> 7\n" in say("optimize")
    assert "differs" not in say("optimize")


def test_a_missing_gpu_is_told_on_the_screen(program: Application, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """The objective's own words stand in the log alone; where there is one, nothing is told."""
    told = "note: gpu: a GPU is wanted and this machine shows none; the objective gets cpu\n"
    assert "gpu" not in say("optimize")
    assert say("optimize", "-g", "1").count(told) == say("optimize", "-g", "1", "--dry_run").count(told) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert told not in say("optimize", "-g", "1")


def test_changes_may_be_accepted(program: Application, say: Say) -> None:
    """By an option, and the application's messages speak of it."""
    say("optimize", "--accept_changes")
    say("run", "--accept_changes")
    assert ["hydra.sweeper.accept_changes=true" in one for one in program.overrides] == [True, True]
    assert (program.wording.accept_changes, program.wording.another_study) == ("--accept_changes", "--study_name NAME")
    say("optimize")
    assert program.wording.another_study == "-n NAME"
    assert program.wording.direction.endswith("hyper.yml: optuna.direction")
    assert program.overrides[-1] == []


def test_the_batch_block_is_named_where_there_is_no_scheduler(program: Application, say: Say) -> None:
    """And what can be done instead."""
    batch = {"jobs": 2, "batch": {"l": ["select=1", "walltime=00:10:00"]}}
    write(Path(), "hyper.yml", {"save_path": "results", "pbs": batch, "optuna": OPTUNA})
    say("optimize")
    assert program.wording.launcher.endswith("hyper.yml: pbs")
    assert program.wording.without_scheduler == ", or run here with --here"


def test_a_worker_by_hand_knows_its_time(program: Application, say: Say) -> None:
    """That is how the end is told, and an unclear one is refused before anything is read."""
    say("run", "-w", "00:00:22")
    assert program.wording.time == "this worker (00:00:22)"
    assert 0 < int(os.environ["HYPEROPT_END"]) - time.time() < 23
    assert "-w: '00:01' may mean" in say("run", "-w", "00:01", status=1, files=("none.yml",))


def test_how_workers_are_started_by_hand_is_told_in_old_words(program: Application, say: Say) -> None:
    """With the options that were given, so that it is the same study."""
    told = say("optimize", "-c", "-n", "other rain", "-d", "minimize", "-g", "no", "-t", "7", "-s", "there")
    (line,) = [one for one in told.splitlines() if one.startswith("    hyperopt-app legacy run ")]
    words = shlex.split(line)
    assert words[-2:] == ["-n", "ID"]
    shutil.rmtree("there")
    say("run", *words[5:])
    config = yaml.safe_load(Path("there/studies/other_rain/hydra_config/config.yaml").read_text())
    assert config["hydra"]["sweeper"]["study_name"] == "other rain"
    assert config["hydra"]["sweeper"]["n_trials"] == 7


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "hyper.yml: optuna.objective: {here}/objective.py does not exist; give the path of the file"),
        (["-o", "none.py"], "- -o: {here}/none.py does not exist; give the path of the file"),
        (["-o", "."], "- -o: {here} is a directory; give the path of the file"),
    ],
)
def test_a_missing_objective_is_one_fault(options: list[str], told: str, program: Application, say: Say) -> None:
    """Told once, by the file or the option that is wrong."""
    Path("objective.py").unlink()
    text = say("optimize", *options, status=1)
    assert told.format(here=Path.cwd()) in text
    assert text.count("class Objective") == 1
    assert "note:" not in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["optimize", *PAIR, "-s", "/proc/x"], "-s: /proc/x cannot be made"),
        (["translate", *PAIR, "--out", "model.yml"], "--out: model.yml is not a directory; give a directory"),
    ],
)
def test_a_place_that_cannot_be_is_told_in_a_line(
    words: list[str], told: str, program: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which option, what is wrong with it, and what to give."""
    assert commands.main(words) == 1
    assert told in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told_in_a_line(
    program: Application, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "results/hyper.yml")

    monkeypatch.setattr(running, "keep_copies", full)
    assert "results/hyper.yml: No space left on device; give a path" in say("optimize", status=1)


def test_ctrl_c_while_modules_are_imported_is_no_traceback(
    program: Application, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take half a second."""

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "_run", interrupted)
    assert say("report", status=130, files=("hyper.yml",)) == ""


def test_an_edited_translation_is_not_overwritten(program: Application, say: Say) -> None:
    """It takes a --yes; the same translation again is no question."""
    say("translate", "--out", "new")
    say("translate", "--out", "new")
    config = Path("new/config.yaml")
    ours = config.read_text()
    config.write_text(f"{ours}# mine\n")
    told = say("translate", "--out", "new", status=1)
    assert "--out: new/config.yaml is there and says something else" in told
    assert config.read_text() == f"{ours}# mine\n"
    say("translate", "--out", "new", "--yes")
    assert config.read_text() == ours


def test_a_report_finds_a_study_that_options_have_made(program: Application, say: Say) -> None:
    """By the options of `optimize`; a misspelt name is told with those that there are."""
    Path("other").mkdir()
    study = optuna.create_study(study_name="snow", storage=open_storage(f"sqlite:///{Path('other/x.db')}", Path()))
    keep_identity(study, IDENTITY)
    place = ("-s", "other", "--storage", "x.db", "--storage_type", "sqlite")
    assert "Total number of trials in the study: 0" in say("report", "-n", "snow", *place, files=("hyper.yml",))
    told = say("report", "-n", "snwo", *place, status=1, files=("hyper.yml",))
    assert "study 'snwo' not found in" in told
    assert "its studies: 'snow'" in told


def _old_study(**changes: Any) -> None:
    copied(Path(), "optuna_3_1.db")
    write(Path(), "hyper.yml", {"save_path": ".", "optuna": {**OPTUNA, "storage": "optuna_3_1.db", **changes}})


def test_a_misspelt_study_to_import_is_told_with_those_that_there_are(program: Application, say: Say) -> None:
    """And the file; that is a failure. A study of our own is none."""
    _old_study(study_name="sigle")
    told = say("import", status=1)
    assert f"{Path.cwd() / 'optuna_3_1.db'}: it has no study 'sigle'; its studies: " in told
    assert "'single'" in told
    Path("rain.db").touch()
    study = optuna.create_study(study_name="rain", storage=open_storage("sqlite:///rain.db", Path()))
    keep_identity(study, IDENTITY)
    told = say("import", "-n", "rain", "--storage", "rain.db")
    assert "The study 'rain' was begun here: there is nothing to take over." in told


def test_what_comes_after_an_import_is_told(program: Application, say: Say) -> None:
    """With the options that name the study."""
    _old_study(
        parameters={"optimizer:lr": {"type": "loguniform", "settings": {"name": "lr", "low": 1e-6, "high": 1.0}}}
    )
    told = say("import", "-n", "single", "--yes")
    assert "Go on with it: hyperopt-app legacy optimize hyper.yml model.yml --study_name single\n" in told


def test_g5_a_study_of_todays_optuna_goes_on_where_it_is(program: Application, say: Say) -> None:
    """Without a question and a copy; what is running is told, and left to its worker. Another order is asked about."""
    choices = ["10.0", None, 10.0]
    settings = {"name": "lr", "choices": choices}
    write(
        Path(),
        "hyper.yml",
        {
            "save_path": ".",
            "optuna": {
                **OPTUNA,
                "n_trials": 3,
                "parameters": {"optimizer:lr": {"type": "categorical", "settings": settings}},
            },
        },
    )
    study = optuna.create_study(study_name="rain", storage=open_storage("sqlite:///rain.db", Path()))
    study.optimize(lambda trial: len(str(trial.suggest_categorical("lr", choices))), 2)
    study.ask()
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    told = say("optimize")
    assert "rain.db with its 4 trials." in told
    assert "RUNNING there: 2. A worker that lives ends them itself" in told
    assert "n_trials: 4\n" in Path("studies/rain/hydra_config/config.yaml").read_text()  # one had failed
    assert "goes on in" not in say("optimize")
    assert "n_trials: 4\n" in Path("studies/rain/hydra_config/config.yaml").read_text()
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "RUNNING", "FAIL"]
    assert not list(Path().glob("*continued*"))
    other = optuna.create_study(study_name="snow", storage=open_storage("sqlite:///rain.db", Path()))
    other.optimize(lambda trial: len(str(trial.suggest_categorical("lr", choices[::-1]))), 2)
    assert "Shall we take it over into a copy" in say("optimize", "-n", "snow", status=1)


def test_nobody_is_asked_about_a_study_that_does_not_fit(
    program: Application, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The faults come first, where the answer would be yes too."""
    settings = {"name": "lr", "choices": ["a", "b"]}
    parameters = {"optimizer:lr": {"type": "categorical", "settings": settings}}
    _old_study(study_name="single", parameters=parameters, direction="maximize")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    told = say("import", status=1)
    assert "parameter lr: the old study searched" in told
    assert "hyper.yml: optuna.direction: maximize came, but the study 'single' has minimize" in told
    assert "Shall we" not in told


def test_the_newest_copies_keep_their_names(program: Application, say: Say) -> None:
    """Older ones that differ are in the study's directory."""
    for number in ("5", "6", "5", "6"):
        say("optimize", "-t", number)
    assert yaml.safe_load(Path("results/hyper.yml").read_text())["optuna"]["n_trials"] == 6
    assert {path.name for path in Path("results").iterdir()} == {"hyper.yml", "model.yml", "studies"}
    assert [path.name for path in sorted(Path("results/studies/rain/earlier").iterdir())] == [
        "hyper.1.yml",
        "hyper.2.yml",
    ]
    shutil.rmtree("results")


def test_a_study_that_was_set_aside_is_no_longer_spoken_of(program: Application, say: Say) -> None:
    """--delete_study needs no value; the table that report has written goes with the others."""
    say("optimize")
    (CONFIG.parents[1] / "multirun.yaml").touch()
    Path("results/rain.csv").touch()
    told = say("optimize", "--delete_study", "--yes")
    assert "rain.csv is now rain.csv.set-aside-" in told
    assert "another study" not in told


def test_report_takes_the_aims_that_optimize_was_given(say: Say) -> None:
    """Their short options mean something else there."""
    _write_pair()
    told = say("report", "--direction", "sideways", status=1, files=("hyper.yml",))
    assert "optuna.direction: 'sideways' is not known" in told
