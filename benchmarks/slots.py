# SPDX-License-Identifier: MIT
"""How busy are four workers when trials are of very different lengths?

    python benchmarks/slots.py [--trials 40] [--mean-s 2.0] [--slurm]

Trials sleep for log-normal times, the same for each number under every sweeper. The greedy bound hands each trial, in
the order of the numbers, to the slot that is free first: nobody who does not know the lengths beforehand can be
better on average. With --slurm the workers are Slurm jobs with a GPU each, ours and the stock launcher's. The span is
from the start of the first trial to the end of the last; starting Python is not in it.
"""

import argparse
import heapq
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from measuring import APP, machine, run, table
from sphere_app import length_s

SLOTS = 4


def greedy_bound_s(lengths: Sequence[float], slots: int) -> float:
    """The span of list scheduling without any overhead, in seconds."""
    free_at = [0.0] * slots
    for length in lengths:
        heapq.heappush(free_at, heapq.heappop(free_at) + length)
    return max(free_at)


def span_s(sweeper: Sequence[str], options: argparse.Namespace) -> float:
    """Run a study and return the time from the first start to the last end of a trial, in seconds."""
    budget = (f"hydra.sweeper.n_trials={options.trials}", f"hydra.sweeper.n_jobs={SLOTS}", f"mean_s={options.mean_s}")
    with tempfile.TemporaryDirectory() as folder:
        run([str(APP), "--multirun", *sweeper, *budget], Path(folder))
        starts, ends = zip(*_times(Path(folder)), strict=True)
    return float(max(ends) - min(starts))


def _times(folder: Path) -> Iterator[list[float]]:
    """Start and end of each trial, which it has left in its directory."""
    for path in folder.glob("study/trials/*/times.txt"):
        yield [float(word) for word in path.read_text().split()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--mean-s", type=float, default=2.0)
    parser.add_argument("--slurm", action="store_true")
    options = parser.parse_args()
    bound_s = greedy_bound_s([length_s(number, options.mean_s) for number in range(options.trials)], SLOTS)
    kinds = {
        "async_optuna, local_workers": ("hydra/sweeper=async_optuna", "hydra/launcher=local_workers"),
        "hydra/sweeper: optuna, submitit_local": ("hydra/sweeper=optuna", "hydra/launcher=submitit_local"),
    }
    if options.slurm:
        job = ("hydra.launcher.gres=gpu:1", "hydra.launcher.timeout_min=10")
        kinds = {
            "async_optuna, slurm_workers": ("hydra/sweeper=async_optuna", "hydra/launcher=slurm_workers", *job),
            "hydra/sweeper: optuna, submitit_slurm": ("hydra/sweeper=optuna", "hydra/launcher=submitit_slurm", *job),
        }
    spans = {kind: span_s(words, options) for kind, words in kinds.items()}
    print(f"{options.trials} trials of {options.mean_s} s on average, {SLOTS} workers, {machine()}\n")
    lines = [["greedy bound", f"{bound_s:.1f}", "100 %"]]
    lines += [[kind, f"{span:.1f}", f"{bound_s / span:.0%}"] for kind, span in spans.items()]
    print(table(["", "span, s", "of the greedy bound"], lines))


if __name__ == "__main__":
    main()
