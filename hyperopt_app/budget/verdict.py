# SPDX-License-Identifier: MIT
"""Stop a run whose first trials all failed in the same way, and set those trials aside.

Such failures mean that the code is wrong, so they should not use up the budget. A run is what one command does. The
process that detects the case writes the verdict to the study, then the stop, and then sets the trials aside. A worker
that ends such a trial later, the driver at its end and the next command each complete what is missing. So no process
is required to survive, and a killed one leaves no partial state.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.counting import budget_of, left_of, read_budget, read_counting
from hyperopt_app.budget.set_aside import set_aside, set_aside_of
from hyperopt_app.study.records.forms import RunRecord, VerdictRecord
from hyperopt_app.study.records.study_records import attributes_of, keep_run, keep_verdict, run_in, verdict_in
from hyperopt_app.study.records.trial_records import holder_of, retried_by
from hyperopt_app.study.stopping import (
    IDENTICAL_FIRST_FAILURES,
    Failure,
    Limits,
    Stop,
    common_bug,
    failure_of,
    failures_since,
    may_start,
    stop_in,
    write_stop,
)
from hyperopt_app.support.display_text import counted

__all__ = [
    "Verdict",
    "begin_run",
    "close_run",
    "in_ranges",
    "judge",
    "judge_last_run",
    "trials_of_verdict",
    "verdict_on",
    "words_of",
]

_log = logging.getLogger(__name__)

# Why the trials of a verdict no longer count.
_WRONG_CODE = "the code was wrong: the first trials of its run all failed so"

_ENDED_WELL = (TrialState.COMPLETE, TrialState.PRUNED)


class Verdict(NamedTuple):
    """The failure that a run's code causes, and the trials that do not belong to that run."""

    failure: Failure
    ended_before: frozenset[int]


def begin_run(
    study: optuna.Study,
    ended_before: Iterable[int],
    limits: Limits,
    *,
    has_new_search: bool = False,
    methods: Mapping[str, str] | None = None,
) -> int:
    """Store the start of a run. Runs in the driver, under the study's lock.

    Args:
        study: The study.
        ended_before: Numbers of the trials that have ended.
        limits: Its rules.
        has_new_search: Whether the study has another search from now on, so that workers of earlier runs must leave.
        methods: Options of sampler and pruner that were chosen for the study; those of earlier runs stay.

    Returns:
        The run's number, from 1.
    """
    last = run_in(attributes_of(study))
    number = int(last.get("number", 0)) + 1
    run = RunRecord(
        number=number,
        ended_before=_ranges(ended_before),
        is_judged=not limits.never_for_failures,
        search_since=number if has_new_search else int(last.get("search_since", 0)),
        methods={**(methods or {}), **last.get("methods", {})},
        began=time.time(),
    )
    keep_run(study, run)
    return number


def close_run(study: optuna.Study) -> str:
    """Complete what the last run left undone of its verdict. Runs in the next command, under the study's lock.

    Returns:
        The message about trials that no longer count from now on; empty if there are none.
    """
    verdict = judge_last_run(study)
    if verdict is None:
        return ""
    _store_verdict(study, int(run_in(attributes_of(study))["number"]), verdict)
    fresh = len(_carry_out(study, verdict))
    these = f"{counted(fresh, 'trial')} of the last run failed in the same way and no longer count{'s' * (fresh == 1)}"
    return f"{these}: {verdict.failure.text}" if fresh else ""


def judge_last_run(study: optuna.Study) -> Verdict | None:
    """Return the last run's verdict, stored or due when its last worker died; only reads."""
    run = run_in(attributes_of(study))
    written = verdict_on(study)
    if not run or written is not None or not run["is_judged"]:
        return written
    before, counting = in_ranges(run["ended_before"]), read_counting(study)
    failures = failures_since(_anew(study, counting), before)
    failure = _due(counting, failures)
    n_trials = budget_of(study) or 0
    is_over = left_of(read_budget(study, n_trials), n_trials) == 0
    return Verdict(failure, before) if failure is not None and (is_over or _are_enough(failures)) else None


def judge(
    study: optuna.Study,
    trials: Sequence[FrozenTrial],
    ended_before: frozenset[int],
    limits: Limits,
    now: float,
    *,
    run: int = 0,
    worker: str = "",
    is_over: bool = False,
) -> Stop | None:
    """Return why no further trial of a run may start; None if one may.

    A stop that is due and not written yet is written. Trials of code that was judged wrong no longer count.

    Args:
        study: The open study; of a worker, or of the driver.
        trials: Those that count.
        ended_before: Numbers of the trials that had ended when the run began.
        limits: The rules.
        now: Seconds since the epoch.
        run: The run's number. A verdict on it holds also when a later command has taken the stop back: who has run
            one of its trials has that code still.
        worker: The name of the worker that asks.
        is_over: Whether no trial is left or runs, so that a run of one or two failures is judged too.
    """
    attributes = attributes_of(study)  # read once: each reading is a query
    verdict, stop, now_running = _stored_verdict(attributes, run), stop_in(attributes), run_in(attributes)
    if verdict is not None:
        is_current = now_running.get("number", run) == run
        _carry_out(study, verdict, None if is_current else worker)
        if stop is None and worker and _of_worker(study, verdict, worker):
            return Stop(f"this worker's code was wrong: {verdict.failure.text}", is_fault=True)
        if stop is None and is_current:
            # Who gave the verdict was killed before the stop. It is not written here, since a command that begins
            # the next run may have taken it back just now; every worker of this run comes to the same answer.
            return Stop(f"the first trials of this run failed in the same way: {verdict.failure.text}", is_fault=True)
    if stop is not None:
        return stop
    if run < int(now_running.get("search_since", 0)):
        return Stop("a later command has corrected the search; this worker has the old one", is_fault=True)
    stop, due = _stop_due(study, trials, ended_before, limits, now, is_over=is_over)
    if stop is None:
        return None
    fresh = None if due is None else Verdict(due, ended_before)
    if fresh is not None:
        _store_verdict(study, run, fresh)
    write_stop(study, stop)
    if fresh is not None:
        _carry_out(study, fresh)
    _log.warning("no further trial is started: %s", stop.reason)
    return stop


def _stop_due(
    study: optuna.Study,
    trials: Sequence[FrozenTrial],
    ended_before: frozenset[int],
    limits: Limits,
    now: float,
    *,
    is_over: bool,
) -> tuple[Stop | None, Failure | None]:
    """Return the stop that is due, and the failure of the code if that is its reason."""
    anew = failures_since(_anew(study, trials), ended_before)
    due = None if limits.never_for_failures else _due(trials, anew)
    stop = may_start(failures_since(trials, ended_before), now, limits, anew)
    if stop is None and is_over and due is not None:
        stop = Stop(f"{_ALL[len(anew)]}: {due.text}", is_fault=True)
    if stop is None or not stop.is_fault:
        return None if is_over else stop, None
    return stop, due


def _anew(study: optuna.Study, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials without retries that failed as before, since their points are to blame.

    Only where a trial has ended well, so that the code is known to work.
    """
    if not any(trial.state in _ENDED_WELL for trial in trials) or all(retried_by(trial) is None for trial in trials):
        return list(trials)
    every = study.get_trials(deepcopy=False)
    return [trial for trial in trials if not _has_failed_again(trial, every)]


def _has_failed_again(trial: FrozenTrial, every: Sequence[FrozenTrial]) -> bool:
    tried, failure = retried_by(trial), failure_of(trial)
    return tried is not None and failure is not None and failure_of(every[tried]) == failure


_ALL = {1: "the only trial of this run failed", 2: "both trials of this run failed in the same way"}


def _of_worker(study: optuna.Study, verdict: Verdict, worker: str) -> list[int]:
    """Return the trials of a verdict that this worker ran."""
    trials = study.get_trials(deepcopy=False)
    return [
        number for number in trials_of_verdict(trials, verdict) if holder_of(trials[number]).get("worker") == worker
    ]


def verdict_on(study: optuna.Study, run: int | None = None) -> Verdict | None:
    """Return the verdict on a run, by default the last command's; None if there is none."""
    attributes = attributes_of(study)
    return _stored_verdict(attributes, int(run_in(attributes).get("number", 0)) if run is None else run)


def words_of(study: optuna.Study, verdict: Verdict, way_on: str, left: int, n_trials: int) -> str:
    """Tell the user in one sentence what to do about a verdict.

    Args:
        study: The study.
        verdict: The verdict.
        way_on: What goes on with the study, e.g. `the same command`.
        left: How many trials have not ended.
        n_trials: The budget.
    """
    count = len(trials_of_verdict(study.get_trials(deepcopy=False), verdict))
    these = (
        "It no longer counts"
        if count == 1
        else "They no longer count"
        if count == IDENTICAL_FIRST_FAILURES
        else f"All {count} such failures no longer count"
    )
    is_are = "trial is" if n_trials == 1 else "trials are"
    return f"{these}: fix it, then {way_on} goes on ({left} of {n_trials} {is_are} left)."


def trials_of_verdict(trials: Sequence[FrozenTrial], verdict: Verdict) -> list[int]:
    """Return the trials a verdict concerns: those of its run that failed in this way, however late."""
    return [
        trial.number
        for trial in trials
        if trial.number not in verdict.ended_before and failure_of(trial) == verdict.failure
    ]


def _due(counting: Sequence[FrozenTrial], failures: Sequence[Failure | None]) -> Failure | None:
    """Return the failure that the code of a run causes, if there is one.

    Three equal failures speak for themselves; fewer only where no trial of the study has ended well.
    """
    if not _are_enough(failures) and any(trial.state in _ENDED_WELL for trial in counting):
        return None
    return common_bug(failures)


def _are_enough(failures: Sequence[Failure | None]) -> bool:
    return len(failures) >= IDENTICAL_FIRST_FAILURES


def _carry_out(study: optuna.Study, verdict: Verdict, worker: str | None = None) -> list[int]:
    """Set the verdict's trials aside; of a run that is over only those of one worker.

    Returns:
        The numbers of those that were not set aside yet.
    """
    trials = study.get_trials(deepcopy=False)
    known = set_aside_of(study, trials)
    numbers_due = trials_of_verdict(trials, verdict) if worker is None else _of_worker(study, verdict, worker)
    fresh = [number for number in numbers_due if number not in known]
    set_aside(study, fresh, _WRONG_CODE)
    return fresh


def _store_verdict(study: optuna.Study, run: int, verdict: Verdict) -> None:
    kind, text = verdict.failure
    keep_verdict(study, run, VerdictRecord(kind=kind, text=text, ended_before=_ranges(verdict.ended_before)))


def _stored_verdict(attributes: Mapping[str, Any], run: int) -> Verdict | None:
    kept = verdict_in(attributes, run)
    if kept is None:
        return None
    return Verdict(Failure(kept["kind"], kept["text"]), in_ranges(kept["ended_before"]))


def _ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Convert numbers to ranges (first, last): a database's text column holds no list of ten thousand."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def in_ranges(ranges: Iterable[Sequence[int]]) -> frozenset[int]:
    """Return the trial numbers that a study stores as ranges of first and last."""
    return frozenset(number for first, last in ranges for number in range(first, last + 1))
