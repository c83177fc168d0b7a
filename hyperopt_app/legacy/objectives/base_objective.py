# SPDX-License-Identifier: MIT
"""The original's BaseObjective: the base class of users' objectives, and the records it stores for the result tables.

Runs where the objective runs. Its behaviour is also available as functions, for objectives that derive from an
installed package of the original. Records are plain data of limited length.
"""

import contextlib
import copy
import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperopt_app.errors import MetricError
from hyperopt_app.legacy.objectives.devices import device_name
from hyperopt_app.legacy.objectives.suggestions import trial_suggest_loader
from hyperopt_app.legacy.objectives.user_config import as_results, number_of, plain
from hyperopt_app.support.files import replacing

__all__ = [
    "BaseObjective",
    "Surroundings",
    "call",
    "kept",
    "metric_names",
    "recursive_config_reader",
    "recursive_update",
    "save",
    "surround",
    "update_config",
]

_log = logging.getLogger(__name__)


@dataclass
class Surroundings:
    """The information that the application has about an objective while one trial runs.

    Attributes:
        conf: The model config with this trial's values; None if the objective is to suggest them itself.
        device: As the original handed it on: cpu, an index, or a list of them.
        keeps_device: The device that is given here counts, whatever the constructor is given (from B2 on).
        node_id: The job's number; None outside of one.
        save_path: Where the original wrote its tables.
        results_fn: The table that it would have written for this worker.
        directory: The trial's own directory; None outside a sweep.
        results: What was saved last, by name; None if nothing was.
    """

    conf: Mapping[Any, Any] | None = None
    device: Any = "cpu"
    keeps_device: bool = True
    node_id: Any = None
    save_path: str = "."
    results_fn: str = "trial_results.csv"
    directory: Path | None = None
    results: dict[str, Any] | None = field(default=None)


def surround(objective: Any, around: Surroundings, metric: Any) -> None:
    """Set an objective's attributes before its own code needs them, except those its class defines."""
    defaults = {
        "_around": around,  # ours
        "metric": metric,
        "device": device_name(around.device),
        "worker_index": around.node_id,
        "results": defaultdict(list),
        "results_fn": around.results_fn,
        "save_path": around.save_path,
        "_summon": True,
    }
    for name, value in defaults.items():
        with contextlib.suppress(AttributeError):  # a property that cannot be set
            object.__setattr__(objective, name, value)


def _around(objective: Any) -> Surroundings:
    if not hasattr(objective, "_around"):
        objective._around = Surroundings()  # noqa: SLF001 - ours, on the user's object
    surroundings: Surroundings = objective._around  # noqa: SLF001 - as above
    return surroundings


class BaseObjective:
    """Base class of the original's objectives; `train` is the user's.

    It is made with `(study, config, metric, device)` or `(config, metric, device)`; a device that the application has
    chosen is kept where the original ignored the argument.

    Attributes:
        config: The model config and its section `optuna`.
        metric: The name of what is optimised, or a list of names.
        device: `cpu`, `cuda:0` or the like, or a list of them.
        worker_index: The job's number; None outside of one.
        results: What was saved, by name.
        results_fn: The table that the original would have written for this worker.
        save_path: Where the original wrote its tables.
    """

    config: Any
    metric: Any
    device: Any
    worker_index: Any
    results: dict[str, list[Any]]
    results_fn: str
    save_path: str
    _around: Surroundings

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        arguments = _constructor_arguments(args, kwargs)
        around = _around(self)
        self.config = arguments["config"]
        self.metric = arguments.get("metric", getattr(self, "metric", "val_loss"))
        if "study" in arguments:
            self.study = arguments["study"]
        if not hasattr(self, "results"):
            surround(self, around, self.metric)
        if "device" in arguments and not around.keeps_device:
            self.device = device_name(arguments["device"])

    def set_properties(self, node_id: Any = None, device: Any = "cpu") -> None:
        """Set the worker's number and the device, as the original did after the constructor."""
        self.worker_index = node_id
        self.device = device_name(device)
        self._summon = True

    def update_config(self, trial: Any) -> dict[Any, Any]:
        """A deep copy of the config with this trial's values in it."""
        return update_config(self, trial)

    def save(self, trial: Any, results_dict: Any) -> Any:
        """Keep the results for the tables and return the metric, or the list of them."""
        return save(self, trial, results_dict)

    def __call__(self, trial: Any) -> Any:
        """Train and save; return the metric, or the list of them."""
        return call(self, trial)

    def train(self, trial: Any, conf: dict[Any, Any]) -> Any:
        """Train a model with `conf` and return the results by name."""
        raise NotImplementedError(f"{type(self).__name__} has no method train(self, trial, conf)")


def _constructor_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by name; in the first year there was a study before the config."""
    names = ["config", "metric", "device", "verbose"]  # the last one for a few weeks, and of no effect here
    if args and not isinstance(args[0], Mapping):
        names.insert(0, "study")
    arguments = {**dict(zip(names, args, strict=False)), **kwargs}
    if len(args) > len(names) or "config" not in arguments:
        raise TypeError("BaseObjective wants (config, metric, device), or (study, config, metric, device)")
    return arguments


def update_config(objective: Any, trial: Any) -> dict[Any, Any]:
    """The config for `train`: composed by the application, or else filled by asking the trial."""
    around = _around(objective)
    if around.conf is not None:
        return copy.deepcopy(dict(around.conf))
    conf: dict[Any, Any] = copy.deepcopy(dict(objective.config))
    for key, entry in conf.get("optuna", {}).get("parameters", {}).items():
        path = str(key).split(":")
        if len(path) > 1 or key in conf:
            recursive_update(path, conf, trial_suggest_loader(trial, entry))
    return conf


def call(objective: Any, trial: Any) -> Any:
    """Train, and save results not saved yet; return what `save` returns, or a number that `train` has saved."""
    around = _around(objective)
    conf = objective.update_config(trial)
    _log.info("Beginning trial %d", trial.number)
    around.results = None
    returned = objective.train(trial, conf)
    names = metric_names(objective.metric)
    saved: Any = around.results
    if saved is not None and returned is None:
        return saved[names[0]] if isinstance(objective.metric, str) else [saved[name] for name in names]
    if saved is not None and not hasattr(returned, "items"):
        return returned
    results = as_results(returned, names)
    if results is None:
        wanted = f"a dictionary with {' and '.join(names)}"
        raise ValueError(f"train returned {_returned_words(returned)}; {wanted} is wanted")
    return objective.save(trial, results)


def _returned_words(returned: Any) -> str:
    """Describe the return value in words that are the same for each trial that returns such a thing."""
    return "nothing" if returned is None else f"a {type(returned).__name__}"


def save(objective: Any, trial: Any, results_dict: Any) -> Any:
    """Keep the results with the trial, for the tables; return the metric, or the list of them.

    Raises:
        MetricError: A metric is not among the results.
    """
    names = metric_names(objective.metric)
    results = as_results(results_dict, names) or {}
    missing = [name for name in names if name not in results]
    if missing:
        raise MetricError(
            f"optuna.metric: {', '.join(missing)}; train returned {', '.join(results) or 'nothing'}. Return it from "
            "train under this name, or set optuna.metric to a name that train returns."
        )
    _check_numbers({name: results[name] for name in names})
    _around(objective).results = results
    for name, value in {"trial": trial.number, **trial.params, **results}.items():
        if isinstance(getattr(objective, "results", None), dict):
            objective.results.setdefault(name, []).append(value)
    if trial:
        pruned = bool(trial.should_prune()) if isinstance(objective.metric, str) else None
        record = {"results": kept(results, names, _around(objective).directory), "pruned": pruned}
        if hasattr(trial, "keep"):
            trial.keep(record)
        else:
            trial.set_user_attr("legacy", record)
    return results[objective.metric] if isinstance(objective.metric, str) else [results[name] for name in names]


def _check_numbers(metrics: Mapping[str, Any]) -> None:
    for name, value in metrics.items():
        if value is None:
            raise ValueError(f"train returned None as {name!r}; a number is wanted")
        if number_of(value) is None:
            shown, kind = str(plain(value))[:60], type(value).__name__
            raise MetricError(
                f"optuna.metric: train returned {name!r} as a {kind}, {shown}; one number is wanted. Of a history, "
                f"return the last or the best value, such as history[{name!r}][-1]."
            )


def metric_names(metric: Any) -> tuple[str, ...]:
    """Return one name or several, in order."""
    return (metric,) if isinstance(metric, str) else tuple(str(name) for name in metric)


def recursive_update(nested_keys: Sequence[Any], dictionary: Any, update: Any) -> None:
    """Set the value at a path of keys; the last one need not exist."""
    if isinstance(dictionary, dict) and len(nested_keys) > 1:
        recursive_update(nested_keys[1:], dictionary[nested_keys[0]], update)
    else:
        dictionary[nested_keys[0]] = update


def recursive_config_reader(
    _dict: Mapping[Any, Any], path: Sequence[Any] | None = None
) -> Iterator[tuple[list[Any], Any]]:
    """Yield each leaf of a config with its path."""
    for key, value in _dict.items():
        whole = [*(path or ()), key]
        if isinstance(value, dict):
            yield from recursive_config_reader(value, whole)
        else:
            yield whole, value


# Characters. A database's text field holds 65,535 bytes.
_LONGEST = 60_000
_FILE = "results.json"
_ELSEWHERE = f"in {_FILE}"


def kept(results: Mapping[str, Any], metrics: Sequence[str], directory: Path | None) -> dict[str, Any]:
    """Return the results as the study stores them; results that are too long go to a file of the trial.

    Args:
        results: What `train` returned, by name.
        metrics: The names of what is optimised; these are kept in any case, as numbers.
        directory: The trial's; None outside a sweep.

    Raises:
        OSError: The file cannot be written.
    """
    values = {name: plain(value) for name, value in results.items()}
    # A metric may have come as an array of one.
    values |= {name: number_of(results[name]) for name in metrics if not isinstance(values[name], (int, float))}
    text = json.dumps(values)
    if directory is None or len(text) <= _LONGEST:
        return values
    path = directory / _FILE
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")
    _log.warning("the results are too long for the study's storage; all of them are in %s", path)
    return _shortened(values, metrics)


def _shortened(results: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """Shorten the results: replace the longest values by a word, then drop the last ones."""
    short = dict(results)
    sizes = {name: len(json.dumps({name: value})) for name, value in short.items()}
    too_long = sum(sizes.values()) - _LONGEST
    for name in sorted((name for name in sizes if name not in metrics), key=lambda name: -sizes[name]):
        saved = sizes[name] - len(json.dumps({name: _ELSEWHERE}))
        if too_long <= 0 or saved <= 0:
            break
        short[name] = _ELSEWHERE
        sizes[name] -= saved
        too_long -= saved
    for name in reversed(list(results)):
        if too_long <= 0:
            break
        if name not in metrics:
            del short[name]
            too_long -= sizes[name]
    return short
