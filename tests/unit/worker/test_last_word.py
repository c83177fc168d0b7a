# SPDX-License-Identifier: MIT
"""What counts of a trial's end when its worker is told to end."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Outcome, Pruned
from hyperopt_app.worker.last_word import Ending, let_strikes_be_heard, strikes

TERM, INT = int(signal.SIGTERM), int(signal.SIGINT)
EXIT = Failed("bug", "SystemExit: 143")
BUG = Failed("bug", "ValueError: no")
VALUE = Completed((1.0,))


@pytest.mark.parametrize(
    ("ending", "counts"),
    [
        (Ending(VALUE), True),
        (Ending(VALUE, struck={TERM}, taken={TERM}), True),
        (Ending(VALUE, struck={TERM, INT}, taken={INT}), False),
        (Ending(Pruned(), prune_said=True), True),
        (Ending(Pruned()), False),
        (Ending(Failed("diverged", "nan")), False),
        (Ending(Failed("oom", "memory")), False),
        (Ending(BUG), False),
        (Ending("hydra.sweeper.metric: loss is missing"), False),
        (Ending(None, 3), False),
        (Ending(None, -9), False),
        (Ending(Interrupted()), False),
    ],
)
def test_what_counts_of_a_worker_that_is_told_to_end(ending: Ending, counts: bool) -> None:
    """A value, unless a handler of the objective's own ran before it was returned; a pruning that was asked for."""
    assert ending.counted(told_to_end=True) == (ending.outcome if counts else Interrupted())
    assert ending.counted(told_to_end=False) == ending.outcome


@pytest.mark.parametrize(
    ("outcome", "code", "struck", "suspicious"),
    [
        (BUG, 0, {TERM}, True),
        (BUG, 0, set(), False),
        ("to mend", 0, {TERM}, True),
        (EXIT, 0, set(), True),
        (Failed("bug", "SystemExit: 1"), 0, set(), False),
        (None, 143, set(), True),
        (None, -TERM, set(), True),
        (None, 3, set(), False),
        (None, 3, {TERM}, True),
        (None, -9, set(), False),
        (VALUE, 0, {TERM}, True),
        (VALUE, 0, set(), False),
        (Pruned(), 0, {TERM}, True),
        (Interrupted(), 0, {TERM}, False),
    ],
)
def test_which_ends_are_held_back_for_the_workers_own_signal(
    outcome: Outcome | str | None, code: int, struck: set[int], suspicious: bool
) -> None:
    """Those of a process that was struck, and those that look like a signal's; an ordinary failure is told at once."""
    assert Ending(outcome, code, struck).may_be_a_signals([INT, TERM]) is suspicious


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
        assert seen == [{TERM}]
        assert strikes(here) == set()
