# SPDX-License-Identifier: MIT
"""Standard output is put back as it was, and spells what it cannot show only meanwhile."""

import io
import logging
import sys

import pytest

from hyperopt_app.processes.streams import going_on_unread, spelling_out


def test_the_stream_is_the_programs_own_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after an error; a program that has its own way with such characters keeps it."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(TypeError), spelling_out():
        sys.stdout.writelines(["3 · größe", None])  # type: ignore[list-item]
    assert stream.errors == "strict"
    stream.flush()
    assert written.getvalue() == b"3 - gr\\xf6\\xdfe"
    stream.reconfigure(errors="replace")
    with spelling_out():
        assert stream.errors == "replace"


def test_a_program_without_standard_output_has_nothing_to_spell(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a daemon has it."""
    monkeypatch.setattr(sys, "stdout", None)
    with spelling_out():
        assert sys.stdout is None


def test_other_faults_of_a_log_are_still_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Only of a reader that has gone nothing is said, and logging is as before afterwards."""
    before = logging.Handler.handleError
    with going_on_unread():
        try:
            raise ValueError("wrong")
        except ValueError:
            logging.Handler().handleError(logging.makeLogRecord({"msg": "hello"}))
    assert "ValueError: wrong" in capsys.readouterr().err
    assert logging.Handler.handleError is before
