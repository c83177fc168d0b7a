# SPDX-License-Identifier: MIT
"""Gather what a page shows of each trial, column by column."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperopt_app.page.plain import Texts, plain_number
from hyperopt_app.study import trial_facts
from hyperopt_app.study.records import trial_records
from hyperopt_app.support.display_text import visible

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

__all__ = ["STATES", "Parameter", "columns_of", "parameters_of"]

# The page knows a state by its place here.
STATES = ("complete", "pruned", "failed", "running", "waiting", "parked")


@dataclass(frozen=True)
class Parameter:
    """A parameter and the value of each trial.

    Attributes:
        name: Its name in the study.
        is_log: Whether it is searched on a logarithmic scale.
        bounds: Least and greatest value of the search; None for choices.
        labels: The choices as texts; empty for a number.
        values: Of each trial: a number, or the place of a choice; None where the trial has no such parameter.
    """

    name: str
    is_log: bool
    bounds: tuple[float, float] | None
    labels: tuple[str, ...]
    values: tuple[float | None, ...]

    def shown(self) -> dict[str, Any]:
        """Return the parameter as plain data."""
        return {
            "name": self.name,
            "log": self.is_log,
            "bounds": None if self.bounds is None else [plain_number(bound) for bound in self.bounds],
            "labels": [visible(label) for label in self.labels],
            "values": [None if value is None else plain_number(value) for value in self.values],
        }


def parameters_of(
    trials: Sequence["FrozenTrial"], params_of: Callable[["FrozenTrial"], Mapping[str, Any]]
) -> list[Parameter]:
    """Return all parameters of the trials, in the order of the study's space.

    Args:
        trials: The trials that are shown.
        params_of: Gives a trial's parameters as the values that they stand for.
    """
    meant = [params_of(trial) for trial in trials]
    names = dict.fromkeys(name for params in dict.fromkeys(map(tuple, meant)) for name in params)
    widest: dict[str, BaseDistribution] = {}
    for trial in trials:
        widest.update(trial.distributions)
    return [_parameter(name, widest.get(name), [params.get(name, _ABSENT) for params in meant]) for name in names]


_ABSENT = object()


def _parameter(name: str, distribution: "BaseDistribution | None", values: Sequence[Any]) -> Parameter:
    low, high = getattr(distribution, "low", None), getattr(distribution, "high", None)
    given = [value for value in values if value is not _ABSENT]
    if low is None or high is None or not all(_is_plain_number(value) for value in given):
        return _of_choices(name, values)
    numbers = tuple(None if value is _ABSENT else value for value in values)
    return Parameter(name, bool(getattr(distribution, "log", False)), (low, high), (), numbers)


def _of_choices(name: str, values: Sequence[Any]) -> Parameter:
    from hyperopt_app.space.sweep_text import value_text

    known: dict[tuple[type, str], str] = {}  # Hydra's parser, which tells a text from a number, takes a millisecond

    def text_of(value: Any) -> str:
        key = type(value), repr(value)
        if key not in known:
            known[key] = value_text(value)
        return known[key]

    texts = [None if value is _ABSENT else text_of(value) for value in values]
    labels = sorted({text for text in texts if text is not None}, key=_natural)
    places = {label: place for place, label in enumerate(labels)}
    return Parameter(name, False, None, tuple(labels), tuple(None if text is None else places[text] for text in texts))


def _natural(label: str) -> tuple[int, float, str]:
    """Order numbers among choices by their size, and texts behind them."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label


def _is_plain_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def columns_of(
    trials: Sequence["FrozenTrial"], aside: Mapping[int, str], retrain: Callable[["FrozenTrial"], str], texts: Texts
) -> dict[str, Any]:
    """Return the columns of the trials beside their parameters, as plain data.

    Args:
        trials: The trials that are shown.
        aside: Why which trials no longer count, by number.
        retrain: Gives the command that trains a trial again; an empty text if there is none.
        texts: Collects the longer texts; the columns hold their places.
    """
    words = trial_facts.state_words(trials)
    starts = [trial_facts.begun_at(trial) for trial in trials]
    lengths = [trial_facts.duration_s(trial) for trial in trials]
    commands = [retrain(trial) for trial in trials]
    head = _shared_start(commands)
    return {
        "number": [trial.number for trial in trials],
        "state": [STATES.index(word) for word in words],
        "values": _complete_values(trials, words),
        "last": [_last(trial) for trial in trials],
        "start": [None if start is None else round(start.timestamp(), 1) for start in starts],
        "length": [None if length is None else round(length, 2) for length in lengths],
        "attempts": [trial_facts.count_of_attempts(trial) for trial in trials],
        "steps": [len(trial.intermediate_values) for trial in trials],
        "worker": texts.places(_worker(trial) for trial in trials),
        "kind": texts.places(trial_facts.failure_kind(trial) for trial in trials),
        "error": texts.places(trial_facts.failure_text(trial) for trial in trials),
        "trace": texts.places(_trace(trial) for trial in trials),
        "aside": texts.places(visible(aside.get(trial.number, "")) for trial in trials),
        "infeasible": texts.places(visible(trial_facts.infeasible_text(trial)) for trial in trials),
        "seed": [trial_records.seed_of(trial) for trial in trials],
        "retrain_head": head,
        "retrain": [command[len(head) :] for command in commands],
    }


def _complete_values(trials: Sequence["FrozenTrial"], words: Sequence[str]) -> list[list[float | str | None]]:
    """Return the values of complete trials, a list for each metric."""
    width = max((len(trial.values) for trial in trials if trial.values is not None), default=1)
    return [
        [
            plain_number(trial.values[index]) if word == "complete" and trial.values is not None else None
            for trial, word in zip(trials, words, strict=True)
        ]
        for index in range(width)
    ]


def _last(trial: "FrozenTrial") -> float | str | None:
    last = trial_facts.last_value(trial)
    return None if last is None else plain_number(last)


def _worker(trial: "FrozenTrial") -> str:
    claim = trial_records.holder_of(trial)
    return visible(f"{claim.get('number', '?')} on {claim.get('host', '?')}") if claim else ""


def _trace(trial: "FrozenTrial") -> str:
    """Return the end of a failed trial's traceback, where the reason is."""
    return visible(str(trial_records.failure_record(trial).get("traceback") or ""))[-_LONGEST_TRACE:]


_LONGEST_TRACE = 2000


def _shared_start(commands: Sequence[str]) -> str:
    """Return the text with which all commands begin, so that it is written once."""
    first, last = min(commands, default=""), max(commands, default="")
    length = next((at for at, (one_of, other) in enumerate(zip(first, last, strict=False)) if one_of != other), None)
    return first if length is None else first[:length]
