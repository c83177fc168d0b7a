# SPDX-License-Identifier: MIT
"""The study files in conf/, whatever their objective."""

import subprocess
import sys
from pathlib import Path

import pytest

from hyperopt_app.app import check_objective
from tests.examples._trials import composed

CONF = Path(__file__).resolve().parents[2] / "conf"
FILES = sorted([*CONF.glob("hparams/*.yaml"), *CONF.glob("scale/*.yaml")])
STUDIES = sorted(path.stem for path in CONF.glob("hparams/*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_study_file_opens_with_the_command_that_uses_it(path: Path) -> None:
    """After the package line, which Hydra wants first, comes a command to copy."""
    package, command = path.read_text(encoding="utf-8").splitlines()[:2]
    assert package == "# @package _global_"
    assert command.startswith("# python -m hyperopt_app --multirun hparams=")


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_names_an_objective(study: str) -> None:
    """Its `_target_` can be imported and derives from Objective."""
    conf = composed(f"hparams={study}")
    assert conf.objective["_target_"].startswith(f"objectives.{study}.")
    assert check_objective(conf) == []


def test_the_full_scale_has_the_original_sizes() -> None:
    """`scale=full` composes the original project's model config."""
    model = composed("hparams=holodec", "scale=full").model
    assert model.hidden_dims == [3, 94, 141, 471, 425, 1122]
    assert (model.z_dim, model.dense_hidden_dims, model.dense_dropouts) == (1277, [1000], [0.0])
    assert model.tasks == ["x", "y", "z", "d", "binary"]


def test_looking_at_the_objectives_loads_no_torch() -> None:
    """The driver imports them before it starts a worker, and must not spend seconds on that."""
    code = "import sys, objectives.holodec, objectives.digits, objectives.sphere; print('torch' in sys.modules)"
    environment = {"PYTHONPATH": str(CONF.parent)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.strip() == "False"
