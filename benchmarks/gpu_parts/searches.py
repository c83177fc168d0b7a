# SPDX-License-Identifier: MIT
"""Run a search in an empty folder and read its trials."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.looking.opening import study_in

__all__ = ["APP", "Sizes", "completed", "searched", "trials_per_hour", "where"]

ROOT = Path(__file__).resolve().parents[2]
APP = Path(__file__).with_name("app.py")
_STUDY = "study"


@dataclass(frozen=True)
class Sizes:
    """How much is trained.

    Attributes:
        device: `cuda` or `cpu`.
        workers: How many trials share the device, one case for each number.
        trials: Of a search, for each worker; a search has at least four.
        epochs: Of a training on holograms.
        windows: Of a training on holograms.
    """

    device: str = "cuda"
    workers: Sequence[int] = (1, 2, 4, 8)
    trials: int = 2
    epochs: int = 4
    windows: int = 1024

    @classmethod
    def small(cls, device: str) -> "Sizes":
        """Return sizes with which a CPU ends within a minute or two."""
        return cls(device, workers=(1, 2), trials=1, epochs=1, windows=32)


def where(device: str, workers: int = 1) -> list[str]:
    """Return the words for so many workers on one device."""
    words = ["hydra/launcher=local_workers", f"hydra.sweeper.n_jobs={workers}"]
    if device == "cuda":
        words += ["hydra.launcher.gpus=[0]", f"hydra.launcher.workers_per_gpu={workers}"]
    return words


@contextmanager
def searched(words: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[list[FrozenTrial]]:
    """Run a search and yield its trials; the folder is deleted afterwards.

    Args:
        words: What comes after `python`; `hydra.sweep.dir` is added.
        environment: More of it.

    Raises:
        RuntimeError: No study came of it; with the end of its output.
    """
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory(prefix="hyperopt-gpu-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, *words, f"hydra.sweep.dir={_STUDY}", "hydra.sweeper.progress=none"]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        study = Path(folder, _STUDY)
        if not study.is_dir():
            said = " ".join(f"{done.stdout} {done.stderr}".split())
            raise RuntimeError(f"the search ended with {done.returncode}: {said[-600:]}")
        yield study_in(study, reading=True).get_trials(deepcopy=False)


def completed(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return those that came to their end."""
    return [trial for trial in trials if trial.state == TrialState.COMPLETE]


def trials_per_hour(trials: Sequence[FrozenTrial]) -> float | None:
    """Return how many trials are completed in an hour, from the first start to the last end; None without any."""
    starts = [trial.datetime_start for trial in completed(trials) if trial.datetime_start is not None]
    ends = [trial.datetime_complete for trial in completed(trials) if trial.datetime_complete is not None]
    if not starts or not ends or max(ends) <= min(starts):
        return None
    return 3600 * len(ends) / (max(ends) - min(starts)).total_seconds()
