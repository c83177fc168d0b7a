# SPDX-License-Identifier: MIT
"""Describe what an import did: as data, as text, and as the record that the continued study keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperopt_app.legacy.old.places import OldStudy, Place
from hyperopt_app.legacy.old.trials import is_counted
from hyperopt_app.support.passwords import mask_password

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Report", "budget", "record_of", "report_of", "shown_place"]


@dataclass(frozen=True)
class Report:
    """The result of an import.

    Attributes:
        storage: Where the study goes on, in our form; it may hold a password.
        is_new: False if an earlier import had done it.
        source: Where the old study is, without a password.
        trials: How many trials were taken over.
        uncounted: How many of them the original does not count: failed, and left running or waiting.
        closed: Numbers of the trials that were left running or waiting, and are failed now.
        enqueued: How many points that were waiting wait again, as new trials.
        running: Numbers of the trials that are RUNNING where the study goes on in its own storage.
    """

    storage: str
    is_new: bool
    source: str
    trials: int
    uncounted: int
    closed: tuple[int, ...] = ()
    enqueued: int = 0
    running: tuple[int, ...] = ()

    def lines(self) -> list[str]:
        """Format the report, one line each."""
        where = Place.of(self.storage).path or mask_password(self.storage)
        if not self.is_new and str(where) == self.source:
            return [f"The study goes on in {where}."]
        if not self.is_new:
            return [f"The study of {self.source} goes on in {where}, into which it was imported before."]
        if str(where) == self.source:
            lines = [f"The study goes on in {where} with its {self.trials} trials."]
        else:
            lines = [f"Imported {self.trials} trials of {self.source} into {where}; the old file is unchanged."]
        if self.closed:
            numbers = ", ".join(map(str, self.closed))
            lines.append(f"Left running or waiting by a worker of old, now failed: {numbers}.")
        if self.running:
            numbers = ", ".join(map(str, self.running))
            lines.append(
                f"RUNNING there: {numbers}. A worker that lives ends them itself; without a sign of it for two minutes "
                "they are run anew under their numbers."
            )
        if self.enqueued:
            lines.append(f"Enqueued points that wait again: {self.enqueued}.")
        return lines


def budget(old_trials: Sequence["FrozenTrial"], wanted: int) -> int:
    """Return the tickets that the continued study needs, so that as many trials count as in the original.

    Args:
        old_trials: The trials that were taken over.
        wanted: How many complete and pruned trials are asked for.

    Returns:
        `wanted`, and one ticket more for each old trial that does not count.
    """
    return wanted + sum(not is_counted(trial) for trial in old_trials)


def shown_place(old: OldStudy) -> str:
    """Describe where the old study is, without a password."""
    return str(old.place.path or mask_password(old.storage))


def record_of(old: OldStudy, report: Report) -> dict[str, Any]:
    """Return the record of the import that the continued study stores; `report_of` reads it."""
    return {
        "from": report.source,
        "tool": old.tool,
        "schema": old.schema,
        "trials": report.trials,
        "uncounted": report.uncounted,
        "closed": list(report.closed),
        "enqueued": report.enqueued,
    }


def report_of(old: OldStudy, storage: str, record: dict[str, Any]) -> Report:
    """Return the report on an earlier import."""
    return Report(
        storage=storage,
        is_new=False,
        source=shown_place(old),
        trials=record["trials"],
        uncounted=record["uncounted"],
        closed=tuple(record["closed"]),
        enqueued=record["enqueued"],
    )
