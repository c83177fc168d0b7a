# SPDX-License-Identifier: MIT
"""Inspect an objective.py without executing it: its errors, its imports and the package it belongs to.

The original loaded every file as a separate module, so relative imports failed.
"""

import ast
import importlib.util
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hyperopt_app.legacy.objectives.surface import offered, roots
from hyperopt_app.legacy.reading.findings import nearest

__all__ = ["MOUNT", "Place", "faults_of", "installed_imports", "missing_imports", "parsed", "place_of"]

_CHANGES = {"clear", "pop", "setdefault", "update", "putenv", "unsetenv"}
_INTEGRATION = "optuna.integration"


@dataclass(frozen=True)
class _Import:
    """One imported module.

    Attributes:
        name: Dotted.
        line: Where.
        is_plain: It is imported whenever the file is: at the top level, in no `try` and no `if`.
        is_star: All its names are.
        attributes: The names that are imported from it.
    """

    name: str
    line: int
    is_plain: bool
    is_star: bool = False
    attributes: tuple[str, ...] = ()


def faults_of(path: Path, named_by: str = "") -> list[str]:
    """Check an objective's file: missing, not Python, or without a class Objective; one line per error.

    Args:
        path: The file.
        named_by: The file that names it, for the message.
    """
    where = f"optuna.objective{f' in {named_by}' if named_by else ''}"
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        return [f"{where}: {path} {what}; set the path of the file with your class Objective"]
    try:
        tree = parsed(path)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        return [f"{where}: {path}{line}: {error.msg}; fix that first"]
    except (OSError, ValueError) as error:
        return [f"{where}: {path} cannot be read: {error}; fix that first"]
    return [f"{where}: {path}{fault}" for fault in (*_without_class(tree), *_without_train(tree))]


def missing_imports(path: Path) -> list[str]:
    """Return the imports of an objective's file, or of modules of its folder, that this process cannot find.

    One line each, of each module the first. Nothing is said of a file that changes the search path itself. Workers of a
    cluster's job may find more than this process, if the job's own lines set it up.
    """
    files: dict[Path, ast.Module] = {}
    _gather(path, files)
    if any(_mentions(tree, {"path", "addsitedir", "import_module"}) for tree in files.values()):
        return []
    faults: dict[str, str] = {}
    for file, tree in files.items():
        for item, fault in _unfound(tree, file):
            faults.setdefault(fault.partition(" is ")[0], f"optuna.objective: {file}, line {item.line}: {fault}")
    return list(faults.values())


def _gather(path: Path, files: dict[Path, ast.Module]) -> None:
    """Collect a file, and those of its folder that are imported with it."""
    try:
        files[path] = parsed(path)
    except (OSError, SyntaxError, ValueError):
        if files:
            return  # reported when it is imported
        raise
    for item in _imports(files[path]):
        own = _in_folder(item.name.partition(".")[0], path.parent) if item.is_plain else None
        if own is not None and own not in files:
            _gather(own, files)


def _without_class(tree: ast.Module) -> Iterator[str]:
    names, has_star = set[str](), False
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
            has_star |= any(alias.name == "*" and not offered(node.module or "") for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    if "Objective" not in names and not has_star:
        classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        has = f"its classes are {', '.join(classes)}" if classes else "it has no class at all"
        yield f": class Objective not found ({has}); give your class this name"


def _without_train(tree: ast.Module) -> Iterator[str]:
    """Report a class that derives from the original's base and nothing else, without `train`."""
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or node.name != "Objective" or node.decorator_list or node.keywords:
            continue
        bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        methods = [statement.name for statement in node.body if isinstance(statement, ast.FunctionDef)]
        is_plain = all(isinstance(statement, (ast.FunctionDef, ast.Expr, ast.Pass)) for statement in node.body)
        if bases == ["BaseObjective"] and is_plain and not {"train", "__call__"} & {*methods}:
            near = nearest("train", [name for name in methods if not name.startswith("__")])
            yield f", line {node.lineno}: Objective has no method train(self, trial, conf){near}"


def _mentions(tree: ast.AST, attributes: set[str]) -> bool:
    """Whether the code uses `sys.path` or the like."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in attributes
        and isinstance(node.value, ast.Name)
        and node.value.id in {"sys", "site", "importlib"}
        for node in ast.walk(tree)
    )


def _unfound(tree: ast.Module, path: Path) -> Iterator[tuple[_Import, str]]:
    folder, place = path.parent, place_of(path, tree)
    own = None if place is None or place.is_mounted else place.top.name
    for item in _imports(tree):
        root = item.name.partition(".")[0]
        if not item.is_plain or root == own:
            continue
        if root in roots() and not _is_installed(root):
            if not offered(item.name):
                yield item, f"{item.name} is not part of what is stood in for; install the package {root}"
        elif root == "echo" and offered(item.name) and (other := _without_part(item.name)):
            yield item, f"{item.name} is not part of {other}, which is another package; rename or uninstall that"
        elif item.name.startswith(_INTEGRATION) or (item.name == "optuna" and "integration" in item.attributes):
            if not _is_installed("optuna_integration"):
                yield item, "optuna.integration has moved to a package of its own: pip install optuna-integration"
        elif not (_is_found(root) or _in_folder(root, folder) or (folder / root).is_dir()):
            yield item, f"no module named {root!r} is installed here or lies in {folder}; install it, or fix the name"


def installed_imports(path: Path) -> list[str]:
    """Return the installed top-level packages that an objective and the modules of its folder import, in order.

    Nothing that is imported after the file has changed the environment: such a package reads it when it is imported.
    """
    names: dict[str, None] = {}
    seen: set[Path] = set()
    _collect(path, path.parent, names, seen)
    known = {*sys.stdlib_module_names, *roots(), "optuna", "hyperopt_app"}
    return [name for name in names if name not in known and _is_installed(name)]


def _collect(path: Path, folder: Path, names: dict[str, None], seen: set[Path]) -> bool:
    """Collect the imports of a file and of those in its folder; False if the environment is changed on the way."""
    seen.add(path)
    try:
        tree = parsed(path)
    except (OSError, ValueError, SyntaxError):
        return True
    for statement in tree.body:
        if _changes_environment(statement):
            return False
        for item in _imports(ast.Module([statement], [])):
            root = item.name.partition(".")[0]
            if offered(item.name) and item.is_star:
                names.setdefault("pandas")
            own = _in_folder(root, folder)
            if own is None:
                names.setdefault(root)
            elif own not in seen and not _collect(own, folder, names, seen):
                return False
    return True


def _changes_environment(statement: ast.stmt) -> bool:
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and node.attr in {"putenv", "unsetenv"}:
            return True
        if isinstance(node, ast.Attribute) and node.attr in _CHANGES and _is_environ(node.value):
            return True
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load) and _is_environ(node.value):
            return True
    return False


def _is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )


def _imports(tree: ast.Module) -> Iterator[_Import]:
    plain = {node for statement in tree.body for node in _always_run(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(alias.name, node.lineno, node in plain)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = tuple(alias.name for alias in node.names)
            yield _Import(node.module, node.lineno, node in plain, "*" in names, names)


def _always_run(statement: ast.stmt) -> Iterator[ast.stmt]:
    yield statement
    if isinstance(statement, ast.With) or (isinstance(statement, ast.Try) and _only_reports(statement)):
        for inner in statement.body:
            yield from _always_run(inner)


def _only_reports(statement: ast.Try) -> bool:
    """Whether each exception handler logs or prints and raises the exception again."""
    return all(handler.body and isinstance(handler.body[-1], ast.Raise) for handler in statement.handlers)


def _in_folder(root: str, folder: Path) -> Path | None:
    """Return the file of a module or package in the folder."""
    for path in (folder / f"{root}.py", folder / root / "__init__.py"):
        if path.is_file():
            return path
    return None


def _without_part(name: str) -> str | None:
    """Return the file of the installed package that lacks this module; None if it has it, or if that is unknown."""
    root, *rest = name.split(".")
    spec = importlib.util.find_spec(root)
    if spec is None or not spec.submodule_search_locations:
        return None if spec is None else spec.origin
    places = [Path(place).joinpath(*rest) for place in spec.submodule_search_locations]
    has_part = any(place.is_dir() or list(place.parent.glob(f"{place.name}.*")) for place in places)
    return None if has_part else spec.origin


def _is_found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return name in sys.modules


def _is_installed(name: str) -> bool:
    """Whether a package or module is installed; a mere folder of that name on the search path does not count."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return name in sys.modules
    return spec is not None and spec.origin is not None


# The name of a folder that is not a package, for relative imports out of it: its own may be that of a library.
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
    """Parse the file into a syntax tree.

    Raises:
        OSError: It cannot be read.
        SyntaxError: It is not Python.
        ValueError: It is not text.
    """
    with tokenize.open(path) as file:
        return ast.parse(file.read(), filename=str(path))


def place_of(path: Path, tree: ast.Module) -> Place | None:
    """Return the place of a file in its package; None if it is in none and does not import as if it were.

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
