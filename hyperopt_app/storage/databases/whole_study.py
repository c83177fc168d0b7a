# SPDX-License-Identifier: MIT
"""Read all trials of a study from a database at once.

Optuna makes an object of every row. Of a study with learning curves those are so many that they take most of the time,
and rows of plain values say the same in a fraction of it.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial
from sqlalchemy import String, select, type_coerce
from sqlalchemy.orm import Session

__all__ = ["all_trials"]

# Optuna's words for numbers that some databases do not take.
_NOT_FINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}

_Rows = dict[int, list[tuple[Any, ...]]]


def all_trials(session: Session, study_id: int) -> list[FrozenTrial]:
    """Return the trials of a study in the order in which they were made, as Optuna's storage returns them.

    Args:
        session: Its transaction is used, and left open.
        study_id: Optuna's number for the study.

    Raises:
        KeyError: The study does not exist.
    """
    models.StudyModel.find_or_raise_by_id(study_id, session)
    # These first, since what belongs to a trial was written before it ended; and as Optuna's objects, which know how
    # its release keeps times.
    own = models.TrialModel.study_id == study_id
    trials: Sequence[Any] = session.query(models.TrialModel).filter(own).order_by(models.TrialModel.trial_id).all()
    read = _Reader(session, study_id)
    param, value, report = models.TrialParamModel, models.TrialValueModel, models.TrialIntermediateValueModel
    params = read.rows(param, param.param_id, param.param_name, param.param_value, param.distribution_json)
    values = read.rows(value, value.objective, value.value, type_coerce(value.value_type, String))
    curves = read.rows(
        *(report, report.trial_intermediate_value_id, report.step),
        *(report.intermediate_value, type_coerce(report.intermediate_value_type, String)),
    )
    user_attrs = read.attributes(models.TrialUserAttributeModel, "trial_user_attribute_id")
    system_attrs = read.attributes(models.TrialSystemAttributeModel, "trial_system_attribute_id")
    distribution_of = cache(json_to_distribution)
    return [
        FrozenTrial(
            number=trial.number,
            state=trial.state,
            value=None,
            values=[_number(*row) for row in values[trial.trial_id]] or None,
            datetime_start=trial.datetime_start,
            datetime_complete=trial.datetime_complete,
            **_point_of(params[trial.trial_id], distribution_of),
            user_attrs=_decoded(user_attrs[trial.trial_id]),
            system_attrs=_decoded(system_attrs[trial.trial_id]),
            intermediate_values={step: _number(value, kind) for step, value, kind in curves[trial.trial_id]},
            trial_id=trial.trial_id,
        )
        for trial in trials
    ]


class _Reader:
    """Reads what belongs to the trials of one study."""

    def __init__(self, session: Session, study_id: int) -> None:
        self._session = session
        self._study_id = study_id

    def rows(self, model: Any, order: Any, *columns: Any) -> _Rows:
        """Return these columns of a table, by trial."""
        trial, rows = models.TrialModel, defaultdict[int, list[tuple[Any, ...]]](list)
        query = select(model.trial_id, *columns).join(trial, trial.trial_id == model.trial_id)
        for trial_id, *values in self._session.execute(query.where(trial.study_id == self._study_id).order_by(order)):
            rows[trial_id].append(tuple(values))
        return rows

    def attributes(self, model: Any, order: str) -> _Rows:
        """Return names and texts of attributes, by trial."""
        return self.rows(model, getattr(model, order), model.key, model.value_json)


def _number(value: float | None, kind: str) -> float:
    return _NOT_FINITE[kind] if value is None else value


def _point_of(rows: Iterable[tuple[Any, ...]], distribution_of: Any) -> dict[str, dict[str, Any]]:
    distributions = dict[str, BaseDistribution]()
    params = dict[str, Any]()
    for name, value, text in rows:
        distributions[name] = distribution_of(text)
        params[name] = distributions[name].to_external_repr(value)
    return {"params": params, "distributions": distributions}


def _decoded(rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    return {key: json.loads(text) for key, text in rows}
