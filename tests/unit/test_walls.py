# SPDX-License-Identifier: MIT
"""Holds every import of the source tree against the walls that the architecture draws."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import hyperopt_app
from tests.unit._walls import (
    MAY_IMPORT,
    ONLY_IN,
    OPTUNA_INTERNALS,
    OPTUNA_INTERNALS_ONLY_IN,
    PLUGINS_AT_THE_TOP,
    PLUGINS_IN_FUNCTIONS,
)

REPO = Path(__file__).resolve().parents[2]


class Import(NamedTuple):
    """One imported module or name, and whether it is imported as soon as its file is."""

    name: str
    line: int
    at_the_top: bool


def _sources(folder: str) -> dict[str, Path]:
    """Dotted module name -> file, for every Python file of a top-level folder but the config tree's own."""
    found = {}
    for path in sorted((REPO / folder).rglob("*.py")):
        parts = path.relative_to(REPO).with_suffix("").parts
        if "conf" not in parts:
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def _own(name: str) -> str:
    """`hyperopt_app.callbacks.lightning` -> `callbacks.lightning`, `hyperopt_app` -> the empty name."""
    return name.removeprefix("hyperopt_app").removeprefix(".")


SOURCES = {_own(name): path for name, path in _sources("hyperopt_app").items()}
PLUGINS = _sources("hydra_plugins")
OBJECTIVES = _sources("objectives")


def _imports(path: Path) -> Iterator[Import]:
    """Every imported name of a file: `from a import b` gives `a.b`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, node not in inside)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import; write the full name"
            for alias in node.names:
                yield Import(f"{node.module}.{alias.name}", node.lineno, node not in inside)


def _own_imports(path: Path) -> Iterator[tuple[str, Import]]:
    """The modules of hyperopt_app that a file imports; a name of the package itself is the empty one."""
    for found in _imports(path):
        if found.name == "hyperopt_app" or found.name.startswith("hyperopt_app."):
            own = _own(found.name)
            while own and own not in SOURCES and own not in MAY_IMPORT:
                own = own.rpartition(".")[0]
            yield own, found


def test_every_module_stands_in_the_table() -> None:
    """A new module gets its walls when it is made."""
    assert set(SOURCES) <= set(MAY_IMPORT)


def test_the_table_has_no_circle() -> None:
    """A module may only import what stands above it in the table."""
    seen: set[str] = set()
    for module, allowed in MAY_IMPORT.items():
        assert allowed <= seen, f"{module} names {sorted(allowed - seen)} before the table does"
        seen.add(module)


@pytest.mark.parametrize("module", sorted(SOURCES), ids=lambda name: name or "hyperopt_app")
def test_a_module_imports_only_what_its_walls_allow(module: str) -> None:
    """Modules of ours as in MAY_IMPORT, packages of others as in ONLY_IN."""
    path = SOURCES[module]
    wrong = [
        f"line {found.line}: {found.name}"
        for own, found in _own_imports(path)
        if own not in {module, "errors"} | MAY_IMPORT.get(module, set())
    ]
    wrong += [
        f"line {found.line}: {found.name}"
        for found in _imports(path)
        if module not in ONLY_IN.get(found.name.partition(".")[0], {module})
    ]
    assert not wrong


@pytest.mark.parametrize(
    "module", sorted(set(SOURCES) - OPTUNA_INTERNALS_ONLY_IN), ids=lambda name: name or "hyperopt_app"
)
def test_optunas_internals_are_touched_in_one_place(module: str) -> None:
    """Elsewhere no private module of Optuna's is imported and no private attribute of its objects is used."""
    path = SOURCES[module]
    wrong = [
        f"line {found.line}: {found.name}"
        for found in _imports(path)
        if found.name.startswith("optuna.") and any(part.startswith("_") for part in found.name.split("."))
    ]
    wrong += [
        f"line {node.lineno}: .{node.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in OPTUNA_INTERNALS and not _of_self(node)
    ]
    assert not wrong


def _of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def test_the_plugins_folder_is_a_namespace_package() -> None:
    """An __init__.py in hydra_plugins would hide everybody else's plugins."""
    assert not (REPO / "hydra_plugins" / "__init__.py").exists()


def test_the_plugins_know_the_schemas_at_the_top_and_the_sweep_in_functions() -> None:
    """Hydra imports every plugin in every program, so the rest is imported when it is used."""
    wrong = [
        f"{name}, line {found.line}: {found.name}"
        for name, path in PLUGINS.items()
        for own, found in _own_imports(path)
        if own not in (PLUGINS_AT_THE_TOP if found.at_the_top else PLUGINS_IN_FUNCTIONS)
    ]
    assert PLUGINS, "no plugins were found"
    assert not wrong


def test_objectives_use_public_names_only() -> None:
    """A worked objective imports what any user's may: names of hyperopt_app.__all__, and the callbacks."""
    public = {"hyperopt_app", *(f"hyperopt_app.{name}" for name in hyperopt_app.__all__)}
    wrong = [
        f"{name}, line {found.line}: {found.name}"
        for name, path in OBJECTIVES.items()
        for _, found in _own_imports(path)
        if found.name not in public and not found.name.startswith("hyperopt_app.callbacks.")
    ]
    assert OBJECTIVES, "no objectives were found"
    assert not wrong
