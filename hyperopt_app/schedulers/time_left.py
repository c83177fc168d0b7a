# SPDX-License-Identifier: MIT
"""Decide whether a worker has enough time left for another trial."""

import statistics
from collections.abc import Mapping, Sequence

from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.schedulers.registry import values_of

__all__ = ["END_VARIABLE", "end_of_job", "needed_s", "suffices"]

# Seconds since the epoch at which the scheduler ends the job; the job's script sets it.
END_VARIABLE = "HYPEROPT_END"

# Slower next time: a longer epoch, a busy filesystem.
_MARGIN = 1.1
_JUDGED = 20


def end_of_job(environment: Mapping[str, str]) -> float | None:
    """Return when the scheduler ends this worker's job, in seconds since the epoch; None if unknown."""
    ends = (environment.get(END_VARIABLE, ""), *values_of(environment, lambda variables: variables.end))
    return next((float(text) for text in map(str.strip, ends) if text.isdigit()), None)


def needed_s(own_s: float | None, trials: Sequence[FrozenTrial]) -> float:
    """Estimate the seconds from the start of a trial to its first checkpoint, or to its end without one.

    Args:
        own_s: The longest stretch without a checkpoint that this worker has seen; None if it has run no trial.
        trials: Of the study; the durations of the last complete ones stand in for what the worker has not seen.
    """
    if own_s is not None:
        return own_s * _MARGIN
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE and trial.duration is not None]
    durations = [trial.duration.total_seconds() for trial in complete[-_JUDGED:] if trial.duration is not None]
    return statistics.median(durations) * _MARGIN if durations else 0.0


def suffices(remaining_s: float | None, wanted_s: float, grace_s: float, *, is_fresh: bool) -> bool:
    """Decide whether a worker may claim another trial.

    Args:
        remaining_s: Seconds to the end of the job; None for no end.
        wanted_s: See `needed_s`.
        grace_s: Seconds before the end at which the worker asks its trial to end.
        is_fresh: The worker has run no trial yet. No later job would have more time than this one, so it tries.
    """
    if remaining_s is None:
        return True
    left_s = remaining_s - grace_s
    return left_s > 0 and (is_fresh or left_s > wanted_s)
