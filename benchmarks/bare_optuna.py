# SPDX-License-Identifier: MIT
"""The same empty study with Optuna alone: python bare_optuna.py memory|journal|sqlite N."""

import sys

import optuna
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend


def storage(kind: str) -> BaseStorage:
    """A new storage in the working directory."""
    if kind == "journal":
        return JournalStorage(JournalFileBackend("journal.log"))
    return RDBStorage("sqlite:///study.db") if kind == "sqlite" else InMemoryStorage()


def objective(trial: optuna.Trial) -> float:
    """A sphere in three parameters."""
    return sum(trial.suggest_float(name, -5, 5) ** 2 for name in "xyz")


def main() -> None:
    """Run the study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(multivariate=False, constant_liar=False)  # as hydra/sweeper: optuna sets it
    study = optuna.create_study(storage=storage(sys.argv[1]), sampler=sampler)
    study.optimize(objective, n_trials=int(sys.argv[2]))


if __name__ == "__main__":
    main()
