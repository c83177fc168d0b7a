# SPDX-License-Identifier: MIT
"""The loggers by name: what is wrong with their settings, and the run that each of them opens."""

import importlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from hyperopt_app.config.loggers import LOGGERS
from hyperopt_app.loggers.run import RunFacts, RunLogger
from hyperopt_app.support.display_text import did_you_mean, shortened

__all__ = ["logger_faults", "open_run", "with_absolute_places"]

_KEY = "hydra.sweeper.logger"
# Logger -> its module and class, the package that it wants, and what installs that.
_ROWS = {
    "csv": ("csv_files", "CsvRun", "", ""),
    "mlflow": ("mlflow_store", "MlflowRun", "mlflow", "mlflow-skinny"),
    "tensorboard": ("tensorboard_files", "TensorboardRun", "tensorboard", "tensorboard"),
    "wandb": ("wandb_run", "WandbRun", "wandb", "wandb"),
}
_MODES = ("online", "offline", "disabled")


def open_run(logger: str, settings: Mapping[str, Any], facts: RunFacts, known: str | None) -> RunLogger:
    """Open the run of a trial.

    Args:
        logger: A name of `config.loggers.LOGGERS`.
        settings: Its fields; what is left out has its default.
        facts: The trial.
        known: The id of the run that an earlier attempt has begun; None for a new run.
    """
    module, name, _, _ = _ROWS[logger]
    made = getattr(importlib.import_module(f"hyperopt_app.loggers.{module}"), name)
    return cast(RunLogger, made({**_defaults(logger), **settings}, facts, known))


def logger_faults(node: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with `hydra.sweeper.logger`: names, fields, and packages that are missing here."""
    for logger, settings in node.items():
        if logger not in LOGGERS:
            near = did_you_mean(str(logger), tuple(LOGGERS))
            known = ", ".join(LOGGERS)
            yield f"{_KEY}.{shortened(str(logger))}: it is not a logger{near}; choose from {known}"
            continue
        if settings is not None and not isinstance(settings, Mapping):
            came = shortened(repr(settings))
            yield f"{_KEY}.{logger}: {came} is not allowed; write {{}}, or its fields, such as {_example(logger)}"
            continue
        yield from _field_faults(logger, settings or {})
        _, _, package, install = _ROWS[logger]
        if package and importlib.util.find_spec(package) is None:
            yield f"{_KEY}.{logger}: the package {package} is not installed; `pip install {install}` where workers run"


def with_absolute_places(node: Mapping[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """Return the settings with absolute paths, since workers may run in another folder than the driver.

    Args:
        node: `hydra.sweeper.logger` without faults.
        folder: What relative paths start from.
    """
    return {
        logger: {name: _absolute(name, value, folder) for name, value in (settings or {}).items()}
        for logger, settings in node.items()
    }


def _absolute(name: str, value: Any, folder: Path) -> Any:
    if not isinstance(value, str) or not value:
        return value
    is_path = name == "directory" or (name == "tracking_uri" and ":" not in value and value != "databricks")
    path = str(folder / os.path.expanduser(value))  # noqa: PTH111 - a text that may be no path
    if not is_path:
        return value
    return Path(path).as_uri() if name == "tracking_uri" else path


def _defaults(logger: str) -> dict[str, Any]:
    return dict(vars(LOGGERS[logger]()))


def _example(logger: str) -> str:
    return f"{{{fields(LOGGERS[logger])[0].name}: ...}}"


def _field_faults(logger: str, settings: Mapping[str, Any]) -> Iterator[str]:
    known = tuple(_defaults(logger))
    for name, value in settings.items():
        where, came = f"{_KEY}.{logger}.{shortened(str(name))}", shortened(repr(value))
        if name not in known:
            near = did_you_mean(str(name), known)
            yield f"{where}: {logger} has no such field{near}; correct the name, or remove it"
        elif name == "tags":
            if not isinstance(value, (list, tuple)) or not all(isinstance(tag, str) and tag for tag in value):
                yield f"{where}: {came} is not allowed; write a list of words"
        elif value is not None and not (isinstance(value, str) and value.strip()):
            yield f"{where}: {came} is not allowed; write a text, or null"
        elif name == "mode" and value is not None and value not in _MODES:
            yield f"{where}: {came} is not known; set online, offline, disabled or null{did_you_mean(value, _MODES)}"
