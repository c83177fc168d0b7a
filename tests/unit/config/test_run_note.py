# SPDX-License-Identifier: MIT
"""When a command line sets the sweeper without asking for a sweep, and what our config brings then."""

from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.types import RunMode

from hydra_plugins.hyperopt_app.run_note import is_needed
from hyperopt_app.config.store import register_run_note
from tests.unit._made_sweeps import sweeper_node


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hydra.sweeper.n_trials=5", True),
        ("x=1 +hydra.sweeper.params.x=3", True),
        ("hydra/sweeper/sampler=random", True),
        ("hydra/sweeper=async_optuna", True),
        ("", False),
        ("x=1 hydra.sweep.dir=a hydra.run.dir=b", False),
        ("hydra.sweepers.x=1", False),
        ("-m hydra.sweeper.n_trials=5", False),
        ("hydra.sweeper.n_trials=5 --multirun", False),
        ("hydra.mode=MULTIRUN hydra.sweeper.n_trials=5", False),
        ("hydra.mode=RUN hydra.sweeper.n_trials=5", False),
    ],
)
def test_only_a_pointless_override_calls_for_the_note(line: str, expected: bool) -> None:
    """Whoever names the mode knows it."""
    assert is_needed(line.split()) is expected


def _callbacks(sweeper: str) -> Any:
    loader = ConfigLoaderImpl(config_search_path=create_config_search_path(None))
    return loader.load_configuration(None, [f"hydra/sweeper={sweeper}"], run_mode=RunMode.RUN).hydra.callbacks


def test_only_our_sweepers_config_brings_the_callback() -> None:
    """Where the command calls for the note; beside the stock sweeper nothing changes, and ours keeps all its fields."""
    before = sweeper_node()
    assert _callbacks("async_optuna") == {}
    register_run_note("some.Callback")
    assert sweeper_node() == before
    assert _callbacks("basic") == {}
    assert _callbacks("async_optuna") == {"hyperopt_app": {"_target_": "some.Callback"}}
