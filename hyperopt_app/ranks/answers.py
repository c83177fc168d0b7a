# SPDX-License-Identifier: MIT
"""Keep the answers that rank zero got from the study, in order, so that every other rank gets the same ones.

All ranks of a training run the same code, so the n-th call of a name on one rank is the n-th call on every rank. A rank
that is ahead waits until rank zero has asked.
"""

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from hyperopt_app.errors import RanksError

__all__ = ["CHECKPOINTED", "WRITES", "Answer", "Answers", "Spoken"]

# Calls that only write: rank zero's counts, and on other ranks they do nothing.
WRITES = frozenset({"report", "set_user_attr", "set_system_attr"})

# The call that asks whether the trial is to end here.
CHECKPOINTED = "checkpointed"

# What a call came to: whether it raised, and the error or the value.
Answer = tuple[bool, Any]

_POLL_S = 0.2


@dataclass
class Spoken:
    """What rank zero has said to the study and heard from it, where it is a process of its own.

    Attributes:
        value: The last that it has reported; None if it has reported none.
        is_pruned: Whether the pruner has ended the trial.
    """

    value: float | None = None
    is_pruned: bool = False


class Answers:
    """The answers to rank zero, by the name of the call; for any thread."""

    def __init__(self) -> None:
        self._by_name: defaultdict[str, list[Answer]] = defaultdict(list)
        self._changed = threading.Condition()
        self._is_over = False

    def add(self, name: str, answer: Answer) -> None:
        """Store the next answer to rank zero."""
        if name in WRITES:
            return
        with self._changed:
            self._by_name[name].append(answer)
            self._changed.notify_all()

    def end(self) -> None:
        """Say that rank zero asks nothing more; who waits for another answer gets an error."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def next(self, name: str, counts: Counter[str], patience_s: float = float("inf")) -> Answer:
        """Return what rank zero got for the same call; wait until it has asked.

        Args:
            name: The call.
            counts: How often this rank has made each call; counted on here.
            patience_s: Seconds to wait, for those who can do without the answer.

        Raises:
            RanksError: Rank zero has ended, or has not asked in time.
        """
        if name in WRITES:
            return False, None
        place, counts[name] = counts[name], counts[name] + 1
        until = time.monotonic() + patience_s
        with self._changed:
            while len(self._by_name[name]) <= place:
                if self._is_over or time.monotonic() > until:
                    raise RanksError(
                        f"{name}(): rank zero of the trial has not made this call; let all ranks make the same calls"
                    )
                self._changed.wait(_POLL_S)
            return self._by_name[name][place]
