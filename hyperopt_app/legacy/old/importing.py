# SPDX-License-Identifier: MIT
"""Import a study of another tool into a new storage, or continue it in place; an imported file stays unchanged."""

import os
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from hyperopt_app.errors import ConfigError, StorageError
from hyperopt_app.legacy.old.copies import closing_storage, new_storage, opened, opened_storage
from hyperopt_app.legacy.old.finding import find_old, imported_names, is_of_today
from hyperopt_app.legacy.old.places import IMPORTED, SQLITE, OldStudy, Place, direction_faults, directions_of
from hyperopt_app.legacy.old.report import Report, budget, record_of, report_of, shown_place
from hyperopt_app.legacy.old.trials import conversion_faults, converted, waiting_points, would_change
from hyperopt_app.support.files import beside
from hyperopt_app.support.passwords import mask_password

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial

__all__ = ["OldStudy", "Report", "budget", "continued", "find_old", "import_study", "opened"]


def continued(old: OldStudy, target: str | None = None) -> Report | None:
    """Return the earlier import of the study; None if there is none.

    Args:
        old: The old study.
        target: A storage in our form; None for a file beside the old one.

    Raises:
        StorageError: A file of that name cannot be read.
    """
    if old.place.path is None:
        return _recorded(old, old.storage)
    for place in _places(old, target):
        if imported_names(place).get(old.name):
            return _recorded(old, place.beside(_path(place)))
    return None


def _recorded(old: OldStudy, storage: str) -> Report | None:
    import optuna

    with closing_storage(storage) as there:
        record = optuna.load_study(study_name=old.name, storage=there).user_attrs.get(IMPORTED)
    return None if record is None else report_of(old, storage, record)


def import_study(
    old: OldStudy, target: str | None, space: Mapping[str, "BaseDistribution"], wanted: Sequence[str] = ()
) -> Report:
    """Import the study, unless an earlier call has done so. Runs in the driver.

    The new file is made aside and put in place as a whole, so that a broken import leaves nothing, and of two at the
    same time one wins. On a server the study stays where it is.

    Args:
        old: From `find_old`.
        target: The storage in which the study goes on, in our form; None for `<stem>-continued<suffix>` beside the
            old file.
        space: Name of a parameter to what the hyperparameter file searches.
        wanted: The directions of the hyperparameter file; empty for those that the old study has.

    Raises:
        ConfigError: The old trials do not fit the space or the directions, or the target is taken; nothing was written.
        StorageError: The old study cannot be read, or the new file cannot be written.
    """
    import optuna

    if old.place.path is None and target not in (None, old.storage):
        raise ConfigError([f"--target: a study on a server ({shown_place(old)}) goes on where it is"])
    before = continued(old, target)
    if before is not None:
        return before
    on_server = old.place.path is None
    place = old.place if on_server else _free_place(old, target)
    with opened_storage(old) as storage:
        study = optuna.load_study(study_name=old.name, storage=storage)
        directions, in_curve = directions_of(study, storage)
        faults = direction_faults(wanted, directions, study_name=old.name)
        faults += conversion_faults(study.get_trials(deepcopy=False), space, may_respell=not on_server)
        if faults:
            raise ConfigError(faults)
        if on_server:
            return go_on_in_place(old)
        with tempfile.TemporaryDirectory(prefix="hyperopt_app_") as folder:
            made = Path(folder) / "new"
            report = _write(study, old, place, made, space, directions, in_curve=in_curve)
            if _publish(made, _path(place), stat.S_IMODE(_path(old.place).stat().st_mode)):
                return report
    # Another import was faster.
    return continued(old, target) or _taken(place)


def _places(old: OldStudy, target: str | None) -> list[Place]:
    if target is not None:
        place = Place.of(target)
        if place.path is None:
            shown = mask_password(target)
            raise ConfigError([f"--target: {shown} is a server; name a file: sqlite:///FILE or journal:FILE"])
        return [place]
    path = _path(old.place)
    names = (f"{path.stem}-continued", f"{path.stem}-{_safe(old.name)}-continued")
    return [Place(old.place.kind, path.with_name(name + path.suffix), old.place.query) for name in names]


def _free_place(old: OldStudy, target: str | None) -> Place:
    # The second name is for the second study of a file.
    places = _places(old, target)
    return next((place for place in places if not _path(place).exists()), None) or _taken(places[-1])


def _taken(place: Place) -> Any:
    raise ConfigError(
        [f"{place.path}: a file of that name is there and does not hold this study; give another one with --target"]
    )


def _path(place: Place) -> Path:
    if place.path is None:
        raise StorageError("a study on a server is in no file")
    return place.path


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)


def _write(
    study: "optuna.Study",
    old: OldStudy,
    place: Place,
    made: Path,
    space: Mapping[str, "BaseDistribution"],
    directions: Sequence["StudyDirection"],
    *,
    in_curve: bool,
) -> Report:
    """Write the continued study to a temporary file."""
    import optuna

    now = datetime.now()  # noqa: DTZ005 - Optuna stamps trials without a time zone
    trials = study.get_trials(deepcopy=False)
    taken = [converted(trial, space, objectives=len(directions), in_curve=in_curve, now=now) for trial in trials]
    points = waiting_points(trials, space)
    minutes = _expected_s(taken) / 60
    if place.kind == SQLITE and minutes > 0.5:
        sys.stderr.write(f"Taking over {len(taken)} trials; this may take {minutes:.0f} to {2 * minutes:.0f} minutes\n")
    with new_storage(place.kind, made) as storage, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        new = optuna.create_study(study_name=old.name, storage=storage, directions=directions)
        new.add_trials(taken)
        for point in points:
            new.enqueue_trial(point)
        if study.metric_names:
            new.set_metric_names(study.metric_names)
        for name, value in study.user_attrs.items():
            new.set_user_attr(name, value)
        report = Report(
            storage=place.beside(_path(place)),
            is_new=True,
            source=shown_place(old),
            trials=len(taken),
            uncounted=budget(taken, 0),
            closed=tuple(trial.number for trial in trials if not trial.state.is_finished()),
            enqueued=len(points),
        )
        new.set_user_attr(IMPORTED, record_of(old, report))
    return report


def _expected_s(trials: Sequence["FrozenTrial"]) -> float:
    """Estimate how long Optuna needs to write the trials to a database: about a millisecond per value."""
    return 0.001 * sum(2 + len(trial.params) + len(trial.intermediate_values) for trial in trials)


def _publish(made: Path, target: Path, mode: int) -> bool:
    """Rename a finished file to its place, with these permissions (less the umask); False if a file exists there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside(target, mode) as aside:
            shutil.copyfile(made, aside)
            try:
                os.link(aside, target)
            except FileExistsError:
                return False
            except OSError:  # a filesystem without hard links
                if target.exists():
                    return False
                aside.replace(target)
    except OSError as error:
        raise StorageError(f"{target}: it cannot be written: {error.strerror}") from None
    return True


def stays(
    old: OldStudy, trials: "Sequence[FrozenTrial]", space: "Mapping[str, BaseDistribution]", *, in_curve: bool
) -> bool:
    """Whether the study continues in its own storage; always so on a server.

    A file's does if it is of today's Optuna and no trial would have to be written in another way.

    Args:
        old: The study.
        trials: Its trials.
        space: Name of a parameter to the distribution with which the study would go on.
        in_curve: See `trials.converted`.
    """
    if old.place.path is None:
        return True
    if in_curve or not is_of_today(old) or any(map(would_change, trials)):
        return False
    return not conversion_faults(trials, space, may_respell=False)


def go_on_in_place(old: OldStudy) -> Report:
    """Note in the study that we go on with it, and how many of its trials the original does not count.

    What is RUNNING may be the work of a living worker and is left alone: it ends there, or is taken over like every
    trial without a sign of life. What waits is a ticket of ours as it is.
    """
    import optuna

    with closing_storage(old.storage) as storage:
        study = optuna.load_study(study_name=old.name, storage=storage)
        trials = study.get_trials(deepcopy=False)
        report = Report(
            storage=old.storage,
            is_new=True,
            source=shown_place(old),
            trials=len(trials),
            uncounted=sum(trial.state == TrialState.FAIL for trial in trials),
            running=tuple(trial.number for trial in trials if trial.state == TrialState.RUNNING),
        )
        study.set_user_attr(IMPORTED, record_of(old, report) | {"in_place": True})
    return report
