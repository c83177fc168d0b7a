# SPDX-License-Identifier: MIT
"""Decide whether another trial may start, and store the decision to stop in the study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.objective.failure_kinds import TEACHING
from hyperopt_app.study.records.forms import StopRecord
from hyperopt_app.study.records.study_records import attributes_of, keep_stop, stop_record
from hyperopt_app.study.records.trial_records import failure_record

__all__ = [
    "IDENTICAL_FIRST_FAILURES",
    "Failure",
    "Limits",
    "Stop",
    "common_bug",
    "failure_of",
    "failures_since",
    "may_start",
    "read_stop",
    "stop_in",
    "write_stop",
]

# As many identical failures before any success mean a broken objective, not bad luck.
IDENTICAL_FIRST_FAILURES = 3


@dataclass(frozen=True)
class Limits:
    """The rules that stop a study before its tickets are used up.

    Attributes:
        deadline: Time (seconds since the epoch) after which nothing is started; None for no limit.
        max_failure_rate: Largest tolerated share of failed trials, in [0, 1].
        max_consecutive_failures: Failures in a row that are too many; None for no limit.
        min_judged: Finished trials before the rate is judged.
    """

    deadline: float | None = None
    max_failure_rate: float = 1.0
    max_consecutive_failures: int | None = 10
    min_judged: int = 1

    @property
    def never_for_failures(self) -> bool:
        """Whether both failure limits are off, so that identical failures at the start do not stop a run either."""
        return self.max_consecutive_failures is None and self.max_failure_rate >= 1


class Failure(NamedTuple):
    """How a trial failed: one of `failure_kinds.KINDS`, and one line."""

    kind: str
    text: str


@dataclass(frozen=True)
class Stop:
    """Why no further trial may start.

    Attributes:
        reason: A clause.
        is_fault: Whether the user has to fix something.
        ends_running: Whether the trials that run shall end at their next checkpoints, and wait to be continued.
        is_hold: Whether the study is held: then a search command does not take the stop back.
    """

    reason: str
    is_fault: bool
    ends_running: bool = False
    is_hold: bool = False

    @property
    def first(self) -> str:
        """What is to be done before the same command goes on; empty if nothing is."""
        if self.is_fault:
            return "after a fix, "
        if self.is_hold:
            return "once it is released, "
        return "with a larger budget, " if self.reason.startswith("hydra.sweeper.budget.") else ""


def may_start(
    failures: Sequence[Failure | None], now: float, limits: Limits, anew: Sequence[Failure | None] | None = None
) -> Stop | None:
    """Decide whether another trial may start.

    Args:
        failures: The trials that ended since the command was given, in the order of their ends: the failure, or None
            for a trial that completed or was pruned. What the parameters are to blame for (no memory, NaN) is
            counted among failures in a row only as long as no trial has succeeded.
        now: Seconds since the epoch.
        limits: The rules.
        anew: Those of them that may be the code's fault; all if None.

    Returns:
        None to go on, else why to stop.
    """
    if limits.deadline is not None and now >= limits.deadline:
        return Stop("the time of hydra.sweeper.timeout is over", is_fault=False)
    return _broken(failures if anew is None else anew, limits) or _in_a_row(failures, limits) or _rate(failures, limits)


def _broken(failures: Sequence[Failure | None], limits: Limits) -> Stop | None:
    failure = common_bug(failures)
    if limits.never_for_failures or failure is None or len(failures) < IDENTICAL_FIRST_FAILURES:
        return None
    cause = f"the first {IDENTICAL_FIRST_FAILURES} trials of this run failed in the same way"
    return Stop(f"{cause}: {failure.text}", is_fault=True)


def common_bug(failures: Sequence[Failure | None]) -> Failure | None:
    """Return the bug with which all of the first trials failed (three, or fewer if there are); None if one succeeded.

    What the parameters may be to blame for is not a bug.
    """
    first = set(failures[:IDENTICAL_FIRST_FAILURES])
    failure = first.pop() if len(first) == 1 and None not in failures else None
    return failure if failure is not None and failure.kind == "bug" else None


def _in_a_row(failures: Sequence[Failure | None], limits: Limits) -> Stop | None:
    most = limits.max_consecutive_failures
    none_succeeded = None not in failures
    judged = [failure for failure in failures if failure is None or none_succeeded or failure.kind not in TEACHING]
    if most is None or len(judged) < most or None in judged[-most:]:
        return None
    return Stop(
        f"{most} trials in a row failed, the last with: {_text_of_failure(judged[-1])} "
        "(hydra.sweeper.max_consecutive_failures sets how many may)",
        is_fault=True,
    )


def _rate(failures: Sequence[Failure | None], limits: Limits) -> Stop | None:
    failed = [failure for failure in failures if failure is not None]
    if not failed or len(failures) < limits.min_judged or len(failed) / len(failures) <= limits.max_failure_rate:
        return None
    return Stop(
        f"{len(failed)} of {len(failures)} trials failed, more than hydra.sweeper.max_failure_rate="
        f"{limits.max_failure_rate:g} allows; the last with: {failed[-1].text}",
        is_fault=True,
    )


def _text_of_failure(failure: Failure | None) -> str:
    return "" if failure is None else failure.text


def failures_since(trials: Sequence[FrozenTrial], before: frozenset[int]) -> list[Failure | None]:
    """Return the failures of the trials that ended in this run, in the order of their ends.

    Args:
        trials: The study's trials.
        before: Numbers of those that had ended when the run began.
    """
    ended = [trial for trial in trials if trial.state.is_finished() and trial.number not in before]
    ended.sort(key=lambda trial: (trial.datetime_complete is None, trial.datetime_complete, trial.number))
    return [failure_of(trial) for trial in ended]


def failure_of(trial: FrozenTrial) -> Failure | None:
    """Return how a trial failed; None if it did not."""
    if trial.state != TrialState.FAIL:
        return None
    failure = failure_record(trial)
    return Failure(str(failure.get("kind", "bug")), str(failure.get("error", "unknown")))


def read_stop(study: optuna.Study) -> Stop | None:
    """Read the stop that a worker, or the user, has stored in the study."""
    return stop_in(attributes_of(study))


def stop_in(attributes: Mapping[str, Any]) -> Stop | None:
    """Return the same from study attributes that were already read."""
    stop = stop_record(attributes)
    return Stop(**stop) if stop else None


def write_stop(study: optuna.Study, stop: Stop | None) -> None:
    """Ask all workers not to start another trial; None withdraws the request."""
    record = None
    if stop is not None:
        record = StopRecord(reason=stop.reason, is_fault=stop.is_fault)
        if stop.ends_running:
            record["ends_running"] = True
        if stop.is_hold:
            record["is_hold"] = True
    keep_stop(study, record)
