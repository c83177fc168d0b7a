# SPDX-License-Identifier: MIT
"""Let processes that an objective forks or spawns join its trial, if they are ranks of a distributed training.

Such a process is a rank once it has one that it was not started with: Lightning and `launch_ranks` set LOCAL_RANK then,
other code calls `torch.distributed.init_process_group`. What a rank forks or spawns itself, a data loader say, was
started with that rank, and so is none.
"""

import os
import sys
from multiprocessing import util

from hyperopt_app.objective.first_process import let_join
from hyperopt_app.ranks.environment import ADDRESS
from hyperopt_app.ranks.failures import reason_of_error
from hyperopt_app.ranks.link import RankLink, own_rank
from hyperopt_app.ranks.reasons import leave_reason

__all__ = ["let_ranks_join"]

# The rank that this process was started with.
_at_start: int | None = None


def let_ranks_join() -> None:
    """From now on this process, if it is none of a trial yet, and those that it forks may join."""
    _note_the_start()
    os.register_at_fork(after_in_child=_note_the_start)
    let_join(_join)


def _note_the_start() -> None:
    global _at_start  # noqa: PLW0603 - of this process
    _at_start = own_rank()


def _join() -> RankLink | None:
    rank = own_rank()
    if rank is None or _at_start is not None or ADDRESS not in os.environ:
        return None
    link = RankLink(rank, from_start=False)
    # Called at each end but a violent one, after what `multiprocessing` runs in such a process.
    util.Finalize(None, _say_the_end, (link,), exitpriority=0)
    return link


def _say_the_end(link: RankLink) -> None:
    """Say how this process ends: with an exception on its way, which torch turns into an exit status."""
    error = sys.exc_info()[1]
    if isinstance(error, SystemExit):
        error = error.__context__ if error.code else None
    directory = link.facts["directory"]
    reason = None if error is None else reason_of_error(link.rank, error, directory)
    if reason is not None:
        leave_reason(directory, reason)
    link.end(reason)
