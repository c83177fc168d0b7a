# SPDX-License-Identifier: MIT
"""What the user should know of a study that nobody stops for; kept in the study, for whoever looks at it."""

from collections.abc import Mapping

import optuna

from hyperopt_app.support.display_text import visible

__all__ = ["begin_notes", "read_notes", "write_note"]

_NOTE = "note:"


def begin_notes(study: optuna.Study, notes: Mapping[str, str]) -> None:
    """Let the study have these notes, by kind, and no others. Runs in the driver, before a worker starts."""
    kept = {key: text for key, text in study.user_attrs.items() if key.startswith(_NOTE) and text}
    wanted = {f"{_NOTE}{kind}": text for kind, text in notes.items()}
    for key in kept.keys() | wanted.keys():
        if kept.get(key) != wanted.get(key):
            study.set_user_attr(key, wanted.get(key))


def write_note(study: optuna.Study, kind: str, text: str) -> None:
    """Add a note, unless there is one of its kind. Runs in a worker."""
    if not study.user_attrs.get(f"{_NOTE}{kind}"):
        study.set_user_attr(f"{_NOTE}{kind}", text)


def read_notes(study: optuna.Study) -> list[str]:
    """The notes of the last command."""
    return [visible(str(text)) for key, text in study.user_attrs.items() if key.startswith(_NOTE) and text]
