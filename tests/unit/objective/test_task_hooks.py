# SPDX-License-Identifier: MIT
"""What somebody else's app can do for a sweep: `TaskHooks`."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import optuna
from omegaconf import DictConfig, OmegaConf

from hyperopt_app import TaskHooks
from hyperopt_app.objective.task_hooks import hooks_of

CONFIG = OmegaConf.create({"data": "nowhere"})


class Training(TaskHooks):
    """An app that overrides one hook."""

    def __call__(self, cfg: DictConfig) -> float:
        return float(len(cfg))

    def preflight(self, config: DictConfig) -> Sequence[str]:
        return [f"data: {config.data} is not there"]


class Complete:
    """An app that has the methods and does not derive from ours."""

    def __call__(self, cfg: DictConfig) -> float:
        return float(len(cfg))

    def preflight(self, config: DictConfig) -> Sequence[str]:
        return ()

    def preload(self, config: DictConfig) -> Sequence[str]:
        return ["heavy"]

    def write_results(self, study: optuna.Study, study_dir: Path, config: DictConfig) -> None:
        (study_dir / "own.txt").touch()

    def suggested_key(self, config: DictConfig) -> str | None:
        return "own"


def _logged(task: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(task)
    def run(cfg: Any) -> Any:
        return task(cfg)

    return run


def _plain(cfg: DictConfig) -> float:
    return float(len(cfg))


def test_a_plain_function_has_the_defaults(tmp_path: Path) -> None:
    """No fault, no module, no file, no key."""
    hooks = hooks_of(_plain)
    assert (*hooks.preflight(CONFIG), *hooks.preload(CONFIG)) == ()
    hooks.write_results(optuna.create_study(), tmp_path, CONFIG)
    assert hooks.suggested_key(CONFIG) is None
    assert not list(tmp_path.iterdir())


def test_an_app_overrides_what_it_needs() -> None:
    """The other hooks are the defaults."""
    hooks = hooks_of(Training())
    assert list(hooks.preflight(CONFIG)) == ["data: nowhere is not there"]
    assert list(hooks.preload(CONFIG)) == []


def test_an_app_need_not_derive_from_ours() -> None:
    """An object with all four methods has hooks."""
    hooks = hooks_of(Complete())
    assert (hooks.preload(CONFIG), hooks.suggested_key(CONFIG)) == (["heavy"], "own")


def test_hooks_are_found_below_decorators() -> None:
    """Those that use functools.wraps, as hydra.main does."""
    assert list(hooks_of(_logged(_logged(Training()))).preflight(CONFIG)) == ["data: nowhere is not there"]


def test_hooks_travel_to_other_processes() -> None:
    """A task is pickled on its way to workers."""
    assert list(hooks_of(cloudpickle.loads(cloudpickle.dumps(Training()))).preflight(CONFIG))
