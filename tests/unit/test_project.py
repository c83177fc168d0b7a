# SPDX-License-Identifier: MIT
"""Holds the source tree and the settings of its tools against the project's own rules."""

import ast
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import hyperopt_app

REPO = Path(__file__).resolve().parents[2]
LICENCE_LINE = "# SPDX-License-Identifier: MIT"
LONGEST_FILE = 400
LONGEST_FUNCTION = 45  # lines without the docstring

FOLDERS = ("benchmarks", "conf", "hydra_plugins", "hyperopt_app", "objectives", "tests")
SOURCES = sorted([*REPO.glob("*.py"), *(path for folder in FOLDERS for path in (REPO / folder).rglob("*.py"))])
TESTS = [path for path in SOURCES if path.name.startswith("test_")]
by_path = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPO)))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(path: Path) -> list[Function]:
    return [node for node in ast.walk(_tree(path)) if isinstance(node, Function)]


def _lines_of_code(function: Function) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


@by_path
def test_a_file_opens_with_its_licence_and_its_job(path: Path) -> None:
    """The first line is the licence, the first statement a docstring whose first line is a sentence."""
    assert path.read_text(encoding="utf-8").split("\n", 1)[0] == LICENCE_LINE
    docstring = ast.get_docstring(_tree(path))
    assert docstring
    assert docstring.split("\n\n")[0].endswith((".", ":", ";", "?"))


@by_path
def test_files_and_functions_are_short(path: Path) -> None:
    """A file has at most 400 lines, a function at most 45 beside its docstring."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    long = {node.name: lines for node in _functions(path) if (lines := _lines_of_code(node)) > LONGEST_FUNCTION}
    assert not long


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(REPO)))
def test_every_test_states_a_fact(path: Path) -> None:
    """A test's docstring says what it shows."""
    silent = [node.name for node in _functions(path) if node.name.startswith("test_") and not ast.get_docstring(node)]
    assert not silent


@pytest.mark.parametrize("name", ["strict_config", "strict_markers", "strict_parametrization_ids", "strict_xfail"])
def test_pytest_is_strict(name: str, pytestconfig: pytest.Config) -> None:
    """A misspelt setting or mark, an ambiguous id and an unexpected pass are all errors."""
    assert pytestconfig.getini(name) is True


def test_warnings_are_errors_but_for_named_ones(pytestconfig: pytest.Config) -> None:
    """The first filter makes every warning an error; a later one ignores something named, never all."""
    first, *others = pytestconfig.getini("filterwarnings")
    assert first == "error"
    assert [
        text for text in others if not text.startswith("ignore:") or not text.replace("ignore", "").strip(":")
    ] == []


def test_tests_have_a_time_limit_and_a_random_order(pytestconfig: pytest.Config) -> None:
    """No test may hang the run, and none may depend on the one before it."""
    assert 0 < float(pytestconfig.getini("timeout")) <= 60
    assert pytestconfig.pluginmanager.has_plugin("randomly")


def _pyproject() -> dict[str, Any]:
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    loaded: dict[str, Any] = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))
    return loaded


def test_types_and_lint_are_strict() -> None:
    """Mypy is strict over all that is ours; ruff starts from all its rules."""
    tools = _pyproject()["tool"]
    assert tools["mypy"]["strict"] is True
    assert {"hydra_plugins", "hyperopt_app", "objectives", "tests"} <= set(tools["mypy"]["files"])
    assert tools["ruff"]["lint"]["select"] == ["ALL"]


def _pins(name: str) -> dict[str, str]:
    """The releases of a file of constraints, and of the files that it names."""
    pins: dict[str, str] = {}
    for line in (REPO / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-c "):
            pins |= _pins(line.removeprefix("-c "))
        elif line and not line.startswith("#"):
            pin = Requirement(line)
            pins[_normal(pin.name)] = str(pin.specifier).removeprefix("==")
    return pins


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-hydra13.txt"])
def test_a_tested_set_is_within_the_declared_ranges(name: str) -> None:
    """Every requirement of pyproject.toml is pinned, to a release within its range; the stock sweeper wants 1.4."""
    project = _pyproject()["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    pins = _pins(name)
    assert pins["hydra-core"].startswith("1.3." if "13" in name else "1.4.")
    without = {_normal(project["name"]), *(["hydra-optuna-sweeper"] if "13" in name else [])}
    wanted = [one for one in map(Requirement, lines) if _normal(one.name) not in without]
    assert [str(one) for one in wanted if _normal(one.name) not in pins] == []
    assert [str(one) for one in wanted if not one.specifier.contains(pins[_normal(one.name)], prereleases=True)] == []


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def test_the_configs_have_one_name_in_the_tree_and_in_a_wheel() -> None:
    """hyperopt_app/conf is a link to conf: pkg://hyperopt_app.conf is right with and without an install."""
    link = REPO / "hyperopt_app" / "conf"
    assert link.is_symlink()
    assert link.readlink() == Path("../conf")
    assert (link / "__init__.py").is_file(), "Hydra takes a config module only from a regular package"


def test_the_version_is_a_release_number() -> None:
    """The one place of the version is hyperopt_app.__version__; the changelog has a heading for it."""
    assert f"## [{hyperopt_app.__version__}]" in (REPO / "CHANGELOG.md").read_text(encoding="utf-8")
