# SPDX-License-Identifier: MIT
"""Train many configurations of the digits network in full and keep their curves and times in a Parquet file.

    python -m benchmarks.search.digits_table [--configs 1000] [--minutes 50]

Each training is a line of `--rows`, so the same command goes on where it ended; the file is written at its end from all
configurations of which every seed has been trained. Times are CPU seconds of one thread, since other work on the
machine would be measured in seconds of a clock. It needs the extras `train` and `benchmarks`.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from benchmarks.search.problem import random_configs
from hyperopt_app.objective.trial import Trial, active_trial
from objectives.digits import Digits

__all__ = ["EPOCHS", "SEEDS", "SPACE", "TABLE"]

EPOCHS, SEEDS = 50, 3
TABLE = Path(__file__).with_name("digits.parquet")
# As in conf/hparams/digits.yaml.
SPACE = {
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "weight_decay": FloatDistribution(1e-6, 1e-1, log=True),
    "hidden": IntDistribution(16, 256, step=16),
    "layers": IntDistribution(0, 3),
    "dropout": FloatDistribution(0.0, 0.5),
    "batch_size": CategoricalDistribution([32, 64, 128]),
}


class _Recorder(Trial):
    """A trial that keeps the values it is given, and when it was given them."""

    def __init__(self, params: Mapping[str, Any], seed: int, directory: Path) -> None:
        super().__init__(optuna.trial.FixedTrial(dict(params)), directory=directory, seed=seed, directions=1)  # type: ignore[arg-type]
        self.values: list[float] = []
        self.times_s: list[float] = []
        self._began_s = time.process_time()

    def report(self, value: float, step: int) -> None:
        self.values.append(value)
        self.times_s.append(time.process_time() - self._began_s)


def train(params: Mapping[str, Any], seed: int, directory: Path) -> _Recorder:
    """Train one configuration in full; the recorder has a value and a time of each epoch."""
    conf = OmegaConf.create({"threads": 1, "seed": seed, "epochs": EPOCHS, **params})
    recorder = _Recorder(params, seed, directory)
    with active_trial(recorder):
        Digits().train(recorder, conf)
    return recorder


def extend(rows: Path, configs: int, minutes: float) -> int:
    """Train what is missing in `rows` until the time is over, and return how many trainings the file has."""
    done = len(rows.read_text(encoding="utf-8").splitlines()) if rows.exists() else 0
    trainings = [(config, seed) for config in range(configs) for seed in range(SEEDS)]
    space, end_s = random_configs(SPACE, configs, seed=19), time.monotonic() + 60 * minutes
    with rows.open("a", encoding="utf-8") as file:
        for config, seed in trainings[done:]:
            if time.monotonic() > end_s:
                break
            with TemporaryDirectory() as directory:  # of its own, for no training goes on from another's checkpoint
                recorder = train(space[config], seed, Path(directory))
            times_s = [round(moment, 4) for moment in recorder.times_s]
            line = {"config": config, "seed": seed, **space[config], "val_accuracy": recorder.values, "time_s": times_s}
            file.write(json.dumps(line) + "\n")
            file.flush()
            done += 1
    return done


def write_table(rows: Path, table: Path) -> int:
    """Write the Parquet file, a row for each epoch, and return the number of its configurations."""
    import pandas as pd

    lines = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    whole = pd.DataFrame(lines[: len(lines) // SEEDS * SEEDS])
    whole["epoch"] = [list(range(1, EPOCHS + 1))] * len(whole)
    frame = whole.explode(["epoch", "val_accuracy", "time_s"], ignore_index=True)
    small = {"config": "int16", "seed": "int8", "epoch": "int8", "hidden": "int16", "layers": "int8"}
    frame = frame.astype({**small, "batch_size": "int16", "val_accuracy": "float32", "time_s": "float32"})
    aside = table.with_suffix(".new")
    frame.to_parquet(aside, index=False, compression="zstd")
    aside.replace(table)
    return int(frame["config"].nunique())


def main() -> None:
    """Train, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--rows", type=Path, default=Path("digits_rows.jsonl"), help="a line for each training")
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trainings = extend(options.rows, options.configs, options.minutes)
    print(f"{trainings} trainings; {options.table} has {write_table(options.rows, options.table)} configurations")


if __name__ == "__main__":
    main()
