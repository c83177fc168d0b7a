# SPDX-License-Identifier: MIT
"""Adapt an objective.py of the original: load it, create its class, call it and read its results.

`check`, `preload` and `write_results` run in the driver and in workers; the rest runs where the objective runs.
"""

import copy
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from hyperopt_app.config.seeding import seed_of_environment
from hyperopt_app.errors import HyperoptError, MetricError
from hyperopt_app.legacy.objectives.base_objective import Surroundings, call, metric_names, save
from hyperopt_app.legacy.objectives.construction import device_argument, is_users, made
from hyperopt_app.legacy.objectives.devices import device_index
from hyperopt_app.legacy.objectives.source import faults_of, installed_imports, missing_imports
from hyperopt_app.legacy.objectives.trial import LegacyStudy, LegacyTrial, NoTrial
from hyperopt_app.legacy.objectives.user_config import Shape, as_results, number_of, plain, plain_config
from hyperopt_app.legacy.objectives.user_module import user_module
from hyperopt_app.objective.base import Objective
from hyperopt_app.objective.trial import Trial, current_seed, current_trial
from hyperopt_app.results.trials_csv import number_of_seed

if TYPE_CHECKING:
    import optuna

__all__ = ["LegacyObjective"]

_log = logging.getLogger(__name__)


class LegacyObjective(Objective):
    """Runs the class `Objective` of a file that was written for the original.

    Args:
        file: The file, absolute.
        metric: The name of what is optimised, or a list of names.
        gpu: Whether the objective gets a GPU.
        dialect: See `Pair.dialect`; it decides the details that differ from year to year.
        save_path: Where the original wrote its tables.
        study_name: The study's name.
        integers: Paths in the config whose value is an int.
        renamed: Key at the root of the config to the user's key there.
        placed: Values that Hydra cannot address, and where they belong.
        dates: Paths in the config whose text is a date.
        marks: Paths in the config whose text is `???`.
        tuples: Paths in the config whose list is a tuple, each before those within it.
        hyper_file: The hyperparameter file, for messages.
        params: Outside a sweep: values for what the objective asks its trial for.
        accept_missing: Start although it imports what this Python does not have.
    """

    suggested_key = "objective.params"

    def __init__(
        self,
        file: str,
        metric: Any,
        *,
        gpu: bool = False,
        dialect: str = "B3",
        save_path: str = ".",
        study_name: str = "",
        integers: Any = (),
        renamed: Any = None,
        placed: Any = (),
        dates: Any = (),
        marks: Any = (),
        tuples: Any = (),
        hyper_file: str = "",
        params: Any = None,
        accept_missing: bool = False,
    ) -> None:
        self.file = Path(file)
        names = _as_container(metric)
        self.metric: Any = [str(name) for name in names] if isinstance(names, list) else str(names)
        self.gpu = gpu
        self.dialect = dialect
        self.save_path = Path(save_path)
        self.study_name = study_name
        paths = (_as_container(path) for path in (placed, integers, dates, marks, tuples))
        self.shape = Shape(_as_container(renamed) or {}, *paths)
        self.hyper_file = hyper_file
        self.params: dict[str, Any] = _as_container(params) or {}

    def train(self, trial: Trial | None, conf: Any) -> Mapping[str, float]:
        """Run the user's objective once and return its metrics by name.

        Raises:
            HyperoptError: The file cannot be imported, or its class cannot be made.
            MetricError: The metric is not among what it returned.
        """
        tree = plain_config(conf, self.shape)
        user = user_module(self.file, self.dialect)
        with user.active(self.hyper_file):
            is_apart = trial is not None and trial is not current_trial()
            kind = user.objective(trial.seed if trial is not None and is_apart else current_seed())
            return self._run(kind, trial, tree)

    def _run(self, kind: type[Any], trial: Trial | None, tree: dict[Any, Any]) -> Mapping[str, float]:
        if not is_users(kind, "train") and not is_users(kind, "__call__"):
            raise HyperoptError(f"optuna.objective: Objective in {self.file} has no method train(self, trial, conf)")
        directions = self._directions(tree)
        number = number_of_seed(self.save_path.glob("studies/*/trials.csv"), seed_of_environment())
        seen: Any = NoTrial({**_values_in(tree), **self.params}, number)
        if trial is not None:
            applied = {name: None for name, is_applied in _parameters(tree).items() if is_applied}
            searched = {name: choices for name, choices in _choices(tree).items() if name in applied}
            seen = LegacyTrial(trial, self.study_name, directions, self.hyper_file, {**applied, **searched} or None)
        around = self._surroundings(trial, tree)
        values = {
            "study": LegacyStudy(self.study_name, directions) if trial is None else seen.study,
            "config": copy.deepcopy(tree),
            "metric": copy.copy(self.metric),
            "device": device_argument(around.device, self.dialect),
        }
        objective = made(kind, values, around, self.dialect)
        returned = objective(seen) if is_users(kind, "__call__") else call(objective, seen)
        metrics = self._metrics(objective, seen, returned)
        if trial is not None and trial.number == 0:
            self._warn_of_unused(tree, seen.params)
        return metrics

    def _surroundings(self, trial: Trial | None, tree: Mapping[Any, Any]) -> Surroundings:
        claim = {} if trial is None else dict(trial.user_attrs.get("claim") or {})
        job = str((claim.get("place") or {}).get("job") or "") or None
        number = int(claim.get("number") or 0)
        folder, table = self.save_path, "trial_results.csv"
        if self.dialect.startswith("A"):
            table = f"hyper_opt_{number}.csv"
        elif self.dialect == "B1":
            table = f"worker_{number}.csv"
        elif job is not None:
            folder, table = folder / "trial_results", f"trial_results_{job}.csv"
        return Surroundings(
            conf=tree,
            device=device_index(gpu=self.gpu, dialect=self.dialect, environment=os.environ),
            keeps_device=self.dialect in {"B2", "B3", "B4"},
            node_id=number if self.dialect == "B1" else job,
            save_path=str(folder),
            results_fn=str(folder / table),
            directory=None if trial is None else trial.directory,
        )

    def _directions(self, tree: Mapping[Any, Any]) -> Sequence[str]:
        directions = (tree.get("optuna") or {}).get("direction", "minimize")
        return [str(word) for word in directions] if isinstance(directions, list) else [str(directions)]

    def _metrics(self, objective: Any, seen: Any, returned: Any) -> Mapping[str, float]:
        """Return the optimised metrics, and every other number among the results."""
        names = metric_names(self.metric)
        results = as_results(returned, names)
        if results is None:
            raise ValueError(f"the objective returned a {type(returned).__name__}; {' and '.join(names)} is wanted")
        around: Surroundings = objective._around  # noqa: SLF001 - ours, on the user's object
        if around.results is None:  # a method __call__ of the user's own
            objective.metric = self.metric
            save(objective, seen, results)
        whole = {**(around.results or {}), **results}
        missing = [name for name in names if name not in whole]
        if missing:
            raise MetricError(f"optuna.metric: {', '.join(missing)}; the objective returned {', '.join(whole)}")
        numbers = {name: float(number) for name, value in whole.items() if _is_number(number := plain(value))}
        return {**numbers, **{name: _certain(number_of(whole[name])) for name in names}}

    def _warn_of_unused(self, tree: Mapping[Any, Any], params: Mapping[str, Any]) -> None:
        """A parameter that is not a key of the model config is the objective's to suggest."""
        for name in _parameters(tree):
            if name not in params:
                _log.warning(
                    "%s: the parameter %r of optuna.parameters is never used: it is not set in the model config, and "
                    "the objective does not suggest it",
                    *(self.hyper_file or "the hyperparameter file", name),
                )

    @classmethod
    def check(cls, conf: Any) -> Sequence[str]:
        """Errors that reading the file reveals."""
        node = conf["objective"]
        path, hyper = Path(str(node["file"])), str(node.get("hyper_file") or "")
        faults = faults_of(path, hyper)
        if faults and not path.exists() and OmegaConf.select(conf, "hydra.sweeper.dry_run"):
            _log.warning("%s", faults[0])
            return []
        launcher = OmegaConf.select(conf, "hydra.launcher")
        if faults or launcher is None:
            return faults
        missing = missing_imports(path)
        if not missing or node.get("accept_missing"):
            for fault in missing:
                _log.warning("%s", fault)
            return []
        *others, last = missing
        # Lines of a job that activate an environment do not change which Python runs; `export PYTHONPATH` may help it.
        jobs = " where the jobs' own lines bring it" if "setup" in launcher else ""
        option = "--accept_missing of hyperopt-app legacy, or ++objective.accept_missing=true"
        way = f"{last} (the Python is {sys.executable}; to start all the same{jobs}: {option})"
        return [*others, way]

    @classmethod
    def preload(cls, conf: Any) -> Sequence[str]:
        """Return the installed packages that the objective and the modules of its folder import."""
        return installed_imports(Path(str(conf["objective"]["file"])))

    @classmethod
    def write_results(cls, study: "optuna.Study", study_dir: Path, conf: Any) -> None:  # noqa: ARG003 - its own place
        """Write the original's tables."""
        from hyperopt_app.legacy.tables.files import write_tables

        write_tables(study, conf)


def _choices(tree: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the choices of every categorical entry of `optuna.parameters`, by name in the study."""
    entries = ((tree.get("optuna") or {}).get("parameters") or {}).values()
    settings = [entry.get("settings") or {} for entry in entries if isinstance(entry, Mapping)]
    return {str(item["name"]): item["choices"] for item in settings if "name" in item and "choices" in item}


def _declared(tree: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Return key and name in the study of every entry of `optuna.parameters`."""
    for key, entry in ((tree.get("optuna") or {}).get("parameters") or {}).items():
        settings = (entry.get("settings") if isinstance(entry, Mapping) else None) or {}
        yield str(key), str(settings.get("name", key))


def _values_in(tree: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the parameters in the config by name, as `trial.params` has them in a sweep."""
    values = {}
    for key, name in _declared(tree):
        node: Any = tree
        for part in key.split(":"):
            node = node.get(part, _NOTHING) if isinstance(node, Mapping) else _NOTHING
        if node is not _NOTHING:
            values[name] = node
    return values


def _parameters(tree: Mapping[Any, Any]) -> dict[str, bool]:
    """Return every name that `optuna.parameters` declares, and whether it is a key of the model config."""
    names: dict[str, bool] = {}
    for key, name in _declared(tree):
        names[name] = names.get(name, False) or ":" in key or key in tree
    return names


_NOTHING = object()


def _as_container(value: Any) -> Any:
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def _certain(number: float | None) -> float:
    if number is None:
        raise ValueError("a metric is not a number")
    return number
