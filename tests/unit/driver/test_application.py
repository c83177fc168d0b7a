# SPDX-License-Identifier: MIT
"""The application run for another command: its words, what it tells the driver, its exit status."""

import sys
from typing import Any

import pytest

from hyperopt_app.app import train
from hyperopt_app.driver import application
from hyperopt_app.driver.command_task import CommandTask
from hyperopt_app.objective.task_hooks import hooks_of
from hyperopt_app.support.wording import Wording

OURS = Wording(budget="-t", is_application=False)


def _run(monkeypatch: pytest.MonkeyPatch, end: SystemExit | None = None) -> tuple[int, list[str], list[CommandTask]]:
    words, tasks = list[str](), list[CommandTask]()

    def main(task: CommandTask) -> None:
        words.extend(sys.argv)
        tasks.append(task)
        task.accepted()
        if end is not None:
            raise end

    monkeypatch.setattr(application, "main", main)
    before = sys.argv[:]
    called = list[str]()
    status = application.run_application(["hyperopt-app", "x=1"], OURS, lambda: called.append("accepted"))
    assert sys.argv == before
    assert called == ["accepted"]
    return status, words, tasks


def test_the_application_gets_the_words_and_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words as this process's own for so long; the names of settings, and the call, with the task."""
    status, words, (task,) = _run(monkeypatch)
    assert (status, words) == (0, ["hyperopt-app", "x=1"])
    assert (task.task, task.wording) == (train, OURS)


@pytest.mark.parametrize(("code", "status"), [(3, 3), (None, 0), ("a text", 1)])
def test_the_end_of_the_application_is_a_status(code: Any, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the shell would have it."""
    assert _run(monkeypatch, SystemExit(code))[0] == status


def test_hydra_takes_a_command_task_for_its_task() -> None:
    """The name of the job comes from the module of what the decorator wraps; the hooks are the task's."""
    task = CommandTask(train)
    assert task.__module__ == "hyperopt_app.app"
    assert hooks_of(task) is train
