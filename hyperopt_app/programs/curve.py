# SPDX-License-Identifier: MIT
"""Hand the lines of a metrics file to the running trial: report, prune, say that a checkpoint was written."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hyperopt_app.objective.trial import Trial
from hyperopt_app.programs.metrics_file import Line

__all__ = ["Curve"]


class Curve:
    """The learning curve of one trial, as its program writes it.

    Args:
        trial: The running trial; None for a training alone, of which only the last values are kept.

    Attributes:
        values: The last value of each metric.
        is_pruned: Whether the pruner has ended the trial.
        is_diverged: Whether an optimised metric was NaN or infinite.
    """

    def __init__(self, trial: Trial | None) -> None:
        self.values: dict[str, Any] = {}
        self.is_pruned = False
        self.is_diverged = False
        self._trial = trial
        self._names: Sequence[str] = () if trial is None else trial.metric_names
        self._points = 0

    def take_earlier(self, line: Line) -> None:
        """Take a line of an earlier attempt: only what that attempt has not reported any more is recorded."""
        self._report(line)

    def take(self, line: Line) -> None:
        """Report a line's value, and prune or end at its checkpoint if that is wanted.

        Raises:
            optuna.TrialPruned: The pruner ends the trial here.
            KeyboardInterrupt: The trial is asked to end at its checkpoint.
        """
        step = self._report(line)
        if self._trial is None:
            return
        if step is not None and not self.is_diverged and self._trial.should_prune():
            from optuna import TrialPruned

            self.is_pruned = True
            raise TrialPruned(f"pruned at step {step}")
        if line.is_checkpoint and not self.is_diverged:
            self._trial.checkpointed(reported=True)

    def _report(self, line: Line) -> int | None:
        """Record a line's values; return the step of its point of the curve, None without one."""
        self.values.update(line.values)
        names = self._names or _only_number(line.values)
        numbers = [_number_in_line(line.values.get(name)) for name in names]
        self.is_diverged = not all(number is None or math.isfinite(number) for number in numbers)
        value = numbers[0] if numbers else None
        if value is None:
            return None
        self._points += 1
        step = self._points if line.step is None else line.step
        if self._trial is not None:
            self._trial.report(value, step)
        return step


def _only_number(values: Mapping[str, Any]) -> Sequence[str]:
    """Return the name of the only number of a line; nothing if it has several."""
    names = [name for name, value in values.items() if _number_in_line(value) is not None]
    return names if len(names) == 1 else ()


def _number_in_line(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None
