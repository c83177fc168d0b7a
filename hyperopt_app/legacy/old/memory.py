# SPDX-License-Identifier: MIT
"""A study in memory that has given trials, for what Optuna does with whole studies only."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial

__all__ = ["study_in_memory"]


def study_in_memory(
    trials: "Iterable[FrozenTrial]", directions: "Sequence[StudyDirection]", name: str | None = None
) -> "optuna.Study":
    """The study; Optuna, which says of each study that it makes one, keeps still."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(directions=directions, study_name=name)
    finally:
        optuna.logging.set_verbosity(before)
    study.add_trials(trials)
    return study
