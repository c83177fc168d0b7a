# SPDX-License-Identifier: MIT
"""The project's language: code, messages and docs use plain English instead of the dialect of earlier releases."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

# Names that say nothing of what a variable holds.
NAMES = {"found", "mend", "one", "told"}
WORDS = re.compile(r"\b(is no|mend(s|ed|ing)?|told)\b", re.IGNORECASE)
# Files of running jobs of other releases hold these words.
STORED = {"hyperopt_app/launchers/jobs.py": frozenset({"told to end", "told-to-end-"})}

FOLDERS = ("benchmarks", "docs", "hydra_plugins", "hyperopt_app", "objectives")
SOURCES = sorted([*REPO.glob("*.py"), *(path for folder in FOLDERS for path in (REPO / folder).rglob("*.py"))])
# docs/reference/modules.md repeats docstrings, which are tested where they are written.
PAGES = sorted([*REPO.glob("*.md"), *REPO.glob("docs/*.md"), *REPO.glob("benchmarks/*.md")])


def _name(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)


def _bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and name of each variable, attribute, parameter, function and class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, _NAMED) and node.name:
            yield node.lineno, node.name


def vague_names(source: str) -> list[str]:
    """The names in a module's source that say nothing."""
    return [f"line {line}: {name}" for line, name in _bound_names(ast.parse(source)) if name.strip("_") in NAMES]


def dialect(source: str, stored: frozenset[str] = frozenset()) -> list[str]:
    """The lines of a module's source or of a page with words of the dialect, in messages, docstrings or comments."""
    lines = enumerate(source.splitlines(), 1)
    return [f"line {number}: {line.strip()}" for number, line in lines if WORDS.search(_without(line, stored))]


def _without(line: str, stored: frozenset[str]) -> str:
    for text in stored:
        line = line.replace(f'"{text}"', '""')
    return line


def test_code_and_messages_are_plain() -> None:
    """Names say what a variable holds; messages, docstrings and comments have none of the dialect's words."""
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        faults = [*vague_names(source), *dialect(source, STORED.get(_name(path), frozenset()))]
        assert faults == [], _name(path)


def test_docs_are_plain() -> None:
    """No page has one of the dialect's words."""
    for path in PAGES:
        assert dialect(path.read_text(encoding="utf-8")) == [], _name(path)


def test_the_rules_see_what_they_are_for() -> None:
    """Each kind of name, and each word wherever it stands."""
    code = (
        "def mend(one, *, told=None):\n    for found in one:\n        pass\n    self._told = [_one for _one in told]\n"
    )
    names = sorted(text.split(": ")[1] for text in vague_names(code))
    assert names == ["_one", "_told", "found", "mend", "one", "told"]
    assert vague_names("job = match.found\nfound_jobs = 1\n") == []
    for line in ('f"{value!r} is no mapping"', '"Mend that"', "# It was mended", '"""What is told."""'):
        assert dialect(line), line
    assert dialect("stolen, amend, recommended, nothing is not there") == []
    assert dialect('NAME = "told to end"', frozenset({"told to end"})) == []
