# SPDX-License-Identifier: MIT
"""Check that the study's directory and the directories of its next trials do not belong to another study.

A trial resumes from what it finds in its directory, so the files of another study or trial would give it a wrong
value. Workers guard each trial's directory themselves (`study.trial_directory`); this check tells the user before
anything starts. Runs in the driver. It writes one file, `.hyperopt_study.json`, which names the study that owns the
directory.
"""

import json
import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import optuna
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, UnsupportedInterpolationType
from optuna.distributions import BaseDistribution, CategoricalDistribution

from hyperopt_app.space.override_text import first_line, override_text
from hyperopt_app.space.space import Space, first_value
from hyperopt_app.storage.opening import JOURNAL_NAME, open_storage
from hyperopt_app.study.identity import study_id
from hyperopt_app.study.records.trial_records import directory_of
from hyperopt_app.study.trial_directory import OWNER_FILE, holds_all_of, is_free, owner_of
from hyperopt_app.support.files import read_file, replacing
from hyperopt_app.support.moment import moment_of
from hyperopt_app.support.wording import HYDRA_WORDING, Wording
from hyperopt_app.worker.trial_job import TrialJobs

__all__ = ["keep_owner", "other_study", "place_faults"]

_STUDY_FILE = ".hyperopt_study.json"
# Folders of ours beside the trials; and how deep a trial's directory is looked for.
_OURS = {"workers", "launches"}
_FILES = {"best.yaml", "multirun.yaml", "optimization_results.yaml", "summary.txt", "trials.csv"}
_DEPTH = 4


def keep_owner(study_dir: Path, study: optuna.Study) -> None:
    """Store which study owns the directory. Runs under the study's lock."""
    text = json.dumps({"study_id": study_id(study), "study_name": study.study_name}, ensure_ascii=False) + "\n"
    path = study_dir / _STUDY_FILE
    if _owner(study_dir) != (study_id(study), study.study_name):
        with replacing(path) as aside:
            aside.write_text(text, encoding="utf-8")


def other_study(
    study_dir: Path,
    name: str,
    study: optuna.Study | None,
    storage: str | None,
    wording: Wording = HYDRA_WORDING,
) -> str | None:
    """Say why the directory belongs to another study; None if it does not.

    Args:
        study_dir: The directory of the sweep.
        name: The name of the study that the command means.
        study: That study, None if it is not there yet.
        storage: The setting `hydra.sweeper.storage`.
        wording: How the command names its settings.
    """
    if study is None and (names := _names_in_journal(study_dir)):
        return _second(study_dir, name, names[0], storage, wording)
    owner = _owner(study_dir)
    if owner is None or (study is not None and owner[0] == study_id(study)) or not _has_trials(study_dir):
        return None
    if study is None and owner[1] == name:
        where = "its journal.log is gone or empty" if storage is None else "hydra.sweeper.storage does not hold it"
        return (
            f"hydra.sweep.dir: {_typed(study_dir)} has trials of the study {name!r}, but {where}. A new study must not "
            f"go on from their checkpoints; bring it back, or start again elsewhere: {_elsewhere(study_dir, wording)}"
        )
    fault = _second(study_dir, name, owner[1], storage, wording)
    if study is None or storage is not None or not wording.is_application:
        return fault
    return f"{fault} {_word('hydra.sweeper.storage', _typed(study_dir / JOURNAL_NAME))}"  # which it stays in


def _second(study_dir: Path, name: str, other: str, storage: str | None, wording: Wording) -> str:
    is_kept = storage is not None and other in optuna.get_all_study_names(open_storage(storage, study_dir))
    back = f", or go on with that one: {_word('hydra.sweeper.study_name', other)}"
    back = back if is_kept and wording.is_application else ""
    return (
        f"hydra.sweep.dir: {_typed(study_dir)} is the directory of the study {other!r}; the study {name!r} needs one "
        f"of its own, or it would go on from the other's checkpoints: {_elsewhere(study_dir, wording)}{back}"
    )


def place_faults(
    context: HydraContext,
    config: DictConfig,
    space: Space,
    n_trials: int,
    study_dir: Path,
    study: optuna.Study | None,
    wording: Wording = HYDRA_WORDING,
) -> list[str]:
    """Check the directories of the next trials: all equal, the study's own, or another owner's."""
    known = dict(_known(study))
    numbers = list(islice((number for number in count() if number not in known), 2))
    if numbers[0] >= n_trials:
        return []
    points = [_ends(space, 0), _ends(space, -1)]
    raw = str(OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"])  # type: ignore[index,call-overload]
    try:
        wanted = _wanted(context, config, space, dict(zip(numbers, points, strict=True)))
    except (UnsupportedInterpolationType, InterpolationKeyError) as error:
        # No worker knows more keys and resolvers than the driver.
        if not str(error.full_key).startswith("hydra.sweep"):
            return []
        return [
            f"hydra.sweep.subdir: {raw!r} cannot be resolved ({first_line(error)}); write {_numbered(raw, anew=True)}"
        ]
    except Exception:  # noqa: BLE001 - a resolver of the user's may want what only a worker has; then the workers see
        return []
    can_tell = points[0] != points[1] and not config.hydra.sweeper.get("custom_search_space")
    is_constant = n_trials > 1 and ("${" not in raw or (can_tell and wanted[0] == wanted[1]))
    mine = None if study is None else study_id(study)
    fault = _fault_of_all(wanted, study_dir, raw, is_constant=is_constant) or next(
        (
            _taken(place, study_dir, raw, wording)
            for place in wanted[: n_trials - numbers[0]]
            if _is_anothers(place, mine, known.values())
        ),
        None,
    )
    return [] if fault is None else [fault]


def _fault_of_all(wanted: Sequence[Path], study_dir: Path, raw: str, *, is_constant: bool) -> str | None:
    ours = next((name for place in wanted if (name := _name_of_ours(place, study_dir))), None)
    if ours is not None:
        return (
            f"hydra.sweep.subdir: {raw!r} lies in {_typed(study_dir / ours)}, which is the study's own; every trial "
            f"needs a directory apart from that: {_numbered(raw, anew=True)}"
        )
    around = next((place for place in wanted if holds_all_of(place, study_dir)), None)
    if around is not None:
        return (
            f"hydra.sweep.subdir: {raw!r} is {_typed(around)}, the study's own directory or one above it; every trial "
            f"needs one of its own: {_numbered(raw)}"
        )
    if is_constant:
        return (
            f"hydra.sweep.subdir: {raw!r} is the same directory for every trial, {_typed(wanted[0])}; each needs one "
            f"of its own, or it would go on from another's checkpoint: {_numbered(raw)}"
        )
    return None


def _name_of_ours(place: Path, study_dir: Path) -> str | None:
    """Return the study's own file or folder that a path is, or would be inside of."""
    if study_dir not in place.parents:
        return None
    first = place.relative_to(study_dir).parts[0]
    return first if first in _OURS or first.startswith(JOURNAL_NAME) or first in _FILES else None


def _wanted(
    context: HydraContext, config: DictConfig, space: Space, points: Mapping[int, Mapping[str, Any]]
) -> list[Path]:
    jobs = TrialJobs(context, config, lambda _config: None, moment_of(config))
    return [
        jobs.compose(space.fixed, [override_text(key, value) for key, value in point.items()], number).directory
        for number, point in points.items()
    ]


def _known(study: optuna.Study | None) -> Iterator[tuple[int, str]]:
    for trial in [] if study is None else study.get_trials(deepcopy=False):
        directory = directory_of(trial)
        if directory is not None:
            yield trial.number, directory


def _ends(space: Space, end: int) -> dict[str, Any]:
    """Return the point at one end of every range, by override key."""
    point = dict[str, Any]()
    for key, distribution in space.distributions.items():
        if space.is_active(key, point):
            point[key] = _at(distribution, end)
    return point


def _at(distribution: BaseDistribution, end: int) -> Any:
    if end == 0:
        return first_value(distribution)
    return distribution.choices[-1] if isinstance(distribution, CategoricalDistribution) else distribution.high  # type: ignore[attr-defined]


def _is_anothers(place: Path, mine: str | None, known: Collection[str]) -> bool:
    """Whether a path holds anything that this study's trials did not leave there."""
    there = Path(os.path.realpath(place))  # a place above a directory that is not made yet is there too
    is_used = str(place) not in known and not is_free(place if place.is_symlink() else there)
    owner = owner_of(there)  # last, since a worker of this study may sign the place at this moment
    return is_used if owner is None else owner.study_id != mine


def _taken(place: Path, study_dir: Path, raw: str, wording: Wording) -> str:
    place = Path(os.path.realpath(place))
    owner = owner_of(place)
    whose = (
        f"belongs to trial {owner.number} of the study {owner.study_name!r}"
        if owner is not None
        else "is there already and not empty, and no trial of this study has made it"
    )
    is_within = Path(os.path.realpath(study_dir)) in place.parents
    way = _elsewhere(study_dir, wording) if is_within else _numbered(raw, anew=True)
    return (
        f"hydra.sweep.subdir: {_typed(place)} {whose}; a trial must not go on from what another has left. "
        f"Take other directories: {way}"
    )


def _owner(study_dir: Path) -> tuple[str, str] | None:
    """Read the id and the name of the study that owns the directory."""
    try:
        record = json.loads(read_file(study_dir / _STUDY_FILE))
        return str(record["study_id"]), str(record["study_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _names_in_journal(study_dir: Path) -> list[str]:
    if not (study_dir / JOURNAL_NAME).exists():
        return []
    return list(optuna.get_all_study_names(open_storage(None, study_dir)))


def _has_trials(study_dir: Path) -> bool:
    """Whether a trial's directory remains; not after `rm -r DIR/*`, which leaves our hidden file."""
    for directory, folders, files in os.walk(study_dir):
        if directory != str(study_dir) and (OWNER_FILE in files or ".hydra" in folders):
            return True
        depth = len(Path(directory).relative_to(study_dir).parts)
        folders[:] = (
            [] if depth >= _DEPTH else [folder for folder in folders if folder not in _OURS and folder[0] != "."]
        )
    return False


def _elsewhere(study_dir: Path, wording: Wording) -> str:
    """Return the override for a directory that does not exist yet."""
    if not wording.is_application:
        return wording.another_study
    free = next(
        place for number in count(2) if not os.path.lexists(place := study_dir.with_name(f"{study_dir.name}-{number}"))
    )
    return _word("hydra.sweep.dir", _typed(free))


def _numbered(raw: str, *, anew: bool = False) -> str:
    """Return the override for a directory with the trial's number in it."""
    is_plain = not anew and re.fullmatch(r"[\w${}:%.-]+(/[\w${}:%.-]+)*", raw) and not {".", ".."} & {*raw.split("/")}
    return shlex.quote(f"hydra.sweep.subdir={raw if is_plain else 'trials'}/${{hydra.job.num}}")


def _word(key: str, value: str) -> str:
    return shlex.quote(override_text(key, value))


def _typed(path: Path) -> str:
    """Format a path as the user would type it."""
    cwd = Path.cwd()
    return str(path.relative_to(cwd)) if cwd in path.parents else str(path)
