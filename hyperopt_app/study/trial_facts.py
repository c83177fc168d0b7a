# SPDX-License-Identifier: MIT
"""Derive facts from stored trials: durations, descriptions of failures, the best trials."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from hyperopt_app.study.records.forms import AttemptRecord
from hyperopt_app.study.records.trial_records import (
    begun_attempts,
    directory_of,
    ended_attempts_of,
    failure_record,
    holder_of,
    imported_from,
    losses_of,
    promotion_of,
    repeats_of,
)
from hyperopt_app.support.display_text import excess_text, visible

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = [
    "Attempt",
    "attempts_of",
    "begun_at",
    "best_trials",
    "count_of_attempts",
    "covered_s",
    "duration_s",
    "durations_s",
    "failure_kind",
    "failure_text",
    "failures_alone",
    "infeasible_text",
    "is_eligible",
    "is_interrupted",
    "is_parked",
    "last_value",
    "own_curve",
    "reported_curve",
    "spans_of",
    "state_word",
    "state_words",
    "union_s",
    "value_names",
    "with_ended_attempt",
    "worked_s",
]

# By name, not by `optuna.trial.TrialState`, so that importing this module does not load Optuna.
_WORDS = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}


def state_word(trial: "FrozenTrial") -> str:
    """The state as shown to people: complete, pruned, failed, running, waiting or parked."""
    return "parked" if is_parked(trial) else _WORDS[trial.state.name]


def is_parked(trial: "FrozenTrial") -> bool:
    """Whether a trial waits at a rung, and goes on only if it is promoted."""
    if trial.state.name != "WAITING":
        return False
    promotion = promotion_of(trial)
    return promotion is not None and promotion["is_parked"]


def is_interrupted(trial: "FrozenTrial") -> bool:
    """Whether a trial has begun, was interrupted and waits to go on; not one that waits at a rung."""
    return trial.state.name == "WAITING" and directory_of(trial) is not None and not is_parked(trial)


def state_words(trials: Sequence["FrozenTrial"]) -> list[str]:
    """The states of several trials, in their order."""
    return [state_word(trial) for trial in trials]


class Attempt(NamedTuple):
    """One piece of a trial between two interruptions; times in seconds since the epoch, by the worker's clock."""

    worker: str
    begun: float
    ended: float


def attempts_of(trial: "FrozenTrial", until: float | None = None) -> list[Attempt]:
    """Return the attempts of a trial, in order.

    Args:
        trial: Any trial.
        until: When the attempt that runs now shall have ended; None leaves it out.
    """
    ended = _ended_attempts(trial)
    current = _current_attempt(trial, until)
    return ended if current is None else [*ended, current]


def _ended_attempts(trial: "FrozenTrial") -> list[Attempt]:
    return [
        Attempt(str(record["worker"]), float(record["begun"]), float(record["ended"]))
        for record in ended_attempts_of(trial)
    ]


def _current_attempt(trial: "FrozenTrial", until: float | None) -> Attempt | None:
    """Return the running or last attempt of the trial; None if there is none, or if it is already stored."""
    start, end = trial.datetime_start, trial.datetime_complete
    ended = until if end is None else end.timestamp()
    if start is None or ended is None or trial.state.name == "WAITING":
        return None
    if imported_from(trial) or _has_ended_parked(trial):
        return None
    begun = start.timestamp()
    if any(attempt.begun == begun for attempt in _ended_attempts(trial)):
        return None
    return Attempt(str(holder_of(trial).get("worker", "")), begun, max(begun, ended))


def _has_ended_parked(trial: "FrozenTrial") -> bool:
    """Whether a trial was pruned while it was parked: nobody trained it when it ended."""
    promotion = promotion_of(trial)
    return trial.state.name == "PRUNED" and promotion is not None and promotion["is_parked"]


def with_ended_attempt(trial: "FrozenTrial", ended: float) -> list[AttemptRecord]:
    """Return the records to store when the running attempt has ended but the trial has not."""
    stored = attempts_of(trial, ended) if trial.datetime_complete is None else _ended_attempts(trial)
    return [AttemptRecord(worker=attempt.worker, begun=attempt.begun, ended=attempt.ended) for attempt in stored]


def count_of_attempts(trial: "FrozenTrial") -> int:
    """Return how often a worker started the trial; a lower bound for studies of older releases."""
    current = _current_attempt(trial, float("inf"))
    earlier = max(len(_ended_attempts(trial)), len(losses_of(trial)))
    return max(earlier + (current is not None), begun_attempts(trial))


def begun_at(trial: "FrozenTrial") -> datetime | None:
    """Return when the first attempt began, in local time as Optuna stores it; None before."""
    ended = _ended_attempts(trial)
    return datetime.fromtimestamp(ended[0].begun) if ended else trial.datetime_start  # noqa: DTZ006


def duration_s(trial: "FrozenTrial") -> float | None:
    """Return the seconds that all attempts of the trial took; None while it is not finished."""
    if trial.duration is None:
        return None
    ended = _ended_attempts(trial)
    before_s = sum(attempt.ended - attempt.begun for attempt in ended)
    is_stored = bool(ended) and _current_attempt(trial, None) is None
    return before_s if is_stored else before_s + trial.duration.total_seconds()


def durations_s(trials: Sequence["FrozenTrial"]) -> list[float]:
    """The durations of those that are finished."""
    return [length for trial in trials if (length := duration_s(trial)) is not None]


def worked_s(trials: Sequence["FrozenTrial"], until: Callable[["FrozenTrial"], float]) -> float:
    """Return the seconds in which at least one worker was active, from its first trial's start to its last one's end.

    Args:
        trials: Of one study.
        until: For a running trial, up to when its worker is known to have been at work, in seconds since the epoch.
    """
    attempts: list[Attempt] = []
    for trial in trials:
        attempts += attempts_of(trial, until(trial) if trial.state.name == "RUNNING" else None)
    return covered_s(attempts)


def covered_s(attempts: Sequence[Attempt]) -> float:
    """Return the seconds in which at least one worker of these attempts was active."""
    return union_s(spans_of(attempts).values())


def union_s(spans: Iterable[tuple[float, float]]) -> float:
    """Return the seconds that lie in at least one of these spans, each from a begin to an end."""
    total, reached = 0.0, float("-inf")
    for begun, ended in sorted(spans):
        total += max(0.0, ended - max(begun, reached))
        reached = max(reached, ended)
    return total


def spans_of(attempts: Sequence[Attempt]) -> dict[str, tuple[float, float]]:
    """Return from when to when each worker was active: the start of its first attempt and the end of its last.

    An attempt without a worker's name (of another tool's trials) stands for itself.
    """
    spans: dict[str, tuple[float, float]] = {}
    for attempt in attempts:
        worker = attempt.worker or f"nobody {len(spans)}"
        begun, ended = spans.get(worker, (attempt.begun, attempt.ended))
        spans[worker] = (min(begun, attempt.begun), max(ended, attempt.ended))
    return spans


def last_value(trial: "FrozenTrial") -> float | None:
    """Return the last reported value of the trial; None if it reported nothing."""
    step = trial.last_step
    return None if step is None else float(trial.intermediate_values[step])


def failure_text(trial: "FrozenTrial") -> str:
    """Why a trial failed, in one line; empty when it did not fail or nobody wrote the reason."""
    if state_word(trial) != "failed":
        return ""
    return visible(" ".join(str(failure_record(trial).get("error", "")).split()))


def failure_kind(trial: "FrozenTrial") -> str:
    """The kind of a failed trial (`objective.failure_kinds`); empty for others, and where nobody wrote it."""
    return str(failure_record(trial).get("kind", "")) if state_word(trial) == "failed" else ""


def failures_alone(trials: Sequence["FrozenTrial"]) -> str:
    """Describe a run in which no trial completed: the number of failures and the commonest reason; else empty."""
    states = Counter(trial.state.name for trial in trials)
    failed = states["FAIL"]
    if not failed or states["COMPLETE"]:
        return ""
    reasons = Counter(filter(None, map(failure_text, trials)))
    others = f", {states['PRUNED']} were pruned" if states["PRUNED"] else ""
    summary = f"No trial of this run has completed: {failed} of {len(trials)} failed{others}"
    if not reasons:
        return f"{summary}."
    ((reason, count),) = reasons.most_common(1)
    how_often = "all" if count == failed else f"{count} of them"
    return f"{summary}; {how_often} with: {reason[:300]}"


def value_names(metric_names: Sequence[str], directions: int) -> tuple[str, ...]:
    """One name per optimised value: the metrics' own, else `value`, or `value_0`, `value_1`, ..."""
    if len(metric_names) == directions:
        return tuple(metric_names)
    return ("value",) if directions == 1 else tuple(f"value_{index}" for index in range(directions))


def best_trials(
    trials: Sequence["FrozenTrial"], directions: Sequence["optuna.study.StudyDirection"]
) -> list["FrozenTrial"]:
    """The best complete trial, or with several directions the Pareto front, in the order of the numbers.

    Equals `[Study.best_trial]` and `Study.best_trials`, without reading or copying the study: of equal single
    values the lowest number wins, and trials that violate one of their constraints never count. Empty while
    no trial is complete (and feasible).
    """
    candidates = sorted((trial for trial in trials if is_eligible(trial)), key=lambda trial: trial.number)
    if not candidates:
        return []
    signs = [-1.0 if direction.name == "MAXIMIZE" else 1.0 for direction in directions]
    if len(signs) == 1:
        return [min(candidates, key=lambda trial: signs[0] * trial.values[0])]
    losses = [[sign * value for sign, value in zip(signs, trial.values, strict=True)] for trial in candidates]
    return [candidates[index] for index in _pareto(losses)]


def own_curve(trial: "FrozenTrial") -> Mapping[int, float]:
    """Return what the objective has reported, step to value.

    Where it reports nothing and configurations have several seeds, the study's curve of a trial is that of the
    aggregates of its repeats, which is left out here.
    """
    repeats = repeats_of(trial)
    return {} if repeats and not repeats[0]["reports"] else trial.intermediate_values


def reported_curve(trial: "optuna.Trial") -> Mapping[int, float]:
    """Return the learning curve that the objective of a running trial has reported, step to value."""
    # Not by its place: the study may hide trials that are set aside.
    stored = next(other for other in trial.study.get_trials(deepcopy=False) if other.number == trial.number)
    return own_curve(stored)


def infeasible_text(trial: "FrozenTrial") -> str:
    """Return which constraints the trial violates and by how much; empty if none."""
    return excess_text(trial.constraints)


def is_eligible(trial: "FrozenTrial") -> bool:
    """Whether the trial can be the best: it is complete and violates none of its constraints."""
    return trial.state.name == "COMPLETE" and all(violation <= 0 for violation in trial.constraints.values())


def _pareto(losses: Sequence[Sequence[float]]) -> list[int]:
    """Indices of the points that no other point dominates, ascending; smaller is better in every column."""
    import numpy as np

    points = np.asarray(losses, dtype=float)
    indices = np.arange(len(points))
    position = 0
    while position < len(points):
        pivot = points[position]
        keep = np.any(points < pivot, axis=1) | np.all(points == pivot, axis=1)
        points, indices = points[keep], indices[keep]
        position = int(np.count_nonzero(keep[:position])) + 1
    return [int(index) for index in indices]
