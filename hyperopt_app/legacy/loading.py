# SPDX-License-Identifier: MIT
"""Load one YAML file as PyYAML's FullLoader did (YAML 1.1), but make plain data only and name what is doubtful."""

from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from hyperopt_app.legacy.findings import Findings, shown

__all__ = ["SixtiesInt", "load", "odd_values", "plain"]


class SixtiesInt(int):
    """A whole number that was written to the base of sixty, as YAML 1.1 reads a bare 12:00:00.

    Attributes:
        text: What was written.
    """

    text: str = ""


class _Loader(yaml.SafeLoader):
    """The safe loader, which remembers keys that are given twice and what sixties looked like."""

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


def load(path: Path, findings: Findings) -> dict[Any, Any]:
    """The mapping in a file; numbers to the base of sixty are `SixtiesInt`.

    A file that is missing, no YAML, or no mapping is a fault, and the answer is empty then.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        findings.fault("", "there is no such file; check the path")
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        findings.fault("", f"it cannot be read: {reason}")
        return {}
    return _parsed(text, findings)


def _parsed(text: str, findings: Findings) -> dict[Any, Any]:
    loader = _Loader(text)
    try:
        content = loader.get_single_data()
        if isinstance(content, dict):
            plain(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        findings.fault("", _reason(error))
        return {}
    finally:
        loader.dispose()
    for key, first, last in dict.fromkeys(loader.twice):
        findings.note(f"{findings.where}: {key!r} stands in lines {first} and {last} of one section; the last counts")
    if not isinstance(content, dict):
        came = "nothing" if content is None else f"a {type(content).__name__}"
        findings.fault("", f"it holds {came}; it must be a mapping of keys to values")
        return {}
    return content


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    problem = getattr(error, "problem", None) or next(iter(str(error).splitlines()), type(error).__name__)
    if isinstance(error, RecursionError):
        return "an anchor holds itself; write the values out"
    if "could not determine a constructor" in problem:
        tag = problem.rsplit(" ", 1)[-1].strip("'").replace("tag:yaml.org,2002:", "!!")
        return f"the tag {tag}{place} would run or build Python objects and is refused; write a plain value"
    if "tab" in problem or "'\\t'" in problem:
        problem += "; YAML wants blanks where a tab stands"
    return f"it is not valid YAML: {problem}{place}"


def plain(value: Any) -> Any:
    """A copy in which every number is a plain one.

    Raises:
        RecursionError: A value holds itself.
    """
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return int(value) if isinstance(value, SixtiesInt) else value


def odd_values(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Key path and fault of what YAML can say and a config cannot hold: sets, bytes, keys that are null or dates."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = f"{path}:{key}" if path else str(key)
            if not isinstance(key, (str, int, float)):
                yield here, f"the key {shown(key)} is no text, number or boolean; put it in quotes"
            yield from odd_values(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from odd_values(inner, f"{path}:{index}")
    elif value is not None and not isinstance(value, (str, bool, int, float, date)):
        yield path, f"a {type(value).__name__} cannot be kept in a config; write text, numbers, lists or mappings"
