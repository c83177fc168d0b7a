# SPDX-License-Identifier: MIT
"""Warn once if the calls of a worker's trials show that the pruner cannot act. Runs in a worker."""

import logging
from dataclasses import dataclass, field
from typing import Any, cast

import optuna

from hyperopt_app.budget.parking import rule_of
from hyperopt_app.objective.outcomes import Completed, Outcome, Pruned
from hyperopt_app.study.notes import write_note
from hyperopt_app.study.records.study_records import attributes_of, has_checkpoints
from hyperopt_app.study.records.trial_records import directory_of

__all__ = ["Asked", "IdlePruner", "unwatched"]

_log = logging.getLogger(__name__)


class Asked:
    """Optuna's trial, and how often it was asked to record a value or to be pruned.

    Attributes:
        is_resumed: Whether an earlier worker has run a part of it.
        reports: How often it was asked to record a value.
        questions: How often it was asked whether it is to end.
        was_to_end: Whether the answer was ever yes.
    """

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial
        self.is_resumed = directory_of(trial) is not None
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


def unwatched(trial: optuna.Trial) -> optuna.Trial:
    """Return Optuna's trial itself, of which nothing is counted."""
    return trial._trial if isinstance(trial, Asked) else trial  # noqa: SLF001 - of this module


@dataclass
class IdlePruner:
    """Looks at what the trials of one worker ask of the pruner.

    Attributes:
        name: What the pruner is called; None if there is none to look after.
        key: Where the user has set it.
        is_automatic: Whether the user has not; then it is only said that an objective swallows the pruner's word.
    """

    name: str | None = None
    key: str = ""
    is_automatic: bool = False
    _said: set[str] = field(default_factory=set)

    def watched(self, trial: optuna.Trial) -> optuna.Trial:
        """The trial for its evaluation, in a form that counts what is asked of it."""
        return trial if self.name is None else cast(optuna.Trial, Asked(trial))

    def judge(self, trial: optuna.Trial, outcome: Outcome) -> None:
        """Say it, once for each kind, if a complete trial shows that the pruner cannot act.

        Args:
            trial: What `watched` has returned, after its evaluation.
            outcome: What the evaluation came to.
        """
        if not isinstance(trial, Asked):
            return
        kind, text = _idle(trial) if isinstance(outcome, Completed) else ("", "")
        if kind == "unasked" and rule_of(trial.study.pruner) is not None:  # its trials wait at their checkpoints
            kind = ""
        if kind and not (self.is_automatic and kind != "swallowed"):
            self._say(trial, kind, f"{self.name} cannot act: trial {trial.number} {text}, or leave {self.key} out.")
        elif isinstance(outcome, Completed | Pruned) and _lacks_checkpoints(trial):
            self._say(
                trial,
                "checkpoints",
                f"{self.name} does what `forecast` does, since no trial has announced a checkpoint at which it could "
                f"wait: trial {trial.number} has ended without calling hyperopt_app.checkpointed(). Call it where a "
                "checkpoint was written, after the report, or take hydra/sweeper/pruner=forecast.",
            )

    def _say(self, trial: optuna.Trial, kind: str, text: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            note = f"{self.key}: {text}"
            _log.warning("%s", note)
            write_note(trial.study, kind, note)


def _lacks_checkpoints(asked: Asked) -> bool:
    """Whether a trial has reported, and could not wait at a rung because nobody announces checkpoints."""
    if rule_of(asked.study.pruner) is None or asked.is_resumed or not asked.reports:
        return False
    return not has_checkpoints(attributes_of(asked.study))


def _idle(asked: Asked) -> tuple[str, str]:
    """Of what kind it is that the pruner could not act, and what to do; empty if it could."""
    if asked.was_to_end:
        return "swallowed", (
            "went on after the pruner had ended it, and counts as complete. Where `except Exception` stands around the "
            "training, write `except optuna.TrialPruned: raise` before it; where should_prune() is asked, raise "
            "optuna.TrialPruned() if it is True"
        )
    if asked.is_resumed:  # what it reported before is not known here
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
