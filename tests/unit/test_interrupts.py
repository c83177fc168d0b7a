# SPDX-License-Identifier: MIT
"""When a signal interrupts a worker, and when it is only noted."""

import os
import signal

import pytest

from hyperopt_app.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_interrupts_the_objective(number: signal.Signals) -> None:
    """Inside the objective the first signal raises KeyboardInterrupt."""
    interrupts = Interrupts()
    with interrupts.listening(), pytest.raises(KeyboardInterrupt), interrupts.objective():
        os.kill(os.getpid(), number)
    assert interrupts.told_to_end


def test_a_signal_outside_of_the_objective_is_only_noted() -> None:
    """Between two trials the first signal raises nothing, and the next objective does not begin."""
    interrupts = Interrupts()
    begun = False
    with interrupts.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupts.told_to_end
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
