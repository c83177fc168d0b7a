# SPDX-License-Identifier: MIT
"""Write optimization_results.yaml, best.yaml and trials.csv from a study; never changes the study.

Runs in a worker after a trial and in the driver at the end. The files are rebuilt from the whole study each time, so
the last writer writes everything and a lost write does no harm.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import ResultsError
from hyperopt_app.repeats.shown import best_repeat, repeat_entries
from hyperopt_app.results.trials_csv import trials_csv
from hyperopt_app.study.records import trial_records
from hyperopt_app.study.standings.ranking import ranking_of
from hyperopt_app.study.trial_directory import place_now, training_directory
from hyperopt_app.support.files import replacing
from hyperopt_app.support.lock_file import HolderLock
from hyperopt_app.support.passwords import hidden_note
from hyperopt_app.support.plain_yaml import plain_yaml

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["ThrottledResults", "checkpoint_in", "write_results"]

_log = logging.getLogger(__name__)

# A write that took a second is followed by a pause of this many: results never cost a worker more than 5 %.
_REST = 20.0


def write_results(
    study: "optuna.Study",
    study_dir: Path,
    retrain: Callable[["FrozenTrial"], str],
    *,
    metric_names: Sequence[str] | None = None,
    further: Callable[["optuna.Study"], object] = lambda _study: None,
) -> None:
    """Write the three result files into the study's directory, each replaced as a whole, and keep its snapshot.

    While no trial is complete only `trials.csv` is written; where all that are complete have been set aside, the other
    two are taken away. Writers in several processes wait for each other,
    and each reads the study after it got its turn, so an older state never replaces a newer one.

    Args:
        study: The study; only read.
        study_dir: Where the files go; it exists.
        retrain: The shell command that trains once more with a trial's parameters.
        metric_names: Names of the optimised values in the order of the directions; None takes those that the
            study itself carries (`Study.set_metric_names`), if any.
        further: Writes further files, in the same turn, from the study without the trials that are set aside.

    Raises:
        ResultsError: One could not be written; the others have been.
        OSError: The directory cannot be written.
    """
    from hyperopt_app.budget.hidden import without
    from hyperopt_app.budget.set_aside import set_aside_of
    from hyperopt_app.storage.snapshots.keeping import keep_snapshot
    from hyperopt_app.study.identity import stored_identity

    with HolderLock(study_dir / ".results"), _Several() as several_files:
        identity = stored_identity(study)
        plain = frozenset[str]() if identity is None else identity.space.plain
        trials = study.get_trials(deepcopy=False)
        aside = set_aside_of(study, trials)
        directions = study.directions
        names = tuple(study.metric_names or () if metric_names is None else metric_names)
        maximize = directions[0].name == "MAXIMIZE"
        best = ranking_of(study).best([trial for trial in trials if trial.number not in aside])
        several = len(directions) > 1
        columns = [f"value_{name}" for name in names or range(len(directions))] if several else ["value"]
        several_files.write(study_dir / "trials.csv", trials_csv(trials, columns, plain, aside))
        if best:
            entries = [
                _entry(trial, names, study_dir, retrain(trial), several=several, maximize=maximize) for trial in best
            ]
            text = plain_yaml({"solutions": entries} if several else entries[0])
            several_files.write(study_dir / "best.yaml", text)
            upstream = plain_yaml(_upstream_results(best, several=several))
            several_files.write(study_dir / "optimization_results.yaml", upstream)
        elif aside:
            for name in ("best.yaml", "optimization_results.yaml"):
                several_files.remove(study_dir / name)
        further(without(study, aside))
        keep_snapshot(study)  # in this turn, so that one process writes it


class ThrottledResults:
    """Calls a writer after finished trials, at most once per interval, for workers with short trials.

    The interval grows with what a write costs (large studies, many workers that wait for one another).

    A call that comes too early is made up for at the end of the interval by a timer, so that the files are
    not behind while a long trial follows a short one. A failing writer is logged and never ends the
    worker.
    """

    def __init__(
        self,
        write: Callable[[], None],
        *,
        interval_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        timer: Callable[[float, Callable[[], None]], threading.Timer] = threading.Timer,
    ) -> None:
        """Remember the writer; nothing runs yet.

        Args:
            write: Writes the results; called from the caller's thread or from the timer's.
            interval_s: Least time between two starts of the writer, in seconds.
            clock: Seconds that never go back.
            timer: Makes the timer of a late write: delay in seconds, what to call.
        """
        self._write = write
        self._interval_s = interval_s
        self._clock = clock
        self._timer = timer
        self._turn = threading.Lock()
        self._next = -math.inf
        self._late: threading.Timer | None = None
        self._complained = False

    def update(self, *, force: bool = False) -> bool:
        """After a finished trial, write now, or soon if the last write is too recent.

        Args:
            force: Write now in any case, and let no timer behind; for the worker's end.

        Returns:
            True if the writer ran before this returned.
        """
        with self._turn:
            wait_s = self._next - self._clock()
            if not force and wait_s > 0:
                if self._late is None:
                    self._late = self._timer(wait_s, self._write_late)
                    # A worker that is asked to end must not wait for it.
                    self._late.daemon = True
                    self._late.start()
                return False
            if self._late is not None:
                self._late.cancel()
                self._late = None
            self._write_now()
            return True

    def _write_late(self) -> None:
        with self._turn:
            if self._late is not None:  # None: a write of the other thread came first
                self._late = None
                self._write_now()

    def _write_now(self) -> None:
        began = self._clock()
        try:
            self._write()
        except Exception as error:  # noqa: BLE001 -- of a disk or a database; the files can be made anew at any time
            level = logging.DEBUG if self._complained else logging.WARNING
            self._complained = True
            _log.log(level, "The result files could not be written; the study is not affected: %s", error)
            _log.debug("Writing the result files failed.", exc_info=True)
        self._next = began + max(self._interval_s, _REST * (self._clock() - began))


class _Several:
    """Writes all files that can be written, and raises the errors at the end."""

    def __init__(self) -> None:
        self._faults: list[str] = []

    def __enter__(self) -> "_Several":
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if self._faults and kind is None:
            raise ResultsError("; ".join(self._faults))

    def write(self, path: Path, text: str) -> None:
        """Replace one file."""
        try:
            _replace(path, text)
        except OSError as error:
            self._faults.append(f"{path}: {error.strerror}")

    def remove(self, path: Path) -> None:
        """Remove one file, if it exists."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._faults.append(f"{path}: {error.strerror}")


def _replace(path: Path, text: str) -> None:
    with replacing(path) as aside:
        # An error text may quote a file name that is not UTF-8.
        aside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def _upstream_results(best: Sequence["FrozenTrial"], *, several: bool) -> dict[str, Any]:
    """Return what `hydra/sweeper: optuna` writes, key by key."""
    if several:
        return {
            "name": "optuna",
            "solutions": [{"params": trial.params, "values": trial.values} for trial in best],
        }
    return {"name": "optuna", "best_params": best[0].params, "best_value": best[0].value}


def _entry(
    trial: "FrozenTrial", names: Sequence[str], study_dir: Path, retrain: str, *, several: bool, maximize: bool
) -> dict[str, Any]:
    stored = trial_records.directory_of(trial)
    hidden = hidden_note(retrain)
    place = place_now(stored, study_dir) or (None if stored is None else Path(stored))
    chosen = best_repeat(trial, maximize=maximize)
    trained = None if place is None else training_directory(place, chosen)
    if several:
        values: dict[str, Any] = {"values": trial.values, "metric": list(names) or None}
    else:
        values = {"value": trial.value, "metric": names[0] if names else None}
    return {
        "trial": trial.number,
        **values,
        "params": trial.params,
        "seed": trial_records.seed_of(trial),
        "metrics": dict(trial_records.metrics_of(trial)),
        "directory": None if place is None else str(place),
        "checkpoint": None if trained is None else checkpoint_in(trained),
        "retrain": retrain,
        **({"hidden": hidden} if hidden else {}),
        "overrides": None if trained is None else _overrides(trained),
        **({} if chosen is None else {"best_repeat": chosen, "repeats": _repeats(trial, place)}),
    }


def _repeats(trial: "FrozenTrial", place: Path | None) -> list[dict[str, Any]]:
    entries = repeat_entries(trial, place)
    return [{name: entry[name] for name in ("repeat", "seed", "values", "directory")} for entry in entries]


def checkpoint_in(directory: Path) -> str | None:
    """Return `last.ckpt`, else the newest checkpoint in the directory or one level below it."""
    last = directory / "last.ckpt"
    if last.is_file():
        return str(last)
    checkpoints = [*directory.glob("*.ckpt"), *directory.glob("*/*.ckpt")]
    return str(max(checkpoints, key=lambda path: (path.stat().st_mtime, path.name))) if checkpoints else None


def _overrides(directory: Path) -> list[str] | None:
    """Return the override lines from which Hydra composed the trial; None if its directory has no record."""
    import yaml

    try:
        text = (directory / ".hydra" / "overrides.yaml").read_text(encoding="utf-8")
    except OSError:
        return None
    lines = yaml.safe_load(text)
    return [str(line) for line in lines] if isinstance(lines, list) else None
