# SPDX-License-Identifier: MIT
"""What an objective of the original says before anything starts, and what is written after its trials."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from hyperopt_app.legacy.objectives.adapter import LegacyObjective
from tests.unit._made_objectives import LEGACY


def a_sweep(**changes: Any) -> Any:
    file = changes.pop("file", LEGACY / "endings.py")
    launcher = changes.pop("launcher", {"_target_": "hydra_plugins.hyperopt_app.launchers.LocalWorkersLauncher"})
    return OmegaConf.create(
        {
            "objective": {"file": str(file), "metric": "m", "dialect": "B3", "save_path": str(Path.cwd())},
            "hydra": {"launcher": launcher, "sweeper": {"dry_run": False, **changes}},
        }
    )


def test_the_file_is_checked_before_anything_starts(caplog: pytest.LogCaptureFixture) -> None:
    """A dry run only warns of a file that is not there yet."""
    assert LegacyObjective.check(a_sweep()) == []
    (fault,) = LegacyObjective.check(a_sweep(file="/no/such.py"))
    assert "does not exist" in fault
    assert LegacyObjective.check(a_sweep(file="/no/such.py", dry_run=True)) == []
    assert [record.message for record in caplog.records] == [fault]


def test_a_missing_module_is_a_fault_unless_it_is_accepted(caplog: pytest.LogCaptureFixture) -> None:
    """A job runs this very Python, but its lines may set PYTHONPATH; in a trial nobody looks again."""
    file = Path("objective.py").absolute()
    file.write_text("\nimport no_such_module\nclass Objective:\n    def train(self): pass\n", encoding="utf-8")
    (fault,) = LegacyObjective.check(a_sweep(file=file))
    assert "line 2: no module named 'no_such_module'" in fault
    slurm = {"_target_": "hydra_plugins.hyperopt_app.launchers.SlurmWorkersLauncher", "setup": ["module load conda"]}
    (of_job,) = LegacyObjective.check(a_sweep(file=file, launcher=slurm))
    assert "to start all the same where the jobs' own lines bring it: --accept_missing of hyperopt-app legacy" in of_job
    accepted = a_sweep(file=file, launcher=slurm)
    accepted.objective.accept_missing = True
    assert LegacyObjective.check(accepted) == []
    assert [record.message for record in caplog.records] == [fault.partition(" (the Python is")[0]]
    alone = OmegaConf.create({"objective": {"file": str(file)}})
    assert LegacyObjective.check(alone) == []


def test_trials_start_with_its_packages() -> None:
    """Those that it and its neighbours import."""
    pytest.importorskip("torch")
    assert "torch" in LegacyObjective.preload(a_sweep(file=LEGACY / "torch_a1.py"))


def test_the_tables_are_written_from_the_study(tmp_path: Path) -> None:
    """Nothing is written while no trial has returned."""
    study = optuna.create_study()
    LegacyObjective.write_results(study, tmp_path, a_sweep())
    assert not list(Path.cwd().glob("*.csv"))
