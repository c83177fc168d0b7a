# SPDX-License-Identifier: MIT
"""Trials made by hand for tests of what is shown and written; no test stands here."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

START = datetime(2026, 11, 23, 12, 0, 0, 250_000)  # noqa: DTZ001 - Optuna stamps trials without a time zone


def study_of(*directions: str) -> optuna.Study:
    """An in-memory study, with one direction (minimize) if none are given."""
    return optuna.create_study(
        directions=[optuna.study.StudyDirection[name.upper()] for name in directions or ("minimize",)]
    )


def made(
    state: TrialState = TrialState.COMPLETE,
    values: list[float] | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    number: int = 0,
    curve: Mapping[int, float] | None = None,
    length_s: float = 4.1,
    **attrs: Any,
) -> FrozenTrial:
    """A trial from `START`, if it is finished until `length_s` later; `attrs` are user attributes."""
    params = dict(params or {})
    trial = create_trial(
        state=state,
        values=[0.5] if values is None and state == TrialState.COMPLETE else values,
        params=params,
        distributions={name: _distribution(value) for name, value in params.items()},
        intermediate_values=dict(curve or {}),
        user_attrs=attrs,
    )
    trial.number = number
    trial.datetime_start = None if state == TrialState.WAITING else START
    trial.datetime_complete = START + timedelta(seconds=length_s) if state.is_finished() else None
    return trial


def _distribution(value: Any) -> BaseDistribution:
    if isinstance(value, float):
        return FloatDistribution(-1e9, 1e9)
    if isinstance(value, int) and not isinstance(value, bool):
        return IntDistribution(0, 10**6)
    return CategoricalDistribution([value])
