# SPDX-License-Identifier: MIT
"""The learning curve of a later repeat: in a file of its directory while it runs, thinned in the study afterwards.

The study's own curve of a trial is that of its first repeat, which the pruner judges: its steps begin once.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from hyperopt_app.study.own_trial import OwnTrial
from hyperopt_app.study.records.trial_records import keep_unfinished_step
from hyperopt_app.support.files import appending

__all__ = ["CURVE_FILE", "MOST_POINTS", "LaterRepeat", "read_curve", "thinned"]

CURVE_FILE = ".hyperopt_curve.csv"
# A database keeps 65,535 bytes in an attribute.
MOST_POINTS = 100
_GROWTH = 1.1


class LaterRepeat(OwnTrial):
    """A trial as its later repeats see it: they report to a file of their own, and no pruner ends them.

    Args:
        own: The trial as its first repeat sees it.
        directory: The repeat's directory, which exists.
        number: The repeat's, from 1.
    """

    def __init__(self, own: OwnTrial, directory: Path, number: int) -> None:
        vars(self).update(vars(own))
        self._file, self._number = directory / CURVE_FILE, number
        self._reports = self._stored = len(read_curve(directory))

    def report(self, value: float, step: int) -> None:
        """Add a point to the repeat's curve.

        Raises:
            NotOurTrialError: The trial belongs to another worker by now.
        """
        self.check()
        with appending(self._file) as file:
            # The line end comes first, so that a line which a killed worker has torn stays alone.
            file.write(f"\n{step},{float(value)!r};".encode())
        self._reports += 1
        # Not each, as storing is slow where reports are many: what a worker leaves that is killed is short by a tenth.
        if self._reports >= self._stored * _GROWTH:
            self._stored = self._reports
            keep_unfinished_step(self, self._number, step)

    def should_prune(self) -> bool:
        """Return False: the race decides between repeats."""
        return False


def read_curve(directory: Path) -> dict[int, float]:
    """Return what a later repeat has reported, step to value; a line that a killed worker has torn is left out."""
    curve: dict[int, float] = {}
    try:
        text = (directory / CURVE_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return curve
    for line in text.splitlines():
        step, comma, value = line.partition(",")
        if comma and value.endswith(";"):  # without it, digits may be missing
            with contextlib.suppress(ValueError):
                curve[int(step)] = float(value[:-1])
    return curve


def thinned(curve: Mapping[int, float]) -> list[tuple[int, float]]:
    """Return at most `MOST_POINTS` points of a curve by step, evenly chosen, the first and the last among them."""
    points = sorted(curve.items())
    if len(points) <= MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[round(place * last / (MOST_POINTS - 1))] for place in range(MOST_POINTS)]
