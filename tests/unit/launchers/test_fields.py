# SPDX-License-Identifier: MIT
"""The fields of our launchers against their limits."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from hyperopt_app.config.launchers import SCHEMAS
from hyperopt_app.launchers.fields import field_faults


def _settings(name: str, **changes: Any) -> dict[str, Any]:
    plain: Any = OmegaConf.to_container(OmegaConf.structured(SCHEMAS[name]), resolve=False)
    return {**plain, **changes}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_defaults_have_no_fault(name: str) -> None:
    """Nobody has to write a field to get rid of a fault."""
    assert field_faults(SCHEMAS[name], _settings(name)) == []


@pytest.mark.parametrize(
    ("name", "field", "value", "words"),
    [
        ("slurm_workers", "timeout_min", 0, "set a whole number from 1"),
        ("slurm_workers", "mem_gb", 0, "{mem: 0}"),
        ("slurm_workers", "nodes", -1, "set a whole number from 1"),
        ("slurm_workers", "gpus_per_node", -1, "set a whole number from 0"),
        ("slurm_workers", "cpus_per_task", 10**20, "to 2147483647"),
        ("slurm_workers", "mem_per_cpu", "0", "a size above 0"),
        ("slurm_workers", "partition", " ", "write something"),
        ("slurm_workers", "python", "a 'b", "close what is open"),
        ("slurm_workers", "signals", [], "at least one signal"),
        ("slurm_workers", "node_check", [""], "a command, or null"),
        ("pbs_workers", "mem", "-3gb", "a size above 0"),
        ("pbs_workers", "ncpus", 0, "set a whole number from 1"),
        ("pbs_workers", "max_resubmissions", -1, "set a whole number from 0"),
        ("pbs_workers", "folder", "a" * 300, "more than 255 bytes"),
        ("local_workers", "max_parallel", 0, "set a whole number above 0"),
        ("local_workers", "gpus", [], "list device numbers"),
    ],
)
def test_what_cannot_be_is_told_with_its_key(name: str, field: str, value: Any, words: str) -> None:
    """Before a study is made; sbatch, qsub or a worker would say it afterwards."""
    faults = field_faults(SCHEMAS[name], _settings(name, **{field: value}))
    assert len(faults) == 1
    assert faults[0].startswith(f"hydra.launcher.{field}: ")
    assert words in faults[0]


def test_a_launcher_of_others_is_not_judged() -> None:
    """Its fields mean what its authors say."""
    assert field_faults(None, {"n_jobs": -1, "name": ""}) == []
