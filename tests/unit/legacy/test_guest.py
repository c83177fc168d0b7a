# SPDX-License-Identifier: MIT
"""The original interface is a guest: it uses public rooms, what they export, and one function of the driver."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import hyperopt_app

LEGACY = Path(hyperopt_app.__file__).parent / "legacy"
FILES = sorted(LEGACY.rglob("*.py"))
MOST_FILES, MOST_LINES = 55, 8000
# What a study, its space, its storage and its trials are, what an objective sees, and what is shown of them: the nouns
# that anybody's tool around a study may use. How a search is run (settings, preflight, launchers, worker, progress,
# driver) is for the driver alone, and whoever wants a search asks it by the one function.
PUBLIC_ROOMS = {
    *(
        "budget",
        "callbacks",
        "config",
        "errors",
        "hydra_compat",
        "looking",
        "objective",
        "page",
        "processes",
        "reports",
        "results",
        "schedulers",
        "space",
        "storage",
    ),
    *("study", "support"),
}
THE_DRIVERS = "hyperopt_app.driver.application.run_application"
by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LEGACY)))


def _imported(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of every import of the package's own that is not of the guest's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "hyperopt_app":
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "hyperopt_app")


def _fault(module: str, name: str) -> str | None:
    whole = f"{module}.{name}"
    if whole == THE_DRIVERS or whole.startswith("hyperopt_app.legacy."):
        return None
    parts = whole.split(".")
    if parts[1] not in PUBLIC_ROOMS:
        return f"{whole}: {parts[1]} is not a public room"
    if any(part.startswith("_") for part in parts):
        return f"{whole}: a private name"
    exporter = importlib.import_module(module)
    is_public = isinstance(getattr(exporter, name, None), ModuleType) or _is_module(whole) or name in exporter.__all__
    return None if is_public else f"{whole}: {module} does not export it"


def _is_module(name: str) -> bool:
    return (LEGACY.parent.parent / f"{name.replace('.', '/')}.py").exists()


@by_file
def test_a_guest_uses_public_rooms_and_one_function_of_the_driver(path: Path) -> None:
    """Only names that their modules export, and neither private names nor private modules."""
    assert [fault for module, name in _imported(path) if (fault := _fault(module, name))] == []


def test_the_one_function_is_used() -> None:
    """In one place."""
    users = [path.name for path in FILES if THE_DRIVERS in {f"{module}.{name}" for module, name in _imported(path)}]
    assert users == ["application.py"]


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        ("hyperopt_app.driver.sweep", "sweep", "driver is not a public room"),
        ("hyperopt_app.callbacks._keras_base", "OfKeras", "a private name"),
        ("hyperopt_app.study.identity", "_held", "a private name"),
        ("hyperopt_app.study.identity", "differences", "does not export it"),
        ("hyperopt_app.study.records", "trial_records", None),
        ("hyperopt_app.study.identity", "stored_identity", None),
    ],
)
def test_what_a_guest_may_not_use_is_seen(module: str, name: str, fault: str | None) -> None:
    """The rule can fail."""
    came = _fault(module, name)
    assert (came is None) if fault is None else (came is not None and came.endswith(fault))


def test_a_guest_is_no_larger_than_it_is_worth() -> None:
    """In files and in lines."""
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in FILES)
    assert (len(FILES) <= MOST_FILES, lines <= MOST_LINES) == (True, True), (len(FILES), lines)
