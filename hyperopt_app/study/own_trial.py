# SPDX-License-Identifier: MIT
"""A running trial as its worker sees it: refuses writes once it belongs to another worker, and measures its pace.

A worker that was stopped or disconnected for the length of a lease counts as dead, and another worker takes over its
trial. If the first one comes back, it must not add to that trial's learning curve. Between the check and the write a
short gap remains, which only a storage could close.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from hyperopt_app.study.trial_directory import Owner, is_taken_over

__all__ = ["NotOurTrialError", "OwnTrial", "Pace"]


class NotOurTrialError(RuntimeError):
    """Raised in an objective whose trial belongs to another worker by now; the user has nothing to fix."""


class OwnTrial:
    """Wrapper of Optuna's trial that checks before each call whether the claim still holds.

    Args:
        trial: Optuna's.
        holds: Asks the study whether the trial is still this worker's.
        directory: The trial's directory, if it is to be looked at too.
        owner: Who has signed that directory for this worker.
        at_checkpoint: Called at each checkpoint of the trial; may ask this worker to end it there.
        on_report: Called with each value that the study has taken, and its step.
    """

    def __init__(
        self,
        trial: optuna.Trial,
        holds: Callable[[], bool],
        directory: Path | None = None,
        owner: Owner | None = None,
        at_checkpoint: Callable[[], None] | None = None,
        on_report: Callable[[float, int], None] | None = None,
    ) -> None:
        self._trial = trial
        self._holds = holds
        self._directory = directory
        self._owner = owner
        self._at_checkpoint = at_checkpoint
        self._on_report = on_report

    def __getattr__(self, name: str) -> Any:
        """Forward to Optuna's trial."""
        if name.startswith("__"):
            raise AttributeError(name)
        attribute = getattr(self._trial, name)
        return self._guarded(attribute) if callable(attribute) else attribute

    def _guarded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.check()
            return method(*args, **kwargs)

        return call

    def report(self, value: float, step: int) -> None:
        """Store a value of the learning curve.

        Raises:
            NotOurTrialError: The trial belongs to another worker by now.
        """
        self.check()
        self._trial.report(value, step)
        if self._on_report is not None:
            self._on_report(value, step)

    def check(self) -> None:
        """Raise an error if the trial belongs to another worker by now.

        Raises:
            NotOurTrialError: It is not.
        """
        if not self._holds() or self._is_taken_over():
            raise NotOurTrialError(
                f"trial {self._trial.number} is another worker's now, since this one was thought dead; what comes late "
                "is refused"
            )

    def reach_checkpoint(self) -> None:
        """Look after the trial at a checkpoint.

        Raises:
            NotOurTrialError: It belongs to another worker by now.
        """
        self.check()
        if self._at_checkpoint is not None:
            self._at_checkpoint()

    def _is_taken_over(self) -> bool:
        return self._directory is not None and self._owner is not None and is_taken_over(self._directory, self._owner)


class Pace:
    """Measures how long trials run without a checkpoint.

    Attributes:
        longest_s: The longest stretch so far; None before the first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self.longest_s: float | None = None

    def begin(self) -> None:
        """Start a trial."""
        self._since = self._clock()

    def mark(self) -> None:
        """Record a checkpoint, or the end of the trial."""
        now = self._clock()
        self.longest_s = max(self.longest_s or 0.0, now - self._since)
        self._since = now
