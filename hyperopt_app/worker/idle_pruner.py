# SPDX-License-Identifier: MIT
"""Notice, by what a trial has asked of its pruner, that the pruner cannot act, and say it once. Runs in a worker."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import optuna

from hyperopt_app.objective.outcomes import Completed, Outcome
from hyperopt_app.study.notes import write_note
from hyperopt_app.study.trial_records import directory_of

__all__ = ["Asked", "IdlePruner"]

_log = logging.getLogger(__name__)


class Asked:
    """Optuna's trial, and how often it was asked to record a value or to be pruned."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial
        self.reports = 0
        self.questions = 0
        self.was_to_end = False

    def __getattr__(self, name: str) -> Any:
        """Everything else is the trial's."""
        return getattr(self._trial, name)

    def report(self, value: float, step: int) -> None:
        """Record a value."""
        self.reports += 1
        self._trial.report(value, step)

    def should_prune(self) -> bool:
        """Whether the pruner would end the trial now."""
        self.questions += 1
        answer = self._trial.should_prune()
        self.was_to_end = self.was_to_end or answer
        return answer


@dataclass
class IdlePruner:
    """Runs trials, and looks at what each of them asks of the pruner.

    Attributes:
        run_trial: Runs a claimed trial.
        name: What the pruner is called; None if there is none to look after.
        key: Where the user has set it.
    """

    run_trial: Callable[[optuna.Trial], Outcome]
    name: str | None
    key: str
    _said: set[str] = field(default_factory=set)

    def run(self, trial: optuna.Trial) -> Outcome:
        """Run one trial; the outcome is that of the trial."""
        if self.name is None:
            return self.run_trial(trial)
        is_resumed = directory_of(trial) is not None
        asked = Asked(trial)
        outcome = self.run_trial(cast(optuna.Trial, asked))
        if isinstance(outcome, Completed):
            kind, text = _idle(asked, is_resumed=is_resumed)
            if kind and kind not in self._said:
                self._said.add(kind)
                told = f"{self.key}: {self.name} cannot act: trial {trial.number} {text}, or leave {self.key} out."
                _log.warning("%s", told)
                write_note(trial.study, kind, told)
        return outcome


def _idle(asked: Asked, *, is_resumed: bool) -> tuple[str, str]:
    """Of what kind it is that the pruner could not act, and what to do; empty if it could."""
    if asked.was_to_end:
        return "swallowed", (
            "went on after the pruner had ended it, and counts as complete. Where `except Exception` stands around the "
            "training, write `except optuna.TrialPruned: raise` before it; where should_prune() is asked, raise "
            "optuna.TrialPruned() if it is True"
        )
    if is_resumed:  # what it reported before is not known here
        return "", ""
    if not asked.reports:
        return "silent", (
            "has completed without reporting a value. Call hyperopt_app.report(value, step) in the training loop (with "
            "Lightning or Keras, use the HyperoptCallback)"
        )
    if not asked.questions:
        return "unasked", (
            "has completed without asking whether it is to end. Call hyperopt_app.report(value, step), which asks too, "
            "or raise optuna.TrialPruned() if trial.should_prune()"
        )
    return "", ""
