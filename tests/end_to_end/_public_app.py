# SPDX-License-Identifier: MIT
"""The app of `tests/apps/forms`, given commands in this process, so that there can be many; no test stands here."""

import os
import shutil
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
import optuna
import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from hyperopt_app.storage.opening import open_storage
from tests._releases import BASE, register_resolver
from tests.end_to_end._studies import APPS, yaml_of

N_TRIALS = 2


@dataclass
class Sweep:
    """What one command has left."""

    trials: list[FrozenTrial]
    directions: list[str]
    jobs: list[dict[str, Any]]
    results: dict[str, Any] | None

    @property
    def space(self) -> Mapping[str, BaseDistribution]:
        return self.trials[0].distributions


@dataclass
class App:
    """A copy of the app in a directory of its own, and how to give it a command."""

    place: Path
    monkeypatch: pytest.MonkeyPatch
    studies: list[optuna.Study] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)

    def sweep(self, *words: str, n_trials: int | None = N_TRIALS) -> Sweep:
        """`python train.py --multirun WORDS`; a refusal is `SystemExit`, its words on standard error."""
        budget = [] if n_trials is None else [f"hydra.sweeper.n_trials={n_trials}"]
        self.jobs.clear()
        self.monkeypatch.setattr(sys, "argv", ["train.py", "--multirun", "hydra.sweep.dir=sweep", *budget, *words])
        hydra.main(**BASE, config_path=str(self.place / "configs"), config_name="train")(self._train)()
        results = Path("sweep", "optimization_results.yaml")
        study = self.studies[-1] if self.studies else self._stored()
        return Sweep(
            study.get_trials(),
            [direction.name for direction in study.directions],
            list(self.jobs),
            yaml_of(results) if results.exists() else None,
        )

    def _train(self, config: DictConfig) -> Any:
        job = HydraConfig.get()
        self.jobs.append(
            {
                "config": OmegaConf.to_container(config, resolve=True),
                "id": job.job.id,
                "dir": job.runtime.output_dir,
                "cwd": str(Path.cwd()),
                "env": os.environ.get("FORM"),
            }
        )
        if config.get("fails"):
            raise ValueError("the training fails")
        loss = float(config.model.lr)
        return [loss, -loss] if isinstance(job.sweeper.direction, ListConfig) else loss

    def _stored(self) -> optuna.Study:
        url = "sqlite:///hparams.db" if Path("hparams.db").exists() else None
        storage = open_storage(url, Path("sweep").absolute())
        (name,) = optuna.get_all_study_names(storage)
        return optuna.load_study(study_name=name, storage=storage)


def copied_app(place: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """A copy of the app, and an empty working directory beside it, which this process enters."""
    shutil.copytree(APPS / "forms", place / "app", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "cwd").mkdir()
    monkeypatch.chdir(place / "cwd")
    monkeypatch.syspath_prepend(str(place / "app"))
    register_resolver("joined", lambda *parts: "/".join(parts), replace=True)
    return App(place / "app", monkeypatch)


def stock_sweep(place: Path, monkeypatch: pytest.MonkeyPatch, *words: str, times: int = 1) -> Sweep:
    """What the same command, so many times, leaves where every file names `optuna`; stock's warnings are its own."""
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = copied_app(place, patch)
        for file in (app.place / "configs").rglob("*.yaml"):
            file.write_text(file.read_text(encoding="utf-8").replace("async_optuna", "optuna"), encoding="utf-8")
        create = optuna.create_study

        def kept(*args: Any, **kwargs: Any) -> optuna.Study:
            app.studies.append(create(*args, **kwargs))
            return app.studies[-1]

        patch.setattr(optuna, "create_study", kept)
        command = [word.replace("async_optuna", "optuna") for word in words]
        return [app.sweep(*command) for _ in range(times)][-1]
