# SPDX-License-Identifier: MIT
"""When a command line sets the sweeper without asking for a sweep, and what our config brings then."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.types import RunMode

from hydra_plugins.hyperopt_app.run_note import is_needed, refers
from hyperopt_app.config.store import register_run_note
from tests.unit._made_sweeps import sweeper_node

APP = Path(__file__).resolve().parents[2] / "apps" / "epochs" / "app.py"


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


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-m hydra.sweeper.logger=${nope}", True),
        ("-m ++hydra.sweeper.budget={trainings:${nope}}", True),
        ("-m hydra.launcher.gpus=${my.gpus}", True),
        ("-m hydra.sweeper.n_trials=3 lr=${x}", False),
        ("-m hydra.sweep.dir=${x}", False),
    ],
)
def test_only_interpolations_of_the_search_call_for_the_check(line: str, expected: bool) -> None:
    """In what Hydra resolves before it makes our sweeper."""
    assert refers(line.split()) is expected


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("hydra.sweeper.logger=${nope}", "hydra.sweeper.logger: Interpolation key 'nope' not found"),
        ("hydra.sweeper.budget={trainings: '${nope:1}'}", "hydra.sweeper.budget.trainings: Unsupported interpolation"),
        ("hydra.launcher.grace_s=${oc.env:NOPE}", "hydra.launcher.grace_s: KeyError raised"),
    ],
)
def test_what_cannot_be_resolved_is_one_line_in_any_program(
    word: str, said: str, run_script: Callable[..., CompletedProcess[str]]
) -> None:
    """No traceback of Hydra's, and no study."""
    done = run_script(APP, "--multirun", word)
    lines = [line for line in done.stderr.splitlines() if "nothing was started" in line]
    assert (done.returncode, len(lines)) == (1, 1), done.stdout + done.stderr
    assert lines[0].startswith(said)
    assert "Traceback" not in done.stderr
    assert not Path("study").exists()
