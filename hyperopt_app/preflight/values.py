# SPDX-License-Identifier: MIT
"""Check that a composed config accepts every value of the search space.

Each value is set on one composed config, by the same rule that workers use. That takes less than a millisecond per
value; composing again for each value would take a hundred times as long.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, InterpolationValidationError, OmegaConfBaseException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from hyperopt_app.space.override_text import override_text, parsed_override

__all__ = ["samples", "value_faults"]

# Lines for one parameter; the rest is counted.
_MOST_LINES = 5
# What is merged into a node, or stands in the place of one, begins on a copy of the config.
_MOST_NODES = 50

# OmegaConf says some of it with Python's own errors.
_NOT_TAKEN = (OmegaConfBaseException, ValueError, TypeError, AttributeError, KeyError, IndexError)


def samples(distribution: BaseDistribution) -> Iterator[Any]:
    """Yield the values to try of a parameter: every choice; of a range both ends and one value in between."""
    if isinstance(distribution, CategoricalDistribution):
        yield from distribution.choices
        return
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    inner = low + step if step else low + (high - low) * 0.382
    yield from dict.fromkeys((low, min(inner, high), high))


def value_faults(
    distributions: Mapping[str, BaseDistribution],
    config: DictConfig,
    most: int,
    where: str,
    place: Callable[[str], str],
) -> list[str]:
    """Report each value that the config does not accept, or that refers to nothing in it.

    Args:
        distributions: Override key to distribution; each key is in the config.
        config: Composed; it is changed.
        most: How many values of each parameter are tried.
        where: With which options it is composed, for the lines.
        place: The setting in which the range of a key stands.
    """
    faults = []
    for key, distribution in distributions.items():
        lines = [
            f"{place(key)}: the config does not take {value}{where}: {reason}; {_way(distribution)}"
            for value, reason in _refused(key, islice(samples(distribution), most), config, distributions)
        ]
        faults += lines[:_MOST_LINES]
        if len(lines) > _MOST_LINES:
            faults.append(f"{place(key)}: so it is with {len(lines) - _MOST_LINES} more of its values")
    return faults


def _refused(key: str, values: Iterator[Any], config: DictConfig, searched: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the values that cannot be set, as override text, and why."""
    bare, nodes = key.lstrip("+"), 0
    is_node = _is_node(config, bare)
    for value in values:
        text = override_text(key, value)
        shown = text.partition("=")[2] or "an empty text"
        element = parsed_override(text)
        apart = is_node or isinstance(element, dict)
        nodes += apart
        if nodes > _MOST_NODES:
            return
        tried = copy.deepcopy(config) if apart else config
        try:
            OmegaConf.update(tried, bare, element, merge=True)
        except _NOT_TAKEN as error:
            yield shown, _one_line(error)
            continue
        # What refers to another searched key depends on that one's value.
        is_settled = not any(other.lstrip("+") in text for other in searched if other != key)
        reason = _dangling(tried, bare, is_settled=is_settled) if "${" in text else None
        if reason is not None:
            yield shown, reason


def _is_node(config: DictConfig, key: str) -> bool:
    try:
        return OmegaConf.is_config(OmegaConf.select(config, key))
    except OmegaConfBaseException:
        return False


def _dangling(config: DictConfig, key: str, *, is_settled: bool) -> str | None:
    """Say why a value that was set refers to nothing, or to what its key cannot hold.

    What only a job can answer (`${hydra:...}`) is not asked. What refers to itself is found by `circles`, but for a key
    that another interpolation makes (`${a.${b}}`), which only OmegaConf can follow.
    """
    try:
        node = OmegaConf.select(config, key)
        if OmegaConf.is_config(node):
            OmegaConf.to_container(node, resolve=True)
    except InterpolationKeyError as error:
        return _one_line(error)
    except InterpolationValidationError as error:
        return _one_line(error) if is_settled else None
    except Exception as error:  # noqa: BLE001 - a resolver of the user's may want what only a trial has
        return _one_line(error) if is_settled and "Recursive interpolation" in str(error) else None
    return None


def _one_line(error: BaseException) -> str:
    """Return the first line of OmegaConf's text; the other lines name the key, as our message does."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _way(distribution: BaseDistribution) -> str:
    if isinstance(distribution, CategoricalDistribution):
        return "correct it, or leave it out"
    if isinstance(distribution, FloatDistribution):
        return "for whole numbers write int(interval(low, high)) or range(start, stop), else what the key takes"
    return "write what the key takes"
