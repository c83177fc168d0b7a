# SPDX-License-Identifier: MIT
"""Decide where a pair's study continues: in its own storage, or in a confirmed import; or set it aside."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf

from hyperopt_app.errors import ConfigError, StudyMismatchError
from hyperopt_app.legacy.old.copies import opened_storage
from hyperopt_app.legacy.old.finding import imported_names
from hyperopt_app.legacy.old.importing import (
    Report,
    continued,
    find_old,
    go_on_in_place,
    import_study,
    opened,
    stays,
)
from hyperopt_app.legacy.old.places import IMPORTED, OldStudy, Place, direction_faults, directions_of
from hyperopt_app.legacy.old.trials import conversion_faults
from hyperopt_app.legacy.reading.pair import Pair
from hyperopt_app.legacy.tables.files import safe_name
from hyperopt_app.legacy.translating.translation import study_dir_of, translate
from hyperopt_app.space.space import parse_space, with_values
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import find_study
from hyperopt_app.support.passwords import mask_password

__all__ = ["imported", "opened_pair", "set_aside", "taken_over"]

# The tables of all dialects; those of a study that is set aside go with it.
_TABLES = ("trial_results", "trial_results.csv", "hyper_opt.csv", "hyper_opt_*.csv", "worker_[0-9]*.csv", "best.csv")


def taken_over(pair: Pair, *, yes: bool) -> Pair:
    """Return the pair with the storage of the continued study, and tickets for what the original does not count.

    Args:
        pair: The pair; the same is returned if no other tool has begun its study.
        yes: Ask no question.

    Raises:
        ConfigError: The old trials do not fit.
        StudyMismatchError: The user does not want it, or cannot be asked.
        StorageError: The old study cannot be read.
    """
    old = find_old(pair.storage, pair.study_name)
    if old is None:
        return replace(pair, n_trials=pair.n_trials + _uncounted_in_place(pair))
    report = _import(old, pair, yes=yes)
    return replace(pair, storage=report.storage, n_trials=pair.n_trials + report.uncounted)


def imported(pair: Pair, *, yes: bool) -> bool:
    """Import the study, which must exist; False if this package has created it.

    Raises:
        ConfigError: As `taken_over`.
        StorageError: The study does not exist; the text names those that do.
    """
    old = find_old(pair.storage, pair.study_name, must_exist=True)
    if old is not None:
        _import(old, pair, yes=yes)
    return old is not None


def _import(old: OldStudy, pair: Pair, *, yes: bool) -> Report:
    report = continued(old) or _imported(old, pair, yes=yes)
    for line in report.lines():
        sys.stderr.write(f"{line}\n")
    return report


def _uncounted_in_place(pair: Pair) -> int:
    """A study that goes on in place is found as ours once we have begun with it; it knows what was taken over."""
    path = Place.of(pair.storage).path
    if path is not None and not path.exists():
        return 0
    study = find_study(open_storage(pair.storage, pair.save_path), pair.study_name)
    record = {} if study is None else study.user_attrs.get(IMPORTED, {})
    return int(record.get("uncounted", 0)) if path is None or record.get("in_place") else 0


def _imported(old: OldStudy, pair: Pair, *, yes: bool) -> Report:
    sweeper = translate(pair).config["hydra"]["sweeper"]
    written = OmegaConf.create({key: sweeper.get(key, {}) for key in ("params", "names")})
    searched: Any = OmegaConf.to_container(written, resolve=True)  # which takes back how a `${` is written there
    space, faults = parse_space(searched["params"], [], None, searched["names"])
    if faults:  # the reader has checked all that can be checked
        raise ConfigError(faults)
    # Nobody shall be asked about what is refused then.
    with opened_storage(old) as storage:
        study = optuna.load_study(study_name=old.name, storage=storage)
        (has, in_curve), trials = directions_of(study, storage), study.get_trials(deepcopy=False)
    faults = direction_faults(pair.directions, has, study_name=old.name, where=str(pair.hyper_path))
    held = with_values(space).parameters
    # As text a choice shows its type: '10.0' is not a number.
    on_server = old.place.path is None
    faults += conversion_faults(trials, held if on_server else space.parameters, may_respell=not on_server)
    if faults:
        raise ConfigError(faults)
    if stays(old, trials, held, in_curve=in_curve):
        return go_on_in_place(old)
    _confirm(f"There is an older {old.describe()}. Shall we take it over into a copy, and leave it as it is?", yes=yes)
    # Optuna says by itself that it makes a study; the report says more.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return import_study(old, None, held, pair.directions)


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise StudyMismatchError(f"{question} Nobody can be asked here: add --yes")
    if not input(f"{question} [y]es, [n]o: ").strip().lower().startswith("y"):
        raise StudyMismatchError("Nothing was done. For a new study give another name: --study_name NAME")


@contextmanager
def opened_pair(pair: Pair) -> Iterator[optuna.Study]:
    """Open the study of a pair for reading: ours, or one that is not imported yet.

    Raises:
        ConfigError: There is none yet.
        StorageError: It cannot be read.
    """
    old = find_old(pair.storage, pair.study_name)
    report = None if old is None else continued(old)
    if old is not None and report is None:
        with opened(old) as as_it_is:
            yield as_it_is
        return
    storage = pair.storage if report is None else report.storage
    path = Place.of(storage).path
    study = None if path is not None and not path.exists() else find_study(
        open_storage(storage, pair.save_path), pair.study_name
    )  # fmt: skip
    if study is None:
        place = path or mask_password(storage)
        names = ", ".join(map(repr, imported_names(Place.of(storage))))
        has = f"; its studies: {names}" if names else ""
        raise ConfigError([f"{pair.hyper_path}: study {pair.study_name!r} not found in {place}{has}"])
    yield study


def set_aside(pair: Pair, *, yes: bool) -> None:
    """Rename the study, its directory and its tables, so that the next command begins anew; nothing is deleted.

    Raises:
        ConfigError: The storage is a file that holds other studies too.
        StudyMismatchError: The user does not want it, or cannot be asked.
        StorageError: The storage cannot be opened.
    """
    place = Place.of(pair.storage)
    mark = time.strftime("set-aside-%Y%m%d-%H%M%S")
    on_server = place.path is None and find_study(open_storage(pair.storage, pair.save_path), pair.study_name)
    files = [] if place.path is None else _files_of(pair, place, place.path)
    paths = [path for path in (*files, study_dir_of(pair)) if path.exists()]
    if not paths and not on_server:
        return
    paths += [path for pattern in _TABLES for path in pair.save_path.glob(pattern)]
    of_report = pair.save_path / f"{safe_name(pair.study_name)}.csv"
    paths += [of_report] if of_report.exists() else []
    things = [f"the study {pair.study_name!r} in {mask_password(pair.storage)}"] if on_server else []
    _confirm(f"Set {', '.join([*things, *map(str, paths)])} aside and begin anew?", yes=yes)
    if on_server:
        _rename_on_server(pair, f"{pair.study_name}.{mark}")
    for path in paths:
        path.replace(path.with_name(f"{path.name}.{mark}"))
        sys.stderr.write(f"{path} is now {path.name}.{mark}\n")


def _files_of(pair: Pair, place: Place, path: Path) -> list[Path]:
    """Return the files that hold the study, and no other."""
    files = [file for file in (path, *_continued(path)) if file.exists()]
    others = sorted({name for file in files for name in _study_names(place, file)} - {pair.study_name})
    if others:
        names = ", ".join(others)
        raise ConfigError([f"--delete_study: {path} holds other studies too ({names}); use --study_name instead"])
    return files


def _rename_on_server(pair: Pair, name: str) -> None:
    """Copy the study under another name, then delete it, because Optuna cannot rename a study."""
    storage = open_storage(pair.storage, pair.save_path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.copy_study(from_study_name=pair.study_name, from_storage=storage, to_storage=storage, to_study_name=name)
    optuna.delete_study(study_name=pair.study_name, storage=storage)
    sys.stderr.write(f"The study {pair.study_name!r} is now {name!r} in {mask_password(pair.storage)}\n")


def _continued(path: Path) -> list[Path]:
    return list(path.parent.glob(f"{path.stem}*-continued{path.suffix}"))


def _study_names(place: Place, file: Path) -> set[str]:
    return set(imported_names(Place(place.kind, file, place.query)))
