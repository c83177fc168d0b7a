# SPDX-License-Identifier: MIT
"""What the documentation, the docstrings and --help give to type is something that a shell takes."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperopt_app import cli

REPO = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPO.glob("*.md"), *REPO.glob("docs/*.md"), *REPO.glob("*/README.md")])

_BLOCK = re.compile(r"^```(bash|sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`+([^`\n]+)`+")
_COMMAND = re.compile(r"(python|hyperopt-app|pip|nox|mv) ")
# An override stands in a command line; a blank before its value is Python or YAML.
_OVERRIDE = re.compile(r"'?[+~]*[A-Za-z_][\w./@]*=\S")
# What a reader types ends where blanks set off a remark.
_PLACEHOLDER = re.compile(r"<\w+>")
_REMARK = re.compile(r"\s{3,}\S.*")


def _typed(text: str) -> Iterator[str]:
    """The commands and overrides in a text's blocks and spans."""
    for kind, block in _BLOCK.findall(text):
        for line in block.splitlines():
            if kind != "text":
                yield line
            elif _COMMAND.match(line):
                yield _REMARK.sub("", line)
    for span in _SPAN.findall(_BLOCK.sub("", _PLACEHOLDER.sub("name", text))):
        if _COMMAND.match(span) or _OVERRIDE.match(span):
            yield span


def _docstrings() -> Iterator[str]:
    for path in [*REPO.glob("hyperopt_app/**/*.py"), *REPO.glob("hydra_plugins/**/*.py"), REPO / "optimize.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (text := ast.get_docstring(node)):
                yield text


def _fault(lines: list[str]) -> str:
    """What a shell says of a line that it cannot read; empty if it can read all."""
    script = "\n".join(lines) + "\n"
    return subprocess.run(["/bin/bash", "-n"], input=script, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_every_line_of_a_page_that_is_typed_can_be_read_by_a_shell(page: Path) -> None:
    """Parentheses, which ranges and choices have, stand in quotes."""
    assert _fault(list(_typed(page.read_text(encoding="utf-8")))) == ""


def test_so_it_is_with_docstrings_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all modules; and of the command line's own help."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    commands = [line.strip() for line in capsys.readouterr().out.splitlines() if "hyperopt-app " in line]
    shown = [_REMARK.sub("", line) for line in commands if _COMMAND.match(line)]
    assert len(shown) > 3
    assert _fault([*shown, *(line for text in _docstrings() for line in _typed(text))]) == ""


def test_a_range_without_quotes_is_found() -> None:
    """The test can see what it looks for."""
    assert "syntax error" in _fault(list(_typed("Write `x=interval(0,1)` there.")))
    assert _fault(list(_typed("Write `'x=interval(0,1)'` there."))) == ""
