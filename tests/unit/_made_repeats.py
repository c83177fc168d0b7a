# SPDX-License-Identifier: MIT
"""Trials of studies with several seeds, made by hand; no test stands here."""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from tests.unit._made_trials import made


def repeat_records(*values: Sequence[float], seed: int = 0, reports: int = 0) -> dict[str, Any]:
    """The attributes of a trial's finished repeats; each has its values, and seeds count from `seed`."""
    return {
        f"repeat:{number}": {
            "values": list(each),
            "metrics": {"m": each[0]},
            "seed": seed + number,
            "reports": reports,
            "curve": [[0, 1.0]] * bool(number and reports),
        }
        for number, each in enumerate(values)
    }


def repeated(number: int, *values: float, n: int = 3, state: TrialState = TrialState.COMPLETE) -> FrozenTrial:
    """A trial of one objective; with fewer than n values it has no value of its own."""
    is_complete = state == TrialState.COMPLETE and len(values) == n
    if state == TrialState.COMPLETE and not is_complete:
        state = TrialState.PRUNED
    records = repeat_records(*([value] for value in values))
    return made(state, [sum(values) / n] if is_complete else None, number=number, **records)
