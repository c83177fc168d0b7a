# SPDX-License-Identifier: MIT
"""Read the studies that `hydra.sweeper.warm_start` names: what of their trials fits this study, or what is wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution

from hyperopt_app.errors import StorageError, StudyMismatchError
from hyperopt_app.looking.opening import study_in
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.sampling.curves.earlier import worth_of
from hyperopt_app.settings.reading import Settings
from hyperopt_app.space.points import fitting_point, point_of
from hyperopt_app.space.space import Space
from hyperopt_app.support.display_text import shortened
from hyperopt_app.support.files import read_file, replacing

__all__ = ["EarlierTrials", "keep_earlier", "read_earlier"]

_KEY, _KEPT = "hydra.sweeper.warm_start", "warm_start.json"
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
        sources: What was read of each study, by its directory; for `keep_earlier`.
    """

    trials: Sequence[Mapping[str, Any]] = ()
    first: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_earlier(settings: Settings, space: Space | None, study_dir: Path) -> tuple[EarlierTrials, list[str]]:
    """Read the earlier studies, or what this study has kept of them. Runs in the driver.

    Args:
        settings: The settings.
        space: This study's space; None if it has faults itself, and nothing can be said of what fits it.
        study_dir: This study's directory.

    Returns:
        Their trials, and the faults of the setting.
    """
    if space is None:
        return EarlierTrials(), []
    if settings.warm_start and len(settings.directions) > 1:
        what = f"{_KEY}: trials cannot be weighed for {len(settings.directions)} objectives"
        return EarlierTrials(), [f"{what}; leave it out, or give points of your own as hydra.sweeper.enqueue"]
    trials, first, notes = list[Mapping[str, Any]](), list[Mapping[str, Any]](), list[str]()
    kept, sources, faults = _kept(study_dir), dict[str, Mapping[str, Any]](), list[str]()
    for number, folder in enumerate(settings.warm_start):
        try:
            path = Path(str(folder)).resolve()
            if str(path) in sources:
                continue
            source = kept.get(str(path)) or _source(path, folder, study_dir)
        except (StorageError, StudyMismatchError) as error:
            faults.append(f"{_KEY}[{number}]: {error}")
            continue
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            faults.append(f"{_KEY}[{number}]: {shortened(repr(folder))}: {reason}; give the directory of a study")
            continue
        points = [{**trial, "params": _fitting_point(space, trial["params"])} for trial in source["trials"]]
        usable = [trial for trial in points if trial["params"]]
        if not usable:
            faults.append(
                f"{_KEY}[{number}]: none of the {source['ended']} ended trials of {folder} fits this study: it must "
                "have reported or returned a value, and the keys that both studies search must lie in the ranges of "
                "this one. Leave it out, or widen the ranges"
            )
            continue
        sources[str(path)] = source
        notes.append(f"{_KEY}: {len(usable)} of the {source['ended']} ended trials of {folder} fit this study")
        trials += usable
        first.append(max(usable, key=lambda trial: float(trial["worth"]))["params"])
    return EarlierTrials(trials, first, notes, sources), faults


def keep_earlier(study_dir: Path, earlier: EarlierTrials) -> None:
    """Keep what was read in the study's directory, so that it goes on when the earlier studies are gone."""
    if earlier.sources and earlier.sources != _kept(study_dir):
        with replacing(study_dir / _KEPT) as aside:
            aside.write_text(json.dumps(earlier.sources), encoding="utf-8")


def _kept(study_dir: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return what this study has kept; nothing if it has not, or the file is damaged: then they are read again."""
    try:
        kept = json.loads(read_file(study_dir / _KEPT))
    except (OSError, ValueError):
        return {}
    is_whole = isinstance(kept, dict) and all(
        isinstance(source, dict) and source.keys() >= {"ended", "trials"} for source in kept.values()
    )
    return kept if is_whole else {}


def _source(path: Path, folder: object, study_dir: Path) -> dict[str, Any]:
    """Read how many trials of a study have ended, and the parameters and worth of those that teach something.

    Raises:
        StorageError: The study cannot be read.
        StudyMismatchError: The directory holds no study, or this one, or one of several objectives.
    """
    if path == study_dir.resolve():
        raise StudyMismatchError(
            f"{folder} is this study itself, which learns from its own trials anyway; leave it out"
        )
    study = study_in(Path(str(folder)))
    if len(study.directions) > 1:
        raise StudyMismatchError(f"{study.study_name} has {len(study.directions)} objectives; it must have one")
    params_of = params_reader(study)
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    taught = worth_of(ended, study.direction, most=_MOST_TRIALS)
    return {"ended": len(ended), "trials": [{"params": params_of(trial), "worth": worth} for trial, worth in taught]}


def _fitting_point(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that the space has too, in its form; none of them if a value lies outside."""
    parameters = space.as_texts.parameters
    shared = {name: _on_step(parameters[name], value) for name, value in params.items() if name in parameters}
    point, faults = point_of(space, shared, is_part=True)
    return {} if faults else fitting_point(space, point)


def _on_step(distribution: BaseDistribution, value: Any) -> Any:
    """Return the nearest number on a step of the range; a choice, or a number outside, as it is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(distribution, CategoricalDistribution) or not is_number:
        return value
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    if step is None or not low <= value <= high:
        return value
    return low + step * round((value - low) / step)
