# SPDX-License-Identifier: MIT
"""What does a process of its own cost a trial?

    python benchmarks/isolation.py [--trials 60] [--repeats 3]

Milliseconds per empty trial with one local worker, as the slope between a short and a long study, so that starting the
worker is not in it.
"""

import argparse
import statistics

from measuring import APP, in_new_folder, machine, table

WORKER = ("hydra/sweeper=async_optuna", "hydra/launcher=local_workers", "hydra.sweeper.n_jobs=1", "mean_s=0")


def ms_per_trial(isolation: str, trials: int) -> float:
    """The slope between a study of a tenth of the trials and one of all of them."""
    short = max(2, trials // 10)
    words = [str(APP), "--multirun", *WORKER, f"hydra.launcher.isolation={isolation}"]
    walls = [in_new_folder([*words, f"hydra.sweeper.n_trials={count}"]) for count in (short, trials)]
    return 1000 * (walls[1] - walls[0]) / (trials - short)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    kinds = ("none", "process")
    runs = {kind: [ms_per_trial(kind, options.trials) for _ in range(options.repeats)] for kind in kinds}
    print(f"{options.trials} trials, {options.repeats} repeats, {machine()}\n")
    lines = [[kind, f"{statistics.median(values):.1f}"] for kind, values in runs.items()]
    print(table(["isolation", "ms per trial"], lines))


if __name__ == "__main__":
    main()
