# SPDX-License-Identifier: MIT
"""How many empty trials a second do many workers on one study come to?

    python benchmarks/throughput.py [--storages journal sqlite postgresql] [--sizes 100 1000 10000]
                                    [--workers 1 4 16 64] [--seconds 5] [--sampler random]

The workers are real ones (claim, sign of life, exact budget), all on this machine, without Hydra and without result
files: what is measured is the storage. The size is the number of trials that the study has at the beginning. PostgreSQL
must be installed; it is started in a folder of its own. A cell whose workers have not all read the study within
`--patience` seconds is a dash.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from measuring import HERE, machine, table

# A database reads every waiting trial before each claim, so their number counts too.
TICKETS = 400


@contextlib.contextmanager
def place(kind: str) -> Iterator[str | None]:
    """The URL of a new storage, None for a journal in the study's directory."""
    if kind != "postgresql":
        yield "sqlite:///study.db" if kind == "sqlite" else None
        return
    sys.path.insert(0, str(HERE.parent))  # where tests/ is
    from tests.contracts.servers import postgresql

    with postgresql() as server:
        yield server.new_database()


def rate(folder: str, storage: str | None, size: int, workers: int, options: argparse.Namespace) -> float | None:
    """Trials a second of all workers together; None if they did not start in time."""
    task = {"storage": storage, "study_dir": folder, "size": size, "tickets": TICKETS, "n_trials": 10**9}
    task |= {"workers": workers, "seconds": options.seconds, "patience_s": options.patience, "sampler": options.sampler}
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.end_to_end._empty_workers", json.dumps(task)]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    tallies = json.loads(done.stdout)
    if not tallies:
        return None
    wall_s = max(tally["ended"] for tally in tallies) - min(tally["begun"] for tally in tallies)
    return sum(len(tally["finished"]) for tally in tallies) / wall_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storages", nargs="+", default=["journal", "sqlite", "postgresql"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000, 10000])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 4, 16, 64])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--patience", type=float, default=120.0)
    parser.add_argument("--sampler", choices=["random", "tpe"], default="random")
    options = parser.parse_args()
    rows = []
    for kind in options.storages:
        for size in options.sizes:
            with place(kind) as storage, tempfile.TemporaryDirectory() as folder:
                rates = [rate(folder, storage, size, workers, options) for workers in options.workers]
            rows.append(
                [kind, str(size), *("-" if trials_per_s is None else f"{trials_per_s:.1f}" for trials_per_s in rates)]
            )
            print(f"{kind} {size}: {' '.join(rows[-1][2:])}", file=sys.stderr, flush=True)
    print(f"Trials a second, {options.sampler} sampler, {machine()}\n")
    print(table(["storage", "trials in the study", *(f"workers: {workers}" for workers in options.workers)], rows))


if __name__ == "__main__":
    sys.exit(main())
