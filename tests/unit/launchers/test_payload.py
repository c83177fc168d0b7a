# SPDX-License-Identifier: MIT
"""What is frozen at submission, and what a worker finds of it later."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.launchers.payload import freeze, thaw
from tests.unit._made_sweeps import made_sweep, write_configs


def _task(_config: DictConfig) -> None:
    """Nothing."""


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[HydraContext, DictConfig]:
    """A sweep whose config has a group."""
    configs = write_configs(tmp_path / "conf", {"config": "defaults: [net: small]\nx: 1", "net/small": "width: 2"})
    return made_sweep(configs, f"hydra.sweep.dir={tmp_path}/study")


def _frozen(sweep: tuple[HydraContext, DictConfig], place: Path) -> Path:
    return freeze(place, *sweep, _task, [["x=1"], ["x=1"]], {"max_resubmissions": 3})


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607


def test_a_payload_is_the_owners_alone(sweep: tuple[HydraContext, DictConfig], tmp_path: Path) -> None:
    """The password of a storage may be in it."""
    path = _frozen(sweep, tmp_path / "launch")
    assert {one.stat().st_mode & 0o777 for one in (path, path.with_name("environment.json"))} == {0o600}


def test_the_yaml_files_are_copied(sweep: tuple[HydraContext, DictConfig], tmp_path: Path) -> None:
    """Each folder of the search path that somebody may edit, with its groups."""
    _frozen(sweep, tmp_path / "launch")
    (tmp_path / "conf/net/small.yaml").write_text("width: 3")
    copies = {path.name: path.read_text() for path in (tmp_path / "launch/conf").rglob("*.yaml")}
    assert copies["small.yaml"] == "width: 2"
    assert "config.yaml" in copies


def test_a_worker_gets_the_drivers_surroundings(
    sweep: tuple[HydraContext, DictConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its import path comes first, its working directory and its settings are the driver's."""
    here = Path.cwd()
    monkeypatch.setattr(sys, "path", ["/drivers/own", *sys.path])
    path = _frozen(sweep, tmp_path / "launch")
    monkeypatch.setattr(sys, "path", ["/workers/own"])
    os.chdir(tmp_path)
    payload = thaw(path)
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
