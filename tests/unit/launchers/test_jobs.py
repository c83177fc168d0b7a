# SPDX-License-Identifier: MIT
"""An attached driver: which jobs a study has, when it is over, and what Ctrl-C does to the workers."""

import logging
import os
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import optuna
import pytest

from hyperopt_app.budget.steering import discard
from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.errors import SubmissionError
from hyperopt_app.launchers.jobs import (
    cancelled_by_user,
    follow,
    is_last_launch,
    known_jobs,
    last_words,
    new_place,
    remember_jobs,
)
from hyperopt_app.objective.outcomes import Completed
from hyperopt_app.schedulers import registry
from hyperopt_app.schedulers.registry import SCHEDULERS
from hyperopt_app.schedulers.roster import JobState, Roster
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import create_study
from hyperopt_app.study.plan import Plan
from tests.unit._made_sweeps import made_plan
from tests.unit._made_tickets import claimed, hand


class Queue:
    """A scheduler that knows these jobs; None if it cannot say."""

    def __init__(self, known: set[str] | None) -> None:
        self.known = known

    def jobs(self, jobs: Sequence[str]) -> list[JobState] | None:
        """How those of the jobs stand."""
        return None if self.known is None else [JobState(job, "runs") for job in jobs if job in self.known]

    def ends(self, _jobs: Sequence[str]) -> None:
        """Nobody can say."""

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
    monkeypatch.setattr(registry.SCHEDULERS["slurm"], "queue", lambda: Queue(known))


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
    """An answer that the scheduler cannot give is not an end."""
    answers: list[set[str] | None] = [{"7"}, None, {"7"}, set()]
    queue = Queue(None)

    def at_the_next_look(_seconds: float) -> None:
        queue.known = answers.pop(0)

    follow(plan, ["7"], ["scancel"], queue=queue, sleep=at_the_next_look)
    assert answers == []


def test_the_driver_does_not_wait_for_jobs_that_have_nothing_to_do(plan: Plan) -> None:
    """When all trials have ended and no worker gives a sign of life, waiting jobs are left to themselves."""
    _end_all(plan)
    looks: list[float] = []
    follow(plan, ["7"], ["scancel"], queue=Queue({"7"}), sleep=looks.append)
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
        follow(plan, ["7", "8"], ["touch"], queue=Queue({"7"}), sleep=_ctrl_c)
    assert sorted(path.name for path in Path.cwd().iterdir()) == (["7", "8"] if is_cancelled else [])


@pytest.mark.parametrize("scheduler", sorted(SCHEDULERS))
def test_ctrl_c_cancels_by_the_schedulers_own_command(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheduler: str
) -> None:
    """It gets the numbers of all jobs; here a stand-in writes them down."""
    cancel = SCHEDULERS[scheduler].cancel
    stand_in = tmp_path / "bin" / cancel[0]
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "$@" > cancelled\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent), prepend=os.pathsep)
    monkeypatch.setattr(sys, "stdin", Keyboard("c\n"))
    with pytest.raises(KeyboardInterrupt):
        follow(plan, ["7", "8"], cancel, queue=Queue({"7"}), sleep=_ctrl_c)
    assert Path("cancelled").read_text().split()[-2:] == ["7", "8"]


class Accounting(Queue):
    """A scheduler whose accounting knows these ends, at the second look."""

    def __init__(self, ends: dict[str, tuple[str, int | None]] | None) -> None:
        super().__init__(set())
        self.known_ends = ends
        self.looks = 0

    def ends(self, _jobs: Sequence[str]) -> dict[str, tuple[str, int | None]] | None:  # type: ignore[override]
        """As sacct tells them."""
        self.looks += 1
        return self.known_ends if self.looks > 1 or not self.known_ends else dict(list(self.known_ends.items())[:1])


def _ended_so(*states: str) -> Roster:
    roster = Roster(len(states))
    roster.look([JobState(f"7_{task}", "runs") for task in range(len(states))], 4, 0)
    roster.look([JobState(f"7_{task}", "ended", state) for task, state in enumerate(states)], 4, 1)
    return roster


ME = os.geteuid()


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ({"7_0": ("CANCELLED", ME), "7_1": ("CANCELLED", ME)}, "you have cancelled the workers' jobs (7_0, 7_1)"),
        ({"7_0": ("CANCELLED", None), "7_1": ("CANCELLED", None)}, "somebody has cancelled the workers' jobs"),
        (None, "somebody has cancelled the workers' jobs (7_0, 7_1)"),
        ({}, "somebody has cancelled the workers' jobs (7_0, 7_1)"),
    ],
    ids=["the user", "not said", "no accounting", "unknown to it"],
)
def test_cancelled_jobs_are_a_wish_of_the_users(
    plan: Plan, ends: dict[str, tuple[str, int | None]] | None, words: str
) -> None:
    """Also where nobody can say whose: to wait loses nothing."""
    told = cancelled_by_user(
        plan, _ended_so("CANCELLED", "CANCELLED"), "slurm", Path(), Accounting(ends), lambda _s: None
    )
    assert told.startswith(words)


def test_an_administrators_cancel_is_a_loss(plan: Plan, caplog: pytest.LogCaptureFixture) -> None:
    """It is said who it was; the workers are wanted as before."""
    ends = dict.fromkeys(("7_0", "7_1"), ("CANCELLED", ME + 1))
    roster = _ended_so("CANCELLED", "CANCELLED")
    assert not cancelled_by_user(plan, roster, "slurm", Path(), Accounting({**ends}), lambda _s: None)
    assert f"Jobs 7_0, 7_1 have been cancelled by the user with the number {ME + 1}." in caplog.text


@pytest.mark.parametrize("states", [("NODE_FAIL", "CANCELLED"), ("TIMEOUT", "TIMEOUT"), ("PREEMPTED", "PREEMPTED")])
def test_other_ends_are_losses(plan: Plan, states: tuple[str, ...]) -> None:
    """Nobody is even asked."""
    accounting = Accounting({"7_0": ("CANCELLED", ME), "7_1": ("CANCELLED", ME)})
    assert cancelled_by_user(plan, _ended_so(*states), "slurm", Path(), accounting, lambda _s: None) == ""
    assert accounting.looks == 0


def test_jobs_that_squeue_has_forgotten_are_judged_by_accounting(plan: Plan) -> None:
    """A site may forget an ended job within seconds."""
    accounting = Accounting({"7_0": ("CANCELLED", ME), "7_1": ("CANCELLED", ME)})
    told = cancelled_by_user(plan, _ended_so("", ""), "slurm", Path(), accounting, lambda _s: None)
    assert told == "you have cancelled the workers' jobs (7_0, 7_1)"
    assert accounting.looks == 2


def test_what_is_cancelled_after_the_last_trial_stops_nothing(plan: Plan) -> None:
    """Jobs that still waited in the queue, for instance."""
    _end_all(plan)
    assert cancelled_by_user(plan, _ended_so("CANCELLED"), "slurm", Path(), Queue(None), lambda _s: None) == ""


@pytest.mark.parametrize(
    ("files", "is_deleted"),
    [
        ({"launches/0/told-to-end-7.server": "", "logs/worker-0.7.server.log": ""}, True),
        ({"launches/0/goes-on-7.server-0": "told to end", "logs/worker-0.7.server.log": ""}, True),
        ({"launches/0/goes-on-7.server-0": "out of time", "logs/worker-0.7.server.log": ""}, False),
        ({"logs/worker-0.7.server.log": ""}, False),
        ({}, True),
        ({"logs/worker-0.17.server.log": ""}, True),
    ],
    ids=["told, in time", "told, and then killed", "its time was over", "it died", "it never ran", "another's log"],
)
def test_a_job_of_pbs_was_deleted_if_it_was_told_to_end_or_never_began(
    plan: Plan, files: dict[str, str], is_deleted: bool
) -> None:
    """PBS itself does not tell its users; what a job leaves behind does."""
    for name, text in files.items():
        path = plan.study_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    roster = follow(plan, ["7.server"], ["qdel"], "pbs", queue=Queue(set()), sleep=lambda _s: None)
    told = cancelled_by_user(plan, roster, "pbs", plan.study_dir / "logs", Queue(set()), lambda _s: None)
    assert told == ("somebody has cancelled the workers' jobs (7.server)" if is_deleted else "")


def test_a_job_of_pbs_that_submitted_itself_again_is_not_missing(plan: Plan, caplog: pytest.LogCaptureFixture) -> None:
    """Its successor is in its place; when that one dies, it is said."""
    caplog.set_level(logging.INFO)
    (plan.study_dir / "launches/0").mkdir(parents=True)
    queue, looks = Queue({"7", "8"}), 0

    def pass_time(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            (plan.study_dir / "launches/0/submitted-again-7").write_text("9")
        queue.known = [{"8", "9"}, {"8"}, set[str]()][min(looks, 3) - 1]

    remember_jobs(plan.study_dir, "pbs", ["7", "8"], 2)
    follow(plan, ["7", "8"], ["qdel"], "pbs", queue=queue, sleep=pass_time)
    assert [record.getMessage() for record in caplog.records] == [
        "Job 9 has ended while 4 trials wait; it is not replaced: 1 of 2 go on",
        "Job 8 has ended while 4 trials wait; none is left",
    ]


def test_a_job_is_missed_where_trials_that_were_set_aside_are_to_be_made_up_for(
    plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    """The trials that count are those that are waited for, whatever their numbers."""
    _end_all(plan)
    study = optuna.load_study(study_name=plan.study_name, storage=open_storage(None, plan.study_dir))
    discard(study, [0, 1])
    queue = Queue({"7", "8"})

    def pass_time(_seconds: float) -> None:
        if queue.known == {"8"}:
            raise KeyboardInterrupt
        queue.known = {"8"}

    caplog.set_level(logging.INFO)
    with pytest.raises(KeyboardInterrupt):
        follow(plan, ["7", "8"], ["scancel"], queue=queue, sleep=pass_time)
    assert "Job 7 has ended while 2 trials wait" in caplog.text


def test_who_attaches_to_jobs_of_pbs_hears_what_has_ended_before(plan: Plan, caplog: pytest.LogCaptureFixture) -> None:
    """Of four that were submitted one is left."""
    caplog.set_level(logging.INFO)
    remember_jobs(plan.study_dir, "pbs", ["7", "8", "9", "10"], 4)
    with pytest.raises(KeyboardInterrupt):
        follow(plan, ["8"], ["qdel"], "pbs", queue=Queue({"8"}), sleep=_ctrl_c)
    line = "3 jobs of this launch have ended before; they are not replaced: 1 of 4 go on"
    assert caplog.records[0].getMessage() == line


def test_the_last_launch_is_known(tmp_path: Path) -> None:
    """Also by those jobs that have submitted themselves again."""
    remember_jobs(tmp_path, "pbs", ["7", "8"])
    (tmp_path / "launches/0").mkdir()
    (tmp_path / "launches/0/submitted-again-7").write_text("9\n")
    assert is_last_launch(tmp_path, ["8"])
    assert is_last_launch(tmp_path, ["9"])
    assert not is_last_launch(tmp_path, ["6"])
