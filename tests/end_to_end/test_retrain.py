# SPDX-License-Identifier: MIT
"""The line `retrain` of best.yaml, pasted as it stands, gives the value that the study stores, to the last digit."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.timeout(300)

APPS = Path(__file__).resolve().parents[1] / "apps"
REPO = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


def best_of(study: str) -> dict[str, Any]:
    """The content of best.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path(study, "best.yaml").read_text(encoding="utf-8"))
    return content


def pasted(line: str, *, fails: bool = False) -> str:
    """What a line of best.yaml writes when a shell runs it, on one thread, with this Python."""
    folder = Path("bin")
    folder.mkdir(exist_ok=True)
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{folder.absolute()}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def result(text: str, name: str) -> float:
    """A number that a training alone has told."""
    (found,) = re.findall(rf"\b{name}[= ]([-+.e0-9]+)", text)
    return float(found)


def searched(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def test_of_the_digits(run_app: Run) -> None:
    """The config has a key `seed`, so the line sets that, beside what seeds the libraries."""
    pytest.importorskip("sklearn")
    pytest.importorskip("torch")
    small = ("epochs=2", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1", "hydra/sweeper/pruner=nop")
    searched(run_app("--multirun", "hparams=digits", *small, env=ONE_THREAD, timeout=200))
    best = best_of("studies/digits")
    assert result(pasted(best["retrain"]), "val_accuracy") == best["value"]
    assert result(pasted(best["retrain"]), "val_loss") == best["metrics"]["val_loss"]
    assert best["retrain"].startswith(f"HYPEROPT_SEED={best['seed']} ")
    assert best["retrain"].endswith(f" seed={best['seed']}")


@pytest.mark.slow
def test_of_holodec(run_app: Run) -> None:
    """Lightning, whose loop has random numbers of its own."""
    pytest.importorskip("pytorch_lightning")
    data = ("data.n_train=64", "data.n_valid=32", "data.cache=null", "data.window=96")
    small = (*data, "trainer.epochs=2", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")
    searched(run_app("--multirun", "hparams=holodec", *small, "hydra/sweeper/pruner=nop", env=ONE_THREAD, timeout=200))
    best = best_of("studies/holodec")
    assert result(pasted(best["retrain"]), "val_loss") == best["value"]


def test_of_the_objective_in_the_readme(run_app: Run) -> None:
    """The config has no such key, so the seed stands before the command."""
    blocks = re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", (REPO / "README.md").read_text(), re.DOTALL)
    for name, text in blocks:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    searched(run_app("--config-dir", "conf", "--config-name", "my_study", "--multirun", "hydra.sweeper.n_trials=3"))
    best = best_of("studies/my_study")
    assert result(pasted(best["retrain"]), "val_loss") == best["value"]
    assert best["retrain"].startswith(f"HYPEROPT_SEED={best.get('seed')} python -m hyperopt_app ")


@pytest.mark.parametrize("launcher", ["local_workers", "basic"])
def test_of_an_app_that_seeds_nothing(launcher: str, run_script: Run) -> None:
    """It knows nothing of ours, imports NumPy late and draws from the global generators."""
    searched(run_script(APPS / "unseeded" / "train.py", "--multirun", f"hydra/launcher={launcher}"))
    best = best_of("study")
    assert result(pasted(best["retrain"]), "loss") == best["value"]
    assert best["retrain"].startswith(f"HYPEROPT_SEED={best['seed']} python ")


@pytest.mark.parametrize(("words", "word"), [(("seed=12",), "seed=12"), (("seed=choice(3,4)",), "seed=")])
def test_a_seed_that_the_user_gives_stays(words: tuple[str, ...], word: str, run_app: Run) -> None:
    """Searched or fixed, it is the seed of the trial's training, and the command gives its value."""
    pytest.importorskip("sklearn")
    pytest.importorskip("torch")
    small = ("epochs=1", "hydra.sweeper.n_trials=1", "hydra.sweeper.n_jobs=1")
    searched(run_app("--multirun", "hparams=digits", *small, *words, env=ONE_THREAD, timeout=200))
    best = best_of("studies/digits")
    value = result(pasted(best["retrain"]), "val_loss")
    assert value == best["metrics"]["val_loss"]
    assert f" {word}" in best["retrain"]
    assert best["seed"] == int(re.findall(r" seed=(\d+)", best["retrain"])[0])


def test_the_command_of_a_failed_trial_has_its_seed(run_script: Run) -> None:
    """It stands below the traceback, and fails in the same way."""
    done = run_script(APPS / "unseeded" / "train.py", "--multirun", "x=interval(0.4, 0.6)", "+fails=true")
    (line,) = re.findall(r"^  again: (.*)$", done.stderr, re.MULTILINE) or [""]
    (story,) = set(re.findall(r"ValueError: (.*)", done.stderr)) or {""}
    assert line.startswith("HYPEROPT_SEED="), done.stderr
    assert story in pasted(line, fails=True)
