# SPDX-License-Identifier: MIT
"""A file is replaced in one way: `support.files.replacing`, whose temporary names no two processes share."""

import ast
from pathlib import Path

import hyperopt_app

PACKAGE = Path(hyperopt_app.__file__).parent
# What puts one file in the place of another by itself, and why. The original interface is a guest.
OTHERS = {
    "callbacks/lightning.py": "Lightning writes the file, or a folder, and all ranks of a training must name it alike",
    "programs/metrics_file.py": "what an earlier attempt has written is set aside whole",
    "support/files.py": "the one way",
    "support/lock_file.py": "a broken lock is moved to the name by which its breaker is known",
}
MOVERS = {("os", "replace"), ("os", "rename"), ("shutil", "move")}


def _moves(node: ast.AST) -> bool:
    """Whether this is a call that renames a file: `Path.replace` has one argument, `str.replace` two."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
    is_paths = node.func.attr in {"replace", "rename"} and len(node.args) == 1 and not node.keywords
    return is_paths or (owner, node.func.attr) in MOVERS


def test_a_file_is_replaced_in_one_way() -> None:
    """No other module renames a file, apart from those that are listed with their reasons."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(_moves(node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert {name for name in found if not name.startswith("legacy/")} == OTHERS.keys()
