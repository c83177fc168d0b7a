# SPDX-License-Identifier: MIT
"""A study in a database server, by URL: exact and resumable as with a journal, and its password stays secret."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
from optuna.trial import TrialState

from tests.contracts import servers

RunApp = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.timeout(240)

OPTION = "Zq7key w0rd"  # the password of a key file, which nothing opens here


def test_a_study_in_postgresql_is_resumed_and_its_password_is_written_nowhere(run_app: RunApp) -> None:
    """Two runs of 4 and 6 trials make exactly 6; neither the output nor any file holds the URL's password."""
    with servers.postgresql() as server:
        url = server.new_database()
        storage = f"hydra.sweeper.storage='{url}?sslpassword={OPTION}'"
        command = ("--multirun", "hparams=sphere", storage)
        launchers = (("local_workers", 4), ("basic", 6))
        runs = [
            run_app(*command, f"hydra/launcher={name}", f"hydra.sweeper.n_trials={n}", timeout=100)
            for name, n in launchers
        ]
        texts = [run.stdout + run.stderr for run in runs]
        assert [run.returncode for run in runs] == [0, 0], "\n".join(texts)
        opened = optuna.storages.RDBStorage(url)
        trials = optuna.load_study(study_name="sphere", storage=opened).trials
        opened.remove_session()
        opened.engine.dispose()
    assert [(one.number, one.state) for one in trials] == [(number, TrialState.COMPLETE) for number in range(6)]
    files = [path for path in Path("studies").rglob("*") if path.is_file()]
    assert "multirun.yaml" in {path.name for path in files}
    encoded = (quote(servers.PASSWORD, safe=""), quote(servers.PASSWORD, safe=" +"))  # as a user's, as SQLAlchemy's
    for secret in (servers.PASSWORD, *encoded, *OPTION.split()):
        assert [text for text in texts if secret in text] == []
        assert [path for path in files if secret.encode() in path.read_bytes()] == []
