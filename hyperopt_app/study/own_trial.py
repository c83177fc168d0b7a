# SPDX-License-Identifier: MIT
"""A running trial in the hands of the worker that has claimed it: nothing is written once it is another's.

A worker that was stopped, or cut off, for a lease is thought dead elsewhere, and its trial goes on in other hands. When
it comes back it must not add to that trial's learning curve. Between the look and the write there is a moment that
remains: only a storage could close it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from hyperopt_app.study.trial_directory import Owner, is_taken_over

__all__ = ["NotOurTrialError", "OwnTrial"]


class NotOurTrialError(RuntimeError):
    """What an objective gets from its trial once that is another worker's; not an error for the user to correct."""


class OwnTrial:
    """Optuna's trial, which looks before each of its methods whether the claim still holds.

    Args:
        trial: Optuna's.
        holds: Asks the study whether the trial is still this worker's.
        directory: The trial's directory, if it is to be looked at too.
        owner: Who has signed that directory for this worker.
    """

    def __init__(
        self,
        trial: optuna.Trial,
        holds: Callable[[], bool],
        directory: Path | None = None,
        owner: Owner | None = None,
    ) -> None:
        self._trial = trial
        self._holds = holds
        self._directory = directory
        self._owner = owner

    def __getattr__(self, name: str) -> Any:
        """All that Optuna's trial has."""
        if name.startswith("__"):
            raise AttributeError(name)
        attribute = getattr(self._trial, name)
        return self._guarded(attribute) if callable(attribute) else attribute

    def _guarded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.check()
            return method(*args, **kwargs)

        return call

    def check(self) -> None:
        """Look whether the trial is still this worker's.

        Raises:
            NotOurTrialError: It is not.
        """
        if not self._holds() or self._is_taken_over():
            raise NotOurTrialError(
                f"trial {self._trial.number} is another worker's now, since this one was thought dead; what comes late "
                "is refused"
            )

    def _is_taken_over(self) -> bool:
        return self._directory is not None and self._owner is not None and is_taken_over(self._directory, self._owner)
