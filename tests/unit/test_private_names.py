# SPDX-License-Identifier: MIT
"""The name of a private function says what it does, so it need not be read in each module anew."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "hyperopt_app"
MOST = 2


def test_a_private_function_has_its_name_in_two_modules_at_most() -> None:
    """A name as `_text` or `_read` had another meaning in each of eight modules."""
    modules = defaultdict[str, list[str]](list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("_"):
                modules[node.name].append(str(path.relative_to(PACKAGE)))
    assert len(modules) > 500
    assert {name: where for name, where in modules.items() if len(where) > MOST} == {}
