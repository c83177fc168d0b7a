# SPDX-License-Identifier: MIT
"""What is frozen at submission, and what a worker finds of it later."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app import worker_process
from hyperopt_app.errors import PayloadError
from hyperopt_app.launchers import payload as payload_module
from hyperopt_app.launchers.payload import HEAD, is_of_this_release, load_payload, write_payload
from hyperopt_app.launchers.resubmission import after_job, note_end
from tests.unit._made_sweeps import made_sweep, write_configs


def _task(_config: DictConfig) -> None:
    """Nothing."""


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[HydraContext, DictConfig]:
    """A sweep whose config has a group."""
    configs = write_configs(
        tmp_path / "conf", {"config": "defaults: [net: small, _self_]\nx: 1", "net/small": "width: 2"}
    )
    return made_sweep(configs, f"hydra.sweep.dir={tmp_path}/study")


def _frozen(sweep: tuple[HydraContext, DictConfig], place: Path) -> Path:
    return write_payload(place, *sweep, _task, [["x=1"], ["x=1"]], {"max_resubmissions": 3})


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607


def test_a_payload_is_the_owners_alone(sweep: tuple[HydraContext, DictConfig], tmp_path: Path) -> None:
    """The password of a storage may be in it; nobody else may put another in its place."""
    path = _frozen(sweep, tmp_path / "launch")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {one.stat().st_mode & 0o777 for one in (path, path.with_name("environment.json"))} == {0o600}


def test_the_yaml_files_are_copied(sweep: tuple[HydraContext, DictConfig], tmp_path: Path) -> None:
    """Each folder of the search path that somebody may edit, with its groups."""
    _frozen(sweep, tmp_path / "launch")
    (tmp_path / "conf/net/small.yaml").write_text("width: 3")
    copies = {path.name: path.read_text() for path in (tmp_path / "launch/conf").rglob("*.yaml")}
    assert copies["small.yaml"] == "width: 2"
    assert "config.yaml" in copies


def test_a_private_yaml_file_stays_private(sweep: tuple[HydraContext, DictConfig], tmp_path: Path) -> None:
    """It may hold a password."""
    (tmp_path / "conf/net/small.yaml").chmod(0o600)
    _frozen(sweep, tmp_path / "launch")
    (copy,) = (tmp_path / "launch/conf").rglob("small.yaml")
    assert copy.stat().st_mode & 0o777 == 0o600


def test_what_other_sweeps_have_left_is_not_copied(sweep: tuple[HydraContext, DictConfig], tmp_path: Path) -> None:
    """They lie beside the configs where `config_path` is the directory of the command."""
    for name in ("conf/studies/a/multirun.yaml", "conf/studies/a/launches/0/conf/0/config.yaml", "conf/net/big.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("width: 4")
    _frozen(sweep, tmp_path / "launch")
    copies = {path.name for path in (tmp_path / "launch/conf").rglob("*.yaml")}
    assert copies == {"config.yaml", "small.yaml", "big.yaml"}


def test_a_worker_gets_the_drivers_surroundings(
    sweep: tuple[HydraContext, DictConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its import path comes first, its working directory and its settings are the driver's."""
    here = Path.cwd()
    monkeypatch.setattr(sys, "path", ["/drivers/own", *sys.path])
    path = _frozen(sweep, tmp_path / "launch")
    monkeypatch.setattr(sys, "path", ["/workers/own"])
    os.chdir(tmp_path)
    payload = load_payload(path)
    assert payload["settings"] == {"max_resubmissions": 3}
    assert (sys.path[0], sys.path[-1]) == ("/drivers/own", "/workers/own")
    assert Path.cwd() == here


@pytest.mark.parametrize("is_changed", [False, True])
def test_the_state_of_the_code_is_recorded(
    sweep: tuple[HydraContext, DictConfig], tmp_path: Path, is_changed: bool
) -> None:
    """Git's commit, whether a file differs from it, and the packages; files that git does not know do not count."""
    Path("model.py").write_text("width = 1\n")
    for words in (["init", "-q"], ["add", "model.py"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm1"]):
        _git(*words)
    Path("new.py").touch()
    if is_changed:
        Path("model.py").write_text("width = 2\n")
    kept = json.loads(_frozen(sweep, tmp_path / "launch").with_name("environment.json").read_text())
    head = _git("rev-parse", "HEAD")
    assert (kept["git_commit"], kept["git_dirty"]) == (head, is_changed)
    assert any(line.startswith("hydra-core==") for line in kept["packages"])


def test_code_outside_of_git_is_no_fault(
    sweep: tuple[HydraContext, DictConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nothing is known of it."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    kept = json.loads(_frozen(sweep, tmp_path / "launch").with_name("environment.json").read_text())
    assert (kept["git_commit"], kept["git_dirty"]) == (None, None)


@pytest.fixture
def old_payload(tmp_path: Path) -> Path:
    """As commit 4a3b948 wrote it: a pickle and nothing before it, whose task lies in a module that is gone."""
    job = b"chyperopt_app.evaluation\nWorkerTask\n."
    path = tmp_path / "payload.pkl"
    content = {"sys_path": ["/drivers/own"], "cwd": "/", "settings": {"max_resubmissions": 3}, "job": job}
    path.write_bytes(pickle.dumps(content))
    return path


def test_a_payload_begins_with_its_version(sweep: tuple[HydraContext, DictConfig], tmp_path: Path) -> None:
    """In a line of text before the pickle, so that any release can tell."""
    path = _frozen(sweep, tmp_path / "launch")
    assert path.read_bytes().startswith(HEAD)
    assert is_of_this_release(path)


def test_a_payload_of_another_release_is_not_unpickled(old_payload: Path) -> None:
    """Neither the oldest form nor a later one; import path and working directory stay as they are."""
    before = [*sys.path], Path.cwd()
    later = old_payload.with_name("later.pkl")
    later.write_bytes(b"hyperopt_app payload 999\n" + old_payload.read_bytes())
    for path in (old_payload, later):
        assert not is_of_this_release(path)
        with pytest.raises(PayloadError, match="written by another release"):
            load_payload(path)
    assert ([*sys.path], Path.cwd()) == before


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_payload_that_others_can_have_written_is_not_unpickled(
    sweep: tuple[HydraContext, DictConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
) -> None:
    """A pickle runs what its writer wants; the worker ends with one line."""
    path = _frozen(sweep, tmp_path / "launch")
    (path if place == "file" else path.parent).chmod(0o770)
    monkeypatch.setattr(pickle, "loads", lambda _bytes: pytest.fail("it was unpickled"))
    assert worker_process.main([str(path)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "may be written by other users (mode 770)" in told


def test_a_worker_with_an_old_payload_says_so_in_one_line(
    old_payload: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And ends with a failure, before it could open the study."""
    assert worker_process.main([str(old_payload)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "run the command of the search again" in told


def test_a_job_with_an_old_payload_does_not_come_back(old_payload: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its workers ran when the upgrade came; put back into the queue it could only fail."""
    job = {"SLURM_JOB_ID": "7"}
    note_end(old_payload, job)
    assert after_job(old_payload, job, lambda _words: pytest.fail("Slurm was asked")) == 0
    assert "is not put back into the queue" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("in_the_job", "found"),
    [(None, "script"), ("shell", "script"), ("scheduler", "scheduler")],
    ids=["not there", "as the driver found it", "set by the scheduler"],
)
def test_a_variable_that_the_script_has_set(
    sweep: tuple[HydraContext, DictConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_the_job: str | None,
    found: str,
) -> None:
    """It reaches a job, unless the scheduler has given the job a value of its own."""
    monkeypatch.setattr(payload_module, "_set_by_the_script", lambda: {"ROOT": ("shell", "script")})
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = _frozen(sweep, tmp_path / "launch")
    monkeypatch.setenv("ROOT", "")  # so that the test's end takes away what is set here
    monkeypatch.delenv("ROOT")
    if in_the_job is not None:
        monkeypatch.setenv("ROOT", in_the_job)
    load_payload(path)
    assert os.environ["ROOT"] == found
