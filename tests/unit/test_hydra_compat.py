# SPDX-License-Identifier: MIT
"""The functions that hide which Hydra is there; most of them are held by the tests of what they serve."""

from pathlib import Path

import hydra
import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from hyperopt_app.hydra_compat import answering_hydra, bare_context, changes_directory, note_overrides
from tests._releases import IS_1_4
from tests.unit._made_sweeps import made_sweep, write_configs

CONFIG = {
    "config": "x: 1\nhydra: {sweep: {dir: '${hydra:runtime.cwd}/study', subdir: '${hydra.job.override_dirname}'}}"
}


def test_a_job_stays_where_it_was_started_unless_it_is_asked() -> None:
    """What the config says counts."""
    assert [changes_directory(said) for said in (True, False, None)] == [True, False, False]


@pytest.mark.skipif(IS_1_4, reason="Hydra 1.4 knows no version_base of old")
def test_an_old_program_expects_its_job_in_a_directory_of_its_own() -> None:
    """With a version_base of 1.1, and only where the config does not say otherwise."""
    hydra.version.VersionBase.instance().setbase(hydra.version.Version("1.1"))  # type: ignore[attr-defined]
    assert [changes_directory(said) for said in (True, False, None)] == [True, False, True]


def test_the_directory_of_a_sweep_may_ask_hydra(tmp_path: Path) -> None:
    """While the body runs; afterwards Hydra answers what it did before."""
    _, config = made_sweep(write_configs(tmp_path, CONFIG))
    HydraConfig.instance().cfg = before = None
    if not IS_1_4:
        with answering_hydra(config):
            assert config.hydra.sweep.dir == f"{Path.cwd()}/study"
            assert not OmegaConf.is_readonly(config.hydra)
    assert HydraConfig.instance().cfg is before


def test_a_job_is_named_after_the_overrides_that_it_has(tmp_path: Path) -> None:
    """Also where the text is a part of the config."""
    context, config = made_sweep(write_configs(tmp_path, CONFIG))
    job = context.config_loader.load_sweep_config(config, ["x=2"])
    OmegaConf.set_readonly(job.hydra, False)
    note_overrides(job, ["x=3", "+y=a"])
    HydraConfig.instance().set_config(job)
    assert job.hydra.sweep.subdir == "+y=a,x=3"


def test_a_workers_context_has_no_callbacks_of_the_user(tmp_path: Path) -> None:
    """And the same loader."""
    context, _ = made_sweep(write_configs(tmp_path, CONFIG))
    bare = bare_context(context)
    assert bare.callbacks is not context.callbacks
    assert bare.callbacks.callbacks == []
    assert bare.config_loader is context.config_loader
