# SPDX-License-Identifier: MIT
"""An attached driver: which jobs a study has, when it is over, and what Ctrl-C does to the workers."""

import os
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import optuna
import pytest

from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.errors import SubmissionError
from hyperopt_app.launchers.jobs import follow, known_jobs, last_words, new_place, remember_jobs
from hyperopt_app.objective.outcomes import Completed
from hyperopt_app.schedulers import registry
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import create_study
from hyperopt_app.study.plan import Plan
from tests.unit._made_sweeps import made_plan
from tests.unit._made_tickets import claimed, hand


class Queue:
    """A scheduler that knows these jobs; None if it cannot say."""

    def __init__(self, known: set[str] | None) -> None:
        self.known = known

    def alive(self, jobs: Sequence[str]) -> set[str] | None:
        """Those of the jobs that wait or run."""
        return None if self.known is None else self.known & set(jobs)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan of four trials, with its study."""
    made = made_plan(tmp_path)
    issue(create_study(open_storage(None, tmp_path), made.study_name, ["minimize"]), 4)
    return made


def _end_all(plan: Plan) -> None:
    worker = hand(optuna.load_study(study_name=plan.study_name, storage=open_storage(None, plan.study_dir)))
    for _ in range(4):
        worker.settle(claimed(worker), Completed((1.0,)))


def _asked(monkeypatch: pytest.MonkeyPatch, known: set[str] | None) -> None:
    monkeypatch.setitem(registry.QUEUES, "slurm", lambda: Queue(known))


def test_each_launch_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """Numbered from 0, whatever else lies there."""
    assert new_place(tmp_path).name == "0"
    for name in ("0", "9", "jobs.json", "x"):
        (tmp_path / "launches" / name).mkdir(parents=True)
    assert new_place(tmp_path).name == "10"


def test_the_jobs_of_the_last_launch_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that still wait or run, and those that they have submitted in their own place; by their own scheduler."""
    _asked(monkeypatch, {"8", "9"})
    assert known_jobs(tmp_path, "slurm") == []
    remember_jobs(tmp_path, "slurm", ["7", "8"])
    (tmp_path / "launches/0").mkdir()
    (tmp_path / "launches/0/submitted-again-7").write_text("9\n")
    assert known_jobs(tmp_path, "slurm") == ["8", "9"]
    assert known_jobs(tmp_path, "pbs") == []


def test_what_the_scheduler_does_not_tell_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers would be there twice; the message has a way on."""
    remember_jobs(tmp_path, "slurm", ["7"])
    _asked(monkeypatch, None)
    with pytest.raises(SubmissionError, match=r"jobs 7 .* squeue does not answer.*remove .*jobs\.json"):
        known_jobs(tmp_path, "slurm")


def test_the_driver_follows_until_no_job_is_left(plan: Plan) -> None:
    """An answer that the scheduler cannot give is no end."""
    answers: list[set[str] | None] = [{"7"}, None, {"7"}, set()]
    follow(plan, ["7"], ["scancel"], alive=lambda _jobs: answers.pop(0), sleep=lambda _s: None)
    assert answers == []


def test_the_driver_does_not_wait_for_jobs_that_have_nothing_to_do(plan: Plan) -> None:
    """When all trials have ended and no worker gives a sign of life, waiting jobs are left to themselves."""
    _end_all(plan)
    looks: list[float] = []
    follow(plan, ["7"], ["scancel"], alive=lambda _jobs: {"7"}, sleep=looks.append)
    assert len(looks) < 5


def test_workers_that_leave_early_have_last_words(plan: Plan) -> None:
    """The end of the newest log, in one line; none when the study is over."""
    logs = plan.study_dir / "logs"
    assert last_words(plan, logs) == ""
    logs.mkdir()
    for age_s, (name, text) in enumerate({"new.out": "a\n\nb\nc\nd\n", "old.out": "no", "x.sh": "no"}.items()):
        (logs / name).write_text(text)
        os.utime(logs / name, (0, 1000 - age_s))
    assert last_words(plan, logs) == "new.out ends with: b | c | d"
    _end_all(plan)
    assert last_words(plan, logs) == ""


class Keyboard(StringIO):
    """A terminal, or none, at which these lines are typed."""

    def __init__(self, text: str, *, is_terminal: bool = True) -> None:
        super().__init__(text)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Whether somebody sits there."""
        return self._is_terminal


def _ctrl_c(_seconds: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("keyboard", "is_cancelled"),
    [
        (Keyboard("c\n"), True),
        (Keyboard("Cancel\n"), True),
        (Keyboard("l\n"), False),
        (Keyboard("\n"), False),
        (Keyboard(""), False),
        (Keyboard("c\n", is_terminal=False), False),
    ],
    ids=["c", "word", "l", "empty", "end of file", "no terminal"],
)
def test_ctrl_c_leaves_the_workers_unless_told_otherwise(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, keyboard: Keyboard, is_cancelled: bool
) -> None:
    """It asks once, only where somebody can answer; the interrupt goes on to the sweep."""
    monkeypatch.setattr(sys, "stdin", keyboard)
    with pytest.raises(KeyboardInterrupt):
        follow(plan, ["7", "8"], ["touch"], alive=lambda _jobs: {"7"}, sleep=_ctrl_c)
    assert sorted(path.name for path in Path.cwd().iterdir()) == (["7", "8"] if is_cancelled else [])
