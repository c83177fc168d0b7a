# SPDX-License-Identifier: MIT
"""docs/design.md draws the package as it is."""

import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def _drawn() -> dict[str, str]:
    """Folder below hyperopt_app -> what the tree in docs/design.md says of it."""
    page = (REPO / "docs" / "design.md").read_text(encoding="utf-8")
    tree = page[page.index("\nhyperopt_app/\n") :].split("```", 1)[0]
    found, room = {}, ""
    for indent, name, text in re.findall(r"^( +)(\w+)/ +(\S.*)$", tree, re.MULTILINE):
        room = name if len(indent) == 2 else room
        found[name if len(indent) == 2 else f"{room}/{name}"] = text
    return found


def test_the_tree_has_a_line_for_each_folder() -> None:
    """And for no other."""
    package = REPO / "hyperopt_app"
    folders = {str(path.parent.relative_to(package)) for path in package.rglob("__init__.py")}
    assert set(_drawn()) == folders - {".", "conf"}
