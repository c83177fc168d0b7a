# SPDX-License-Identifier: MIT
"""How often a worker writes the result files."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from hyperopt_app.results.files import ThrottledResults
from tests.unit._made_clock import Clock


class Timers:
    """Timers that fire when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[threading.Timer] = []

    def __call__(self, delay_s: float, call: Callable[[], None]) -> threading.Timer:
        timers = self

        class Timer(threading.Timer):
            def start(self) -> None:
                timers.waiting.append(self)

            def cancel(self) -> None:
                timers.waiting.remove(self)

        return Timer(delay_s, call)

    def fire(self) -> None:
        timer = self.waiting.pop()
        timer.function()


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def timers() -> Timers:
    return Timers()


def test_results_are_written_at_most_once_per_interval(clock: Clock, timers: Timers) -> None:
    """The first call writes; calls within the interval are made up for by one timer at its end."""
    written: list[float] = []
    results = ThrottledResults(lambda: written.append(clock.now), interval_s=1.0, clock=clock, timer=timers)
    assert results.update()
    clock.now = 100.4
    assert not results.update()
    assert not results.update()
    assert written == [100.0]
    assert [timer.interval for timer in timers.waiting] == [pytest.approx(0.6)]
    clock.now = 101.0
    timers.fire()
    assert written == [100.0, 101.0]
    clock.now = 102.5
    assert results.update()
    assert written == [100.0, 101.0, 102.5]
    assert timers.waiting == []


def test_a_forced_write_comes_at_once_and_leaves_no_timer(clock: Clock, timers: Timers) -> None:
    """At its end a worker leaves files that are up to date, and nothing behind."""
    written: list[float] = []
    results = ThrottledResults(lambda: written.append(clock.now), clock=clock, timer=timers)
    results.update()
    results.update()
    assert results.update(force=True)
    assert written == [100.0, 100.0]
    assert timers.waiting == []


def test_a_timer_that_fires_while_another_write_runs_does_not_repeat_it(clock: Clock, timers: Timers) -> None:
    """It finds that its call was made up for."""
    written: list[float] = []
    results = ThrottledResults(lambda: written.append(clock.now), clock=clock, timer=timers)
    results.update()
    results.update()
    late = timers.waiting[0]
    results.update(force=True)
    late.function()
    assert len(written) == 2


def test_slow_writes_are_followed_by_longer_pauses(clock: Clock, timers: Timers) -> None:
    """A write of half a second is followed by ten seconds without one."""

    def slow() -> None:
        clock.now += 0.5

    results = ThrottledResults(slow, interval_s=1.0, clock=clock, timer=timers)
    assert results.update()
    clock.now = 109.9
    assert not results.update()
    clock.now = 110.0
    assert results.update()


def test_a_write_that_fails_is_told_once_and_ends_nothing(
    clock: Clock, timers: Timers, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk costs the result files, not the worker."""

    def full() -> None:
        raise OSError(28, "No space left on device")

    results = ThrottledResults(full, clock=clock, timer=timers)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert results.update(force=True)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "No space left on device" in caplog.text


@pytest.fixture
def real_results() -> Iterator[tuple[ThrottledResults, threading.Semaphore]]:
    count = threading.Semaphore(0)
    results = ThrottledResults(count.release, interval_s=0.01)
    yield results, count
    results.update(force=True)


def test_the_late_write_comes_by_itself(real_results: tuple[ThrottledResults, threading.Semaphore]) -> None:
    """With a real timer: two calls in a row, two writes, though nobody calls again."""
    results, count = real_results
    results.update()
    results.update()
    assert count.acquire(timeout=10)
    assert count.acquire(timeout=10)
