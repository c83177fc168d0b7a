# SPDX-License-Identifier: MIT
"""Is the worker that holds a claim alive? By the process table here, by its silence elsewhere."""

import dataclasses
import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.processes import entries
from hyperopt_app.schedulers.place import RUNNING, UNKNOWN, Place, Verdict
from hyperopt_app.schedulers.slurm_queue import SlurmQueue
from hyperopt_app.study.heartbeat import WorkerIdentity, beating, read_beat, this_worker
from hyperopt_app.study.liveness import Observer, is_dead
from tests.unit._made_clock import Clock
from tests.unit._made_jobs import PLACE, gone

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this machine")


def _claim(here: WorkerIdentity, **changes: Any) -> dict[str, Any]:
    return dataclasses.replace(here, **changes).as_claim()


@pytest.mark.parametrize(
    ("process_lives", "silence_s", "dead"),
    [
        (True, 1e9, False),
        (False, 0.0, True),
        (None, 60.0, False),
        (None, 60.1, True),
        (None, 0.0, False),
    ],
)
def test_the_process_table_decides_before_the_lease(process_lives: bool | None, silence_s: float, dead: bool) -> None:
    """A process that is seen to live may be silent for ever, one that is seen to be gone gets no lease."""
    assert is_dead(process_lives, silence_s, 60.0) is dead


def test_a_live_process_of_this_machine_lives(here: WorkerIdentity, clock: Clock) -> None:
    """However long it has written no beat: it may hang on a full disk."""
    observer = Observer(60.0, clock)
    assert not observer.is_dead(here.as_claim(), "trial 0")
    clock.now += 1e6
    assert not observer.is_dead(here.as_claim(), "trial 0")


def test_a_dead_process_of_this_machine_is_dead_at_once(
    here: WorkerIdentity, child: "subprocess.Popen[bytes]", clock: Clock
) -> None:
    """No lease runs where the process table can be asked."""
    start = entries.start_ticks(child.pid)
    claim = _claim(here, pid=child.pid, start=start)
    observer = Observer(60.0, clock)
    assert not observer.is_dead(claim, "trial 0")
    child.kill()
    child.wait()
    assert observer.is_dead(claim, "trial 0")


def test_a_killed_process_that_nobody_has_waited_for_is_dead(
    here: WorkerIdentity, child: "subprocess.Popen[bytes]"
) -> None:
    """A zombie stands in the process table, but it runs nothing any more."""
    claim = _claim(here, pid=child.pid, start=entries.start_ticks(child.pid))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Observer(60.0).is_dead(claim, "trial 0")


def test_a_reused_pid_is_another_process(here: WorkerIdentity) -> None:
    """The start time tells a process from a later one of the same number."""
    assert Observer(60.0).is_dead(_claim(here, start=here.start - 1), "trial 0")


def test_a_process_of_another_machine_is_judged_by_its_beats(
    here: WorkerIdentity, clock: Clock, tmp_path: Path
) -> None:
    """Its pid says nothing here. Every new beat starts a lease, by the observer's own clock."""
    beat = tmp_path / "beat.json"
    claim = _claim(here, machine="elsewhere", pid=os.getpid(), start=0, beat=str(beat))
    observer = Observer(60.0, clock)
    judged = []
    for count, at in ((0, 0), (0, 60), (1, 61), (1, 121), (1, 122), (2, 500)):
        clock.now = 1000.0 + at
        beat.write_text(json.dumps({"count": count}))
        judged.append(observer.is_dead(claim, "trial 0"))
    assert judged == [False, False, False, False, True, False]


def test_a_worker_elsewhere_without_a_beat_has_one_lease(here: WorkerIdentity, clock: Clock) -> None:
    """From when this observer first looked; a beat that vanishes, with the worker, starts no lease anew."""
    observer = Observer(60.0, clock)
    claim = _claim(here, machine="elsewhere")
    assert not observer.is_dead(claim, "trial 0")
    clock.now += 61
    assert observer.is_dead(claim, "trial 0")
    assert not Observer(60.0, clock).is_dead(claim, "trial 0")


def test_a_look_at_a_worker_under_its_own_name_starts_no_lease_anew(here: WorkerIdentity, clock: Clock) -> None:
    """The live table asks for workers by their names, with the observer that also judges their trials."""
    observer = Observer(60.0, clock)
    claim = _claim(here, machine="elsewhere")
    assert not observer.is_dead(claim, claim["worker"])
    clock.now += 61
    assert observer.is_dead(claim, claim["worker"])


class Told:
    """A scheduler that says what a test says, and remembers who was asked about."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict_now = verdict
        self.asked: list[Place] = []

    def verdict(self, claim: Mapping[str, Any]) -> Verdict:
        """What the test says."""
        self.asked.append(Place.of_claim(claim))
        return self.verdict_now


@pytest.mark.parametrize(
    ("process_lives", "verdict", "silence_s", "dead"),
    [
        (True, gone("FAILED"), 1e9, False),
        (False, RUNNING, 0.0, True),
        (None, gone("FAILED"), 20.0, True),
        (None, RUNNING, 20.0, False),
        (None, RUNNING, 60.1, True),
        (None, UNKNOWN, 20.0, False),
    ],
)
def test_the_scheduler_comes_between_the_process_table_and_the_lease(
    process_lives: bool | None, verdict: Verdict, silence_s: float, dead: bool
) -> None:
    """Whose job is gone gets no lease; whose job runs may still hang, on a node that nobody reaches."""
    assert is_dead(process_lives, silence_s, 60.0, verdict) is dead


def test_a_silent_worker_elsewhere_is_dead_when_its_job_is(here: WorkerIdentity, clock: Clock, tmp_path: Path) -> None:
    """After 15 seconds without a beat, not before: a healthy study makes no call. The scheduler's word is kept."""
    scheduler = Told(gone("OUT_OF_MEMORY"))
    observer = Observer(60.0, clock, scheduler)
    beat = tmp_path / "beat.json"
    beat.write_text("{}")
    claim = _claim(here, machine="elsewhere", place=dataclasses.asdict(PLACE), beat=str(beat))
    for silence_s in (0.0, 14.9):
        clock.now = 1000.0 + silence_s
        assert not observer.is_dead(claim, "trial 0")
    assert (scheduler.asked, observer.cause(claim)) == ([], "")
    clock.now = 1015.0
    assert observer.is_dead(claim, "trial 0")
    assert (scheduler.asked, observer.cause(claim)) == ([PLACE], "OUT_OF_MEMORY")
    assert not observer.cause(_claim(here, worker="another"))
    assert not observer.cause(None)


def test_a_job_of_several_workers_that_ran_out_of_memory_blames_none(here: WorkerIdentity, clock: Clock) -> None:
    """Slurm ends them all for one; only OUT_OF_MEMORY alone is held against a trial."""
    observer = Observer(60.0, clock, Told(gone("OUT_OF_MEMORY")))
    claim = _claim(here, machine="elsewhere", place=dataclasses.asdict(PLACE) | {"tasks": 4})
    assert observer.is_dead(claim, "trial 0")
    assert observer.cause(claim) == "OUT_OF_MEMORY of a job of 4 workers"


def test_a_worker_elsewhere_whose_beat_has_gone_is_asked_about_at_once(here: WorkerIdentity, clock: Clock) -> None:
    """It takes its sign of life with it when it ends as it should; a live one has one."""
    claim = _claim(here, machine="elsewhere", place=dataclasses.asdict(PLACE))
    assert Observer(60.0, clock, Told(gone("TIMEOUT"))).is_dead(claim, "trial 0")
    assert not Observer(60.0, clock, Told(RUNNING)).is_dead(claim, "trial 0")


@pytest.mark.parametrize("verdict", [RUNNING, UNKNOWN])
def test_a_scheduler_that_knows_of_no_end_leaves_the_lease(
    here: WorkerIdentity, clock: Clock, verdict: Verdict
) -> None:
    """Neither shorter nor longer than without a scheduler."""
    observer = Observer(60.0, clock, Told(verdict))
    claim = _claim(here, machine="elsewhere", place=dataclasses.asdict(PLACE))
    judged = []
    for silence_s in (0, 30, 60, 61):
        clock.now = 1000.0 + silence_s
        judged.append(observer.is_dead(claim, "trial 0"))
    assert judged == [False, False, False, True]
    assert not observer.cause(claim)


def test_the_scheduler_is_not_asked_about_a_process_of_this_machine(here: WorkerIdentity, clock: Clock) -> None:
    """The process table knows better."""
    scheduler = Told(gone("FAILED"))
    observer = Observer(60.0, clock, scheduler)
    claim = _claim(here, place=dataclasses.asdict(PLACE))
    assert not observer.is_dead(claim, "trial 0")
    clock.now += 100
    assert not observer.is_dead(claim, "trial 0")
    assert not scheduler.asked


def test_a_claim_without_a_place_has_its_lease(here: WorkerIdentity, clock: Clock) -> None:
    """An older version has written it, or a worker outside of any scheduler; Slurm is not called for it."""
    calls: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> str:
        calls.append(command)
        return ""

    observer = Observer(60.0, clock, SlurmQueue(run, clock))
    outside = _claim(here, machine="elsewhere", worker="outside", place=dataclasses.asdict(Place()))
    older = _claim(here, machine="elsewhere", worker="older")
    del older["place"]
    judged = []
    for silence_s in (0, 20, 61):
        clock.now = 1000.0 + silence_s
        judged += [observer.is_dead(claim, "trial 0") for claim in (outside, older)]
    assert judged == [False] * 4 + [True] * 2
    assert not calls


def test_a_worker_in_a_job_names_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that others can ask the scheduler about it."""
    for name, value in {"JOB_ID": "9", "CLUSTER_NAME": "main", "RESTART_COUNT": "1"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("SLURMD_NODENAME", "n1")
    place = this_worker(0, tmp_path).as_claim()["place"]
    assert [place[name] for name in ("scheduler", "cluster", "raw_job", "restart", "node")] == [
        *("slurm", "main", "9", 1, "n1")
    ]


def test_a_holder_without_a_name_has_one_lease(clock: Clock) -> None:
    """It is remembered under its trial, so two of them do not share a lease."""
    observer = Observer(60.0, clock)
    assert not observer.is_dead(None, "trial 0")
    clock.now += 61
    assert observer.is_dead(None, "trial 0")
    assert not observer.is_dead(None, "trial 1")


def test_two_processes_of_a_machine_agree_on_its_name(
    here: WorkerIdentity, run_script: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Boot and PID namespace are in the name, so that a pid is asked for only where it means something."""
    told = run_script("-c", "from hyperopt_app.processes.entries import machine; print(machine())")
    assert told.stdout.strip() == here.machine


def test_every_identity_is_unique(tmp_path: Path) -> None:
    """One process may be a worker twice, one after the other."""
    one, other = this_worker(3, tmp_path), this_worker(3, tmp_path)
    assert one.worker != other.worker
    assert (one.number, one.pid, one.start) == (3, os.getpid(), other.start)
    assert Path(one.beat) == tmp_path / "workers" / f"{one.worker}.json"
    assert json.loads(json.dumps(one.as_claim())) == one.as_claim()


@pytest.fixture
def beaten(monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Wait until a beat has been written."""
    written = threading.Event()
    replace = Path.replace

    def told(self: Path, target: Path) -> Path:
        moved = replace(self, target)
        written.set()
        return moved

    monkeypatch.setattr(Path, "replace", told)
    return lambda: written.wait(20.0)


def test_a_worker_beats_while_it_works(here: WorkerIdentity, beaten: Callable[[], bool]) -> None:
    """The file appears with the body and goes with it, also when the body fails; it names its worker."""

    def fail() -> None:
        assert beaten()
        beat = read_beat(here.beat)
        assert beat == {**here.as_claim(), "count": 0}
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), beating(here):
        fail()
    assert read_beat(here.beat) is None
    assert list(Path(here.beat).parent.iterdir()) == []


def test_a_beat_that_cannot_be_written_ends_nothing(here: WorkerIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full or hanging disk must not end a training."""
    tried = threading.Event()

    def full(*_: object, **__: object) -> int:
        tried.set()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with beating(here, interval_s=0.001):
            assert tried.wait(20.0)
    assert read_beat(here.beat) is None


@pytest.mark.parametrize("text", ["", "{", "not json"])
def test_a_beat_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    """Silence, not an error; so is a path that is empty or leads nowhere."""
    path = tmp_path / "beat.json"
    path.write_text(text)
    assert read_beat(str(path)) is None
    assert read_beat(str(tmp_path / "none.json")) is None
    assert read_beat("") is None
