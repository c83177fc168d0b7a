# SPDX-License-Identifier: MIT
"""What a command that runs the driver in its own process, as the original's do, has to say to it; see `Front`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Front", "front", "with_front"]


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Front:
    """How the command that the user has typed spells what a message tells; by default Hydra's application.

    Attributes:
        direction: Where the direction stands.
        another_study: What begins another study.
        accept_changes: What goes on with a changed search.
        points: Where the points stand that are tried first.
        budget: Where the number of trials stands.
        pruner: Where the pruner stands.
        accept_missing: What starts workers although the objective imports what is not there.
        launcher: Where the launcher stands.
        without_scheduler: What else can be done where there is no scheduler, or it refuses; half a sentence.
        time: Whose time is over when workers leave because of it.
        accepted: Called in the driver once the study is made or found and nothing is wrong, before a worker starts.
    """

    direction: str = "hydra.sweeper.direction"
    another_study: str = "hydra.sweep.dir=... (in a database also hydra.sweeper.study_name=...)"
    accept_changes: str = "hydra.sweeper.accept_changes=true"
    points: str = "hydra.sweeper.enqueue"
    budget: str = "hydra.sweeper.n_trials"
    pruner: str = "hydra.sweeper.pruner"
    accept_missing: str = "++objective.accept_missing=true"
    launcher: str = "hydra/launcher"
    without_scheduler: str = ""
    time: str = "this job"
    accepted: Callable[[], None] = _nothing

    @property
    def is_application(self) -> bool:
        """Whether the user has typed a command of Hydra's and wrote the config that the driver got."""
        return self is _APPLICATION


_APPLICATION = Front()
_FRONT = ContextVar("front", default=_APPLICATION)


def front() -> Front:
    """The command in front of the driver."""
    return _FRONT.get()


@contextmanager
def with_front(one: Front) -> Iterator[None]:
    """Stand in front of what the body runs."""
    token = _FRONT.set(one)
    try:
        yield
    finally:
        _FRONT.reset(token)
