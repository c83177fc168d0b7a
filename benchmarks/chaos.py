# SPDX-License-Identifier: MIT
"""Does a study lose a trial, or count one twice, under random faults?

    python benchmarks/chaos.py [--minutes 10] [--seed 1] [--trials 200] [--promote] [--keep DIR]

A private Slurm of two nodes with four GPU slots, a study of trials that write checkpoints, and faults from a seed:
scancel, requeue, a node down, preemption, kill -9 of a worker, a time limit. Each node passes for a machine of its own.
A user gives the same command again whenever it has ended early. Exit status 1 if anything is wrong.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from measuring import HERE, machine, table


def main() -> int:
    """Run and print the tally; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, help="by default as many as the minutes are for")
    parser.add_argument("--promote", action="store_true", help="let trials wait at rungs, and the best of them go on")
    parser.add_argument("--keep", type=Path, help="where a copy of the study's directory is left")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))  # where tests/ is
    from tests.cluster._chaos import run

    report = run(
        options.minutes,
        options.seed,
        lambda line: print(line, file=sys.stderr, flush=True),
        trials=options.trials,
        promotes=options.promote,
        keep=options.keep,
    )
    print(f"{report.minutes:.1f} minutes of faults, seed {options.seed}, {machine()}\n")
    statuses = ", ".join(map(str, report.commands))
    rows = [
        *_rows("fault", report.faults),
        *_rows("run of a job", report.ends),
        *_rows("loss", report.causes),
        ["the user's command, exit statuses", statuses],
        *_rows("trials", report.found.states),
        *[[name, str(number)] for name, number in report.found.numbers.items()],
        ["GPU-seconds of the jobs, by accounting", f"{report.charged_s:.0f}"],
        ["GPU-seconds that the study counts", f"{report.counted_s:.0f}"],
        ["budget", "not exact" if report.wrong else "exact"],
    ]
    print(table(["", ""], rows))
    for line in report.wrong:
        print(f"WRONG: {line}")
    return 1 if report.wrong else 0


def _rows(name: str, counts: Mapping[str, int]) -> list[list[str]]:
    return [[f"{name}: {kind}", str(count)] for kind, count in sorted(counts.items())]


if __name__ == "__main__":
    sys.exit(main())
