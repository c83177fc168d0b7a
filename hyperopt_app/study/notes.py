# SPDX-License-Identifier: MIT
"""Store notes that the user should read but that stop nothing, so that every later reader of the study sees them."""

from collections.abc import Mapping
from typing import Any

import optuna

from hyperopt_app.study.records.study_records import attributes_of, keep_note, notes_in
from hyperopt_app.support.display_text import visible

__all__ = ["begin_notes", "notes_shown", "read_notes", "write_note"]


def begin_notes(study: optuna.Study, notes: Mapping[str, str]) -> None:
    """Replace the study's notes with these, by kind. Runs in the driver, before a worker starts."""
    kept = notes_in(attributes_of(study))
    for kind in kept.keys() | notes.keys():
        if kept.get(kind) != notes.get(kind):
            keep_note(study, kind, notes.get(kind))


def write_note(study: optuna.Study, kind: str, text: str) -> None:
    """Add a note, unless there is one of its kind. Runs in a worker."""
    if kind not in notes_in(attributes_of(study)):
        keep_note(study, kind, text)


def read_notes(study: optuna.Study) -> list[str]:
    """Return the notes of the last command."""
    return notes_shown(attributes_of(study))


def notes_shown(attributes: Mapping[str, Any]) -> list[str]:
    """The same of the study's attributes, if they were read already."""
    return [visible(str(text)) for text in notes_in(attributes).values()]
