# SPDX-License-Identifier: MIT
"""Write modules.md: every module of the package with the first sentence of its docstring, lowest room first.

The order of the rooms is that of the tree in docs/design.md. Run `python docs/reference/generate.py` after a module is
added, renamed or given another docstring; a test checks that the page is up to date.
"""

import ast
import re
from pathlib import Path

__all__ = ["main", "page"]

REPO = Path(__file__).resolve().parents[2]
PAGE = Path(__file__).with_name("modules.md")

_HEADER = """# All modules

What each module does, lowest room first. This page is generated: run `python docs/reference/generate.py`.
docs/design.md explains how the parts work together.
"""


def rooms() -> list[str]:
    """The folders of hyperopt_app in the order of the tree in docs/design.md; "" is hyperopt_app itself."""
    text = (REPO / "docs" / "design.md").read_text(encoding="utf-8")
    tree = text[text.index("\nhyperopt_app/\n") :].split("```", 1)[0]
    names, room = [], ""
    for indent, name in re.findall(r"^( +)(\w+)/ ", tree, re.MULTILINE):
        room = name if len(indent) == 2 else room
        names.append(name if name == room else f"{room}/{name}")
    return [*names, ""]


def first_sentence(path: Path) -> str:
    """The first sentence of a module's docstring, on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    summary = " ".join(docstring.split("\n\n", 1)[0].split())
    return re.split(r"(?<=[.?])\s", summary, maxsplit=1)[0]


def _section(title: str, folder: Path) -> str:
    modules = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    rows = [f"| `{path.stem}` | {first_sentence(path)} |" for path in modules]
    heading = "\n".join([f"## {title}", "", first_sentence(folder / "__init__.py"), ""])
    return "\n".join([heading, "| module | what it does |", "| --- | --- |", *rows, ""]) if rows else heading


def page() -> str:
    """The whole page."""
    package = REPO / "hyperopt_app"
    sections = [_section(f"hyperopt_app/{room}".rstrip("/"), package / room) for room in rooms()]
    plugins = _section("hydra_plugins/hyperopt_app", REPO / "hydra_plugins" / "hyperopt_app")
    return "\n".join([_HEADER, *sections, plugins])


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
