# SPDX-License-Identifier: MIT
"""What qstat's answers say of jobs."""

import subprocess
from collections.abc import Sequence

import pytest

from hyperopt_app.schedulers.pbs import PbsQueue, live_numbers

# As PBS Pro prints it, ids cut off, an array among them; and as Slurm's qstat does.
PBS_PRO = """
server:
                                                            Req'd  Req'd   Elap
Job ID          Username Queue    Jobname    SessID NDS TSK Memory Time  S Time
--------------- -------- -------- ---------- ------ --- --- ------ ----- - -----
1234567.server* ann      main     holodec       123   1   8   64gb 12:00 R 01:00
1234568.server* ann      main     holodec       --    1   8   64gb 12:00 Q   --
1234569[].serv* ann      main     holodec       --    1   8   64gb 12:00 B   --
1234570.server* ann      main     holodec       77    1   8   64gb 12:00 F 00:10
"""
WRAPPER = "3                    root     gpu      hyper  --  1  1  -- 00:02 R 00:00\n"


def test_the_live_jobs_of_an_answer() -> None:
    """Waiting, running and begun arrays; not what has finished, and no line of the head."""
    assert live_numbers(PBS_PRO) == {"1234567", "1234568", "1234569"}
    assert live_numbers(WRAPPER) == {"3"}
    assert live_numbers("") == set()


class Qstat:
    """Answers, or fails, and counts."""

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.calls = 0

    def __call__(self, words: Sequence[str]) -> str:
        assert words[:2] == ["qstat", "-u"]
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_jobs_are_known_by_their_numbers() -> None:
    """As qsub told them, with the server's whole name."""
    queue = PbsQueue(Qstat(PBS_PRO))
    jobs = ["1234567.server.site.org", "1234569[].server.site.org", "1234570.server.site.org", "9"]
    assert queue.alive(jobs) == set(jobs[:2])


def test_it_is_asked_seldom_but_at_once_for_a_new_job() -> None:
    """A job that was submitted since the last answer is not taken for gone."""
    now, qstat = 0.0, Qstat(WRAPPER)
    queue = PbsQueue(qstat, lambda: now)
    for _ in range(10):
        queue.alive(["3"])
    assert qstat.calls == 1
    queue.alive(["3", "4"])
    assert qstat.calls == 2
    now = 5.0
    queue.alive(["3"])
    assert qstat.calls == 3


@pytest.mark.parametrize("error", [FileNotFoundError("qstat"), subprocess.CalledProcessError(1, "qstat")])
def test_without_an_answer_nothing_is_known(error: Exception) -> None:
    """None, not "no job"; and when it works again, the jobs are there."""
    now, qstat = 0.0, Qstat(error)
    queue = PbsQueue(qstat, lambda: now)
    assert queue.alive(["3"]) is None
    now, qstat.answer = 100.0, WRAPPER
    assert queue.alive(["3"]) == {"3"}


def test_why_a_job_waits_is_told_in_words() -> None:
    """Of a job that PBS does not know any more nothing is said."""
    found = PbsQueue(Qstat(PBS_PRO)).jobs([f"{number}.server" for number in (1234567, 1234568, 1234570, 3)])
    assert [(one.job, one.phase, one.reason) for one in found or ()] == [
        ("1234567.server", "runs", ""),
        ("1234568.server", "waits", "queued"),
        ("1234570.server", "ended", ""),
    ]
    assert PbsQueue(Qstat(FileNotFoundError("qstat"))).jobs(["3"]) is None
