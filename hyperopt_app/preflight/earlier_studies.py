# SPDX-License-Identifier: MIT
"""Read the studies that `hydra.sweeper.warm_start` names: what of their trials fits this study, or what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution

from hyperopt_app.errors import StorageError, StudyMismatchError
from hyperopt_app.looking.opening import study_in
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.sampling.curves.earlier import worth_of
from hyperopt_app.settings.reading import Settings
from hyperopt_app.space.points import point_of
from hyperopt_app.space.space import Space

if TYPE_CHECKING:
    import optuna

__all__ = ["EarlierTrials", "read_earlier"]

_KEY = "hydra.sweeper.warm_start"
# More of a study teach little, and travel to every worker.
_MOST_TRIALS = 200


@dataclass(frozen=True)
class EarlierTrials:
    """Trials of earlier studies, as this study's sampler takes them.

    Attributes:
        trials: Of each the parameters that this study searches too, in its form, and the worth: larger for better
            trials, about standard normal within its study.
        first: The parameters of each study's best trial.
        notes: What the user should know, a line for each study.
    """

    trials: Sequence[Mapping[str, Any]] = ()
    first: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()


def read_earlier(settings: Settings, space: Space) -> tuple[EarlierTrials, list[str]]:
    """Read the earlier studies. Runs in the driver.

    Returns:
        Their trials, and the faults of the setting.
    """
    if settings.warm_start and len(settings.directions) > 1:
        what = f"{_KEY}: trials cannot be weighed for {len(settings.directions)} objectives"
        return EarlierTrials(), [f"{what}; leave it out, or give points of your own as hydra.sweeper.enqueue"]
    trials, first, notes = list[Mapping[str, Any]](), list[Mapping[str, Any]](), list[str]()
    faults = []
    for number, folder in enumerate(settings.warm_start):
        try:
            usable, ended = _usable(study_in(Path(str(folder))), space)
        except (StorageError, StudyMismatchError) as error:
            faults.append(f"{_KEY}[{number}]: {error}")
            continue
        if not usable:
            faults.append(
                f"{_KEY}[{number}]: none of the {ended} ended trials of {folder} fits this study: it must have "
                "reported or returned a value, and the keys that both studies search must lie in the ranges of this "
                "one. Leave it out, or widen the ranges"
            )
            continue
        notes.append(f"{_KEY}: {len(usable)} of the {ended} ended trials of {folder} fit this study")
        trials += usable
        first.append(max(usable, key=lambda trial: float(trial["worth"]))["params"])
    return EarlierTrials(trials, first, notes), faults


def _usable(study: "optuna.Study", space: Space) -> tuple[list[dict[str, Any]], int]:
    """Return the trials that fit the space, and how many have ended.

    Raises:
        StudyMismatchError: The study has several objectives.
    """
    if len(study.directions) > 1:
        raise StudyMismatchError(f"{study.study_name} has {len(study.directions)} objectives; it must have one")
    params_of, usable = params_reader(study), list[dict[str, Any]]()
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    for trial, worth in worth_of(ended, study.direction, most=_MOST_TRIALS):
        point = _fitting_point(space, params_of(trial))
        if point:
            usable.append({"params": point, "worth": worth})
    return usable, len(ended)


def _fitting_point(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that the space has too, in its form; none of them if a value lies outside."""
    parameters = space.as_texts.parameters
    shared = {name: _on_step(parameters[name], value) for name, value in params.items() if name in parameters}
    point, faults = point_of(space, shared)
    return {} if faults else point


def _on_step(distribution: BaseDistribution, value: Any) -> Any:
    """Return the nearest number on a step of the range; a choice, or a number outside, as it is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(distribution, CategoricalDistribution) or not is_number:
        return value
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    if step is None or not low <= value <= high:
        return value
    return low + step * round((value - low) / step)
