# SPDX-License-Identifier: MIT
"""Say by which command a study was searched last, from its directory and without passwords."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.study.records.study_records import retrain_record
from hyperopt_app.support.files import read_file
from hyperopt_app.support.passwords import mask_password

if TYPE_CHECKING:
    import optuna

__all__ = ["last_config", "search_command"]


def last_config(study_dir: Path) -> Any:
    """Return the config of the last search as plain data; None if there is none that can be read."""
    import yaml

    try:
        config = yaml.safe_load(read_file(study_dir / "multirun.yaml").decode())
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return config if isinstance(config, dict) else None


def search_command(study: "optuna.Study", config: Any) -> str:
    """Return the command of the last search, as far as the study and the config tell; empty if they tell nothing.

    Args:
        study: The study; only read.
        config: From `last_config`.
    """
    program = str((retrain_record(study) or {}).get("program") or "")
    overrides: list[Any] = []
    hydra = (config or {}).get("hydra")
    if isinstance(hydra, dict) and isinstance(hydra.get("overrides"), dict):
        for part in ("hydra", "task"):
            words = hydra["overrides"].get(part)
            overrides += words if isinstance(words, list) else []
    if not program and not overrides:
        return ""
    words = [mask_password(str(word), is_prose=False) for word in overrides if str(word) != "hydra.mode=MULTIRUN"]
    return f"{program or 'python ...'} --multirun {shlex.join(words)}".rstrip()
