# SPDX-License-Identifier: MIT
"""The storage that a study's directory names by its multirun.yaml."""

from pathlib import Path

import pytest

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.storage.finding import kept_storage

CONFIG = "hydra: {sweeper: {storage: '${oc.env:NO_SUCH_URL}', study_name: mine}, runtime: {cwd: /}}\n"


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    """Another shell may lack what the search had; that is said, not that the directory is the wrong one."""
    path = tmp_path / "multirun.yaml"
    path.write_text(CONFIG)
    with pytest.raises(StudyMismatchError) as refusal:
        kept_storage(tmp_path)
    told = str(refusal.value)
    assert told.startswith(f"{path}: hydra.sweeper.storage refers to something missing (")
    assert "NO_SUCH_URL" in told
    assert told.endswith("set it here too, or give --storage.")


def test_a_variable_that_is_set_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the search has read it."""
    (tmp_path / "multirun.yaml").write_text(CONFIG)
    monkeypatch.setenv("NO_SUCH_URL", "postgresql+psycopg://me@host/studies")
    assert kept_storage(tmp_path) == ("postgresql+psycopg://me@host/studies", "mine")
