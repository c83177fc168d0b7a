# SPDX-License-Identifier: MIT
"""Read the finished trials of a source: a study's directory, a storage of Optuna's, or a CSV file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.opening import study_in
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import only_study
from hyperopt_app.study.records.study_records import stored_id
from hyperopt_app.study.trial_facts import state_word
from hyperopt_app.support.passwords import mask_password

if TYPE_CHECKING:
    import optuna

__all__ = ["Candidate", "Source", "is_storage", "read_study"]

_FILES = (".log", ".journal", ".db", ".sqlite", ".sqlite3")
_ENDED = ("complete", "pruned", "failed")


@dataclass(frozen=True)
class Candidate:
    """A finished trial of a source.

    Attributes:
        place: Where it stands there, for messages, e.g. `line 3` or `trial 7`.
        params: By the name or key of a parameter: the values that it may stand for, the likeliest first. A cell of
            a table may be a number or a text.
        columns: By the same: how messages name the column.
        state: `complete`, `pruned` or `failed`.
        values: Those of a complete trial, one per objective.
        curve: What it has reported, by step.
        constraints: By how much it violates which of its constraints; those that are 0 or less are satisfied.
        faults: What is wrong with it already.
    """

    place: str
    params: Mapping[str, Sequence[Any]]
    columns: Mapping[str, str]
    state: str
    values: Sequence[float] = ()
    curve: Mapping[int, float] = field(default_factory=dict)
    constraints: Mapping[str, float] = field(default_factory=dict)
    faults: Sequence[str] = ()


@dataclass(frozen=True)
class Source:
    """What a source holds.

    Attributes:
        name: For messages, and for the record in the trials; without a password.
        trials: Its finished trials.
        others: How many others it has: those that have not ended, and those that are set aside or imported there.
    """

    name: str
    trials: Sequence[Candidate]
    others: int = 0


def is_storage(text: str) -> bool:
    """Whether a source is a storage of Optuna's: a URL, or a file whose name says so."""
    return "://" in text or text.startswith("journal:") or Path(text).suffix.lower() in _FILES


def read_study(text: str, name: str | None, target: "optuna.Study", metrics: Sequence[str]) -> Source:
    """Read the finished trials of another study; writes nothing.

    Args:
        text: Its directory, or the storage in which it is.
        name: Its name, if the storage has several.
        target: The study into which they go.
        metrics: The names of its objectives.

    Raises:
        StudyMismatchError: The study does not exist, is the target itself, or optimises something else.
        StorageError: The storage cannot be used.
    """
    study = _other_study(text, name)
    shown = mask_password(text)
    if _is_the_same(study, target):
        raise StudyMismatchError(f"{shown} is the study itself; give another study, or a CSV file.")
    _check_goals(shown, study, target, metrics)
    read = params_reader(study)
    every = study.get_trials(deepcopy=False)
    aside = set_aside_of(study, every)
    ended = [trial for trial in every if trial.state.is_finished() and trial.number not in aside]
    trials = [
        Candidate(
            place=f"trial {trial.number}",
            params={key: [value] for key, value in read(trial).items()},
            columns={key: key for key in trial.params},
            state=state_word(trial),
            values=tuple(trial.values) if state_word(trial) == "complete" else (),
            curve=trial.intermediate_values,
            constraints=trial.constraints,
        )
        for trial in ended
    ]
    return Source(shown, trials, len(every) - len(ended))


def _other_study(text: str, name: str | None) -> "optuna.Study":
    if not is_storage(text):
        return study_in(Path(text), None, name)
    is_file = "://" not in text and Path(text).suffix.lower() in _FILES[2:]
    url = f"sqlite:///{text}" if is_file else text
    return only_study(open_storage(url, Path.cwd(), reading=True), name)


def _is_the_same(study: "optuna.Study", target: "optuna.Study") -> bool:
    return stored_id(study) is not None and stored_id(study) == stored_id(target)


def _check_goals(shown: str, study: "optuna.Study", target: "optuna.Study", metrics: Sequence[str]) -> None:
    theirs = [direction.name.lower() for direction in study.directions]
    ours = [direction.name.lower() for direction in target.directions]
    if theirs != ours:
        raise StudyMismatchError(f"{shown} wants to {', '.join(theirs)}, this study to {', '.join(ours)}.")
    named = study.metric_names
    if named and target.metric_names and list(named) != list(metrics):
        raise StudyMismatchError(
            f"{shown} optimises {', '.join(named)}, this study {', '.join(metrics)}. If they mean the same, export "
            "that study to a CSV file, rename its columns of values, and import the file."
        )
