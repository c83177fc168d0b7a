# SPDX-License-Identifier: MIT
"""Find keys of the app's own config that Hydra drops when `+hyperopt` is added. Runs in the driver."""

from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from hyperopt_app.config.command_line import hydra_words, task_words
from hyperopt_app.config.presets import is_preset

__all__ = ["lost_keys"]


def lost_keys(config: DictConfig, compose: Callable[[list[str]], DictConfig]) -> list[str]:
    """Report that the config has lost its own content.

    Hydra leaves out the whole content of a primary config whose `defaults` are overrides alone, without `_self_`, as
    soon as a group is added on the command line.

    Args:
        config: The sweep's composed config.
        compose: The config of a whole command line.
    """
    task = task_words(config)
    preset = next(filter(is_preset, task), None)
    if preset is None:
        return []
    try:
        alone = compose([*(word for word in task if word != preset), *hydra_words(config)])
    except (HydraException, OmegaConfBaseException):
        return []  # without the word the command means something else
    lost = [str(key) for key in alone if key not in config]
    if not lost:
        return []
    keys, name = ", ".join(lost), config.hydra.job.config_name
    cause = (
        f"{preset}: Hydra leaves {keys} of {name} out when a group is added to it, since its defaults have no _self_"
    )
    return [f"{cause}; write `- _self_` as their first line"]
