# SPDX-License-Identifier: MIT
"""Where an objective.py that is a module of a package belongs, so that its relative imports work; pure but for looks.

The original loaded every file as a module of its own, and such imports failed.
"""

import ast
import tokenize
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MOUNT", "Place", "parsed", "place_of"]

# The name of a folder that is no package, for relative imports out of it: its own may be that of a library.
MOUNT = "objective_package"


@dataclass(frozen=True)
class Place:
    """A module's place in its package.

    Attributes:
        name: Dotted.
        top: The folder of the outermost package.
        is_mounted: The folder has no `__init__.py`; it is imported as `MOUNT`.
        is_relative: The module has relative imports, so it must be loaded by its name.
    """

    name: str
    top: Path
    is_mounted: bool = False
    is_relative: bool = False


def parsed(path: Path) -> ast.Module:
    """The file's syntax tree.

    Raises:
        OSError: It cannot be read.
        SyntaxError: It is no Python.
        ValueError: It is no text.
    """
    with tokenize.open(path) as file:
        return ast.parse(file.read(), filename=str(path))


def place_of(path: Path, tree: ast.Module) -> Place | None:
    """The place of a file; None if it is in no package and does not import as if it were.

    Args:
        path: The file, absolute.
        tree: Its syntax tree.
    """
    if path.name == "__init__.py":  # it is a package by itself
        return None
    levels = max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)
    depth = 0
    while (path.parents[depth] / "__init__.py").is_file() and depth + 1 < len(path.parents):
        depth += 1
    if not (levels or depth) or levels >= len(path.parents):
        return None
    top = path.parents[max(levels, depth) - 1]
    inner = path.relative_to(top).with_suffix("").parts
    is_mounted = levels > depth
    return Place(".".join([MOUNT if is_mounted else top.name, *inner]), top, is_mounted, levels > 0)
