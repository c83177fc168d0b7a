# SPDX-License-Identifier: MIT
"""Check that the records of a journal form a sequence that Optuna can have written. Reads no file.

Optuna does not check records: a missing key raises a KeyError in every process, and a record for an unknown trial is
ignored. So each record is checked before Optuna sees it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

__all__ = ["CREATE_STUDY", "CREATE_TRIAL", "Audit"]

Record = Mapping[str, Any]

CREATE_STUDY, CREATE_TRIAL = 0, 4


class Audit:
    """Checks the records of a journal in order, from the first one on.

    Attributes:
        studies: How many values each study that was made optimises, by its number.
        trials: The study of each trial that was made, by the number that the journal gives it.
    """

    def __init__(self) -> None:
        self.studies: list[int] = []
        self.trials: list[int] = []
        self._names: dict[str, int] = {}
        self._finished: set[int] = set()
        self._checks: dict[Any, tuple[str, Callable[[Record], str]]] = {
            CREATE_STUDY: ("make a study", self._make_study),
            1: ("delete a study", self._delete_study),
            2: ("set an attribute of a study", partial(self._attribute, self._study, "user_attr")),
            3: ("set an attribute of a study", partial(self._attribute, self._study, "system_attr")),
            CREATE_TRIAL: ("make a trial", self._make_trial),
            5: ("set a parameter", self._param),
            6: ("set a trial's state", self._state),
            7: ("report a value", self._report),
            8: ("set an attribute of a trial", partial(self._attribute, self._trial, "user_attr")),
            9: ("set an attribute of a trial", partial(self._attribute, self._trial, "system_attr")),
            10: ("discard trials", lambda _record: ""),  # passed over by Optuna too
        }

    @classmethod
    def continuing(cls, studies: list[int], trials: list[int], names: dict[str, int], finished: set[int]) -> "Audit":
        """Return the audit that has seen the records before.

        Args:
            studies: As the attribute.
            trials: As the attribute.
            names: The studies that are not deleted, by name.
            finished: The numbers of the trials that have ended.
        """
        audit = cls()
        audit.studies, audit.trials, audit._names, audit._finished = studies, trials, names, finished
        return audit

    def fault(self, record: Record) -> str:
        """Say what is wrong with the next record; if nothing is, it is counted and the text is empty."""
        code = record["op_code"]
        if type(code) is not int or code not in self._checks:
            return f"its op_code {code!r} is unknown to this Optuna"
        words, check = self._checks[code]
        try:
            if type(record["worker_id"]) is not str:
                return f"to {words}, its worker_id is not text"
            return check(record)
        except KeyError as error:
            return f"to {words}, it needs the key {error}"
        except (TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            return f"it cannot {words} ({type(error).__name__}: {' '.join(str(error).split())})"

    def _attribute(self, check_owner: Callable[[Record], str], key: str, record: Record) -> str:
        return check_owner(record) or _single_attribute(record[key])

    def _make_study(self, record: Record) -> str:
        name, directions = record["study_name"], [StudyDirection(direction) for direction in record["directions"]]
        if type(name) is not str or not directions:
            return "a study needs a name and a direction"
        if name not in self._names:  # else two drivers made it at once, and the first counts
            self._names[name] = len(self.studies)
            self.studies.append(len(directions))
        return ""

    def _delete_study(self, record: Record) -> str:
        fault = self._study(record)
        if not fault:
            self._names = {name: study_id for name, study_id in self._names.items() if study_id != record["study_id"]}
        return fault

    def _study(self, record: Record) -> str:
        number = record["study_id"]
        return "" if _is_place(number, self.studies) else f"it is about study {number!r}, which was never made"

    def _trial(self, record: Record) -> str:
        number = record["trial_id"]
        return "" if _is_place(number, self.trials) else f"it is about trial {number!r}, which was never made"

    def _make_trial(self, record: Record) -> str:
        fault = self._study(record)
        if fault:
            return fault
        study = record["study_id"]
        if record["datetime_start"] is not None:
            datetime.fromisoformat(record["datetime_start"])
        fault = _filled(record, self.studies[study]) if len(record) > _FEWEST else ""
        if not fault and study in self._names.values():  # of a deleted study Optuna makes none
            self.trials.append(study)
            if TrialState(record.get("state", TrialState.RUNNING.value)).is_finished():
                self._finished.add(len(self.trials) - 1)
        return fault

    def _param(self, record: Record) -> str:
        fault = self._trial(record)
        if not fault and type(record["param_name"]) is not str:
            return "the name of a parameter is not text"
        return fault or _misfit(record["distribution"], record["param_value_internal"])

    def _state(self, record: Record) -> str:
        fault = self._trial(record)
        if fault:
            return fault
        state, values, number = TrialState(record["state"]), record["values"], record["trial_id"]
        if number in self._finished:  # Optuna passes over what comes late
            return ""
        if state == TrialState.RUNNING:
            datetime.fromisoformat(record["datetime_start"])
        elif state.is_finished():
            datetime.fromisoformat(record["datetime_complete"])
        fault = _values_fault(state, values, self.studies[self.trials[number]])
        if not fault and state.is_finished():
            self._finished.add(number)
        return fault

    def _report(self, record: Record) -> str:
        fault = self._trial(record)
        if not fault and (type(record["step"]) is not int or not _is_number(record["intermediate_value"])):
            return "a report needs a step and a number"
        return fault


# The keys of a running or waiting trial without a past: op_code, worker_id, study_id, datetime_start.
_FEWEST = 4


def _filled(record: Record, directions: int) -> str:
    """Say what is wrong with a trial that is created with parameters, values or attributes."""
    if record.get("datetime_complete") is not None:
        datetime.fromisoformat(record["datetime_complete"])
    distributions = record.get("distributions", {})
    for name, value in record.get("params", {}).items():
        fault = _misfit(distributions[name], value)
        if fault:
            return fault
    for text in distributions.values():
        _distribution(text)
    curve = {int(step): value for step, value in record.get("intermediate_values", {}).items()}
    if not all(map(_is_number, curve.values())):
        return "a report wants a number"
    if not all(isinstance(record.get(name, {}), dict) for name in ("user_attrs", "system_attrs")):
        return "the attributes of a trial are not a JSON object"
    values = record.get("values")
    if values is None and record.get("value") is not None:
        values = [record["value"]]
    return _values_fault(TrialState(record.get("state", TrialState.RUNNING.value)), values, directions)


def _values_fault(state: TrialState, values: Any, directions: int) -> str:
    if values is None:
        return "a complete trial has no value" if state == TrialState.COMPLETE else ""
    if not isinstance(values, list) or len(values) != directions or not all(map(_is_number, values)):
        return f"the study needs {directions} number(s) as values"
    return ""


def _misfit(text: str, value: Any) -> str:
    """Say what is wrong with the stored value of a parameter."""
    distribution = _distribution(text)
    if not _is_number(value):
        return "the value of a parameter is not a number"
    if isinstance(distribution, CategoricalDistribution) and not 0 <= int(value) < len(distribution.choices):
        return f"a parameter has {len(distribution.choices)} choices, and none is number {value}"
    return ""


@lru_cache(maxsize=4096)
def _distribution(text: str) -> BaseDistribution:
    distribution: BaseDistribution = json_to_distribution(text)
    return distribution


def _single_attribute(attributes: Any) -> str:
    return "" if isinstance(attributes, dict) and len(attributes) == 1 else "it wants one attribute"


def _is_place(number: Any, places: list[int]) -> bool:
    return type(number) is int and 0 <= number < len(places)


def _is_number(value: Any) -> bool:
    return type(value) is float or type(value) is int
