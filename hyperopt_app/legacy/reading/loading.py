# SPDX-License-Identifier: MIT
"""Load a YAML file as PyYAML's FullLoader did (YAML 1.1), restricted to plain data, and name doubtful values."""

from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from hyperopt_app.legacy.reading.findings import Findings, shown

__all__ = ["SixtiesInt", "as_written", "load", "odd_values", "plain", "without_tuples"]

# OmegaConf goes deeper by recursion, several calls for each level.
_DEEPEST = 60
# Aliases of aliases swell to more than any memory holds.
_MOST_VALUES = 1_000_000
# Tags with which Python's own types are dumped; FullLoader read these, and they are plain data.
_PLAIN_TAGS = {
    "str": "construct_yaml_str",
    "unicode": "construct_yaml_str",
    "int": "construct_yaml_int",
    "long": "construct_yaml_int",
    "float": "construct_yaml_float",
    "bool": "construct_yaml_bool",
    "none": "construct_yaml_null",
    "list": "construct_yaml_seq",
    "dict": "construct_yaml_map",
    "tuple": "construct_python_tuple",
}


class SixtiesInt(int):
    """A whole number in base sixty, as YAML 1.1 reads a bare 12:00:00.

    Attributes:
        text: What was written.
    """

    text: str = ""


class _Loader(yaml.SafeLoader):
    """The safe loader, which also records duplicate keys and numbers in base sixty."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.twice: list[tuple[str, int, int]] = []

    def construct_yaml_int(self, node: Any) -> int:
        value = super().construct_yaml_int(node)
        if ":" not in node.value:
            return int(value)
        kept = SixtiesInt(value)
        kept.text = node.value
        return kept

    def construct_python_tuple(self, node: Any) -> tuple[Any, ...]:
        return tuple(self.construct_sequence(node, deep=True))

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Any, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                first = seen.setdefault((key.tag, key.value), line)
                if first != line:
                    self.twice.append((key.value, first, line))
        return super().construct_mapping(node, deep=deep)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
for _name, _method in _PLAIN_TAGS.items():
    _Loader.add_constructor(f"tag:yaml.org,2002:python/{_name}", getattr(_Loader, _method))


def load(path: Path, findings: Findings) -> dict[Any, Any]:
    """Load the mapping in a file; numbers in base sixty become `SixtiesInt`.

    A file that is missing, no YAML, or no mapping is a fault, and the answer is empty then.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        findings.fault("", "file not found; check the path")
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text; save it as UTF-8"
        findings.fault("", f"it cannot be read: {reason}")
        return {}
    return _parsed(text, findings)


def _parsed(text: str, findings: Findings) -> dict[Any, Any]:
    try:
        loader = _Loader(text)
        content = loader.get_single_data()
        if _size(content, {}) > _MOST_VALUES:
            findings.fault("", f"its anchors stand for more than {_MOST_VALUES} values; write fewer")
            return {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        findings.fault("", _yaml_reason(error))
        return {}
    for key, first, last in dict.fromkeys(loader.twice):
        findings.note(f"{findings.where}: {key!r} stands in lines {first} and {last} of one section; the last counts")
    if not isinstance(content, dict):
        came = "nothing" if content is None else f"a {type(content).__name__}"
        findings.fault("", f"it holds {came}; it must be a mapping of keys to values")
        return {}
    return content


def _size(value: Any, known: dict[int, int]) -> int:
    """Count the values with every alias written out.

    Raises:
        RecursionError: A value holds itself.
    """
    if not isinstance(value, (Mapping, list, tuple)):
        return 1
    if id(value) not in known:
        inner = value.values() if isinstance(value, Mapping) else value
        known[id(value)] = 1 + sum(_size(item, known) for item in inner)
    return known[id(value)]


def _yaml_reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    problem = getattr(error, "problem", None) or next(iter(str(error).splitlines()), type(error).__name__)
    if isinstance(error, RecursionError):
        return f"it is nested too deeply, or an anchor holds itself; {_DEEPEST} levels are allowed"
    if isinstance(error, yaml.reader.ReaderError):
        return f"it holds the control character #x{error.character:02x} at position {error.position}; remove it"
    if "could not determine a constructor" in problem:
        tag = problem.rsplit(" ", 1)[-1].strip("'").replace("tag:yaml.org,2002:", "!!")
        return f"the tag {tag}{place} would run or build Python objects and is refused; write a plain value"
    if "tab" in problem or "'\\t'" in problem:
        problem += "; YAML wants blanks where a tab stands"
    return f"it is not valid YAML: {problem}{place}"


def plain(value: Any) -> Any:
    """Return a copy in which every number is plain.

    Raises:
        RecursionError: A value holds itself.
    """
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(inner) for inner in value)
    return int(value) if isinstance(value, SixtiesInt) else value


def as_written(value: Any) -> Any:
    """Return a copy in which numbers in base sixty are the text that was written."""
    if isinstance(value, Mapping):
        return {key: as_written(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_written(inner) for inner in value]
    return value.text if isinstance(value, SixtiesInt) else value


def without_tuples(value: Any) -> Any:
    """Return a copy with lists instead of tuples."""
    if isinstance(value, Mapping):
        return {key: without_tuples(inner) for key, inner in value.items()}
    return [without_tuples(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def odd_values(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield key path and error of values that YAML allows and a config cannot hold.

    Sets, bytes, keys that are null or dates, keys that differ only by quotes, and what is nested too deeply.
    """
    if isinstance(value, (Mapping, list, tuple)) and depth >= _DEEPEST:
        yield path[:60] + "...", f"it is nested too deeply; {_DEEPEST} levels are allowed"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            place = f"{path}:{key}" if path else str(key)
            if not isinstance(key, (str, int, float)):
                yield place, f"the key {shown(key)} is not text, a number or a boolean; put it in quotes"
            if isinstance(key, int) and not isinstance(key, bool) and str(key) in value:
                yield place, f"the keys {key!r} and {str(key)!r} stand side by side; a config cannot tell them apart"
            yield from odd_values(inner, place, depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from odd_values(inner, f"{path}:{index}", depth + 1)
    elif value is not None and not isinstance(value, (str, bool, int, float, date)):
        yield path, f"a {type(value).__name__} cannot be kept in a config; write text, numbers, lists or mappings"
