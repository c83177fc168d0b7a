# SPDX-License-Identifier: MIT
"""`best.yml`: the model config with the best trial's parameters in it, cast as in training."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hyperopt_app.legacy.reading.pair import Parameter
from hyperopt_app.legacy.tables.files import replace_text

__all__ = ["best_config", "unapplied", "write_best"]


def best_config(parameters: Sequence[Parameter], model: Mapping[Any, Any], params: Mapping[str, Any]) -> dict[Any, Any]:
    """The model config of a trial; pure.

    Parameters go by their `settings.name` to their own path; what a `custom_updates` makes of them is not known here.

    Args:
        parameters: Of the pair of files.
        model: The model config.
        params: The trial's parameters by name.
    """
    config = copy.deepcopy(dict(model))
    for parameter in parameters:
        home = _home(config, parameter)
        if home is not None and parameter.name in params:
            home[parameter.path[-1]] = _cast(parameter, params[parameter.name])
    return config


def unapplied(parameters: Sequence[Parameter], model: Mapping[Any, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, by name, that only the objective applies, so that the model config does not hold them."""
    applied = {one.name for one in parameters if _home(model, one) is not None}
    return {name: value for name, value in params.items() if name not in applied}


def _home(config: Any, parameter: Parameter) -> Any:
    """The mapping that holds the parameter's value, None if it is not the model config's.

    A key without a colon is the objective's own affair where the model config does not have it.
    """
    if parameter.place == "objective" or (len(parameter.path) == 1 and parameter.path[0] not in config):
        return None
    for part in parameter.path[:-1]:
        config = config.get(part) if isinstance(config, Mapping) else None
    return config if isinstance(config, Mapping) else None


def _cast(parameter: Parameter, value: Any) -> Any:
    if parameter.declared == "categorical":
        return value
    return int(value) if parameter.is_integer else float(value)


def write_best(path: Path, config: Mapping[Any, Any]) -> None:
    """Write the config as the original did, keys sorted; the file is replaced as a whole.

    Raises:
        OSError: The file cannot be written.
    """
    replace_text(path, yaml.safe_dump(dict(config), default_flow_style=False, allow_unicode=True))
