# SPDX-License-Identifier: MIT
"""`python _own_machine.py -u -m MODULE ...`: a worker that takes each node of the test cluster for its own machine.

On one machine the process table tells at once who is dead. With this as `hydra.launcher.python` it tells that only of
workers on the same node; of all others the sign of life, Slurm and the lease do, as on a cluster of several machines.
"""

import os
import runpy
import sys

from hyperopt_app.processes import entries

__all__ = ["main"]


def main() -> None:
    """Run the module that the command line names, under the node's name."""
    node = os.environ["SLURMD_NODENAME"]
    entries.machine = lambda: f"node {node}"
    position = sys.argv.index("-m")
    module, sys.argv[:] = sys.argv[position + 1], sys.argv[position + 1 :]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
