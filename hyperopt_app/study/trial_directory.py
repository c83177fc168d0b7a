# SPDX-License-Identifier: MIT
"""Make sure that a directory belongs to exactly one trial of one study.

A file in the directory names its owner. It is written before the objective starts, in a way that lets exactly one of
several workers succeed, also on NFS. It also contains the attempt, which is incremented whenever a worker takes over
the trial, so a worker that was wrongly considered dead can see that another one has its trial. Runs in workers; the
driver only reads. Does not depend on Hydra or Optuna.
"""

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from hyperopt_app.errors import HyperoptError
from hyperopt_app.support.files import beside, read_file, replacing

__all__ = [
    "OWNER_FILE",
    "Owner",
    "claim",
    "go_on",
    "holds_all_of",
    "is_free",
    "is_taken_over",
    "owner_of",
    "place_now",
    "repeat_directory",
    "training_directory",
]

OWNER_FILE = ".hyperopt_trial.json"
# How the names of such a file begin while it is written, or where its writer has died; the second is of older releases.
_ASIDE = (f".{OWNER_FILE}.", f"{OWNER_FILE}.")
# What a filesystem without hard links answers to one.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EMLINK}


@dataclass(frozen=True)
class Owner:
    """The trial that a directory belongs to.

    Attributes:
        study_id: The study's own id, see `study.identity.study_id`; copies of a study share it.
        study_name: Its name, for people.
        number: The trial's number.
        attempt: How often the trial has been taken on, from 1.
    """

    study_id: str
    study_name: str
    number: int
    attempt: int = 1

    def is_trial_of(self, other: "Owner | None") -> bool:
        """Whether both are attempts of one trial."""
        return other is not None and (self.study_id, self.number) == (other.study_id, other.number)


def owner_of(directory: Path) -> Owner | None:
    """Read the owner of a directory; None if it has none, does not exist or has a foreign file of that name."""
    try:
        record = json.loads(read_file(directory / OWNER_FILE))
        return Owner(str(record["study_id"]), str(record["study_name"]), int(record["number"]), int(record["attempt"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_taken_over(directory: Path, owner: Owner) -> bool:
    """Whether another worker took over the trial since `owner` signed its directory."""
    present = owner_of(directory)
    return owner.is_trial_of(present) and present is not None and present.attempt > owner.attempt


def place_now(stored: str | None, study_dir: Path) -> Path | None:
    """Return a trial's directory as this host sees it; None if it has none, or if it is not there.

    A study that was moved, copied or mounted elsewhere has its trials at the same places below its own directory. What
    lies where they were may be another study's by now.

    Args:
        stored: Where the trial ran.
        study_dir: The study's directory.
    """
    if stored is None:
        return None
    path = Path(stored)
    if path.is_relative_to(study_dir.absolute()):
        return path if path.is_dir() else None
    below = (study_dir.joinpath(*path.parts[count:]) for count in range(1, len(path.parts)))
    moved = next((place for place in below if place != study_dir and place.is_dir()), None)
    return moved or (path if path.is_dir() else None)


def repeat_directory(directory: Path, number: int) -> Path:
    """Return where a repeat of a trial is trained, by its number from 0; `directory` is the trial's."""
    return directory / "repeats" / str(number)


def training_directory(directory: Path, best: int | None) -> Path:
    """Return where a trial's files of a training are: its own directory, or that of a repeat.

    Args:
        directory: The trial's.
        best: The number of its best repeat; None if none has finished.
    """
    place = repeat_directory(directory, best or 0)
    return place if place.is_dir() else directory


def is_free(directory: Path) -> bool:
    """Whether a trial may use the path: it is missing, empty, or was only signed by a worker that died."""
    try:
        return all(path.name.startswith(_ASIDE) for path in directory.iterdir())
    except FileNotFoundError:
        return not directory.is_symlink()
    except NotADirectoryError:
        return False


def holds_all_of(directory: Path, study_dir: Path) -> bool:
    """Whether the directory is the study's own, or a parent of it; a trial cannot use it."""
    place, root = (Path(os.path.realpath(path)) for path in (directory, study_dir))
    return place == root or place in root.parents


def claim(wanted: Path, owner: Owner, study_dir: Path) -> tuple[Path, Owner]:
    """Create the directory of a trial that has none: the wanted one, or with a suffix if that is taken.

    Args:
        wanted: Absolute.
        owner: Who claims.
        study_dir: Absolute.

    Returns:
        The directory, which exists and holds nothing of anybody else, and the owner that stands in it.

    Raises:
        HyperoptError: The wanted directory holds the whole study.
        OSError: It cannot be made or written.
    """
    if holds_all_of(wanted, study_dir):
        raise HyperoptError(
            f"hydra.sweep.subdir: trial {owner.number} gets {wanted}, which is the study's own directory or above it; "
            "every trial needs one of its own: 'hydra.sweep.subdir=trials/${hydra.job.num}'"
        )
    for place in _candidates(wanted, study_dir):
        signed = _signed(place, owner)
        if signed is not None:
            return place, signed
    raise AssertionError("there is always a further suffix")


def go_on(
    stored: Path, owner: Owner, study_dir: Path, is_shared: Callable[[], bool] = lambda: False
) -> tuple[Path, Owner] | None:
    """Return the directory of a trial that was started before: the stored path, or its place in a moved study.

    A directory that nobody has signed is the trial's own too: an older release has made it, or the objective has
    cleared it.

    Args:
        stored: As the study knows it, absolute.
        owner: Who takes the trial on.
        study_dir: Absolute; a copy of a study finds its trials here and not in the original.
        is_shared: Whether the study knows the stored directory of another trial too: then nobody can tell whose
            checkpoint lies there.

    Returns:
        The directory and the owner that stands in it now; None if the trial's directory is gone.

    Raises:
        OSError: It cannot be written.
    """
    places = [path for path in _places(stored, study_dir) if path.is_dir() and not holds_all_of(path, study_dir)]
    for place in places:
        present = owner_of(place)
        if present is not None and owner.is_trial_of(present):
            return place, _sign_again(place, owner, present)
    for place in places:
        if owner_of(place) is None and not is_shared():
            if _sign_first(place, owner):
                return place, owner
            return None
    return None


def _places(stored: Path, study_dir: Path) -> Iterator[Path]:
    """Yield the paths where a stored directory may be now, the likeliest first."""
    if study_dir in stored.parents:
        yield stored
        return
    for begin in range(1, len(stored.parts)):
        yield study_dir.joinpath(*stored.parts[begin:])
    yield stored


def _candidates(wanted: Path, study_dir: Path) -> Iterator[Path]:
    """Yield the wanted path, then the same with _1, _2, ...; never a path within another trial's directory."""
    if wanted.name == "..":
        wanted = Path(os.path.realpath(wanted))
    within = [folder for folder in wanted.parents if folder != study_dir and folder not in study_dir.parents]
    outer = next((folder for folder in reversed(within) if owner_of(folder) is not None), None)
    if outer is None:
        yield wanted
        for number in count(1):
            yield wanted.with_name(f"{wanted.name}_{number}")
    else:
        for number in count(1):
            apart = outer.with_name(f"{outer.name}_{number}")
            if owner_of(apart) is None:
                yield from _few(apart / wanted.relative_to(outer))


def _few(wanted: Path) -> Iterator[Path]:
    yield wanted
    yield wanted.with_name(f"{wanted.name}_1")


def _signed(place: Path, owner: Owner) -> Owner | None:
    """Sign a directory and return its owner; None if it belongs to another trial."""
    with contextlib.suppress(FileExistsError):
        place.mkdir(parents=True)
    if not place.is_dir():
        return None
    present = owner_of(place)
    if present is None:
        if not is_free(place):
            return None
        if _sign_first(place, owner):
            return owner
        present = owner_of(place)
    if present is None or not owner.is_trial_of(present) or not _is_merely_signed(place):
        return None
    return _sign_again(place, owner, present)


def _is_merely_signed(place: Path) -> bool:
    """Whether the directory holds nothing but its owner's file: a worker died before it wrote to the study.

    Anything else there was left by the same study before that was set back (to a backup, a copy of its database): of
    the trial that it knows now, it knows no attempt.
    """
    return all(path.name.startswith((OWNER_FILE, *_ASIDE)) for path in place.iterdir())


def _sign_first(place: Path, owner: Owner) -> bool:
    """Sign a directory without an owner; False if another worker was faster."""
    with beside(place / OWNER_FILE) as aside:
        aside.write_text(_owner_file(owner), encoding="utf-8")
        try:
            os.link(aside, place / OWNER_FILE)
        except FileExistsError:
            return _is_one_file(aside, place / OWNER_FILE)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return _sign_without_links(place, owner)
        return True


def _is_one_file(first: Path, other: Path) -> bool:
    """Whether both are the same file: NFS may report that a link exists because its first reply was lost."""
    try:
        return first.samefile(other)
    except OSError:
        return False


def _sign_without_links(place: Path, owner: Owner) -> bool:
    try:
        with (place / OWNER_FILE).open("x", encoding="utf-8") as file:
            file.write(_owner_file(owner))
    except FileExistsError:
        return False
    return True


def _sign_again(place: Path, owner: Owner, present: Owner) -> Owner:
    """Sign the directory for one more attempt of its trial."""
    now = replace(owner, attempt=max(owner.attempt, present.attempt + 1))
    with replacing(place / OWNER_FILE) as aside:
        aside.write_text(_owner_file(now), encoding="utf-8")
    return now


def _owner_file(owner: Owner) -> str:
    return json.dumps(asdict(owner), ensure_ascii=False, indent=2) + "\n"
