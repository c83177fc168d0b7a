# SPDX-License-Identifier: MIT
"""When a signal interrupts a worker, and when it is only noted."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hyperopt_app.worker.interrupts import Interrupts, let_strikes_be_heard, signal_numbers, strikes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_interrupts_the_objective(number: signal.Signals) -> None:
    """Inside the objective the first signal raises KeyboardInterrupt."""
    interrupts = Interrupts()
    with interrupts.listening(), pytest.raises(KeyboardInterrupt), interrupts.objective():
        os.kill(os.getpid(), number)
    assert interrupts.asked_to_end


def test_a_signal_outside_of_the_objective_is_only_noted() -> None:
    """Between two trials the first signal raises nothing, and the next objective does not begin."""
    interrupts = Interrupts()
    begun = False
    with interrupts.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupts.asked_to_end
        with pytest.raises(KeyboardInterrupt), interrupts.objective():
            begun = True
    assert not begun


def test_a_signal_waits_until_a_write_is_done() -> None:
    """While the objective reports, a signal strikes only after the report is stored."""
    interrupts = Interrupts()
    steps: list[str] = []
    with interrupts.listening(), pytest.raises(KeyboardInterrupt), interrupts.objective():  # noqa: PT012 - the signal must strike inside
        with interrupts.writing():
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("written")
        steps.append("went on")
    assert steps == ["written"]


def test_a_second_signal_strikes_wherever_it_comes() -> None:
    """Who insists is heard, also in the middle of a write."""
    interrupts = Interrupts()
    with interrupts.listening(), pytest.raises(KeyboardInterrupt), interrupts.writing():  # noqa: PT012 - as above
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_the_handlers_of_before_come_back() -> None:
    """Afterwards the process answers signals as it did."""
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts().listening():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_only_the_configured_signals_are_answered() -> None:
    """Names with or without SIG; the others keep their handlers."""
    before = signal.getsignal(signal.SIGTERM)
    interrupts = Interrupts(["usr1", "SIGUSR2"])
    with interrupts.listening():
        assert signal.getsignal(signal.SIGTERM) == before
        os.kill(os.getpid(), signal.SIGUSR2)
    assert interrupts.numbers == (signal.SIGUSR1, signal.SIGUSR2)
    assert interrupts.asked_to_end


@pytest.mark.parametrize("name", ["SIGKILL", "STOP", "SIGNAL", "15"])
def test_what_cannot_be_caught_is_refused(name: str) -> None:
    """By its name."""
    with pytest.raises(ValueError, match=name):
        signal_numbers([name])


@pytest.mark.parametrize("error", [None, SystemExit(1), RuntimeError("in the handler"), KeyboardInterrupt()], ids=repr)
def test_an_earlier_handler_is_called_and_cannot_end_the_worker(
    error: BaseException | None,
) -> None:
    """A launcher's handler may end the process when it is done; the worker has a ticket to give back first."""
    heard: list[int] = []

    def earlier(number: int, _frame: object) -> None:
        heard.append(number)
        if error is not None:
            raise error

    before = signal.signal(signal.SIGUSR1, earlier)
    try:
        interrupts = Interrupts()
        with interrupts.listening():
            os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1]
    assert interrupts.asked_to_end


def test_repeated_signals_of_the_scheduler_are_one_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close together they are one, of whatever kind; another one later counts."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    interrupts = Interrupts(insist=False)
    with interrupts.listening():
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGINT):
            os.kill(os.getpid(), number)
            now += 1.0
        assert interrupts.wishes == 1
        now += 60.0
        os.kill(os.getpid(), signal.SIGTERM)
    assert interrupts.wishes == 2


def test_an_objective_that_writes_checkpoints_ends_at_its_next_one() -> None:
    """The first checkpoint says that there will be more; the signal waits for the second."""
    interrupts, steps = Interrupts(grace_s=60.0), []
    with interrupts.listening(), pytest.raises(KeyboardInterrupt), interrupts.objective():  # noqa: PT012 - as above
        for epoch in range(5):
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGTERM)
            steps.append(epoch)
            interrupts.at_checkpoint()
    assert steps == [0, 1]


def test_an_objective_without_checkpoints_is_interrupted_at_once() -> None:
    """Also if the objective before it had written some."""
    interrupts = Interrupts(grace_s=60.0)
    with interrupts.listening():
        with interrupts.objective():
            interrupts.at_checkpoint()
        with pytest.raises(KeyboardInterrupt), interrupts.objective():  # noqa: PT012 - as above
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("it went on")


def test_the_end_of_the_grace_interrupts() -> None:
    """A checkpoint that does not come is not waited for."""
    interrupts = Interrupts(grace_s=0.05)
    with interrupts.listening(), pytest.raises(KeyboardInterrupt), interrupts.objective():  # noqa: PT012 - as above
        interrupts.at_checkpoint()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)
        pytest.fail("it went on")


def test_the_end_of_the_grace_waits_for_a_write() -> None:
    """It is no user who insists; what is being written is finished, and a handler of before hears nothing of it."""
    interrupts, heard, steps = Interrupts(["SIGTERM"], grace_s=0.01), [], []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with interrupts.listening(), pytest.raises(KeyboardInterrupt), interrupts.objective():  # noqa: PT012 - as above
            interrupts.at_checkpoint()
            os.kill(os.getpid(), signal.SIGTERM)
            with interrupts.writing():
                until = time.monotonic() + 20
                while not interrupts._grace_is_over and time.monotonic() < until:
                    time.sleep(0.005)
                steps.append("written")
            steps.append("went on")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert steps == ["written"]
    assert heard == [signal.SIGTERM]


def test_a_checkpoint_asks_whoever_knows() -> None:
    """In a trial's own process the worker is asked."""
    interrupts = Interrupts()
    interrupts.at_checkpoint(lambda: False)
    assert not interrupts.asked_to_end
    with pytest.raises(KeyboardInterrupt):
        interrupts.at_checkpoint(lambda: True)
    assert interrupts.asked_to_end


def test_a_trial_may_be_asked_to_end_alone() -> None:
    """It ends at its checkpoint, and the next one begins as if nothing had been."""
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts.objective():  # noqa: PT012 - as above
        interrupts.end_trial()
        interrupts.at_checkpoint()
    assert interrupts.asked_to_end
    assert interrupts.next_trial()
    assert not interrupts.asked_to_end
    assert not interrupts.next_trial()
    with interrupts.objective():
        interrupts.at_checkpoint()


def test_a_signal_beside_it_is_meant_for_the_whole_process() -> None:
    """One SIGINT is no user who insists, although the trial was asked before."""
    interrupts = Interrupts()
    interrupts.end_trial()
    with interrupts.listening():
        os.kill(os.getpid(), signal.SIGINT)
    assert not interrupts.next_trial()
    assert interrupts.asked_to_end


def test_in_another_thread_signals_stay_as_they_are() -> None:
    """Python lets only the main thread set handlers."""
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with Interrupts().listening():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


@contextmanager
def _handled(number: int, handler: Any) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(number, before)


def test_a_strike_is_known_whatever_its_handler_does() -> None:
    """It is written before the handler runs; a second look tells of later ones alone."""
    here, there = multiprocessing.Pipe(duplex=False)
    seen: list[set[int]] = []
    with here, there, _handled(signal.SIGTERM, lambda *_: seen.append(strikes(here))):
        let_strikes_be_heard(there)
        assert strikes(here) == set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert seen == [{signal.SIGTERM}]
        assert strikes(here) == set()
