# SPDX-License-Identifier: MIT
"""Find sweeper fields at a place where nothing reads them, and name the right place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.settings.reading import Settings, default_fields

__all__ = ["Strays", "misplaced"]

_SWEEPS = ("interval(", "choice(", "range(", "tag(", "int(", "float(", "shuffle(")


@dataclass(frozen=True)
class Strays:
    """Misplaced fields: faults can only be mistakes, notes may be intended."""

    faults: tuple[str, ...]
    notes: tuple[str, ...]


def misplaced(config: DictConfig, settings: Settings, typed: Sequence[str] = ()) -> Strays:
    """Find sweeper fields at the top of the app's config, in `params`, and in the sampler's and the pruner's node.

    Args:
        config: The sweep's composed config.
        settings: Its settings.
        typed: The overrides of the command line but those of `hydra.`.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    sweeper = plain.pop("hydra")["sweeper"]
    faults, notes = [*_in_params(plain, settings), *_in_methods(settings)], list[str]()
    ranges = [word for word in typed if "(" in word or "," in word]
    searches_nothing = not (settings.params or settings.when or settings.custom_search_space or ranges)
    own = {word.lstrip("+").partition("=")[0] for word in (*ranges, *settings.params)}
    for key in _at_the_top(plain, sweeper, settings):
        message = (
            f"{key} at the top of the config is not read by the sweeper, whose hydra.sweeper.{key} has its default"
        )
        if key == "params" and searches_nothing:
            faults.append(f"{message}, so nothing is searched; write it as hydra.sweeper.{key}")
        elif key not in own:
            notes.append(f"{message}; if it is intended for the sweeper, write it as hydra.sweeper.{key}")
    return Strays(tuple(faults), tuple(notes))


def _in_params(task: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for key, text in settings.params.items():
        is_sweep = "(" in str(text) or "," in str(text)  # of a config group of that name, say
        if key not in task and key in _LOOKS_RIGHT and not is_sweep and _LOOKS_RIGHT[key](_read_as_yaml(text)):
            yield (
                f"hydra.sweeper.params.{key}: {key} is a field of the sweeper and no key of the config; write "
                f"hydra.sweeper.{key}: {text}"
            )


def _in_methods(settings: Settings) -> Iterator[str]:
    for name, node in (("sampler", settings.sampler), ("pruner", settings.pruner)):
        # A class of another module may have such an argument.
        if str(node.get("_target_", "")).startswith("optuna."):
            for key in _LOOKS_RIGHT.keys() & node.keys():
                yield (
                    f"hydra.sweeper.{name}.{key}: {key} is a field of the sweeper, not of its {name}; write "
                    f"hydra.sweeper.{key}: {node[key]}"
                )


def _at_the_top(task: Mapping[str, Any], sweeper: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    default = default_fields()
    for key, looks_right in _LOOKS_RIGHT.items():
        is_default = sweeper.get(key) == default[key] and key not in settings.translated
        if key in task and is_default and looks_right(task[key]) and task[key] != default[key]:
            yield key


def _read_as_yaml(text: str) -> Any:
    """Parse a text of `params` as YAML, as it would be read elsewhere in the file."""
    try:
        return yaml.safe_load(str(text))
    except yaml.YAMLError:
        return text


def _is_direction(value: Any) -> bool:
    words = value if isinstance(value, list) else [value]
    return bool(words) and all(word in ("minimize", "maximize") for word in words)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "${" not in value


def _is_sampler(value: Any) -> bool:
    return isinstance(value, Mapping) and str(value.get("_target_", "")).startswith("optuna.")


def _are_ranges(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(text, str) and text.startswith(_SWEEPS) for text in value.values())
    )


# Field of the sweeper -> whether a value elsewhere may be meant for it: apps have keys of these names themselves.
_LOOKS_RIGHT: dict[str, Callable[[Any], bool]] = {
    "direction": _is_direction,
    "n_trials": _is_count,
    "n_jobs": _is_count,
    "study_name": _is_name,
    "storage": lambda value: _is_name(value) and "://" in value,
    "sampler": _is_sampler,
    "params": _are_ranges,
    "metric": _is_name,
}
