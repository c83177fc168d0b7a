# SPDX-License-Identifier: MIT
"""Translate a whole pair of the original's files into a Hydra config; `tree` and `method_nodes` translate its parts."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperopt_app.hydra_compat import PLUGIN_FIELDS_ARE_READ_TWICE
from hyperopt_app.legacy.reading.pair import Launcher, Pair, Parameter
from hyperopt_app.legacy.translating.method_nodes import MethodNode, pruner_node, sampler_node
from hyperopt_app.legacy.translating.tree import Places, Shape, escaped, places_of, shape_of
from hyperopt_app.space.sweep_text import choice_of, choices_text, float_text, int_text
from hyperopt_app.support.passwords import masked

__all__ = ["PASSWORD_VARIABLE", "Translation", "study_dir_of", "sweep_text", "translate"]

PASSWORD_VARIABLE = "HYPEROPT_STORAGE_PASSWORD"  # noqa: S105 - the name of a variable
_IN_URL = re.compile(r"(?P<before>[A-Za-z][\w+.-]*://[^\s/:@]*:)(?P<secret>.+)(?P<after>@[^@]*)$")
_IN_QUERY = re.compile(r"(?P<before>.*[?&](?:ssl)?(?:password|passwd|pwd)=)(?P<secret>[^&]+)(?P<after>.*)$")
_LONGEST_NAME = 100
_ADAPTER = "hyperopt_app.legacy.objectives.adapter.LegacyObjective"


@dataclass(frozen=True)
class Translation:
    """The config directory that a pair becomes.

    Attributes:
        config: `config.yaml`.
        files: Further files, by their path in the directory; usually none.
        launchers: Options of hydra/launcher that are used one after the other; the config holds the first, and files
            named config_<launcher>.yaml the others.
        environment: Variable to secret, which the config refers to.
        notes: Notes for the user, each logged once.
    """

    config: Mapping[Any, Any]
    files: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    launchers: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def study_dir_of(pair: Pair) -> Path:
    """Return the directory of the study's own files, below save_path."""
    return pair.save_path / "studies" / _safe(pair.study_name)


def _safe(name: str) -> str:
    safe = re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII).lstrip(".") or "study"
    return safe if len(safe) <= _LONGEST_NAME else f"{safe[:_LONGEST_NAME]}-{zlib.crc32(name.encode()):08x}"


def translate(pair: Pair) -> Translation:
    """Return the config that runs the same study."""
    launchers = pair.launchers or (Launcher("local_workers", {}, pair.workers),)
    storage, environment = _without_secret(pair.storage)
    sampler, pruner = sampler_node(pair.sampler), pruner_node(pair.pruner)
    configs = [_config(pair, launcher, storage, sampler, pruner) for launcher in launchers]
    files: dict[str, Mapping[Any, Any]] = {}
    for group, node in (("sampler", sampler), ("pruner", pruner)):
        if node.file:
            files[f"hydra/sweeper/{group}/{node.option}.yaml"] = _escaped_all(node.file)
    for launcher, config in zip(launchers[1:], configs[1:], strict=True):
        files[f"config_{launcher.name}.yaml"] = config
    return Translation(configs[0], files, tuple(launcher.name for launcher in launchers), environment, pair.notes)


def _config(pair: Pair, launcher: Launcher, storage: str, sampler: MethodNode, pruner: MethodNode) -> dict[Any, Any]:
    applied = [entry for entry in pair.parameters if entry.place != "objective"]
    places = places_of(applied, pair.model)
    searched = [entry.path for entry in applied]
    model = shape_of({key: value for key, value in pair.model.items() if key != "optuna"}, searched)
    section = shape_of({"optuna": masked(pair.optuna)}, searched)
    names = {user: name for name, user in places.renamed.items()}
    tree = {names.get(key, key) if isinstance(key, str) else key: value for key, value in model.root.items()}
    config: dict[Any, Any] = {"defaults": _defaults(launcher, sampler, pruner), **tree}
    if places.placed:
        values = {entry["key"]: entry["value"] for entry in places.placed}
        config["placed"] = shape_of(values).root
    config["objective"] = _objective(
        pair, places, [model, section], [entry.path for entry in applied if _is_cut(entry)]
    )
    config["optuna"] = section.root["optuna"]
    config["hydra"] = _hydra(pair, launcher, storage, sampler, pruner, applied, places)
    return config


def _is_cut(parameter: Parameter) -> bool:
    """Whether Hydra gives a float where the objective expects an int."""
    return parameter.is_integer and parameter.declared == "discrete_uniform"


def _defaults(launcher: Launcher, sampler: MethodNode, pruner: MethodNode) -> list[Any]:
    options = [("hydra/sweeper", "async_optuna"), ("hydra/launcher", launcher.name)]
    options += [("hydra/sweeper/sampler", sampler.option), ("hydra/sweeper/pruner", pruner.option)]
    return ["_self_", *({f"override {group}": option} for group, option in options)]


def _objective(pair: Pair, places: Places, shapes: list[Shape], integers: list[tuple[str, ...]]) -> dict[str, Any]:
    node = {
        "_target_": _ADAPTER,
        "file": escaped(str(pair.objective)),
        "metric": _one_or_list(pair.metrics),
        "gpu": pair.gpu,
        "dialect": pair.dialect,
        "save_path": escaped(str(pair.save_path)),
        "study_name": escaped(pair.study_name),
        "hyper_file": escaped(str(pair.hyper_path)),
        "integers": [list(path) for path in integers],
        "renamed": dict(places.renamed),
        "placed": [{"key": entry["key"], "path": [escaped(part) for part in entry["path"]]} for entry in places.placed],
        "dates": [_escaped_all(list(path)) for shape in shapes for path in shape.dates],
        "marks": [_escaped_all(list(path)) for shape in shapes for path in shape.marks],
        "tuples": [_escaped_all(list(path)) for shape in shapes for path in shape.tuples],
        **({"accept_missing": True} if pair.accept_missing else {}),
    }
    return {key: value for key, value in node.items() if value not in ([], {})}


def _one_or_list(words: tuple[str, ...]) -> Any:
    return escaped(words[0]) if len(words) == 1 else [escaped(word) for word in words]


def _hydra(
    pair: Pair,
    launcher: Launcher,
    storage: str,
    sampler: MethodNode,
    pruner: MethodNode,
    applied: list[Parameter],
    places: Places,
) -> dict[str, Any]:
    keys = dict(zip(places.keys, applied, strict=True))
    seed = None if pair.sampler is None else pair.sampler.arguments.get("seed")
    names = {key.lstrip("+"): escaped(entry.name) for key, entry in keys.items() if key.lstrip("+") != entry.name}
    points, is_unchecked = _points(pair, {entry.name: key.lstrip("+") for key, entry in reversed(keys.items())})
    sweeper = {
        "study_name": escaped(pair.study_name),
        "storage": storage,
        "metric": _one_or_list(pair.metrics),
        "direction": _one_or_list(pair.directions),
        "n_trials": pair.n_trials,
        "n_jobs": launcher.workers,
        "seed": seed,
        "sampler": _escaped_all(sampler.values),
        "pruner": _escaped_all(pruner.values),
        "params": {key: escaped(sweep_text(entry)) for key, entry in keys.items()},
        "names": names,
        "plain_choices": _has_other_words(applied) or None,
        "enqueue": points,
        "enqueue_unchecked": is_unchecked or None,
    }
    place = escaped(str(study_dir_of(pair)))
    return {
        "job": {"name": _safe(pair.study_name)},
        "sweep": {"dir": place, "subdir": "trials/${hydra.job.num}"},
        "run": {"dir": f"{place}/runs/${{now:%Y-%m-%d_%H-%M-%S}}"},
        **({"launcher": _launcher_settings(launcher)} if launcher.settings else {}),
        "sweeper": {key: value for key, value in sweeper.items() if value or isinstance(value, int)},
        **_logging(pair.log_path),
    }


def sweep_text(parameter: Parameter) -> str:
    """Format a parameter in Hydra's sweep grammar, as under `hydra.sweeper.params`.

    Law: `parse_space` of the text gives the distribution that Optuna's suggest_<type> made of the same settings.
    """
    settings, kind = parameter.settings, parameter.declared
    if kind == "categorical":
        return choices_text(settings["choices"])
    low, high = settings["low"], settings["high"]
    log = kind == "loguniform" or bool(settings.get("log"))
    if kind == "int":
        return int_text(low, high, settings.get("step") or 1, log=log)
    step = settings.get("q") if kind == "discrete_uniform" else settings.get("step")
    return float_text(float(low), float(high), None if step is None else float(step), log=log)


def _has_other_words(parameters: list[Parameter]) -> bool:
    """Whether a choice's override text differs from the value which the original stored."""
    choices = [
        choice for entry in parameters if entry.declared == "categorical" for choice in entry.settings["choices"]
    ]
    return any(choice_of(choice) is not choice for choice in choices)


def _points(pair: Pair, keys: Mapping[str, str]) -> tuple[list[Any], bool]:
    """Return the points by key, and whether they contain keys not searched here or values out of range."""
    bounds = {entry.name: entry.settings for entry in pair.parameters if entry.place != "objective"}
    is_unchecked = any(
        name not in bounds or _is_outside(value, bounds[name])
        for point in pair.enqueue
        for name, value in point.items()
    )
    return [
        {escaped(keys.get(name, name)): _escaped_all(value) for name, value in point.items()} for point in pair.enqueue
    ], is_unchecked


def _is_outside(value: Any, settings: Mapping[str, Any]) -> bool:
    if "choices" in settings:
        return False
    step = settings.get("q") or settings.get("step")
    is_between = (
        step is not None and abs((value - settings["low"]) / step - round((value - settings["low"]) / step)) > 1e-8
    )
    return is_between or not settings["low"] <= value <= settings["high"]


def _logging(path: Path | None) -> dict[str, Any]:
    """Configure the one log file of all trials, beside what Hydra logs anyway.

    The driver does not write to it: it has something to say before the folder is there.
    """
    if path is None:
        return {}
    handler = {
        "class": "logging.FileHandler",
        "formatter": "original",
        "filename": escaped(str(path)),
        "mode": "a",
        "delay": True,
    }
    return {
        "job_logging": {
            "formatters": {"original": {"format": "%(levelname)s:%(name)s:%(message)s"}},
            "handlers": {"original": handler},
            "root": {"handlers": ["console", "file", "original"]},
        }
    }


def _without_secret(storage: str) -> tuple[str, dict[str, str]]:
    """Replace a URL's password by a reference, and return the referenced value."""
    for pattern in (_IN_URL, _IN_QUERY):
        match = pattern.match(storage)
        if match and match["secret"] not in ("", "***"):
            reference = f"${{oc.env:{PASSWORD_VARIABLE}}}"
            return f"{escaped(match['before'])}{reference}{escaped(match['after'])}", {
                PASSWORD_VARIABLE: match["secret"]
            }
    return escaped(storage), {}


def _launcher_settings(launcher: Launcher) -> Any:
    """Return the fields of a launcher as its node holds them."""
    settings = _escaped_all(launcher.settings)
    return _escaped_all(settings) if PLUGIN_FIELDS_ARE_READ_TWICE else settings


def _escaped_all(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return {key: _escaped_all(inner) for key, inner in value.items()}
    return [_escaped_all(inner) for inner in value] if isinstance(value, (list, tuple)) else value
