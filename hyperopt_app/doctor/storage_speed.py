# SPDX-License-Identifier: MIT
"""Measure how fast the storage of a study takes trials, in a scratch study that is deleted again."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import optuna

from hyperopt_app.doctor.check_result import CheckResult, ok
from hyperopt_app.doctor.folders import scratch_folder
from hyperopt_app.storage.opening import open_storage

__all__ = ["storage_results"]

_TRIALS = 20
# Seconds for a trial with one report, above which short trials wait for the storage.
_SLOW_S = 1.0


def storage_results(
    storage: str | None, directory: Path, clock: Callable[[], float] = time.monotonic
) -> list[CheckResult]:
    """Write and read some trials where the study is, or will be, stored; the study itself is not opened.

    A journal or an SQLite file gets a scratch file beside it, a server a scratch study in its database.

    Args:
        storage: The setting `hydra.sweeper.storage`, absolute.
        directory: The study's directory.
        clock: Monotonic seconds.
    """
    place = _study_file(storage, directory)
    try:
        if place is None:
            written_s, read_s = _measured(storage, directory, clock)
        else:
            with scratch_folder(place.parent) as folder:
                beside = f"sqlite:///{folder}/scratch.db?network=accept" if _is_sqlite(storage) else None
                written_s, read_s = _measured(beside, folder, clock)
    except Exception as error:  # noqa: BLE001 - each database has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        remedy = "see that the server runs and that its user may write, or set hydra.sweeper.storage to another place"
        return [CheckResult("storage", "fault", f"no trial can be written and read: {reason}", remedy)]
    each = f"a trial takes {1000 * written_s / _TRIALS:.1f} ms, reading {_TRIALS} takes {1000 * read_s:.1f} ms"
    kind = "the database" if place is None else "an SQLite file" if _is_sqlite(storage) else "a journal"
    if written_s / _TRIALS <= _SLOW_S:
        return [ok("storage", f"{kind} is reachable: {each}")]
    remedy = "put the study on a faster filesystem or a nearer server, unless each trial takes many minutes"
    return [CheckResult("storage", "warning", f"{kind} is slow: {each}", remedy)]


def _measured(storage: str | None, directory: Path, clock: Callable[[], float]) -> tuple[float, float]:
    """Return the seconds in which the trials were written and read."""
    opened = open_storage(storage, directory)
    name = f"hyperopt-doctor-{uuid.uuid4().hex}"
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(study_name=name, storage=opened, sampler=sampler)
    try:
        begun = clock()
        for _ in range(_TRIALS):
            trial = study.ask()
            value = trial.suggest_float("x", 0.0, 1.0)
            trial.report(value, 1)
            study.tell(trial, value)
        written = clock()
        if len(study.get_trials()) != _TRIALS:
            raise ValueError(f"of {_TRIALS} trials that were written not all are there")
        return written - begun, clock() - written
    finally:
        optuna.delete_study(study_name=name, storage=opened)
        opened.remove_session()


def _is_sqlite(storage: str | None) -> bool:
    return storage is not None and storage.startswith("sqlite")


def _study_file(storage: str | None, directory: Path) -> Path | None:
    """Return the file that holds, or will hold, the study; None for a server."""
    if storage is None:
        return directory / "journal.log"
    if "://" not in storage:
        return Path(storage.removeprefix("journal:"))
    return Path(storage.partition(":///")[2].partition("?")[0]) if _is_sqlite(storage) else None
