# SPDX-License-Identifier: MIT
"""Check whether training ends too early, and whether the search has stopped finding better values."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev

from hyperopt_app.looking.curves import curve_of
from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.health.ranges import best_tenth
from hyperopt_app.looking.view import View
from hyperopt_app.support.display_text import counted, share_text

__all__ = ["curves_still_improve", "no_better_value"]

# A shorter curve does not tell a trend from its noise.
_LEAST_REPORTS, _LEAST_CURVES = 10, 3
# Of the whole gain of a curve, what it gains from the fifth before the last to the last.
_LATE_GAIN = 0.1
_LEAST_WITHOUT_GAIN, _SHARE_WITHOUT_GAIN = 50, 0.5


def curves_still_improve(view: View) -> list[Finding]:
    """Find that most curves of the best tenth still improve clearly in their last fifth."""
    if len(view.directions) > 1:
        return []
    curves = [[view.loss(value) for _, value in curve_of(trial)] for trial in best_tenth(view, _LEAST_CURVES)]
    gains = [_late_gain(curve) for curve in curves if len(curve) >= _LEAST_REPORTS and all(map(math.isfinite, curve))]
    still = [gain for gain in gains if gain > _LATE_GAIN]
    if len(gains) < _LEAST_CURVES or len(still) <= len(gains) / 2:
        return []
    many, gain = f"{len(still)} of the {len(gains)} best curves", sorted(still)[len(still) // 2]
    reason = f"{many} still improve in their last fifth, by {share_text(gain)} of their whole gain"
    return [Finding("curves", reason, "train longer")]


def _late_gain(losses: Sequence[float]) -> float:
    """Return the gain in the last fifth of a curve as a share of its whole gain; 0 if it is none, or within the noise.

    The last report is left out: the best trials were chosen by it, so its noise would look like a gain.
    """
    losses = losses[:-1]
    fifth = max(len(losses) // 5, 1)
    last, before = fmean(losses[-fifth:]), fmean(losses[-2 * fifth : -fifth])
    gain, whole = before - last, losses[0] - last
    if whole <= 0 or gain < 2 * _noise(losses[len(losses) // 2 :]) * math.sqrt(2 / fifth):
        return 0.0
    return gain / whole


def _noise(losses: Sequence[float]) -> float:
    """Return the standard deviation of the noise of a curve without a bend: that of its steps is larger by a root."""
    return stdev(after - before for before, after in pairwise(losses)) / math.sqrt(2)


def no_better_value(view: View) -> list[Finding]:
    """Find that the second half of the search, or the last fifty trials, have brought no better value."""
    complete = view.in_state("complete")
    if len(view.directions) > 1 or not view.best:
        return []
    since = sum(trial.number > view.best[0].number for trial in complete)
    if since < max(_LEAST_WITHOUT_GAIN, _SHARE_WITHOUT_GAIN * len(complete)):
        return []
    reason = f"no better value in the last {counted(since, 'complete trial')}, since trial {view.best[0].number}"
    return [Finding("stalled", reason, "end here, or search another space or with another sampler")]
