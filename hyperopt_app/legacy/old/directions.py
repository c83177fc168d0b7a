# SPDX-License-Identifier: MIT
"""Which way a study's values are optimised, and whether the hyperparameter file says the same; pure but for reading."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage
    from optuna.study import StudyDirection

__all__ = ["direction_faults", "directions_of"]

_OLD_MULTI_OBJECTIVE = "multi_objective:study:directions"


def direction_faults(
    given: Sequence[str], found: Sequence["StudyDirection"], *, study_name: str, where: str = ""
) -> list[str]:
    """Why a file's directions cannot be those of its study; empty if they are the same.

    Args:
        given: What the file says: minimize or maximize, as many as metrics; empty if nothing is wanted.
        found: What the study has.
        study_name: The study's name.
        where: The file, as the user named it; empty if it is told elsewhere.
    """
    has = [direction.name.lower() for direction in found]
    if not given or list(given) == has:
        return []
    key = f"{where}: optuna.direction" if where else "optuna.direction"
    came = f"{key}: {', '.join(given)} came, but the study {study_name!r} has {', '.join(has)}"
    more = "" if len(given) == len(has) else f", and as many metrics ({len(has)})"
    return [f"{came}; write what the study has{more}, or name another study in study_name"]


def directions_of(study: "optuna.Study", storage: "BaseStorage") -> tuple[list["StudyDirection"], bool]:
    """The directions, and whether the values stand in the intermediate values, as in `optuna.multi_objective`."""
    from optuna.study import StudyDirection

    attributes = storage.get_study_system_attrs(storage.get_study_id_from_name(study.study_name))
    old = attributes.get(_OLD_MULTI_OBJECTIVE)
    if old is None:
        return study.directions, False
    return [StudyDirection[str(direction).upper()] for direction in old], True
