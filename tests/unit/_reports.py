# SPDX-License-Identifier: MIT
"""Studies and pairs for tests of the report; no test stands here."""

import math
from pathlib import Path
from typing import Any

import optuna

from hyperopt_app.legacy.reading.pair import Pair, Parameter

PARAMETERS = (
    Parameter(("optimizer", "learning_rate"), "lr", "loguniform", {}, "model", is_integer=False),
    Parameter(("layers",), "n", "int", {}, "model", is_integer=True),
)


def pair_of(folder: Path, *metrics: str) -> Pair:
    """As much of a pair as a report wants."""
    return Pair(
        hyper_path=folder / "hyper.yml",
        model_path=None,
        dialect="B3",
        model={},
        hyper={},
        optuna={},
        parameters=PARAMETERS,
        study_name="s",
        save_path=folder / "results",
        storage="",
        metrics=metrics or ("val_loss",),
        directions=("minimize",) * max(1, len(metrics)),
        n_trials=100,
        workers=1,
        objective=folder / "objective.py",
        gpu=False,
        log_path=None,
    )


def searched(*directions: str, n_trials: int = 12) -> optuna.Study:
    """A study with parameters of all kinds, curves and pruned trials."""
    study = optuna.create_study(
        directions=[optuna.study.StudyDirection[name.upper()] for name in directions or ("minimize",)],
        sampler=optuna.samplers.RandomSampler(seed=1),
        study_name="s",
    )

    def objective(trial: optuna.Trial) -> Any:
        rate = trial.suggest_float("lr", 1e-6, 1e-1, log=True)
        layers = trial.suggest_int("n", 1, 8)
        norm = trial.suggest_categorical("norm", [None, "minmax", "a rather long name of a choice"])
        value = (math.log10(rate) + 3) ** 2 + layers + (norm is None)
        if len(study.directions) > 1:
            return tuple(value + k * layers for k in range(len(study.directions)))
        for step in range(3):
            trial.report(value + 3 - step, step)
        if trial.number == 3:
            raise optuna.TrialPruned
        return value

    study.optimize(objective, n_trials)
    return study


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
