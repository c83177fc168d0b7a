# SPDX-License-Identifier: MIT
"""Model files that are unusual and ran: very long, dumped by Python, in folders with blanks."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import REPO

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HYPER = """\
    save_path: results
    optuna:
      study_name: "rain é 1"
      storage: rain.db
      storage_type: sqlite
      objective: "the objective.py"
      metric: loss
      direction: minimize
      n_trials: 2
      gpu: False
      parameters:
        model:layers: {type: int, settings: {name: layers, low: 1, high: 4}}
    """

OBJECTIVE = """\
    from echo.src.base_objective import *


    class Objective(BaseObjective):
        def train(self, trial, conf):
            assert conf["model"]["shape"] == (64, (3, 3)), conf["model"]
            assert conf["stations"] == list(range(12_000))
            return {"loss": conf["model"]["layers"]}
    """


def test_a_long_model_file_with_tuples_runs(run_script: Run) -> None:
    """More values than OmegaConf takes by itself, and the tuples are tuples in every trial."""
    folder = Path("the study é")
    folder.mkdir()
    (folder / "hyper parameters.yml").write_text(dedent(HYPER), encoding="utf-8")
    (folder / "the objective.py").write_text(dedent(OBJECTIVE), encoding="utf-8")
    model = "model: {layers: 2, shape: !!python/tuple [64, !!python/tuple [3, 3]]}\n"
    (folder / "it's a model.yml").write_text(f"{model}stations: {list(range(12_000))}\n", encoding="utf-8")
    words = (REPO / "optimize.py", folder / "hyper parameters.yml", folder / "it's a model.yml")
    done = run_script(*words, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of 2 complete" in done.stdout + done.stderr
