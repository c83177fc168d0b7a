# SPDX-License-Identifier: MIT
"""Start the further ranks of a trial on the nodes of its job, and say of each process which rank it is.

Rank zero is the trial's own process, on the first node. The scheduler starts `node_agent` once on each node, which
starts the ranks there; all of them run the objective from its beginning. Runs in the trial's own process.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hyperopt_app.processes.python_start import module_words
from hyperopt_app.schedulers.gpu_slots import NODES_PER_TRIAL, RANKS_PER_NODE
from hyperopt_app.schedulers.registry import words_on_each_node

__all__ = ["Layout", "layout_of", "own_host", "start_on_nodes"]

_AGENT = "hyperopt_app.ranks.node_agent"


@dataclass(frozen=True)
class Layout:
    """How many ranks a launcher gives a trial, and where.

    Attributes:
        nodes: Nodes of a trial.
        per_node: Ranks on each.
    """

    nodes: int = 1
    per_node: int = 1

    @property
    def ranks(self) -> int:
        """All ranks of a trial; with a single one the launcher starts none."""
        return self.nodes * self.per_node

    def variables(self, node: int, local: int) -> dict[str, str]:
        """Return what training frameworks read of a rank; they take from it that they have no rank to start.

        Args:
            node: Its node's number in the trial, from 0.
            local: Its number on that node, from 0.
        """
        numbers = {"RANK": node * self.per_node + local, "LOCAL_RANK": local, "NODE_RANK": node, "GROUP_RANK": node}
        numbers |= {"WORLD_SIZE": self.ranks, "LOCAL_WORLD_SIZE": self.per_node}
        return {name: str(number) for name, number in numbers.items()}


def layout_of(environment: Mapping[str, str]) -> Layout:
    """Return the layout that the launcher has set for the trials of a worker."""
    texts = (environment.get(name, "") for name in (NODES_PER_TRIAL, RANKS_PER_NODE))
    nodes, per_node = (max(1, int(text)) if text.isdecimal() else 1 for text in texts)
    return Layout(nodes, per_node)


def own_host() -> str:
    """Return the name by which other nodes reach this one."""
    return socket.gethostname()


def start_on_nodes(layout: Layout, on_end: Callable[[int], object]) -> None:
    """Have the scheduler start the further ranks of this process's trial.

    Args:
        layout: How many, and where.
        on_end: Called from a thread with the exit status of what has started them.

    Raises:
        OSError: The scheduler's program cannot be started.
    """
    words = [*words_on_each_node(layout.nodes), sys.executable, "-u", *module_words(_AGENT)]
    # In this process's group, with which it is killed; its output is that of the worker.
    step = subprocess.Popen(words, stdin=subprocess.DEVNULL, env={**os.environ})
    threading.Thread(target=lambda: on_end(step.wait()), name="ranks on nodes", daemon=True).start()
