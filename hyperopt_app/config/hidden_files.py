# SPDX-License-Identifier: MIT
"""Find files of `--config-dir` that a file of this application hides: Hydra takes the first of a name, and ours first.

Without a word of it, a search would run with values of ours in place of the user's. Runs in the driver, and in a
training alone.
"""

import sys
from importlib.resources import files
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.plugins.config_source import ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig

from hyperopt_app.config.command_line import hydra_words, task_words

__all__ = ["hidden_files"]

_OURS, _USERS = "main", "command-line"  # Hydra's names of the two places
_PLACE = "hyperopt_app.conf"
_NAME_FLAGS = ("--config-name", "-cn")


def hidden_files(loader: ConfigLoader, config: DictConfig) -> list[str]:
    """Return one line for each config in use that is ours, and that the user's folder has, too.

    Our own `config.yaml` is what runs where the command names none, so it hides nothing there.

    Args:
        loader: Hydra's.
        config: The composed config with its node `hydra`.
    """
    sources: list[ConfigSource] = loader.get_sources()
    ours = [source for source in sources if source.provider == _OURS and source.path.endswith(_PLACE)]
    users = [source for source in sources if source.provider == _USERS]
    if not (ours and users):
        return []
    primary = config.hydra.job.config_name
    used = loader.compute_defaults_list(primary, [*task_words(config), *hydra_words(config)], RunMode.MULTIRUN)
    names = {default.config_path for default in used.defaults if default.config_path is not None}
    if not any(word.split("=")[0] in _NAME_FLAGS for word in sys.argv):
        names.discard(primary)
    folder = Path(users[0].path)
    hidden = [name for name in sorted(names) if ours[0].is_config(name) and users[0].is_config(name)]
    return [
        f"{folder / name}.yaml is not read: hyperopt_app has its own {name}.yaml, which Hydra takes first; rename "
        f"yours, or write --config-path {folder.absolute()} in place of --config-dir, and no config of ours is taken"
        for name in hidden
        if (folder / f"{name}.yaml").read_bytes() != files(_PLACE).joinpath(f"{name}.yaml").read_bytes()
    ]
