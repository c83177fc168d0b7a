# SPDX-License-Identifier: MIT
"""The moment of the command."""

from datetime import datetime
from typing import Any

import pytest
from hydra.core.utils import setup_globals
from omegaconf import OmegaConf

from hyperopt_app.support.moment import at_moment, moment_of
from tests.unit._made_sweeps import NOON


@pytest.fixture(autouse=True)
def resolvers() -> None:
    """Those of Hydra."""
    setup_globals()


def _read(text: str) -> Any:
    return OmegaConf.create({"value": text}).value


def test_now_is_the_moment_of_the_command() -> None:
    """In every format; afterwards the clock counts again."""
    with at_moment(NOON):
        assert _read("${now:%Y-%m-%d %H:%M:%S}") == "2026-11-26 12:00:00"
    assert _read("${now:%Y-%m-%d %H:%M:%S.%f}") != "2026-11-26 12:00:00.000000"


def test_the_moment_is_what_the_config_has_told_already() -> None:
    """The sweep's directory has date and time in two formats, and others that say the same again."""
    config = OmegaConf.create({"a": "${now:%Y-%m-%d}", "b": "${now:%H-%M-%S}", "c": "${now:%Y}/${now:%H}"})
    with at_moment(NOON):
        _ = config.a, config.b, config.c
    assert moment_of(config) == NOON


@pytest.mark.parametrize("told", ["", "${now:%Y-%m-%d}", "${now:%H-%M-%S}", "${now:%s}", "${now:%%Y}"])
def test_without_a_whole_moment_it_is_the_present(told: str) -> None:
    """A part of it would be another day, or another century."""
    config = OmegaConf.create({"a": told})
    _ = config.a
    assert abs((moment_of(config) - datetime.now()).total_seconds()) < 60  # noqa: DTZ005 - local, as Hydra's
