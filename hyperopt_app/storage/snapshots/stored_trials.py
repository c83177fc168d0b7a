# SPDX-License-Identifier: MIT
"""The trials of a snapshot, whose parameters, attributes and curves are decoded when somebody asks for them."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.storage.snapshots.columns import Curves, DamagedColumnsError, Moments, Texts, compact_json

__all__ = ["StoredTrials", "packed_trials"]

# Longer dicts and lists among the attributes are kept once: a worker signs all of its trials with the same one.
_LONG = 64


class StoredTrials:
    """All trials that a journal has made, by Optuna's numbers for them, which count the trials of all its studies.

    Attributes:
        studies: The study of each trial.
        states: The state of each trial.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take the trials from the arrays that `packed_trials` has made.

        Raises:
            DamagedColumnsError: The arrays do not belong together.
        """
        self.studies: list[int] = arrays["studies"].tolist()
        states = {state.value: state for state in TrialState}
        self.states = [states[value] for value in arrays["states"].tolist()]
        self._begun, self._ended = Moments(arrays, "begun"), Moments(arrays, "ended")
        self._texts = {name: Texts(arrays, name) for name in ("values", "params", "user_attrs", "system_attrs")}
        self._curves = Curves(arrays)
        self._long = Texts(arrays, "long")
        self._decoded: dict[int, Any] = {}
        self._spaces, self._space_of = _Spaces(Texts(arrays, "spaces")), arrays["space_of"]
        lengths = {len(self.states), len(self._begun), len(self._ended), len(self._curves), len(self._space_of)}
        if lengths | {len(texts) for texts in self._texts.values()} != {len(self.studies)}:
            raise DamagedColumnsError("the columns do not have the same length")

    def trials(self) -> list[FrozenTrial]:
        """Return the trials, which are decoded later, piece by piece; Optuna changes only copies of them."""
        counts: dict[int, int] = {}
        trials = list[FrozenTrial]()
        for trial_id, (study, state) in enumerate(zip(self.studies, self.states, strict=True)):
            number = counts.get(study, 0)
            counts[study] = number + 1
            trials.append(_StoredTrial(self, trial_id, number, state))
        return trials

    def values(self, trial_id: int) -> list[float] | None:
        """Return a trial's values."""
        values: list[float] | None = self._texts["values"][trial_id]
        return values

    def begun(self, trial_id: int) -> Any:
        """Return when a trial began."""
        return self._begun[trial_id]

    def ended(self, trial_id: int) -> Any:
        """Return when a trial ended."""
        return self._ended[trial_id]

    def params(self, trial_id: int) -> dict[str, Any]:
        """Return a trial's parameters."""
        params: dict[str, Any] = self._texts["params"][trial_id]
        return params

    def distributions(self, trial_id: int) -> dict[str, BaseDistribution]:
        """Return what a trial's parameters were drawn from; trials of one space share the objects."""
        return dict(self._spaces[int(self._space_of[trial_id])])

    def curve(self, trial_id: int) -> dict[int, float]:
        """Return what a trial has reported."""
        return self._curves[trial_id]

    def user_attrs(self, trial_id: int) -> dict[str, Any]:
        """Return a trial's own attributes."""
        return self._attributes("user_attrs", trial_id)

    def system_attrs(self, trial_id: int) -> dict[str, Any]:
        """Return the attributes that Optuna keeps of a trial."""
        return self._attributes("system_attrs", trial_id)

    def _attributes(self, column: str, trial_id: int) -> dict[str, Any]:
        stored = self._texts[column][trial_id]
        return {name: self._attribute(value) if type(value) is list else value for name, value in stored.items()}

    def _attribute(self, cell: list[Any]) -> Any:
        """Return what a list stands for: `[place]` a long value, `[null, value]` a short list."""
        if len(cell) > 1:
            return cell[1]
        (place,) = cell
        if place not in self._decoded:
            self._decoded[place] = self._long[place]
        return self._decoded[place]


class _Spaces:
    """The search spaces of the trials, each decoded once."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._decoded: dict[int, dict[str, BaseDistribution]] = {}

    def __getitem__(self, place: int) -> dict[str, BaseDistribution]:
        if place not in self._decoded:
            self._decoded[place] = {name: json_to_distribution(text) for name, text in self._texts[place].items()}
        return self._decoded[place]


_DECODED_BY: dict[str, Callable[[StoredTrials, int], Any]] = {
    "_values": StoredTrials.values,
    "_datetime_start": StoredTrials.begun,
    "datetime_complete": StoredTrials.ended,
    "_params": StoredTrials.params,
    "_user_attrs": StoredTrials.user_attrs,
    "_system_attrs": StoredTrials.system_attrs,
    "intermediate_values": StoredTrials.curve,
    "_distributions": StoredTrials.distributions,
}


class _StoredTrial(FrozenTrial):
    """A trial whose attributes are decoded when they are asked for; copies of it are plain trials."""

    def __init__(self, stored: StoredTrials, trial_id: int, number: int, state: TrialState) -> None:
        self._number = number
        self.state = state
        self._trial_id = trial_id
        self._stored = stored

    def __getattr__(self, name: str) -> Any:
        """Decode an attribute that is asked for the first time."""
        decode = _DECODED_BY.get(name)
        if decode is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = decode(self._stored, self._trial_id)
        setattr(self, name, value)
        return value

    def decoded(self) -> FrozenTrial:
        """Return the whole trial as Optuna's own; it shares what is decoded already."""
        return FrozenTrial(
            number=self._number,
            state=self.state,
            value=None,
            values=self._values,
            datetime_start=self._datetime_start,
            datetime_complete=self.datetime_complete,
            params=self._params,
            distributions=self._distributions,
            user_attrs=self._user_attrs,
            system_attrs=self._system_attrs,
            intermediate_values=self.intermediate_values,
            trial_id=self._trial_id,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrozenTrial):
            return NotImplemented
        return vars(self.decoded()) == vars(other.decoded() if isinstance(other, _StoredTrial) else other)

    def __hash__(self) -> int:
        return hash(self.decoded())

    def __repr__(self) -> str:
        return repr(self.decoded())

    def __copy__(self) -> FrozenTrial:
        return self.decoded()

    def __deepcopy__(self, _memo: dict[int, Any]) -> FrozenTrial:
        # Without the memo, or copies of several trials would share what these share.
        return copy.deepcopy(self.decoded())

    def __reduce__(self) -> tuple[Any, ...]:
        return copy.copy, (self.decoded(),)


def packed_trials(trials: Sequence[FrozenTrial], studies: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Return the arrays from which `StoredTrials` makes these trials.

    Args:
        trials: All trials by Optuna's numbers for them, with what a journal can hold.
        studies: The study of each.
    """
    long: dict[str, int] = {}
    spaces: dict[str, int] = {}
    names = _Distributions()
    space_of = [spaces.setdefault(names.text_of(trial.distributions), len(spaces)) for trial in trials]
    arrays: dict[str, NDArray[Any]] = {
        "studies": np.array(studies, np.int32),
        "states": np.array([trial.state.value for trial in trials], np.int8),
        "space_of": np.array(space_of, np.int32),
        **Moments.packed((trial.datetime_start for trial in trials), "begun"),
        **Moments.packed((trial.datetime_complete for trial in trials), "ended"),
        **Texts.packed((compact_json(trial.values) for trial in trials), "values"),
        **Texts.packed((compact_json(trial.params) for trial in trials), "params"),
        **Texts.packed((_packed_attributes(trial.user_attrs, long) for trial in trials), "user_attrs"),
        **Texts.packed((_packed_attributes(trial.system_attrs, long) for trial in trials), "system_attrs"),
        **Curves.packed([trial.intermediate_values for trial in trials]),
    }
    return arrays | Texts.packed(spaces, "spaces") | Texts.packed(long, "long")


def _packed_attributes(attributes: Mapping[str, Any], long: dict[str, int]) -> str:
    cells = {}
    for name, value in attributes.items():
        cells[name] = value
        if isinstance(value, (dict, list)):
            text = compact_json(value)
            if len(text) >= _LONG:
                cells[name] = [long.setdefault(text, len(long))]
            elif isinstance(value, list):
                cells[name] = [None, value]
    return compact_json(cells)


class _Distributions:
    """Writes distributions as JSON, equal ones once."""

    def __init__(self) -> None:
        self._texts: dict[tuple[type, str], str] = {}

    def text_of(self, distributions: Mapping[str, BaseDistribution]) -> str:
        return compact_json({name: self._text(distribution) for name, distribution in distributions.items()})

    def _text(self, distribution: BaseDistribution) -> str:
        key = (type(distribution), repr(vars(distribution)))  # the choices 1 and True are equal, their texts are not
        if key not in self._texts:
            self._texts[key] = distribution_to_json(distribution)
        return self._texts[key]
