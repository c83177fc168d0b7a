# SPDX-License-Identifier: MIT
"""What each launcher can stands in its row."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hyperopt_app.launchers.registry import LAUNCHERS, LauncherRow, launcher_names, launcher_row
from hyperopt_app.schedulers.registry import SCHEDULERS
from tests.unit._made_sweeps import made_sweep, write_configs

# Runs in, keeps the terminal clean, isolates, lingers, detaches, asks a scheduler.
_CAN = {
    "local_workers": ("drivers job", True, True, True, False, ""),
    **{row.launcher: ("jobs", True, True, True, True, row.name) for row in SCHEDULERS.values()},
    "by_hand": ("jobs", False, True, True, True, ""),
    "basic": ("driver", False, False, False, False, ""),
    "joblib": ("drivers job", False, False, False, False, ""),
    "submitit_local": ("drivers job", True, False, False, False, ""),
    "submitit_slurm": ("jobs", True, False, False, False, ""),
}


def test_every_launcher_that_is_known_has_its_row_here() -> None:
    """A new row says what it can."""
    assert {row.name for row in LAUNCHERS} == set(_CAN)


@pytest.mark.parametrize("name", sorted(set(_CAN) - {"joblib"}))
def test_a_config_leads_to_the_row_of_its_launcher(name: str, tmp_path: Path) -> None:
    """By the class that Hydra's option names; joblib's package may not be there."""
    _, config = made_sweep(write_configs(tmp_path, {"config": "x: 1"}), f"hydra/launcher={name}")
    row = launcher_row(config)
    can = (row.runs_in, row.keeps_terminal_clean, row.isolates, row.lingers, row.detaches, row.scheduler)
    assert (row.name, can) == (name, _CAN[name])


def test_a_launcher_of_others_can_nothing() -> None:
    """Its workers are taken for jobs elsewhere that write to the terminal."""
    config = OmegaConf.create({"hydra": {"launcher": {"_target_": "theirs.SlurmWorkersLauncher"}}})
    assert launcher_row(config) == LauncherRow("theirs.SlurmWorkersLauncher")
    assert launcher_row(config).class_name == "SlurmWorkersLauncher"


def test_launchers_are_named_in_one_sentence() -> None:
    """Those that can something, in the order of the rows."""
    assert launcher_names(lambda row: row.runs_in == "driver", "or") == "basic"
    names = launcher_names(lambda row: row.isolates, "and")
    assert names.startswith("local_workers, slurm_workers")
    assert names.endswith(" and by_hand")
