# SPDX-License-Identifier: MIT
"""Compare two queries of the queue, and say which jobs of a launch now wait, run or have ended.

A study continues with whatever jobs it has, so the user who waits for it has to learn what is missing, each fact once.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from hyperopt_app.support.display_text import counted

__all__ = ["CANCELLED", "COMPLETED", "JobState", "Phase", "Roster", "names_of"]

Phase = Literal["waits", "runs", "leaves", "ended"]

CANCELLED = "CANCELLED"
COMPLETED = "COMPLETED"

# Of several jobs in one line: the first ones.
_NAMED = 8
# Seconds between two lines on how many jobs still wait: of a hundred each starts alone.
_QUIET_S = 30.0
# Seconds until the second answer of a scheduler: jobs that find room have started then.
_START_S = 11.0


@dataclass(frozen=True)
class JobState:
    """A job, or a task of an array, at one look at the queue.

    Attributes:
        job: As users see it: `7`, `7_3` or `7.server`.
        phase: `leaves` while the scheduler cleans up after it: it does not run and has no last word yet.
        state: The scheduler's word, such as `NODE_FAIL`; empty if it says nothing of this job any more.
        reason: Why it waits, in the scheduler's words.
    """

    job: str
    phase: Phase
    state: str = ""
    reason: str = ""


@dataclass
class Roster:
    """The jobs of one launch, as an attached command sees them.

    Attributes:
        wanted: How many were submitted; 0 if that is not known.
        jobs: Each at the last look.
        last: Those that lived at the last look at which any did: with them the launch has ended.
    """

    wanted: int = 0
    jobs: dict[str, JobState] = field(default_factory=dict)
    last: frozenset[str] = frozenset()
    _reported: Counter[str] = field(default_factory=Counter)
    _quiet_until: float | None = None

    def look(self, states: Iterable[JobState], waiting_trials: int, now_s: float) -> list[str]:
        """Process the current state of the queue.

        Args:
            states: The jobs that it names. One that it no longer names has ended.
            waiting_trials: How many trials nobody runs; with none it is not a loss if a job ends.
            now_s: Monotonic seconds.

        Returns:
            What has changed, for people; empty if nothing has that they must know.
        """
        before, self.jobs = self.jobs, self._next(states)
        if alive := frozenset(job for job, state in self.jobs.items() if state.phase != "ended"):
            self.last = alive
        ended = [
            state
            for job, state in self.jobs.items()
            if state.phase == "ended" and (job not in before or before[job].phase != "ended")
        ]
        lines = self._ends(ended, waiting_trials, is_first=self._quiet_until is None)
        queue = self._queue(now_s)
        return [*lines, *queue] if self._reported or not lines else lines

    def _next(self, states: Iterable[JobState]) -> dict[str, JobState]:
        now = {state.job: state for state in states}
        gone = {
            job: state if state.phase == "ended" else replace(state, phase="ended", state="", reason="")
            for job, state in self.jobs.items()
            if job not in now
        }
        return {**gone, **now}

    def _count(self, *phases: str) -> int:
        return sum(state.phase in phases for state in self.jobs.values())

    def _total(self) -> int:
        return max(self.wanted, len(self.jobs))

    def _ends(self, ended: Sequence[JobState], waiting_trials: int, *, is_first: bool) -> list[str]:
        """Report the jobs that ended since the last look, one line per state."""
        by_state: dict[str, list[str]] = {}
        for ended_job in ended:
            # One that leaves because there is nothing to do for it is missed by nobody.
            if waiting_trials or ended_job.state not in ("", COMPLETED):
                by_state.setdefault(ended_job.state, []).append(ended_job.job)
        lines = [_end(state, jobs, waiting_trials) for state, jobs in by_state.items()]
        unseen = self.wanted - len(self.jobs) if is_first else 0
        if unseen > 0:
            lines.append(f"{counted(unseen, 'job')} of this launch {'has' if unseen == 1 else 'have'} ended before")
        left = self._count("waits", "runs", "leaves")
        if not lines:
            return []
        if not left:
            return [f"{'; '.join(lines)}; none is left"]
        missing = "it is" if sum(map(len, by_state.values())) + max(0, unseen) == 1 else "they are"
        return [f"{'; '.join(lines)}; {missing} not replaced: {left} of {self._total()} go on"]

    def _queue(self, now_s: float) -> list[str]:
        """Report how many jobs wait, and for what, on changes; at most every half minute, at once when all run."""
        if self._quiet_until is None:
            self._quiet_until = now_s + _START_S
        waiting = Counter(state.reason for state in self.jobs.values() if state.phase == "waits")
        if waiting == self._reported or (waiting and now_s < self._quiet_until):
            return []
        self._reported, self._quiet_until = waiting, now_s + _QUIET_S
        started = f"{self._count('runs')} of {counted(self._total(), 'job')} {_runs(self._count('runs'))}"
        if not waiting:
            return [f"{started}; none waits in the queue any more"] if self._count("runs") else []
        return [f"{started}; {_reasons(waiting)}"]

    def learn(self, states: Mapping[str, str]) -> None:
        """Store how jobs ended that the queue no longer lists."""
        for job, state in self.jobs.items():
            if state.phase == "ended" and not state.state and job in states:
                self.jobs[job] = replace(state, state=states[job])

    def are_cancelled(self) -> list[str]:
        """Return the jobs that were cancelled, if the launch has ended by that; empty if it has not.

        The last ones to end decide. A job that ended by itself at the same moment changes nothing; one that was lost
        does: then others are wanted.
        """
        states: Mapping[str, str] = {job: self.jobs[job].state for job in self.last if job in self.jobs}
        if self._count("waits", "runs", "leaves") or not set(states.values()) <= {CANCELLED, COMPLETED}:
            return []
        if CANCELLED not in states.values():
            return []
        return [job for job, last_seen in self.jobs.items() if last_seen.state == CANCELLED]


def _end(state: str, jobs: Sequence[str], waiting_trials: int) -> str:
    have = "has" if len(jobs) == 1 else "have"
    named = f"{'job' if len(jobs) == 1 else 'jobs'} {names_of(jobs)}"
    if state == CANCELLED:
        return f"{named} {have} been cancelled"
    if state in ("", COMPLETED):
        return f"{named} {have} ended while {counted(waiting_trials, 'trial')} wait{'s' if waiting_trials == 1 else ''}"
    return f"{named} {have} ended ({state})"


def names_of(jobs: Sequence[str]) -> str:
    """List the jobs in one line; of many only the first."""
    rest = len(jobs) - _NAMED
    in_order = sorted(jobs, key=lambda job: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", job)])
    return ", ".join(in_order[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _runs(count: int) -> str:
    return "runs" if count == 1 else "run"


def _reasons(waiting: Counter[str]) -> str:
    return ", ".join(
        f"{count} {'waits' if count == 1 else 'wait'} in the queue{f' ({reason})' if reason else ''}"
        for reason, count in waiting.most_common()
    )
