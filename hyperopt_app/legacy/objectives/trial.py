# SPDX-License-Identifier: MIT
"""The trial object that an original objective sees: the current trial, with the methods of older Optuna releases.

A trial in its own process has no study, so the few study attributes that callbacks read are emulated.
"""

import logging
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import HyperoptError
from hyperopt_app.legacy.objectives.devices import warn_once
from hyperopt_app.legacy.objectives.suggestions import Call, read_call, suggest
from hyperopt_app.legacy.objectives.user_config import number_of, plain
from hyperopt_app.objective.trial import Trial
from hyperopt_app.reports.dataframe_csv import OWN_ATTRIBUTES
from hyperopt_app.space.override_text import quoted_text, value_of_choice
from hyperopt_app.support.list_choices import lists_allowed

if TYPE_CHECKING:
    from optuna.study import StudyDirection

__all__ = ["LegacyStudy", "LegacyTrial", "NoTrial", "Suggests"]

_log = logging.getLogger(__name__)

_OURS = str(Path(__file__).parents[2])


class Suggests:
    """The `suggest_*` of Optuna 2, deprecated ones included; what a call comes to is for the subclass."""

    def suggest_categorical(self, *args: Any, **kwargs: Any) -> Any:
        """One of `choices`, of any type."""
        return self._suggest(read_call("categorical", args, kwargs))

    def suggest_int(self, *args: Any, **kwargs: Any) -> Any:
        """A whole number from `low` to `high`."""
        return self._suggest(read_call("int", args, kwargs))

    def suggest_float(self, *args: Any, **kwargs: Any) -> Any:
        """A number from `low` to `high`."""
        return self._suggest(read_call("float", args, kwargs))

    def suggest_uniform(self, *args: Any, **kwargs: Any) -> Any:
        """A number from `low` to `high`."""
        return self._suggest(read_call("uniform", args, kwargs))

    def suggest_loguniform(self, *args: Any, **kwargs: Any) -> Any:
        """A number from `low` to `high`, even on a logarithmic scale."""
        return self._suggest(read_call("loguniform", args, kwargs))

    def suggest_discrete_uniform(self, *args: Any, **kwargs: Any) -> Any:
        """A number from `low` to `high` in steps of `q`; a float, as in Optuna."""
        return self._suggest(read_call("discrete_uniform", args, kwargs))

    def _suggest(self, call: Call) -> Any:
        raise NotImplementedError


class LegacyTrial(Suggests):
    """One trial, as `train` of an original objective gets it. Runs in a worker or in the trial's own process.

    Args:
        trial: The running trial.
        study_name: The study's name.
        directions: minimize or maximize, as many as metrics.
        declared_in: The hyperparameter file, for messages.
        searched: The parameters that the application has suggested, and the choices that the file declares for each
            (None where it declares none); by default those parameters that are there now.
    """

    def __init__(
        self,
        trial: Trial,
        study_name: str = "",
        directions: Sequence[str] = ("minimize",),
        declared_in: str = "",
        searched: Mapping[str, Sequence[Any] | None] | None = None,
    ) -> None:
        self._trial = trial
        # Callbacks of optuna-integration ask for it, and do without what it leads to.
        self._trial_id = trial.number
        allowed = dict.fromkeys(trial.params) if searched is None else searched
        self._searched = {name: choices for name, choices in allowed.items() if name in trial.params}
        self._plain: dict[str, bool] = {}
        self._stand_in = (study_name, tuple(directions))
        self._declared_in = declared_in or "the hyperparameter file"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._trial, name)

    def __repr__(self) -> str:
        return f"LegacyTrial(number={self.number}, params={self.params})"

    @property
    def params(self) -> dict[str, Any]:
        """The suggested values by name, as the user's choices are written."""
        return {name: self._meant(name, value) for name, value in self._trial.params.items()}

    def _meant(self, name: str, value: Any) -> Any:
        if not isinstance(value, str) or name not in self._searched or self._is_plain(name):
            return value
        return value_of_choice(value)

    def _is_plain(self, name: str) -> bool:
        """Whether the study stores the choices as declared, and not as the texts that select them."""
        if name not in self._plain:
            kept = getattr(self._trial.distributions.get(name), "choices", ())
            self._plain[name] = [*map(_key, kept)] == [*map(_key, self._searched[name] or ())]
        return self._plain[name]

    @cached_property
    def study(self) -> Any:
        """The study if the trial has it, else an emulation of what callbacks read."""
        try:
            return self._trial.study
        except AttributeError:
            return LegacyStudy(*self._stand_in)

    def keep(self, record: Mapping[str, Any]) -> None:
        """Leave the results in the study, for the tables."""
        self._trial.set_user_attr("legacy", dict(record))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a value with the trial: plain data, whichever library it is of; under `key_` if we use that key."""
        if key in OWN_ATTRIBUTES:
            warn_once(_log, "set_user_attr: %r is a key of ours; the value is kept as %r", key, f"{key}_")
            key = f"{key}_"
        self._trial.set_user_attr(key, plain(value))

    def report(self, value: Any, step: int) -> None:
        """Record a point of the learning curve; with several objectives there is none.

        Args:
            value: A number, or an array of one, which older versions of NumPy took for one.
            step: Epoch or iteration.
        """
        number = number_of(value)
        self._trial.report(float(value) if number is None else number, int(step))

    def should_prune(self, step: int | None = None) -> bool:
        """Whether the pruner would end the trial now; False with several objectives. Optuna 1 took a step."""
        return bool(self._trial.should_prune())

    def _suggest(self, call: Call) -> Any:
        try:
            if call.method == "suggest_categorical":
                return self._choice(call)
            return suggest(self._trial, call)
        except ValueError as error:
            if call.name not in self._searched:
                raise
            raise ValueError(self._two_places(call, error)) from error

    def _choice(self, call: Call) -> Any:
        choices = call.arguments["choices"]
        if call.name in self._searched:
            kept = getattr(self._trial.distributions[call.name], "choices", None)
            if kept is not None and [_key(self._meant(call.name, item)) for item in kept] == list(map(_key, choices)):
                return self.params[call.name]
        kept = [plain(choice) for choice in choices]
        with lists_allowed():
            try:
                return choices[_place_among(kept, self._trial.suggest_categorical(call.name, kept))]
            except ValueError:
                spelled = [_spelled(choice) for choice in kept]
                if spelled == kept:
                    raise
            # An earlier release of ours, which began this study, kept lists as text.
            return choices[_place_among(spelled, self._trial.suggest_categorical(call.name, spelled))]

    def _two_places(self, call: Call, error: ValueError) -> str:
        return (
            f"{call.name!r} is suggested twice, in two ways: as {self._declared_in} declares it, and by "
            f"suggest_{call.declared} in {_place_of_the_user()}: {error} Take the value from conf, declare both alike, "
            "or give one of them another name."
        )


def _spelled(choice: Any) -> Any:
    """Return a choice as text, if it is not a plain value."""
    return choice if isinstance(choice, (str, int, float, type(None))) else quoted_text(choice)


def _place_among(choices: Sequence[Any], value: Any) -> int:
    keys = list(map(_key, choices))
    return keys.index(_key(value)) if _key(value) in keys else choices.index(value)


def _key(value: Any) -> tuple[type, str]:
    """Return a key that is equal for the same value of the same type: True is not 1, and 1 is not 1.0."""
    return type(value), repr(value)


def _place_of_the_user() -> str:
    """Return file and line of the nearest caller outside this package."""
    frame = sys._getframe(1)  # noqa: SLF001 - the one way to ask who calls
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


class LegacyStudy:
    """The known facts about the study in a trial's own process."""

    # The callbacks for Lightning look whether it is of a kind that they could write to.
    _storage = None

    def __init__(self, study_name: str, directions: Sequence[str]) -> None:
        self.study_name = study_name
        self._directions = tuple(directions)
        self.user_attrs: dict[str, Any] = {}
        self.system_attrs: dict[str, Any] = {}

    @property
    def directions(self) -> "list[StudyDirection]":
        """One per metric, as Optuna names them."""
        from optuna.study import StudyDirection

        return [StudyDirection[word.upper()] for word in self._directions]

    @property
    def direction(self) -> "StudyDirection":
        """That of the only metric.

        Raises:
            RuntimeError: There are several.
        """
        if len(self._directions) > 1:
            raise RuntimeError("the study has several objectives; ask for its directions")
        return self.directions[0]

    def _is_multi_objective(self) -> bool:
        return len(self._directions) > 1

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"study.{name}: a trial runs in a process of its own and has no study at hand; it has one with "
            "hydra.launcher.isolation=none at the end of the study's command in the new form, which optimize.py prints"
        )


class NoTrial(Suggests):
    """Replacement for the trial without a sweep: false, as the original's `trial=False`.

    Args:
        params: Values for what the objective would ask the trial for, by name.
        number: That of the trial that is trained again, so that files which are named by it are not another's.
    """

    def __init__(self, params: Mapping[str, Any] | None = None, number: int | None = None) -> None:
        self.number = number or 0
        self.params: dict[str, Any] = dict(params or {})
        self.user_attrs: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is self or other is False

    def __hash__(self) -> int:
        return hash(False)

    def report(self, value: Any, step: int) -> None:
        """Nobody listens."""

    def should_prune(self, step: int | None = None) -> bool:
        """Never."""
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Kept as long as this object."""
        self.user_attrs[key] = value

    def _suggest(self, call: Call) -> Any:
        if call.name in self.params:
            return self.params[call.name]
        raise HyperoptError(
            f"{call.name!r} is asked of a trial, and outside a sweep there is none; "
            f"give its value with +objective.params.{call.name}=..., or run with --multirun"
        )
