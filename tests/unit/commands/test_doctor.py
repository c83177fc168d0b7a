# SPDX-License-Identifier: MIT
"""`hyperopt-app doctor` as it is typed: the examined program runs in a process of its own, and nothing is left."""

import json
import os
import sys
from pathlib import Path

import pytest

from hyperopt_app import cli
from hyperopt_app.doctor.examination import Wishes
from hyperopt_app.doctor.started import examined

APP = """
from pathlib import Path

import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    Path("trained").touch()
    return cfg.lr


if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}]
lr: 0.1
hydra: {sweep: {dir: study}, sweeper: {params: {lr: 'interval(0, 1)'}}}
"""
TORCH = "__version__ = '2.9'\nclass cuda:\n    is_available = staticmethod(lambda: False)\n"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hydra program with our sweeper, and a torch that takes no time to import."""
    (tmp_path / "torch.py").write_text(TORCH, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    Path("app.py").write_text(APP, encoding="utf-8")
    Path("config.yaml").write_text(CONFIG, encoding="utf-8")
    return Path("app.py")


def test_a_program_of_others_is_examined(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its whole command stands after two dashes; without a fault the command ends with 0, and nothing was trained."""
    before = {*Path.cwd().iterdir()}
    cli.main(["doctor", "--json", "--", sys.executable, str(app), "lr=choice(0.1,0.5)"])
    results = json.loads(capsys.readouterr().out)
    assert {*Path.cwd().iterdir()} == before
    assert {result["verdict"] for result in results} <= {"ok", "warning"}
    assert {"config", "objective", "locks", "storage", "gpus"} <= {result["check"] for result in results}
    assert set(results[0]) == {"check", "verdict", "text", "remedy"}


def test_a_fault_is_printed_with_its_remedy_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Here an option that Hydra does not know, for which nothing else can be examined."""
    with pytest.raises(SystemExit) as end:
        cli.main(["doctor", "--", "hparams=nope"])
    assert end.value.code == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == ["fault", "config"]
    assert "hparams/nope" in line
    assert "sphere" in line


def test_a_program_with_another_sweeper_is_not_run(app: Path) -> None:
    """It would search by itself, since only our sweeper knows of the examination."""
    (result,) = examined([sys.executable, str(app), "hydra/sweeper=basic"], Wishes())
    assert (result.check, result.verdict) == ("config", "fault")
    assert "hydra/sweeper: async_optuna" in result.remedy
    assert not Path("trained").exists()


def test_a_program_that_is_not_there_is_a_fault() -> None:
    """Without a traceback."""
    (result,) = examined(["nowhere/train", "lr=1"], Wishes())
    assert "nowhere/train cannot be started: No such file or directory" in result.line


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("try_s", [None, pytest.param(120.0, marks=pytest.mark.nightly)])
def test_the_search_of_holograms_has_no_fault(try_s: float | None) -> None:
    """As the README types it; with a short training of the network that is tried; nothing is left."""
    pytest.importorskip("pytorch_lightning")
    short = ("trainer.epochs=1", "data.n_train=32", "data.n_valid=16", "data.cache=null")
    results = examined(["hparams=holodec", *short], Wishes(try_s=try_s))
    assert [result.line for result in results if result.verdict != "ok"] == []
    assert {result.check for result in results} >= {"config", "objective", "locks", "storage", "gpus", "cost"}
    trials = [result.text for result in results if result.check == "trial"]
    assert len(trials) == (try_s is not None)
    assert all("val_loss=" in text and "reported 1 value" in text for text in trials)
    assert list(Path.cwd().iterdir()) == []
