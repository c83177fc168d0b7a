# SPDX-License-Identifier: MIT
"""Go on with a study of another tool where it is: nothing of it is changed, so its own workers may go on too."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from hyperopt_app.legacy.old.copies import closing_storage
from hyperopt_app.legacy.old.finding import is_of_today
from hyperopt_app.legacy.old.places import IMPORTED, OldStudy
from hyperopt_app.legacy.old.report import Report, record_of, shown_place
from hyperopt_app.legacy.old.trials import conversion_faults, would_change

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

__all__ = ["go_on_in_place", "stays"]


def stays(
    old: OldStudy, trials: "Sequence[FrozenTrial]", space: "Mapping[str, BaseDistribution]", *, in_curve: bool
) -> bool:
    """Whether the study goes on in its own storage; a server's always does.

    A file's does if it is of today's Optuna and no trial would have to be written in another way.

    Args:
        old: The study.
        trials: Its trials.
        space: Name of a parameter to the distribution with which the study would go on.
        in_curve: See `trials.converted`.
    """
    if old.place.path is None:
        return True
    if in_curve or not is_of_today(old) or any(map(would_change, trials)):
        return False
    return not conversion_faults(trials, space, may_respell=False)


def go_on_in_place(old: OldStudy) -> Report:
    """Note in the study that we go on with it, and how many of its trials the original does not count.

    What is RUNNING may be the work of a living worker and is left alone: it ends there, or is taken over like every
    trial without a sign of life. What waits is a ticket of ours as it is.
    """
    import optuna

    with closing_storage(old.storage) as storage:
        study = optuna.load_study(study_name=old.name, storage=storage)
        trials = study.get_trials(deepcopy=False)
        report = Report(
            storage=old.storage,
            is_new=True,
            source=shown_place(old),
            trials=len(trials),
            uncounted=sum(trial.state == TrialState.FAIL for trial in trials),
            running=tuple(trial.number for trial in trials if trial.state == TrialState.RUNNING),
        )
        study.set_user_attr(IMPORTED, record_of(old, report) | {"in_place": True})
    return report
