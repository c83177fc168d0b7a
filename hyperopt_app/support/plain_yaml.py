# SPDX-License-Identifier: MIT
"""Format plain values as YAML text."""

from collections.abc import Mapping
from typing import Any

import yaml

__all__ = ["plain_yaml", "reads_as_number"]

_LINE_ENDS_OF_YAML = "\x85\u2028\u2029"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if any(character in text for character in _LINE_ENDS_OF_YAML):
        style = '"'  # PyYAML folds them to blanks in every other style
    elif reads_as_number(text):
        style = "'"  # OmegaConf takes more text for numbers than YAML 1.1 does (1e-3) and quotes likewise
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def plain_yaml(content: Mapping[str, Any]) -> str:
    """Format YAML that `yaml.safe_load` and `OmegaConf.load` read alike; `${` in strings is left unchanged.

    Keys keep their order, every value stands on one line, NumPy's numbers become Python's.
    """
    # One line per value: a command in it is there to be copied.
    return yaml.dump(
        _plain(content),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=2**20,
    )


def reads_as_number(text: str) -> bool:
    """Whether OmegaConf takes a bare text for a number, which it does for more than YAML 1.1 (1e-3)."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    """Convert a value to Python's own types; the YAML writer refuses NumPy's, which an in-memory study may hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value.item() if hasattr(value, "item") else str(value)
