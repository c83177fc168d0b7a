# SPDX-License-Identifier: MIT
"""The task function of this application: build the objective that the config names and train it once."""

import importlib
import logging
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hyperopt_app.config.hidden_files import hidden_files
from hyperopt_app.config.seeding import seed_libraries
from hyperopt_app.errors import ConfigError, HyperoptError
from hyperopt_app.hydra_compat import instantiate_class
from hyperopt_app.objective.base import Objective
from hyperopt_app.objective.task_hooks import TaskHooks
from hyperopt_app.objective.trial import current_seed, current_trial
from hyperopt_app.support.display_text import shortened, visible

if TYPE_CHECKING:
    import optuna

__all__ = ["check_objective", "train"]

_log = logging.getLogger(__name__)


def _trained(conf: DictConfig) -> Any:
    faults = _hidden_files() or check_objective(conf)
    if faults:
        raise ConfigError(faults)
    # Only a class that derives from Objective gets this far, so the YAML calls nothing else (Command starts programs).
    objective = instantiate_class(conf.objective, str(conf.objective["_target_"]))
    if current_trial() is None:
        _seed(conf)
    returned = objective.train(current_trial(), conf)
    if current_trial() is None:
        _log.info("Result: %s", _returned_text(returned))
    return returned


def _hidden_files() -> list[str]:
    """Return the user's config files that ours hide, of a training alone; a sweep has looked before its first trial."""
    if current_trial() is not None or not GlobalHydra.instance().is_initialized():
        return []
    config = OmegaConf.create({"hydra": HydraConfig.get()})
    return hidden_files(GlobalHydra.instance().config_loader(), config)


def _seed(conf: DictConfig) -> None:
    """Seed a training without a sweep, as a worker does for a trial."""
    own = conf.get("seed")
    seed = current_seed(own if isinstance(own, int) and not isinstance(own, bool) and own >= 0 else None)
    if seed is not None:
        seed_libraries(seed)


def check_objective(conf: DictConfig) -> list[str]:
    """Check `objective` in a config: missing, not importable, or not an Objective."""
    target, fault = _target_of(conf)
    if fault:
        return [fault]
    module, _, name = str(target).rpartition(".")
    try:
        objective_class = getattr(importlib.import_module(module), name) if module else None
    except (ImportError, AttributeError) as error:
        return [f"objective._target_: {target} cannot be imported ({error}); check the path, and that it is installed"]
    except Exception as error:  # noqa: BLE001 - an import runs the user's module, which may raise anything
        return [f"objective._target_: {target} cannot be imported: {module} raises {_raised(error)}; fix that first"]
    if not (isinstance(objective_class, type) and issubclass(objective_class, Objective)):
        return [f"objective._target_: {target} is not a class that derives from hyperopt_app.Objective"]
    return [f"objective: {fault}" for fault in objective_class.check(conf)]


def _target_of(conf: DictConfig) -> tuple[str, str]:
    """Return the class path that `objective` names, and the error in it."""
    try:
        node = OmegaConf.select(conf, "objective")
        target = OmegaConf.select(node, "_target_") if OmegaConf.is_dict(node) else None
    except OmegaConfBaseException as error:
        return "", f"objective: {visible(str(error).splitlines()[0])}; correct what it refers to"
    if not (node is None or OmegaConf.is_dict(node)):
        way = "write objective: {_target_: PATH.OF.A.CLASS}, or choose it with hparams=..."
        return "", f"objective: {shortened(repr(node))} is not a mapping; {way}"
    fault = "objective._target_: no objective is named; set the dotted path of a class deriving from Objective"
    return str(target), "" if target else fault


def _class_of(conf: DictConfig) -> type[Objective]:
    """Return the objective's class, which has been checked."""
    module, _, name = str(conf.objective["_target_"]).rpartition(".")
    target: type[Objective] = getattr(importlib.import_module(module), name)
    return target


class _Train(TaskHooks):
    """The task with its hooks, which forward to the objective's class."""

    def __call__(self, conf: DictConfig) -> Any:
        """Train once and return what the objective returns; in a trial or alone.

        Raises:
            SystemExit: Outside a trial, with the text of an error that is addressed to the user.
        """
        try:
            return _trained(conf)
        except HyperoptError as error:
            if current_trial() is not None:
                raise
            sys.exit(str(error))

    def preflight(self, config: DictConfig) -> list[str]:
        """Check `objective`."""
        return check_objective(config)

    def preload(self, config: DictConfig) -> list[str]:
        """Return the objective's module, which a trial imports, and the modules that it names."""
        return [str(config.objective["_target_"]).rpartition(".")[0], *_class_of(config).preload(config)]

    def write_results(self, study: "optuna.Study", study_dir: Path, config: DictConfig) -> None:
        """Write the objective's own result files."""
        _class_of(config).write_results(study, study_dir, config)

    def suggested_key(self, config: DictConfig) -> str | None:
        """Return the key for what the objective suggested itself, for the command that retrains."""
        return _class_of(config).suggested_key


# What Hydra runs, once a trial or alone.
train = _Train()


def _raised(error: Exception) -> str:
    """Describe the error that importing a module raised, and the line."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = "" if isinstance(error, SyntaxError) else f" ({frame.filename}, line {frame.lineno})"
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


def _returned_text(returned: Any) -> str:
    if isinstance(returned, Mapping):
        return ", ".join(f"{name}={value}" for name, value in returned.items())
    return str(returned)
