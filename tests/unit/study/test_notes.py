# SPDX-License-Identifier: MIT
"""Notes in a study: those of the last command, one of a kind."""

import optuna

from hyperopt_app.study.notes import begin_notes, read_notes, write_note


def test_a_command_begins_with_its_own_notes() -> None:
    """Workers add to them, one of a kind; the next command forgets what it does not say itself."""
    study = optuna.create_study()
    begin_notes(study, {"pruner": "one"})
    write_note(study, "silent", "two")
    write_note(study, "silent", "three")
    assert read_notes(study) == ["one", "two"]
    begin_notes(study, {"pruner": "four"})
    assert read_notes(study) == ["four"]
    begin_notes(study, {})
    assert read_notes(study) == []
