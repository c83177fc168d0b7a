# SPDX-License-Identifier: MIT
"""How often does a search fall where trials run out of memory?

    python benchmarks/teaching.py [--trials 100] [--seeds 10]

Half of the space fails. In `border` the loss falls towards that half, right up to it; in `away` the best point is far
from it. Bare Optuna leaves its failed trials out of account; `failure_aware` is what our sampler makes of the same TPE.
The share is that of the trials after the ten start-up trials.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
from measuring import machine, table
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hyperopt_app.sampling.failure_aware_tpe import failure_aware

STARTUP = 10
BEST_X = {"border": 0.5, "away": 0.15}


def loss(toy: str, x: float, y: float) -> float | None:
    """The loss at a point, None where it does not fit into memory."""
    return None if x > 0.5 else (BEST_X[toy] - x) ** 2 + 0.1 * (y - 0.3) ** 2


def search(toy: str, trials: int, workers: int, sampler_of: Callable[[int], BaseSampler]) -> tuple[float, float]:
    """The share of trials in the bad half after start-up, and the best loss; workers take turns."""
    study = optuna.create_study()
    running: list[optuna.Trial] = []
    bad = 0
    for number in range(trials):
        study.sampler = sampler_of(number)
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.suggest_float("y", 0, 1)
        running.append(trial)
        bad += number >= STARTUP and trial.params["x"] > 0.5
        if len(running) == workers or number == trials - 1:
            tell(study, running.pop(0), toy)
    return bad / (trials - STARTUP), study.best_value


def tell(study: optuna.Study, trial: optuna.Trial, toy: str) -> None:
    """End a trial as a worker would."""
    value = loss(toy, trial.params["x"], trial.params["y"])
    if value is None:
        trial.set_user_attr("failure", {"kind": "oom", "error": "", "traceback": ""})
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, value)


def seeded(wrap: Callable[[BaseSampler], BaseSampler], seed: int) -> Callable[[int], BaseSampler]:
    """A sampler for each trial, as our workers make them."""
    return lambda number: wrap(TPESampler(seed=1000 * seed + number, constant_liar=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kinds: dict[str, Callable[[BaseSampler], BaseSampler]] = {
        "bare Optuna": lambda sampler: sampler,
        "taught": failure_aware,
    }
    lines = []
    for toy in BEST_X:
        for workers in (1, 8):
            for kind, wrap in kinds.items():
                runs = [search(toy, options.trials, workers, seeded(wrap, seed)) for seed in range(options.seeds)]
                share, best = (statistics.mean(column) for column in zip(*runs, strict=True))
                lines.append([toy, str(workers), kind, f"{share:.0%}", f"{best:.2g}"])
    print(f"{options.seeds} searches of {options.trials} trials each, {machine()}\n")
    print(table(["toy", "workers", "sampler", "in the bad half", "best loss"], lines))


if __name__ == "__main__":
    main()
