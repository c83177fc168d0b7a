# SPDX-License-Identifier: MIT
"""The names that a command gives its settings in messages."""

from pathlib import Path

import pytest

from hyperopt_app.errors import SubmissionError
from hyperopt_app.schedulers.pbs import _qsub
from hyperopt_app.support.wording import Wording


def test_the_applications_own_words_stand_by_default() -> None:
    """Those of `hydra.sweeper`."""
    assert Wording().accept_changes == "hydra.sweeper.accept_changes=true"
    assert Wording().is_application


def test_where_there_is_no_scheduler_the_command_says_what_else_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """And where the launcher was chosen."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SubmissionError) as bare:
        _qsub(Path("worker.pbs"), Wording())
    assert str(bare.value) == "hydra/launcher: qsub not found; run this on a machine with PBS"
    ours = Wording(launcher="h.yml: pbs", without_scheduler=", or run here with --here")
    with pytest.raises(SubmissionError) as legacy:
        _qsub(Path("worker.pbs"), ours)
    assert str(legacy.value) == "h.yml: pbs: qsub not found; run this on a machine with PBS, or run here with --here"
