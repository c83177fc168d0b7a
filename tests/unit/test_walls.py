# SPDX-License-Identifier: MIT
"""Holds every import of the source tree against the two rules of the architecture and the tables in _walls.py."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import hyperopt_app
from tests.unit._walls import FLOORS, LEGACY_FLOORS, ONLY_IN, OPTUNA_INTERNALS_ONLY_IN, STRANGERS

REPO = Path(__file__).resolve().parents[2]
MOST_MODULES = 12  # in one folder
# Private attributes of Optuna's objects, and those methods of a storage that write past a study's own rules.
OPTUNA_INTERNALS = {
    *("_backend", "_pop_waiting_trial_id", "_storage", "_study_id", "_trial_id"),
    *("create_new_trial", "set_trial_intermediate_value", "set_trial_param", "set_trial_state_values"),
}


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
by_module = pytest.mark.parametrize("module", sorted(SOURCES), ids=lambda name: name or "hyperopt_app")


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
            while own and own not in SOURCES:
                own = own.rpartition(".")[0]
            yield own, found


def _floor(module: str, floors: Sequence[set[str]]) -> int:
    room = module.partition(".")[0]
    return next(number for number, rooms in enumerate(floors) if room in rooms)


def _has_a_room(module: str) -> bool:
    return any(module.partition(".")[0] in rooms for rooms in FLOORS)


def _is_within(module: str, places: Iterable[str]) -> bool:
    """Whether a module is one of the places, or lies in one of them."""
    return any(module == place or module.startswith(f"{place}.") for place in places)


@by_module
def test_a_room_imports_only_rooms_below_it(module: str) -> None:
    """The first rule; within `legacy` it holds for the rooms there too."""
    wrong = []
    for other, found in _own_imports(SOURCES[module]):
        room, theirs = module.partition(".")[0], other.partition(".")[0]
        if not _has_a_room(module) or not _has_a_room(other):
            continue
        is_below = _floor(other, FLOORS) < _floor(module, FLOORS)
        if room == theirs == "legacy" and module != other:
            inner, their_inner = (_inner_room(one) for one in (module, other))
            is_below = inner == their_inner or _floor(their_inner, LEGACY_FLOORS) < _floor(inner, LEGACY_FLOORS)
        if room != theirs and {room, theirs} == STRANGERS:
            is_below = False
        if not (is_below or (room == theirs != "legacy") or module == other):
            wrong.append(f"line {found.line}: {found.name}")
    assert not wrong


def _inner_room(module: str) -> str:
    """`legacy.old.places` -> `old`; a module of `legacy` itself has the empty name."""
    parts = module.split(".")
    is_room = len(parts) == 2 and SOURCES[module].name == "__init__.py"
    return parts[1] if is_room or len(parts) > 2 else ""


def test_launchers_and_workers_do_not_know_each_other() -> None:
    """The second rule: any launcher carries any worker."""
    wrong = [
        f"{module}, line {found.line}: {found.name}"
        for module in SOURCES
        for other, found in _own_imports(SOURCES[module])
        if {module.partition(".")[0], other.partition(".")[0]} == STRANGERS
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Neither at the top nor in functions; those of `objectives` included."""
    graph = {name: {own for own, _ in _own_imports(path)} - {name} for name, path in SOURCES.items()}
    graph |= {name: {found.name.rpartition(".")[0] for found in _imports(path)} for name, path in OBJECTIVES.items()}
    TopologicalSorter(graph).prepare()
    assert len(graph) == len(SOURCES) + len(OBJECTIVES)


def test_a_folder_can_be_surveyed() -> None:
    """At most twelve modules beside __init__.py."""
    counts: dict[Path, int] = {}
    for path in SOURCES.values():
        counts[path.parent] = counts.get(path.parent, 0) + (path.name != "__init__.py")
    assert not {str(folder): count for folder, count in counts.items() if count > MOST_MODULES}


@by_module
def test_packages_of_others_are_named_in_few_places(module: str) -> None:
    """As in ONLY_IN."""
    wrong = [
        f"line {found.line}: {found.name}"
        for found in _imports(SOURCES[module])
        if not _is_within(module, ONLY_IN.get(found.name.partition(".")[0], {module}))
    ]
    assert not wrong


@by_module
def test_optunas_internals_are_touched_in_few_places(module: str) -> None:
    """Elsewhere no private module of Optuna's is imported and no private attribute of its objects is used."""
    if _is_within(module, OPTUNA_INTERNALS_ONLY_IN):
        return
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
        if not _is_within(
            own,
            {"config", "errors", "hydra_compat"}
            if found.at_the_top
            else {"callbacks.lightning", "config", "doctor.examination", "driver.sweep", "launchers"},
        )
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
