# SPDX-License-Identifier: MIT
"""Facts about stored trials that results and progress share; pure, reads no storage and shows nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = [
    "attempts_of",
    "best_trials",
    "claim_of",
    "directory_of",
    "duration_s",
    "failure_text",
    "failures_alone",
    "holder_of",
    "keep_attempt",
    "losses_of",
    "metrics_of",
    "state_word",
    "value_names",
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
    """The state as shown to people: complete, pruned, failed, running or waiting."""
    return _WORDS[trial.state.name]


def duration_s(trial: "FrozenTrial") -> float | None:
    """Seconds from start to end; None while the trial is not finished."""
    return None if trial.duration is None else trial.duration.total_seconds()


def holder_of(trial: "FrozenTrial") -> Mapping[str, Any]:
    """Who runs or ran the trial (`number`, `host`, `pid`, ...); empty when nobody signed."""
    claim = trial.user_attrs.get("claim")
    return claim if isinstance(claim, dict) else {}


def metrics_of(trial: "FrozenTrial") -> Mapping[str, Any]:
    """Every metric that the objective returned, by name; empty when it returned a plain number."""
    metrics = trial.user_attrs.get("metrics")
    return metrics if isinstance(metrics, dict) else {}


def failure_text(trial: "FrozenTrial") -> str:
    """Why a trial failed, in one line; empty when it did not fail or nobody wrote the reason."""
    failure = trial.user_attrs.get("failure")
    if not isinstance(failure, dict) or state_word(trial) != "failed":
        return ""
    return " ".join(str(failure.get("error", "")).split())


def failures_alone(trials: Sequence["FrozenTrial"]) -> str:
    """How many trials failed and the commonest reason, of a study in which none has completed; else empty."""
    states = Counter(trial.state.name for trial in trials)
    failed = states["FAIL"]
    if not failed or states["COMPLETE"]:
        return ""
    reasons = Counter(filter(None, map(failure_text, trials)))
    others = f", {states['PRUNED']} were pruned" if states["PRUNED"] else ""
    told = f"No trial has completed: {failed} of {len(trials)} failed{others}"
    if not reasons:
        return f"{told}."
    ((reason, count),) = reasons.most_common(1)
    how_often = "all" if count == failed else f"{count} of them"
    return f"{told}; {how_often} with: {reason[:300]}"


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
    candidates = sorted((trial for trial in trials if _counts(trial)), key=lambda trial: trial.number)
    if not candidates:
        return []
    signs = [-1.0 if direction.name == "MAXIMIZE" else 1.0 for direction in directions]
    if len(signs) == 1:
        return [min(candidates, key=lambda trial: signs[0] * trial.values[0])]
    losses = [[sign * value for sign, value in zip(signs, trial.values, strict=True)] for trial in candidates]
    return [candidates[index] for index in _pareto(losses)]


def _counts(trial: "FrozenTrial") -> bool:
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


def claim_of(trial: "FrozenTrial") -> Mapping[str, Any] | None:
    """Who holds or held the trial; None if nobody has put a name on it."""
    return trial.user_attrs.get("claim")


def losses_of(trial: "FrozenTrial") -> Sequence[Mapping[str, Any]]:
    """The losses of the trial so far: for each the `worker`, its `node` (empty outside a scheduler) and the `cause`."""
    losses: Sequence[Mapping[str, Any]] = trial.user_attrs.get("losses", ())
    return losses


def directory_of(trial: "FrozenTrial | optuna.Trial") -> str | None:
    """Where the trial's files were when it was last taken on; None before its first attempt."""
    directory = trial.user_attrs.get("directory")
    return None if directory is None else str(directory)


def attempts_of(trial: "FrozenTrial | optuna.Trial") -> int:
    """How often workers have taken the trial on; 0 before its first attempt.

    An older release has not counted: of its trials the later attempts count.
    """
    begun = 0 if directory_of(trial) is None else 1
    return int(trial.user_attrs.get("attempts", begun))


def keep_attempt(trial: "optuna.Trial", directory: str, attempt: int) -> None:
    """Store where a trial is taken on, and for which time; a first attempt is one write, as each later one is."""
    if directory_of(trial) != directory:
        trial.set_user_attr("directory", directory)
    if attempt > 1:
        trial.set_user_attr("attempts", attempt)
