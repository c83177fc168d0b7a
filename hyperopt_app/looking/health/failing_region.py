# SPDX-License-Identifier: MIT
"""Check whether failures lie in one region of the search space."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.view import View
from hyperopt_app.study.trial_facts import failure_kind, state_word
from hyperopt_app.support.display_text import in_one_line, value_text

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["failures_in_one_region"]

_LEAST_FAILURES = 4
# A region holds at least this share of the failures and at most this share of the trials, and in it at least this share
# of the trials fails, which is at least so many times as often as elsewhere.
_OF_FAILURES, _OF_TRIALS, _RATE, _LIFT = 0.8, 0.5, 0.5, 3.0
# It is not a parameter's fault that a node was lost.
_NOT_OF_PARAMETERS = ("infrastructure",)


class _Region(NamedTuple):
    """Some values of a parameter: how many of its trials failed, and the words for it."""

    failed: int
    trials: int
    words: str
    remedy: str


def failures_in_one_region(view: View) -> list[Finding]:
    """Find the region, bounded in one parameter, that holds nearly all failures; none if they lie everywhere."""
    ended = [
        trial
        for trial in view.in_state("complete", "pruned", "failed")
        if failure_kind(trial) not in _NOT_OF_PARAMETERS
    ]
    failed = sum(state_word(trial) == "failed" for trial in ended)
    if failed < _LEAST_FAILURES:
        return []
    regions = [region for name in view.space for region in _regions_of(name, view, ended)]
    fitting = [region for region in regions if _explains(region, failed, len(ended))]
    if not fitting:
        return []
    best = max(fitting, key=lambda region: (region.failed / region.trials) * (region.failed / failed))
    reason = f"{best.failed} of {failed} failures have {best.words}, where {best.failed} of {best.trials} trials failed"
    return [Finding("fails", reason, best.remedy)]


def _explains(region: _Region, failed: int, ended: int) -> bool:
    if region.failed < max(_LEAST_FAILURES, _OF_FAILURES * failed) or region.trials > _OF_TRIALS * ended:
        return False
    rate, elsewhere = region.failed / region.trials, (failed - region.failed) / (ended - region.trials)
    return rate >= max(_RATE, _LIFT * elsewhere)


def _regions_of(name: str, view: View, ended: "Sequence[FrozenTrial]") -> Iterator[_Region]:
    points = [(trial.params[name], state_word(trial) == "failed") for trial in ended if name in trial.params]
    if not any(is_failed for _, is_failed in points):
        return
    choices = getattr(view.space[name], "choices", None)
    if choices is not None:
        yield from _by_choice(name, choices, points)
        return
    shown = in_one_line(name)
    low_first = sorted(points, key=lambda point: point[0])
    for region_end, words, remedy in (
        (_densest_beginning(low_first), f"{shown} up to", f"begin its range above, or make {shown} fit there"),
        (_densest_beginning(low_first[::-1]), f"{shown} from", f"end its range below, or make {shown} fit there"),
    ):
        value, failed, trials = region_end
        yield _Region(failed, trials, f"{words} {value_text(value)}", remedy)


def _by_choice(name: str, choices: Sequence[Any], points: Sequence[tuple[Any, bool]]) -> Iterator[_Region]:
    for choice in choices:
        own = [is_failed for value, is_failed in points if value == choice and type(value) is type(choice)]
        if own:
            words = in_one_line(f"{name}={value_text(choice)}")
            yield _Region(sum(own), len(own), words, "leave it out of the choices, or make it work")


def _densest_beginning(points: Sequence[tuple[Any, bool]]) -> tuple[Any, int, int]:
    """Return where the densest beginning of a row of trials ends, and how many of its trials failed.

    Densest is where failures exceed what their share in all trials would give by most; equal values stay together.
    """
    share = sum(is_failed for _, is_failed in points) / len(points)
    best, most, failed = (points[0][0], 0, 1), float("-inf"), 0
    for count, (value, is_failed) in enumerate(points, 1):
        failed += is_failed
        if count < len(points) and points[count][0] == value:
            continue
        if failed - share * count > most:
            best, most = (value, failed, count), failed - share * count
    return best
