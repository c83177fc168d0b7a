# SPDX-License-Identifier: MIT
"""Keys that nobody reads, and values that cannot be read."""

import math
from collections.abc import Sequence

import pytest
from hydra import compose, initialize_config_module
from omegaconf import DictConfig

from hyperopt_app.settings.keys import not_numbers, unknown_keys, unreadable
from tests._releases import BASE


def _config(*words: str) -> DictConfig:
    with initialize_config_module("hyperopt_app.conf", job_name="hyperopt_app", **BASE):
        return compose("config", ["hparams=sphere", *words], return_hydra_config=True)


def _faults(found: Sequence[str]) -> str:
    return "\n".join(found)


def test_what_every_study_has_is_known() -> None:
    """No fault without a mistake."""
    config = _config()
    assert unknown_keys(config) == []
    assert unreadable(config) == []


def test_an_unknown_key_is_told_with_the_nearest_name() -> None:
    """Under the sweeper and under a launcher of ours."""
    told = _faults(unknown_keys(_config("+hydra.sweeper.n_trails=1", "+hydra.launcher.max_paralel=1")))
    assert "hydra.sweeper.n_trails: the sweeper has no such field (did you mean n_trials or constraints?)" in told
    assert "hydra.launcher.max_paralel: the launcher has no such field (did you mean max_parallel?)" in told


def test_a_field_in_anothers_place_is_told_with_its_own() -> None:
    """Of the sweeper under the launcher, of the launcher under the sweeper, of both under hydra."""
    words = ("+hydra.launcher.n_trials=1", "+hydra.sweeper.gpus=[0]", "+hydra.n_jobs=2")
    told = _faults(unknown_keys(_config(*words)))
    assert "hydra.launcher.n_trials: n_trials is a field of hydra.sweeper" in told
    assert "hydra.sweeper.gpus: gpus is a field of hydra.launcher" in told
    assert "hydra.n_jobs: nothing reads it here" in told


def test_keys_of_a_launcher_of_others_are_theirs() -> None:
    """We know nothing of its fields."""
    assert unknown_keys(_config("hydra/launcher=basic", "+hydra.launcher.foo=1")) == []


@pytest.mark.parametrize(
    ("launcher", "field", "owners"),
    [
        ("basic", "gpus_per_trial", "local_workers, slurm_workers, pbs_workers, lsf_workers, by_hand have the field"),
        ("joblib", "gpus_per_trial", "choose hydra/launcher=local_workers"),
        ("submitit_local", "nodes_per_trial", "slurm_workers has the field: choose hydra/launcher=slurm_workers"),
        ("local_workers", "nodes_per_trial", "slurm_workers has the field"),
        ("pbs_workers", "ranks_per_node", "slurm_workers has the field"),
    ],
)
def test_a_launcher_without_ranks_says_which_has_them(launcher: str, field: str, owners: str) -> None:
    """Once Hydra has let the key in, by a plus or a file; in one line."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    (fault,) = unknown_keys(_config(f"hydra/launcher={launcher}", f"+hydra.launcher.{field}=2"))
    assert fault.startswith(f"hydra.launcher.{field}: this launcher gives a trial no GPUs or processes")
    assert owners in fault


def test_each_reference_that_leads_nowhere_is_told() -> None:
    """All of them at once, each with its key."""
    told = unreadable(_config("hydra.sweeper.storage='${nope}'", "hydra.sweeper.params.x='${no.pe}'"))
    told += unreadable(_config("hydra.launcher.gpus='${nope}'", "hydra.sweep.dir='${nope}'"))
    keys = [fault.split(":")[0] for fault in told]
    assert keys == ["hydra.sweeper.storage", "hydra.sweeper.params.x", "hydra.launcher.gpus", "hydra.sweep.dir"]
    assert all("Interpolation key" in fault and "not found" in fault for fault in told)


def test_nan_is_no_number() -> None:
    """Wherever it stands."""
    assert not_numbers({"a": [1.0, math.nan], "b": 2.0}, "hydra.sweeper") == [
        "hydra.sweeper.a[1]: nan is not allowed; write a number"
    ]
