# SPDX-License-Identifier: MIT
"""Presets such as `+hyperopt=local` and `=slurm`: the sweeper, a launcher and a directory that can resume."""

import re
from typing import Any

from hyperopt_app.config.launchers import SCHEMAS

__all__ = ["GROUP", "PRESETS", "is_preset"]

GROUP = "hyperopt"

# `local_workers` is chosen by `local`.
_LAUNCHERS = {name.removesuffix("_workers"): name for name in SCHEMAS if name.endswith("_workers")}


def _preset(launcher: str) -> dict[str, Any]:
    return {
        "defaults": [{"override /hydra/sweeper": "async_optuna"}, {"override /hydra/launcher": launcher}],
        # Nothing in it changes from command to command, so the same command finds its study again.
        "hydra": {"sweep": {"dir": "studies/${hydra.job.name}", "subdir": "trials/${hydra.job.num}"}},
    }


# Option of the group to its config, of the package `_global_`.
PRESETS = {name: _preset(launcher) for name, launcher in _LAUNCHERS.items()}


def is_preset(override: str) -> bool:
    """Whether an override chooses a preset, which says where trials run, not what they are."""
    return re.fullmatch(rf"\+{GROUP}=({'|'.join(PRESETS)})", override) is not None
