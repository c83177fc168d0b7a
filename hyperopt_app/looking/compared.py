# SPDX-License-Identifier: MIT
"""Compare studies: the best value so far against trials and against compute, and what they search differently."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.view import View
from hyperopt_app.space.changes import differences
from hyperopt_app.study.identity import stored_identity
from hyperopt_app.study.trial_facts import attempts_of, is_eligible
from hyperopt_app.support.display_text import in_one_line
from hyperopt_app.support.files import read_file
from hyperopt_app.support.passwords import masked
from hyperopt_app.support.shown_config import value_changes

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["best_so_far", "check_comparable", "compute_marks", "differences_of", "trial_marks", "value_at"]

_STEPS = (1, 2, 5)
_SHARES = (0.1, 0.25, 0.5, 1.0)
_MOST_CHANGES = 40
# Keys below hydra.sweeper that say how a search goes about, and not where it lies.
_METHOD = ("sampler", "pruner", "n_jobs", "seed")


def check_comparable(views: Sequence[View]) -> None:
    """Check that the studies optimise the same values in the same directions.

    Raises:
        StudyMismatchError: They do not.
    """
    first = views[0]
    for view in views[1:]:
        if (view.metrics, view.directions) != (first.metrics, first.directions):
            raise StudyMismatchError(
                f"{view.directory} optimises {_aims(view)}, {first.directory} {_aims(first)}: compare studies with the "
                "same metrics and directions"
            )


def _aims(view: View) -> str:
    pairs = zip(view.directions, view.metrics, strict=True)
    return ", ".join(f"{direction} {in_one_line(metric)}" for direction, metric in pairs)


def best_so_far(view: View, objective: int = 0) -> list[tuple[int, float, float]]:
    """Return how the best value of an objective has improved.

    Returns:
        For each improvement: how many trials had ended, the compute in seconds that all trials ended by then had taken,
        and the value. The order is that in which trials ended.
    """
    ended = [trial for trial in view.in_state("complete", "pruned", "failed") if trial.datetime_complete is not None]
    ended.sort(key=_end_of)
    improvements: list[tuple[int, float, float]] = []
    compute_s = 0.0
    for count, trial in enumerate(ended, 1):
        compute_s += sum(attempt.ended - attempt.begun for attempt in attempts_of(trial))
        if not is_eligible(trial):
            continue
        value = trial.values[objective]
        if not improvements or view.loss(value, objective) < view.loss(improvements[-1][2], objective):
            improvements.append((count, compute_s, value))
    return improvements


def _end_of(trial: "FrozenTrial") -> tuple[Any, int]:
    return trial.datetime_complete, trial.number


def value_at(improvements: Sequence[tuple[int, float, float]], column: int, mark: float) -> float | None:
    """Return the best value at a number of trials (column 0) or seconds of compute (column 1); None before any."""
    reached = [value[2] for value in improvements if value[column] <= mark]
    return reached[-1] if reached else None


def trial_marks(most: int) -> list[int]:
    """Return the numbers of trials at which studies are compared: 5, 10, 20, 50, ... and the most."""
    marks = [step * 10**power for power in range(1, 8) for step in _STEPS]
    return [*(mark for mark in (5, *marks) if mark < most), most]


def compute_marks(most_s: float) -> list[float]:
    """Return the seconds of compute at which studies are compared: shares of the most."""
    return [share * most_s for share in _SHARES]


def differences_of(first: View, other: View) -> list[str]:
    """Return what another study searches differently, as lines `key: of the first -> of the other`.

    Compared are the search spaces, the fixed overrides, sampler, pruner, and the configs of the last commands.
    """
    lines = list(_space_differences(first, other))
    searched = {key.lstrip("+") for view in (first, other) for key in view.space}
    configs = [_config_at(view.directory / "multirun.yaml") for view in (first, other)]
    lines += value_changes(_method_of(configs[0]), _method_of(configs[1]), (), most=_MOST_CHANGES)
    lines += value_changes(configs[0], configs[1], searched, most=_MOST_CHANGES)
    return [in_one_line(line) for line in dict.fromkeys(lines)]


def _space_differences(first: View, other: View) -> Iterator[str]:
    identities = [stored_identity(view.study) for view in (first, other)]
    if identities[0] is not None and identities[1] is not None:
        soft, hard = differences(identities[0].space, identities[1].space)
        yield from (line for line in [*soft, *hard] if " -> " in line)
        return
    for name in dict.fromkeys([*first.space, *other.space]):
        texts = [str(view.space.get(name, "not searched")) for view in (first, other)]
        if texts[0] != texts[1]:
            yield f"{name}: {texts[0]} -> {texts[1]}"


def _config_at(path: Path) -> Mapping[Any, Any]:
    try:
        config = yaml.safe_load(read_file(path))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return masked(config) if isinstance(config, dict) else {}


def _method_of(config: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return the parts of `hydra.sweeper` that say how the search goes about, under keys as one types them."""
    sweeper = _entry_of(_entry_of(config, "hydra"), "sweeper")
    return {f"hydra.sweeper.{key}": _entry_of(sweeper, key) for key in _METHOD if _entry_of(sweeper, key) is not None}


def _entry_of(node: Any, key: str) -> Any:
    return node.get(key) if isinstance(node, Mapping) else None
