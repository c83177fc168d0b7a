# SPDX-License-Identifier: MIT
"""What Hydra leaves out of a config when +hyperopt is added to it."""

from functools import partial
from pathlib import Path

import pytest

from hyperopt_app.driver.request import _composed
from hyperopt_app.settings.lost_keys import lost_keys
from tests.unit._made_sweeps import made_sweep, write_configs

OVERRIDES_ALONE = "defaults: [{override hydra/sweeper: async_optuna}]\nnet: {width: 1}\nseed: 3\n"


def _faults(tmp_path: Path, text: str, *command: str) -> list[str]:
    context, config = made_sweep(write_configs(tmp_path, {"config": text}), *command)
    return lost_keys(config, partial(_composed, context.config_loader, config))


@pytest.mark.parametrize("option", ["local", "slurm", "pbs"])
def test_lost_keys_are_a_fault(tmp_path: Path, option: str) -> None:
    """They are named, with the line that keeps them."""
    (fault,) = _faults(tmp_path, OVERRIDES_ALONE, f"+hyperopt={option}")
    assert fault.startswith(f"+hyperopt={option}: Hydra leaves net, seed of config out")
    assert "`- _self_`" in fault


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (OVERRIDES_ALONE, ()),
        (OVERRIDES_ALONE.replace("[", "[_self_, "), ("+hyperopt=local",)),
        ("net: {width: 1}\n", ("+hyperopt=local",)),
        (OVERRIDES_ALONE.replace("[", "[_self_, "), ("+hyperopt=local", "+new=1", "~seed")),
    ],
    ids=["nothing is added", "_self_ is there", "no defaults", "other words of the command line"],
)
def test_a_whole_config_is_none(tmp_path: Path, text: str, command: tuple[str, ...]) -> None:
    """Also where the command line itself adds or takes away."""
    assert _faults(tmp_path, text, *command) == []
