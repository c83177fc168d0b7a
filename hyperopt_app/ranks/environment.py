# SPDX-License-Identifier: MIT
"""Recognise a process that is one rank of a distributed training, and refuse what such a process must not do.

Lightning and torchrun start the ranks of a training with the command of the program itself. If that command is a
search, each further rank would be a second driver of the same study: so it opens none.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from hyperopt_app.errors import RanksError
from hyperopt_app.objective.first_process import TRIAL_PID
from hyperopt_app.schedulers.registry import task_variables

__all__ = ["ADDRESS", "PROGRAM", "REMOTE", "rank_of", "refuse_as_driver", "refuse_in_a_worker", "refusing_ranks"]

# The environment variable with the address at which ranks reach their trial; set where a trial may have several.
ADDRESS = "HYPEROPT_RANKS"
# The same address, in the environment of a program that a trial runs as a command and that may join it.
PROGRAM = "HYPEROPT_PROGRAM"
# Set in a rank that the agent of its node has started, and whose end this agent tells.
REMOTE = "HYPEROPT_REMOTE_RANK"

# Lightning and torchrun set them; a scheduler has a variable of its own in each task that it starts.
_NAMES = ("LOCAL_RANK", "RANK")

_NO_RANKS_HERE = (
    "a trial on several processes (ranks) needs a process of its own, and here trials run inside their worker; choose "
    "hydra/launcher=local_workers or a launcher of a scheduler, with hydra.launcher.isolation=process"
)


def rank_of(environment: Mapping[str, str], names: tuple[str, ...] = ()) -> tuple[str, int]:
    """Return the name of the variable with the highest rank, and that rank; an empty name and 0 if there is none.

    Args:
        environment: That of the process.
        names: The variables; by default those of launchers of ranks, and of schedulers for their tasks.
    """
    names = names or (*_NAMES, *task_variables())
    ranks = {name: int(environment[name]) for name in names if environment.get(name, "").isdecimal()}
    name = max(ranks, key=ranks.__getitem__, default="")
    return name, ranks.get(name, 0)


def refuse_as_driver(environment: Mapping[str, str]) -> None:
    """Refuse to run a search in a process that is a rank above zero.

    Raises:
        RanksError: It is one.
    """
    name, rank = rank_of(environment)
    if rank > 0:
        raise RanksError(
            f"{name}={rank}: this process is rank {rank} of a training, and a search is one command; this one opens "
            "no study. Start the command once: hydra/launcher=local_workers and the launchers of schedulers give a "
            f"trial several ranks. If nothing starts ranks here, unset {name}"
        )


def refuse_in_a_worker() -> None:
    """Refuse ranks of a trial that runs in its worker's process.

    Raises:
        RanksError: This process is of such a trial.
    """
    if TRIAL_PID in os.environ and ADDRESS not in os.environ:
        raise RanksError(_NO_RANKS_HERE)


# Whether trials run in this very process now; the hook below is of the process, for good.
_refuses = False
_has_hook = False


@contextlib.contextmanager
def refusing_ranks() -> Iterator[None]:
    """Refuse programs that the body starts as ranks above zero: they would be the driver's command once more."""
    global _refuses, _has_hook  # noqa: PLW0603 - an audit hook cannot be taken back
    if not _has_hook:
        sys.addaudithook(_refuse_a_rank)
        _has_hook = True
    before, _refuses = _refuses, True
    try:
        yield
    finally:
        _refuses = before


def _refuse_a_rank(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "subprocess.Popen" or not _refuses:
        return
    environment = arguments[3]
    own = rank_of(os.environ, _NAMES)[1]
    if isinstance(environment, Mapping) and rank_of(environment, _NAMES)[1] > own:
        raise RanksError(_NO_RANKS_HERE)
