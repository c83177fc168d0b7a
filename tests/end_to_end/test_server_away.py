# SPDX-License-Identifier: MIT
"""A database server that is killed while a search runs: driver and workers wait for it, and nothing is lost."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.contracts import servers
from tests.end_to_end._studies import APPS, Family, wait_for

Start = Callable[..., subprocess.Popen[str]]
AWAY, BACK = "does not answer", "answers again"
SERVERS = {"postgresql": servers.postgresql, "mariadb": servers.mariadb}


@contextmanager
def read(url: str) -> Iterator[Callable[[], list[FrozenTrial]]]:
    """A look at the trials of the only study with plain Optuna; none if it is not there yet."""
    storage = optuna.storages.RDBStorage(url, {"pool_pre_ping": True})

    def trials() -> list[FrozenTrial]:
        names = optuna.get_all_study_names(storage)
        return optuna.load_study(study_name=names[0], storage=storage).trials if names else []

    try:
        yield trials
    finally:
        storage.remove_session()
        storage.engine.dispose()


@pytest.mark.parametrize(
    ("kind", "kills", "n_trials"),
    [
        pytest.param("postgresql", 1, 24, id="postgresql"),
        pytest.param("postgresql", 6, 200, id="postgresql often", marks=[pytest.mark.slow, pytest.mark.nightly]),
        pytest.param("mariadb", 1, 40, id="mariadb", marks=[pytest.mark.slow, pytest.mark.nightly]),
        pytest.param("mariadb", 6, 200, id="mariadb often", marks=[pytest.mark.slow, pytest.mark.nightly]),
    ],
)
@pytest.mark.timeout(180)
def test_a_server_that_is_killed_is_waited_for(kind: str, kills: int, n_trials: int, start_script: Start) -> None:
    """With four workers amid trials: each is whole and counted once; a line tells of the absence, one of its end."""
    with SERVERS[kind]() as server:
        url = server.new_database()
        words = ("hydra/launcher=local_workers", "hydra.sweeper.n_jobs=4", f"hydra.sweeper.n_trials={n_trials}")
        program = start_script(
            *(APPS / "ends" / "app.py", "--multirun", *words, f"hydra.sweeper.storage={url}"),
            env={"HYPEROPT_TEST_DO": "report"},
        )
        for kill in range(kills):
            with read(url) as trials:
                wanted = (kill + 1) * n_trials // (kills + 2)
                wait_for(f"{wanted} trials", lambda: _ended(trials()) >= wanted)  # noqa: B023
            assert program.poll() is None, program.communicate()
            server.kill()
            time.sleep(3)  # it is away
            server.start()
        output, errors = program.communicate()
        text = output + errors
        assert program.returncode == 0, text
        with read(url) as trials:
            found = trials()
    assert [(one.number, one.state) for one in found] == [(n, TrialState.COMPLETE) for n in range(n_trials)]
    assert [one.number for one in found if sorted(one.intermediate_values) != [0, 1, 2, 3, 4]] == []
    assert [one.number for one in found if one.value != one.params["x"] ** 2] == []
    assert [one.user_attrs.get("losses") for one in found if "losses" in one.user_attrs] == []
    assert "Traceback" not in text
    assert (text.count(AWAY), text.count(BACK)) == (kills, kills), text
    assert servers.PASSWORD not in text


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_ctrl_c_ends_a_search_whose_server_is_away(start_script: Start, family: Family) -> None:
    """With 130 and without a traceback; once the server is back, the same command goes on to the last trial."""
    with servers.postgresql() as server:
        url = server.new_database()
        words = (
            "hydra/launcher=local_workers",
            "hydra.sweeper.n_jobs=2",
            "hydra.sweeper.n_trials=8",
            "hydra.sweeper.study_name=s",
        )
        command = (APPS / "ends" / "app.py", "--multirun", *words, f"hydra.sweeper.storage={url}")
        program = start_script(*command, env={"HYPEROPT_TEST_DO": "report"})
        with read(url) as trials:
            wait_for("a trial", lambda: _ended(trials()))
        server.kill()
        wait_for("workers that wait", lambda: sum(AWAY in log.read_text() for log in _logs()) == 2)
        program.send_signal(signal.SIGINT)
        output, errors = program.communicate(timeout=40)
        assert program.returncode == 130, output + errors
        assert "Traceback" not in output + errors
        wait_for("the end of every process", family.is_gone)
        server.start()
        program = start_script(*command)
        output, errors = program.communicate()
        assert program.returncode == 0, output + errors
        with read(url) as trials:
            assert [one.state for one in trials()] == [TrialState.COMPLETE] * 8


def _logs() -> list[Path]:
    return list(Path("study", "workers").glob("*.log"))


def _ended(trials: list[FrozenTrial]) -> int:
    return sum(trial.state.is_finished() for trial in trials)
