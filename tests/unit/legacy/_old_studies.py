# SPDX-License-Identifier: MIT
"""The committed studies of old Optunas, and what is asked of imports; no test stands here."""

import shutil
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from hyperopt_app.legacy.old.copies import closing_storage
from hyperopt_app.legacy.old.importing import OldStudy, find_old

OLD = Path(__file__).parents[2] / "legacy_cases" / "old_studies"
FILES = ["optuna_2_10.db", "optuna_3_1.db", "optuna_3_1_journal.log"]
# What the hyperparameter file of `single` is translated to: None is kept as the text null, and the bounds are others.
SPACE = {
    "lr": FloatDistribution(1e-6, 1.0, log=True),
    "dropout": FloatDistribution(0.0, 0.9),
    "width": FloatDistribution(8.0, 128.0, step=8.0),
    "layers": IntDistribution(1, 9),
    "batch": IntDistribution(16, 256, step=16),
    "heads": IntDistribution(1, 32, log=True),
    "norm": CategoricalDistribution(["null", "minmax", "None"]),
    "loss": CategoricalDistribution(["mse", "mae", True, 2, 0.5]),
}


def copied(folder: Path, name: str) -> str:
    """The storage of a copy of an old file."""
    shutil.copy(OLD / name, folder / name)
    return f"sqlite:///{folder / name}" if name.endswith(".db") else f"journal:{folder / name}"


def old_one(storage: str, name: str = "single") -> OldStudy:
    """The old study, which is there."""
    found = find_old(storage, name)
    assert found is not None
    return found


def trials_of(storage: str, name: str = "single") -> list[FrozenTrial]:
    """The trials of a study that goes on."""
    with closing_storage(storage) as there:
        return optuna.load_study(study_name=name, storage=there).trials


def attributes_of(storage: str, name: str = "single") -> dict[str, Any]:
    """The study's own user attributes."""
    with closing_storage(storage) as there:
        return optuna.load_study(study_name=name, storage=there).user_attrs
