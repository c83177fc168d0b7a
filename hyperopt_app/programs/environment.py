# SPDX-License-Identifier: MIT
"""The environment variables by which a program learns of its trial; `docs/command.md` lists them for users.

Imports next to nothing, because `hyperopt-app report-metric` is started once for each value.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.processes.groups import DIRECTORY

if TYPE_CHECKING:
    from hyperopt_app.objective.trial import Trial

__all__ = ["METRICS", "environment_of", "search_path_of_programs"]

# Absolute path of the file to which the program appends lines of JSON.
METRICS = "HYPEROPT_METRICS"
# Absolute path where the program's checkpoint belongs; a trial that goes on finds it there.
_CHECKPOINT = "HYPEROPT_CHECKPOINT"
# Number of the trial in the study; not set in a training alone.
_NUMBER = "HYPEROPT_TRIAL_NUMBER"
# 1 if an earlier attempt has run a part of this trial, else 0.
_RESUMED = "HYPEROPT_RESUMED"
# Also read by `hyperopt_app.current_seed` in a program that is written in Python.
_SEED = "HYPEROPT_SEED"


def search_path_of_programs() -> str:
    """Return the PATH of programs: this process's own, and behind it the folder of this Python.

    So `hyperopt-app`, `torchrun` and `python` are there also where the virtual environment is not activated.
    """
    path = [*filter(None, os.environ.get("PATH", os.defpath).split(os.pathsep)), str(Path(sys.executable).parent)]
    return os.pathsep.join(path)


def environment_of(
    trial: "Trial | None", directory: Path, metrics: Path, seed: int | None, ranks: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the environment of a program: this process's own with what the program may know of its trial.

    Args:
        trial: The running trial, None for a training alone.
        directory: Absolute directory of the trial, or of the run.
        metrics: Absolute path of the metrics file.
        seed: For the training; None if there is none.
        ranks: By what the program's processes join the trial and meet.
    """
    environment = {
        **os.environ,
        **ranks,
        "PATH": search_path_of_programs(),
        DIRECTORY: str(directory),
        METRICS: str(metrics),
        _CHECKPOINT: str(directory / "last.ckpt" if trial is None else trial.checkpoint),
        _RESUMED: str(int(trial is not None and trial.resumed)),
    }
    # A search may itself run in a program of another search's trial.
    environment.pop(_NUMBER, None)
    if trial is not None:
        environment[_NUMBER] = str(trial.number)
    if seed is not None:
        environment[_SEED] = str(seed)
    return environment
