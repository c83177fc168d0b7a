# SPDX-License-Identifier: MIT
"""Start the ranks of a trial on this node and look after them: `python -m hyperopt_app.ranks.node_agent`.

A scheduler starts this program once on each node of a trial. It tells the trial how each of its ranks has ended, which
nobody else could from another node, and ends them all when the trial has ended, or cannot be reached any more.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from hyperopt_app.processes.python_start import module_words
from hyperopt_app.ranks.environment import ADDRESS, REMOTE
from hyperopt_app.ranks.nodes import layout_of, own_host
from hyperopt_app.schedulers.registry import disowning, values_of

__all__ = ["main"]

_POLL_S = 0.2
_PROGRAM = "hyperopt_app.rank_process"
# What a scheduler sends to all processes of a job: the worker decides what it means for the trial.
_LEFT_TO_THE_WORKER = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main() -> int:
    """Start the ranks of this node and wait for their end; the exit status is 0 if the trial could be reached."""
    from hyperopt_app.errors import RanksError
    from hyperopt_app.ranks.link import connected

    numbers = list(values_of(os.environ, lambda variables: variables.node))
    if ADDRESS not in os.environ or not numbers:
        sys.stderr.write("This program starts the ranks of a trial on a node; the trial itself starts it.\n")
        return 1
    for number in _LEFT_TO_THE_WORKER:
        signal.signal(number, signal.SIG_IGN)  # ranks inherit it until they have handlers of their own
    try:
        with connected(os.environ[ADDRESS]) as pipe:
            pipe.send(("node", own_host()))
            _look_after(pipe, _start_ranks(int(numbers[0])))
    except RanksError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _start_ranks(node: int) -> dict[int, "subprocess.Popen[bytes]"]:
    """Start the ranks of a node, but for rank zero, which is the trial's own process."""
    layout, ranks = layout_of(os.environ), {}
    for local in range(layout.per_node):
        variables = layout.variables(node, local)
        if (rank := int(variables["RANK"])) == 0:
            continue
        environment = {**os.environ, **disowning(os.environ), **variables, REMOTE: "1"}
        words = [sys.executable, "-u", *module_words(_PROGRAM)]
        # A group of its own, with which all that it starts is ended.
        ranks[rank] = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    return ranks


def _look_after(pipe: Connection, ranks: dict[int, "subprocess.Popen[bytes]"]) -> None:
    """Report ends until all ranks have ended, or the trial says that it has, or is gone."""
    left = dict(ranks)
    try:
        while left and not pipe.poll(_POLL_S):
            for rank, process in list(left.items()):
                if (code := process.poll()) is not None:
                    pipe.send((rank, code))
                    del left[rank]
        pipe.send(None)
    except OSError:  # the trial is gone
        return
    finally:
        _kill_groups(list(ranks.values()))


def _kill_groups(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
