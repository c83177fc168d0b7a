# SPDX-License-Identifier: MIT
"""Prepare the process of a trial for ranks: what a framework reads before it starts them, and what they inherit.

Lightning builds the command of a rank from `__main__` and copies the environment; torch reads MASTER_ADDR and
MASTER_PORT. A variable that the worker has inherited from its own job would mislead both.
"""

import importlib.util
import os
import socket
import sys

from hyperopt_app.ranks.environment import ADDRESS
from hyperopt_app.ranks.environment import PROGRAM as OF_PROGRAM
from hyperopt_app.ranks.nodes import layout_of, own_host
from hyperopt_app.schedulers.gpu_slots import GPUS_PER_TRIAL, WORKERS_HERE
from hyperopt_app.schedulers.registry import disowning

__all__ = ["PROGRAM", "for_program", "own_port", "prepare", "threads_per_rank"]

# The program of a rank: what Lightning's `python -m` runs, and what `multiprocessing` imports as `__mp_main__`.
PROGRAM = "hyperopt_app.rank_process"

_OF_ANOTHER_LAUNCH = ("LOCAL_RANK", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK")

# Whether this process is a trial's own.
_is_prepared = False

# The trial's port; open, so that nobody else on this machine is given it.
_port: socket.socket | None = None


def prepare(address: str) -> None:
    """Make this process, a trial's own, ready to start ranks.

    Args:
        address: Where they reach the trial.
    """
    global _is_prepared  # noqa: PLW0603 - of this process, as long as it lives
    _is_prepared = True
    for name in _OF_ANOTHER_LAUNCH:
        os.environ.pop(name, None)
    os.environ[ADDRESS] = address
    layout = layout_of(os.environ)
    if layout.ranks > 1:
        os.environ.update(layout.variables(0, 0))
    os.environ["MASTER_ADDR"] = own_host() if layout.nodes > 1 else "127.0.0.1"
    os.environ["MASTER_PORT"] = str(own_port())
    os.environ.update(disowning(os.environ))
    sys.modules["__main__"].__spec__ = importlib.util.find_spec(PROGRAM)
    _share_threads()


def for_program() -> dict[str, str]:
    """Return variables for a program that this process, a trial's own, runs as a command; empty in other processes.

    By them Python in it joins the trial, and `torchrun` takes its options --master-addr and --master-port from them.
    """
    names = {OF_PROGRAM: ADDRESS, "PET_MASTER_ADDR": "MASTER_ADDR", "PET_MASTER_PORT": "MASTER_PORT"}
    return {name: os.environ[own] for name, own in names.items()} if _is_prepared else {OF_PROGRAM: ""}


def own_port() -> int:
    """Return a port that this process has reserved for its ranks.

    The socket is bound and does not listen, so that rank zero can still bind the port: since it is only then marked as
    to be shared, the system gives it to nobody who asks for any free port.
    """
    global _port  # noqa: PLW0603 - of this process, as long as it lives
    if _port is None:
        _port = socket.socket()
        _port.bind(("", 0))
        _port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return int(_port.getsockname()[1])


def threads_per_rank(ranks: int) -> int:
    """Return how many threads each rank may use: its share of the CPUs of the worker's slot, at least one."""
    return max(1, len(os.sched_getaffinity(0)) // _set_number(WORKERS_HERE) // ranks)


def _set_number(name: str) -> int:
    """A whole number above zero that a launcher has set; 1 if it has not."""
    text = os.environ.get(name, "")
    return max(1, int(text)) if text.isdecimal() else 1


def _share_threads() -> None:
    """Give each rank of a trial on several GPUs its share of the CPUs, unless the user has set a number."""
    gpus = max(_set_number(GPUS_PER_TRIAL), layout_of(os.environ).per_node)
    if gpus == 1 or "OMP_NUM_THREADS" in os.environ:
        return
    threads = threads_per_rank(gpus)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch = sys.modules.get("torch")  # which has read the variable before it was set
    if torch is not None:
        torch.set_num_threads(threads)
