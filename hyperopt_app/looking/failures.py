# SPDX-License-Identifier: MIT
"""The failures of a study by kind: how many, and the commonest reason."""

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from hyperopt_app.looking.view import View
from hyperopt_app.objective.failure_kinds import KINDS
from hyperopt_app.study.trial_facts import failure_kind, failure_text
from hyperopt_app.support.passwords import mask_password

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Failures", "failures_of", "known_kind"]


class Failures(NamedTuple):
    """The failed trials of one kind.

    Attributes:
        kind: One of `objective.failure_kinds.KINDS`; empty if nobody wrote it.
        numbers: The trials.
        text: The commonest reason, one line; empty if there is none.
        times: How often it is given.
    """

    kind: str
    numbers: list[int]
    text: str
    times: int


def known_kind(trial: "FrozenTrial") -> str:
    """Return the kind of a failure; empty if nobody wrote it, or if it is none of ours."""
    kind = failure_kind(trial)
    return kind if kind in KINDS else ""


def failures_of(view: View) -> list[Failures]:
    """Return the failures of the trials that count, by kind, the commonest kind first."""
    failed = view.in_state("failed")
    kinds = Counter(map(known_kind, failed))
    groups = []
    for kind, _ in kinds.most_common():
        trials = [trial for trial in failed if known_kind(trial) == kind]
        texts = Counter(filter(None, map(failure_text, trials)))
        text, times = texts.most_common(1)[0] if texts else ("", 0)
        groups.append(Failures(kind, [trial.number for trial in trials], mask_password(text), times))
    return groups
