# SPDX-License-Identifier: MIT
"""Check the trials of a source against a study, and add those that it does not have yet."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.importing.sources import Candidate, Source, is_storage, read_study
from hyperopt_app.importing.table import read_table
from hyperopt_app.space.points import fitting_point, point_of
from hyperopt_app.space.space import Space
from hyperopt_app.study.identity import stored_identity
from hyperopt_app.study.opening import study_lock
from hyperopt_app.study.records.trial_records import IMPORTED, imported_from
from hyperopt_app.study.trial_facts import state_word, value_names
from hyperopt_app.support.display_text import counted

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["Imported", "import_trials"]

_OPTUNAS = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
# Lines of faults that are listed; thousands of them would hide the first.
_MOST_FAULTS = 40


@dataclass(frozen=True)
class Imported:
    """What an import has done.

    Attributes:
        source: Where the trials come from, without a password.
        added: How many were added.
        there: How many the study had already.
        skipped: How many were passed over, since they do not fit.
        others: How many had not ended, or do not count where they come from.
    """

    source: str
    added: int
    there: int
    skipped: int
    others: int

    @property
    def text(self) -> str:
        """One line for people."""
        parts = [f"{counted(self.added, 'trial')} imported from {self.source}"]
        parts += [f"{counted(self.there, 'was', 'were')} there already"] if self.there else []
        parts += [f"{counted(self.skipped, 'was', 'were')} skipped"] if self.skipped else []
        parts += [f"{counted(self.others, 'was', 'were')} left out, not ended or set aside"] if self.others else []
        return "; ".join(parts) + "."


def import_trials(
    study: "optuna.Study", study_dir: Path, text: str, name: str | None = None, *, skips: bool = False
) -> Imported:
    """Add the finished trials of a source to a study: samplers learn from them, and they count for no budget.

    Doing it again adds only what is new in the source.

    Args:
        study: The open study.
        study_dir: Its directory.
        text: A study's directory, a storage of Optuna's (a URL, `.db`, `.log`), or a CSV file.
        name: The name of the other study, if its storage has several.
        skips: Whether trials that do not fit are passed over if others fit; else none is added where one does not fit.

    Raises:
        StudyMismatchError: The source cannot be used, or trials do not fit, with all that is wrong.
        StorageError: A storage cannot be used.
    """
    identity = stored_identity(study)
    if identity is None:
        raise StudyMismatchError(
            f"Study {study.study_name!r} was not created by hyperopt_app, so its search space is unknown; continue it "
            "with a search command first."
        )
    metrics = value_names(study.metric_names or (), len(study.directions))
    source = _source_of(text, name, study, identity.space, metrics)
    fitting, faults = _fitting(source, identity.space)
    if faults and not (skips and fitting):
        raise StudyMismatchError(_listed(source, faults))
    with study_lock(study_dir):
        had = Counter(_key(trial) for trial in study.get_trials(deepcopy=False) if imported_from(trial))
        fresh = []
        for trial in fitting:
            had[_key(trial)] -= 1
            if had[_key(trial)] < 0:
                fresh.append(trial)
        study.add_trials(fresh)
    skipped = len(source.trials) - len(fitting)
    return Imported(source.name, len(fresh), len(fitting) - len(fresh), skipped, source.others)


def _source_of(text: str, name: str | None, study: "optuna.Study", space: Space, metrics: Sequence[str]) -> Source:
    is_directory = Path(text).is_dir()
    if not is_directory and Path(text).suffix.lower() == ".csv":
        return read_table(Path(text), space, metrics)
    if is_directory or is_storage(text):
        return read_study(text, name, study, metrics)
    raise StudyMismatchError(
        f"{text}: not found; give a study's directory, its name below ./studies, a CSV file whose name ends in .csv, "
        "or an Optuna storage (a URL, .db or .log)."
    )


def _fitting(source: Source, space: Space) -> "tuple[list[FrozenTrial], dict[str, list[str]]]":
    """Return the trials that fit as the study would hold them, and the faults of the others by their places."""
    fitting, faults = list["FrozenTrial"](), dict[str, list[str]]()
    for candidate in source.trials:
        point, wrong = _point(candidate, space)
        if candidate.state == "failed" and not wrong and any(_parameters_without(space, point)):
            continue  # it has failed before it drew them all, so nobody can learn from it
        if wrong:
            faults[candidate.place] = wrong
        else:
            fitting.append(_made(candidate, point, space, source.name))
    return fitting, faults


def _point(candidate: Candidate, space: Space) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters in the study's form, and all that is wrong with the trial."""
    point, faults = dict[str, Any](), list(candidate.faults)
    if candidate.state == "complete" and not all(map(math.isfinite, candidate.values)) and not faults:
        faults.append("its value is not a finite number")
    for key, meanings in candidate.params.items():
        for meaning in meanings:
            held, wrong = point_of(space, {key: meaning}, is_part=True)
            if not wrong:
                break
        else:
            held, wrong = point_of(space, {key: meanings[0]}, is_part=True)
        point |= held
        faults += [f"column {candidate.columns.get(key, key)}: {line}" for line in wrong]
    point = fitting_point(space, point)
    missing = list(dict.fromkeys(_parameters_without(space, point)))
    if missing and not faults and candidate.state != "failed":
        faults.append(f"it has no value of {', '.join(name.lstrip('+') for name in missing)}")
    return point, faults


def _parameters_without(space: Space, point: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parameters that a point in the study's form lacks, though they are searched beside the others."""
    values = space.values(point)
    for key in space.distributions:
        if key not in values and space.is_active(key, values):
            yield space.names.get(key, key)


def _made(candidate: Candidate, point: Mapping[str, Any], space: Space, source: str) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    parameters = {name: kind for name, kind in space.parameters.items() if name in point}
    return create_trial(
        state=TrialState[_OPTUNAS[candidate.state]],
        values=list(candidate.values) if candidate.state == "complete" else None,
        params={name: point[name] for name in parameters},
        distributions=parameters,
        intermediate_values=dict(candidate.curve),
        user_attrs={IMPORTED: source},
        constraints=dict(candidate.constraints),
    )


def _key(trial: "FrozenTrial") -> str:
    """Return a text that is equal for equal trials: what was tried, and what came of it."""
    values = trial.values if state_word(trial) == "complete" else None
    return json.dumps([trial.params, state_word(trial), values], sort_keys=True, default=str)


def _listed(source: Source, faults: Mapping[str, Sequence[str]]) -> str:
    lines = [f"  - {place}: {line}" for place, wrong in faults.items() for line in wrong]
    more = [f"  and {len(lines) - _MOST_FAULTS} more"] if len(lines) > _MOST_FAULTS else []
    count = f"{len(faults)} of {counted(len(source.trials), 'trial')}"
    way_out = "correct them" if len(faults) == len(source.trials) else "correct them, or pass over them with --skip"
    title = f"{source.name}: {count} do not fit, so none was imported; {way_out}:"
    return "\n".join([title, *lines[:_MOST_FAULTS], *more])
