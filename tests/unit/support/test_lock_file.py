# SPDX-License-Identifier: MIT
"""The lock that names its holder."""

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperopt_app.support import lock_file as _lock
from hyperopt_app.support.lock_file import HolderLock, renew_held

ELSEWHERE = "other-host 11111111-2222-3333-4444-555555555555/1 1 77 0123456789abcdef"
HOLD = """
import sys, time
from hyperopt_app.support.lock_file import HolderLock
HolderLock(sys.argv[1]).acquire()
print("held", flush=True)
time.sleep(3600)
"""


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.each_sleep: list[str | None] = []
        self.lock: Path | None = None

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.log"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def held_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A real process that holds the lock until it is killed."""
    command = [sys.executable, "-c", HOLD, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(_lock.__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def lock_file(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def patient(path: Path, time: Time) -> HolderLock:
    return HolderLock(path, clock=time.clock, sleep=time.sleep)


def impatient(path: Path) -> HolderLock:
    def sleep(seconds: float) -> None:
        pytest.fail("the lock was waited for")

    return HolderLock(path, sleep=sleep)


def test_one_holder_at_a_time_and_nothing_stays(path: Path) -> None:
    """While a lock is held nobody else gets it; a freed lock leaves no file behind."""
    with HolderLock(path):
        assert not HolderLock(path).try_acquire()
    other = HolderLock(path)
    assert other.try_acquire()
    other.release()
    other.release()
    assert list(path.parent.iterdir()) == []


def test_the_lock_file_names_its_holder(path: Path) -> None:
    """Whoever looks into a lock file reads who holds it."""
    with HolderLock(path):
        host, _, pid, _, _ = lock_file(path).read_text().split()
    assert host == os.uname().nodename
    assert int(pid) == os.getpid()


@pytest.mark.parametrize("is_reaped", [True, False], ids=["gone", "zombie"])
def test_the_lock_of_a_killed_process_is_taken_without_waiting(
    path: Path, held_by_another: subprocess.Popen[str], is_reaped: bool
) -> None:
    """A holder that was killed on this machine stalls nobody, whether or not its parent has noticed."""
    assert not HolderLock(path).try_acquire()
    held_by_another.kill()
    if is_reaped:
        held_by_another.wait()
    else:
        os.waitid(os.P_PID, held_by_another.pid, os.WEXITED | os.WNOWAIT)
    with impatient(path):
        assert str(os.getpid()) in lock_file(path).read_text()


def test_a_living_process_is_waited_for(path: Path, held_by_another: subprocess.Popen[str], time: Time) -> None:
    """A holder that lives, even one that is stopped, keeps its lock for the grace period."""
    held_by_another.send_signal(signal.SIGSTOP)
    with patient(path, time):
        assert 30 < time.now_s < 31


def test_a_process_with_a_used_number_is_not_the_holder(path: Path) -> None:
    """When the holder's process number belongs to another process by now, the holder is dead."""
    with HolderLock(path):
        host, machine, pid, started, _ = lock_file(path).read_text().split()
    lock_file(path).write_text(f"{host} {machine} {pid} {int(started) - 1} 0123456789abcdef\n")
    with impatient(path):
        pass


@pytest.mark.parametrize("text", [ELSEWHERE, "", "half a line", "\x00\xff binary"], ids=repr)
def test_an_unknown_holder_is_waited_for(path: Path, time: Time, text: str) -> None:
    """A lock of another machine, or one that cannot be understood, is broken after the grace period only."""
    lock_file(path).write_text(text)
    with patient(path, time):
        assert 30 < time.now_s < 31
    assert list(path.parent.iterdir()) == []


def test_a_lock_that_changes_hands_is_never_broken(path: Path, time: Time) -> None:
    """The grace period begins anew with every holder: a busy lock is waited for as long as it takes."""
    holders = iter(range(5))

    def sleep(seconds: float) -> None:
        time.now_s += 20
        number = next(holders, None)
        lock_file(path).unlink()
        if number is not None:
            lock_file(path).write_text(f"{ELSEWHERE}{number}")

    lock_file(path).write_text(ELSEWHERE)
    with HolderLock(path, clock=time.clock, sleep=sleep):
        assert time.now_s == 120


def test_of_two_breakers_the_late_one_harms_nobody(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who saw a dead holder's lock, but was slower than another, does not break the lock of the next holder."""
    lock_file(path).write_text(ELSEWHERE)
    seen = _lock._look(str(lock_file(path)))
    assert seen is not None
    early, late = HolderLock(path), HolderLock(path)
    assert early._break(seen, 31.0)
    assert early.try_acquire()
    assert not late._break(seen, 31.0)
    assert not late.try_acquire()
    early.release()
    assert list(path.parent.iterdir()) == []
    assert caplog.messages == [f"{lock_file(path)}: broke the lock that process 1 on other-host left behind"]


def test_a_breaker_that_died_is_waited_for_as_well(path: Path, time: Time) -> None:
    """While one process breaks a lock no other does; if it dies over that, another one takes over."""
    lock_file(path).write_text(ELSEWHERE)
    seen = _lock._look(str(lock_file(path)))
    assert seen is not None
    Path(f"{lock_file(path)}.{seen.digest()}").touch()
    with patient(path, time):
        assert 60 < time.now_s < 61
    assert list(path.parent.iterdir()) == []


def test_a_lock_taken_by_mistake_is_put_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the lock changes hands in the very moment of breaking, its new holder keeps it."""
    lock_file(path).write_text(ELSEWHERE)
    seen, look = _lock._look(str(lock_file(path))), _lock._look
    assert seen is not None
    answers = iter([seen])
    monkeypatch.setattr(_lock, "_look", lambda path: next(answers, None) or look(path))
    lock_file(path).unlink()
    with HolderLock(path):
        assert not HolderLock(path)._break(seen, 31.0)
        assert str(os.getpid()) in lock_file(path).read_text()
    assert list(path.parent.iterdir()) == []


def test_a_holder_whose_lock_was_broken_frees_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A holder that slept through the grace period leaves the lock to its new holder, and says so."""
    sleeper, other = HolderLock(path), HolderLock(path)
    sleeper.acquire()
    lock_file(path).unlink()
    other.acquire()
    sleeper.release()
    assert not HolderLock(path).try_acquire()
    other.release()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "another one broke it" in caplog.text


def test_an_interrupted_wait_holds_nothing(path: Path) -> None:
    """Ctrl-C while waiting for the lock leaves it as it was."""

    def sleep(seconds: float) -> None:
        raise KeyboardInterrupt

    with HolderLock(path):
        waiting = HolderLock(path, sleep=sleep)
        with pytest.raises(KeyboardInterrupt):
            waiting.acquire()
        assert lock_file(path).exists()
    assert not lock_file(path).exists()


def test_threads_exclude_each_other(path: Path) -> None:
    """Threads of one process with locks of their own never hold the lock at the same time."""
    count = 0

    def add() -> None:
        nonlocal count
        for _ in range(25):
            with HolderLock(path):
                before = count
                os.sched_yield()
                count = before + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == 100


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    """A lock in a directory that does not exist fails at once."""
    with pytest.raises(FileNotFoundError):
        HolderLock(tmp_path / "absent" / "journal.log").acquire()


def test_a_lock_can_be_pickled(path: Path) -> None:
    """A lock that is not held can travel to another process."""
    with pickle.loads(pickle.dumps(HolderLock(path))):
        assert not HolderLock(path).try_acquire()


def test_off_linux_only_the_grace_period_breaks(path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine has no name for its boot, no process is ever judged dead."""
    monkeypatch.setattr(_lock, "_machine", lambda: None)
    monkeypatch.setattr(_lock, "_name_of", lambda own_pid: f"host unknown {own_pid} unknown")
    lock_file(path).write_text(f"host unknown {2**22 + 1} unknown 0123456789abcdef\n")
    with patient(path, time):
        assert time.now_s > 30


def test_a_lock_that_is_waited_for_is_told_once(path: Path, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """Its file, its holder and when it is broken, after seconds; not the one that is free in a moment."""
    Path(f"{path}.lock").write_text(ELSEWHERE)
    with HolderLock(path, clock=time.clock, sleep=time.sleep):
        pass
    told = [message for message in caplog.messages if "waiting" in message]
    assert told == [f"{path}.lock: waiting for this lock, which process 1 on other-host holds; it is broken after 30 s"]


def test_a_lock_that_is_renewed_is_not_broken(path: Path, time: Time) -> None:
    """Its holder waits for a server for longer than the grace time; once it has gone, the lock goes round."""
    holder, ends = HolderLock(path), 100.0
    holder.acquire()

    def sleep(seconds: float) -> None:
        time.sleep(max(seconds, 1.0))
        if time.now_s < ends:
            renew_held()
        else:
            holder.release()

    with HolderLock(path, clock=time.clock, sleep=sleep):
        assert time.now_s >= ends
    assert not Path(f"{path}.lock").exists()
