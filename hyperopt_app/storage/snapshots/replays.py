# SPDX-License-Identifier: MIT
"""Pack what Optuna has made of a journal's records into arrays, and restore it from them."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from optuna.storages.journal._storage import JournalStorageReplayResult
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial

from hyperopt_app.storage.journal_audit import Audit
from hyperopt_app.storage.journal_lines import Checksums
from hyperopt_app.storage.snapshots.columns import compact_json
from hyperopt_app.storage.snapshots.covered import Covered
from hyperopt_app.storage.snapshots.stored_trials import StoredTrials, packed_trials

__all__ = ["Reading", "covered_by", "packed", "restored"]

# The layout of the arrays; a snapshot of another one is passed over. Count it up with every change.
_LAYOUT = 1


class Reading(NamedTuple):
    """All that a process knows of a journal once it has read a part of it.

    Attributes:
        covered: That part.
        studies: The studies that are not deleted, by Optuna's numbers for them.
        trials: All trials, also of deleted studies, by Optuna's numbers for them.
        audit: Has checked the records.
        checksums: Has seen the lines.
    """

    covered: Covered
    studies: Mapping[int, FrozenStudy]
    trials: list[FrozenTrial]
    audit: Audit
    checksums: Checksums

    def as_replay(self, worker_prefix: str) -> JournalStorageReplayResult:
        """Return what Optuna would have made of the records, in a process that has written none of them."""
        replay = JournalStorageReplayResult(worker_prefix)
        replay.log_number_read = self.covered.records
        replay._studies = dict(self.studies)
        replay._trials = dict(enumerate(self.trials))
        replay._next_study_id = len(self.audit.studies)
        replay._study_id_to_trial_ids = {study: [] for study in range(len(self.audit.studies))}
        replay._trial_id_to_study_id = dict(enumerate(self.audit.trials))
        for trial_id, study in enumerate(self.audit.trials):
            replay._study_id_to_trial_ids[study].append(trial_id)
        return replay


def packed(reading: Reading) -> dict[str, NDArray[Any]]:
    """Return the arrays from which `restored` makes this reading.

    Raises:
        Exception: Something in it does not go into such arrays: a moment beyond the years that UTC has, for
            instance, or a nesting that is too deep.
    """
    about = {
        "layout": _LAYOUT,
        "covered": list(reading.covered),
        "checksums": reading.checksums.as_data(),
        "directions": reading.audit.studies,
        "studies": [_packed_study(number, study) for number, study in reading.studies.items()],
    }
    text = np.frombuffer(compact_json(about).encode("ascii"), np.uint8)
    return {"about": text, **packed_trials(reading.trials, reading.audit.trials)}


def covered_by(arrays: Mapping[str, NDArray[Any]]) -> Covered | None:
    """Return the part of a journal for which arrays stand; None if they have another layout."""
    about = json.loads(arrays["about"].tobytes())
    return Covered(*about["covered"]) if about["layout"] == _LAYOUT else None


def restored(arrays: Mapping[str, NDArray[Any]]) -> Reading:
    """Return the reading that `packed` has packed.

    Raises:
        Exception: The arrays are not what `packed` returns.
    """
    about = json.loads(arrays["about"].tobytes())
    stored = StoredTrials(arrays)
    studies = {entry["number"]: _restored_study(entry) for entry in about["studies"]}
    names = {study.study_name: number for number, study in studies.items()}
    finished = {trial_id for trial_id, state in enumerate(stored.states) if state.is_finished()}
    audit = Audit.continuing(about["directions"], stored.studies, names, finished)
    checksums = Checksums.from_data(about["checksums"])
    return Reading(Covered(*about["covered"]), studies, stored.trials(), audit, checksums)


def _packed_study(number: int, study: FrozenStudy) -> dict[str, Any]:
    return {
        "number": number,
        "name": study.study_name,
        "directions": [direction.value for direction in study.directions],
        "user_attrs": study.user_attrs,
        "system_attrs": study.system_attrs,
    }


def _restored_study(entry: Mapping[str, Any]) -> FrozenStudy:
    return FrozenStudy(
        study_name=entry["name"],
        direction=None,
        directions=[StudyDirection(value) for value in entry["directions"]],
        user_attrs=entry["user_attrs"],
        system_attrs=entry["system_attrs"],
        study_id=entry["number"],
    )
