# SPDX-License-Identifier: MIT
"""Milliseconds per empty trial: bare Optuna, `hydra/sweeper: optuna` and `async_optuna`, one process, TPE.

    python benchmarks/overhead.py [--trials 200] [--repeats 3]

Each number is the slope between a short and a long study, so starting and importing do not count. The kinds take
turns within each repeat; the table shows medians, and ratios are meant to be read within one run.
"""

import argparse
import statistics
from collections.abc import Sequence

from measuring import APP, HERE, in_new_folder, machine, table

SHORT = 20
OURS = ("hydra/sweeper=async_optuna", "hydra/sweeper/sampler=tpe", "hydra.sweeper.progress=none")
KINDS: dict[str, tuple[str, ...]] = {
    "bare Optuna, memory": ("memory",),
    "bare Optuna, journal": ("journal",),
    "bare Optuna, SQLite": ("sqlite",),
    "hydra/sweeper: optuna, memory": ("hydra/sweeper=optuna",),
    "hydra/sweeper: optuna, SQLite": ("hydra/sweeper=optuna", "hydra.sweeper.storage=sqlite:///study.db"),
    "async_optuna, journal": OURS,
    "async_optuna, SQLite": (*OURS, "hydra.sweeper.storage=sqlite:///study.db"),
}


def command(kind: str, n_trials: int) -> list[str]:
    """The Python command of one study."""
    words = KINDS[kind]
    if kind.startswith("bare"):
        return [str(HERE / "bare_optuna.py"), *words, str(n_trials)]
    budget = (f"hydra.sweeper.n_trials={n_trials}", "hydra.sweeper.n_jobs=1")
    return [str(APP), "--multirun", "hydra/launcher=basic", *words, *budget]


def per_trial_ms(kind: str, n_trials: int) -> float:
    """The slope between a study of SHORT and one of SHORT + n_trials trials, in milliseconds."""
    short_s = in_new_folder(command(kind, SHORT))
    return (in_new_folder(command(kind, SHORT + n_trials)) - short_s) / n_trials * 1000


def rows(times: dict[str, list[float]]) -> Sequence[Sequence[str]]:
    """Medians, and what they are of the same storage's bare Optuna."""
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    return [
        [kind, f"{ms:.1f}", f"{ms / medians['bare Optuna, ' + kind.rsplit(', ', 1)[1]]:.1f}"]
        for kind, ms in medians.items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(options.repeats):
        for kind, values in times.items():
            values.append(per_trial_ms(kind, options.trials))
    print(f"{options.trials} empty trials, {options.repeats} repeats, {machine()}\n")
    print(table(["", "ms per trial", "times bare Optuna"], rows(times)))
    bare, ours = (statistics.median(times[kind]) for kind in ("bare Optuna, journal", "async_optuna, journal"))
    print(f"\nAllowed on the journal: 3 x {bare:.1f} + 15 = {3 * bare + 15:.1f} ms; needed: {ours:.1f} ms.")


if __name__ == "__main__":
    main()
