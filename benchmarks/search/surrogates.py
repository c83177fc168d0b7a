# SPDX-License-Identifier: MIT
"""Problems from public surrogates of real trainings: networks fitted to the curves and times of thousands of runs.

The surrogates are those of YAHPO Gym (repository slds-lmu/yahpo_data): the files `model.onnx` and `encoding.json` of
its folders `lcbench` and `rbv2_xgboost`, in a directory of the user's. They are not part of this repository.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from benchmarks.search.problem import Array, Config, Problem

__all__ = ["DEV", "OTHER", "XGBOOST", "LCBench", "XGBoost"]

#: The tasks of LCBench that methods may be developed on, and those that they are measured by.
DEV = ("167168", "168910", "189866", "167104", "126029", "7593")
OTHER = (
    *("126026", "167083", "167149", "167152", "167161", "167181", "167184", "167185", "167190", "167200", "167201"),
    *("168329", "168330", "168331", "168335", "168868", "189862", "189865", "189873", "189905", "189908", "189909"),
    "34539",
)
XGBOOST = ("16", "40923", "1487", "41278", "1040", "6332")

_SHORTEST = 1e-3  # where the network predicts a time of nothing, or less


class _Surrogate:
    """A network and the codes of its categories."""

    def __init__(self, folder: Path) -> None:
        missing = [path for name in ("model.onnx", "encoding.json") if not (path := folder / name).is_file()]
        if missing:
            raise SystemExit(
                f"--tables: {missing[0]} is not there. Give the directory that holds the folders lcbench and "
                "rbv2_xgboost of the repository slds-lmu/yahpo_data, each with model.onnx and encoding.json"
            )
        try:
            import onnxruntime
        except ImportError:
            raise SystemExit("the surrogates want the package onnxruntime: pip install 'hyperopt-app[benchmarks]'")  # noqa: B904
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self.codes: dict[str, dict[str, int]] = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))

    def predict(self, categories: NDArray[np.int32], numbers: NDArray[np.float32]) -> Array:
        """Return the predictions, a row for each row of the inputs."""
        rows = self._session.run(None, {"x_cat": categories, "x_cont": numbers})[0]
        return np.asarray(rows, dtype=float)


@functools.cache
def _surrogate(folder: Path) -> _Surrogate:
    return _Surrogate(folder)


class LCBench(Problem):
    """Dense networks on tables of OpenML (LCBench): seven parameters, 52 epochs, accuracy on the validation data."""

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "batch_size": IntDistribution(16, 512, log=True),
        "learning_rate": FloatDistribution(1.001e-4, 0.0999, log=True),
        "max_dropout": FloatDistribution(0, 1),
        "max_units": IntDistribution(64, 1024, log=True),
        "momentum": FloatDistribution(0.1, 0.99),
        "num_layers": IntDistribution(1, 5),
        "weight_decay": FloatDistribution(1e-5, 0.1),
    }
    steps: Sequence[int] = (1, 3, 9, 27, 52)
    _columns = ("batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout")

    def __init__(self, tables: Path, task: str, steps: Sequence[int] | None = None) -> None:
        self.name, self._surrogate = task, _surrogate(tables / "lcbench")
        self.steps = steps or self.steps
        self._code = self._surrogate.codes["OpenML_task_id"][task]

    def curves(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Return accuracies and seconds."""
        rows = [[step, *(config[key] for key in self._columns)] for config in configs for step in self.steps]
        codes = np.full((len(rows), 1), self._code, np.int32)
        predicted = self._surrogate.predict(codes, np.array(rows, np.float32))
        predicted = predicted.reshape(len(configs), len(self.steps), -1)
        return predicted[:, :, 1], np.maximum.accumulate(np.maximum(predicted[:, :, 0], _SHORTEST), axis=1)


class XGBoost(Problem):
    """Boosted trees (rbv2_xgboost): eleven parameters, the share of the training data as the step, accuracy."""

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "nrounds": IntDistribution(7, 2981, log=True),
        "eta": FloatDistribution(1e-3, 1, log=True),
        "gamma": FloatDistribution(4.6e-5, 7.3, log=True),
        "lambda": FloatDistribution(1e-3, 1000, log=True),
        "alpha": FloatDistribution(1e-3, 1000, log=True),
        "subsample": FloatDistribution(0.1, 1),
        "max_depth": IntDistribution(1, 15),
        "min_child_weight": FloatDistribution(2.72, 148, log=True),
        "colsample_bytree": FloatDistribution(0.02, 1),
        "colsample_bylevel": FloatDistribution(0.02, 1),
        "impute": CategoricalDistribution(["impute.mean", "impute.median", "impute.hist"]),
    }
    steps = (1, 3, 9, 27)
    _columns = (
        *("nrounds", "eta", "gamma", "lambda", "alpha", "subsample", "max_depth", "min_child_weight"),
        *("colsample_bytree", "colsample_bylevel"),
    )

    def __init__(self, tables: Path, task: str) -> None:
        self.name, self._surrogate = task, _surrogate(tables / "rbv2_xgboost")

    def curves(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Return accuracies and seconds; the time of a part of the data is that part of the whole's time."""
        shares = np.array(self.steps) / self.steps[-1]
        # After the parameters: two that other boosters have, the share of the data, the replications.
        numbers = [[*(config[key] for key in self._columns), 0, 0, share, 10] for config in configs for share in shares]
        categories = [self._categories(config) for config in configs for _ in shares]
        predicted = self._surrogate.predict(np.array(categories, np.int32), np.array(numbers, np.float32))
        predicted = predicted.reshape(len(configs), len(shares), -1)
        return predicted[:, :, 0], np.maximum(predicted[:, -1:, 6], _SHORTEST) * shares

    def _categories(self, config: Config) -> Sequence[Any]:
        codes = self._surrogate.codes
        imputed = codes["num.impute.selected.cpo"][config["impute"]]
        return [codes["task_id"][self.name], codes["booster"]["gbtree"], imputed]
