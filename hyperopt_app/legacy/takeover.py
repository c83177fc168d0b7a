# SPDX-License-Identifier: MIT
"""The place where a pair's study goes on: its own, or that of an import, after a question. Runs in the driver."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import optuna

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.importing import Report, continued, find_old, import_study
from hyperopt_app.legacy.old_places import IMPORTED, OldStudy, Place
from hyperopt_app.legacy.old_studies import imported_names
from hyperopt_app.legacy.pair import Pair
from hyperopt_app.legacy.translation import study_dir_of, translate
from hyperopt_app.space import parse_space
from hyperopt_app.storage import mask_password, open_storage
from hyperopt_app.study import find_study

__all__ = ["open_pair", "set_aside", "taken_over"]

# The tables of all dialects; those of a study that is set aside go with it.
_TABLES = ("trial_results", "trial_results.csv", "hyper_opt.csv", "hyper_opt_*.csv", "worker_[0-9]*.csv", "best.csv")


def taken_over(pair: Pair, *, yes: bool) -> Pair:
    """The pair with the storage in which its study goes on, and with tickets for what the original does not count.

    Args:
        pair: The pair; the same is returned if no other tool has begun its study.
        yes: Ask no question.

    Raises:
        ConfigError: The user does not want it, or cannot be asked, or the old trials do not fit.
        StorageError: The old study cannot be read.
    """
    old = find_old(pair.storage, pair.study_name)
    if old is None:
        return replace(pair, n_trials=pair.n_trials + _uncounted_on_server(pair))
    report = continued(old) or _imported(old, pair, yes=yes)
    for line in report.lines():
        sys.stderr.write(f"{line}\n")
    return replace(pair, storage=report.storage, n_trials=pair.n_trials + report.uncounted)


def _uncounted_on_server(pair: Pair) -> int:
    """A study that goes on in place is found as ours once we have begun with it; it knows what was taken over."""
    if Place.of(pair.storage).path is not None:
        return 0
    study = find_study(open_storage(pair.storage, pair.save_path), pair.study_name)
    return 0 if study is None else int(study.user_attrs.get(IMPORTED, {}).get("uncounted", 0))


def _imported(old: OldStudy, pair: Pair, *, yes: bool) -> Report:
    sweeper = translate(pair).config["hydra"]["sweeper"]
    space, faults = parse_space(sweeper.get("params", {}), [], None, sweeper.get("names", {}))
    if faults:  # the reader has checked all that can be checked
        raise ConfigError(faults)
    way = "take it over into a copy, and leave it as it is" if old.place.path else "go on in it"
    _confirm(f"There is an older {old.describe()}. Shall we {way}?", yes=yes)
    # Optuna says by itself that it makes a study; the report says more.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return import_study(old, None, space.parameters)


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError([f"{question} Nobody can be asked here: add --yes"])
    if not input(f"{question} [y]es, [n]o: ").strip().lower().startswith("y"):
        raise ConfigError(["Nothing was done. For a new study give another name: --study_name NAME"])


def open_pair(pair: Pair) -> optuna.Study:
    """The study of a pair, for reading.

    Raises:
        ConfigError: There is none yet.
    """
    old = find_old(pair.storage, pair.study_name)
    report = None if old is None else continued(old)
    storage = pair.storage if report is None else report.storage
    if old is not None and report is None:
        raise ConfigError([f"{old.describe()}: first take it over with hyperopt-app legacy import"])
    path = Place.of(storage).path
    study = None if path is not None and not path.exists() else find_study(
        open_storage(storage, pair.save_path), pair.study_name
    )  # fmt: skip
    if study is None:
        place = path or mask_password(storage)
        raise ConfigError([f"{pair.hyper_path}: there is no study {pair.study_name!r} in {place} yet"])
    return study


def set_aside(pair: Pair, *, yes: bool) -> None:
    """Rename the study's storage, directory and tables, so that the next command begins anew; nothing is deleted.

    Raises:
        ConfigError: The user does not want it, or the storage is a server's, or holds other studies too.
    """
    place = Place.of(pair.storage)
    study_dir = study_dir_of(pair)
    if place.path is None:
        raise ConfigError(
            ["--delete_study: a study on a server is not taken away; give the new one another name with --study_name"]
        )
    files = [path for path in (place.path, *_continued(place.path)) if path.exists()]
    others = sorted({name for file in files for name in _names(place, file)} - {pair.study_name})
    if others:
        names = ", ".join(others)
        raise ConfigError([f"--delete_study: {place.path} holds other studies too ({names}); use --study_name instead"])
    found = [path for path in (*files, study_dir) if path.exists()]
    if not found:
        return
    found += [path for pattern in _TABLES for path in pair.save_path.glob(pattern)]
    _confirm(f"Set {', '.join(map(str, found))} aside and begin anew?", yes=yes)
    mark = time.strftime("set-aside-%Y%m%d-%H%M%S")
    for path in found:
        path.replace(path.with_name(f"{path.name}.{mark}"))
        sys.stderr.write(f"{path} is now {path.name}.{mark}\n")


def _continued(path: Path) -> list[Path]:
    return list(path.parent.glob(f"{path.stem}*-continued{path.suffix}"))


def _names(place: Place, file: Path) -> set[str]:
    return set(imported_names(Place(place.kind, file, place.query)))
