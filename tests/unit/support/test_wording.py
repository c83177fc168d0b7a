# SPDX-License-Identifier: MIT
"""A command in front of the driver: its words in messages, and the call when a study is accepted."""

import contextlib
from pathlib import Path

import pytest

from hyperopt_app.errors import SubmissionError
from hyperopt_app.schedulers.pbs import _qsub
from hyperopt_app.support.wording import Front, front, with_front


def test_the_applications_own_words_stand_by_default() -> None:
    """Those of `hydra.sweeper`; another command's hold as long as it runs, however it ends."""
    assert front().accept_changes == "hydra.sweeper.accept_changes=true"
    with contextlib.suppress(ValueError), with_front(Front(accept_changes="--accept_changes")):
        assert front().accept_changes == "--accept_changes"
        raise ValueError
    assert front() == Front()


def test_where_there_is_no_scheduler_the_command_says_what_else_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """And where the launcher was chosen."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SubmissionError) as bare:
        _qsub(Path("worker.pbs"))
    assert str(bare.value) == "hydra/launcher: qsub is not here; give the command where PBS is"
    ours = Front(launcher="h.yml: pbs", without_scheduler=", or run here with --here")
    with with_front(ours), pytest.raises(SubmissionError) as legacy:
        _qsub(Path("worker.pbs"))
    assert str(legacy.value) == "h.yml: pbs: qsub is not here; give the command where PBS is, or run here with --here"
