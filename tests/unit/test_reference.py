# SPDX-License-Identifier: MIT
"""docs/reference/modules.md lists the modules as they are."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that writes the page, as a module."""
    monkeypatch.syspath_prepend(REPO / "docs" / "reference")
    return importlib.import_module("generate")


def test_the_page_is_up_to_date(generate: ModuleType) -> None:
    """If not: `python docs/reference/generate.py`."""
    assert (REPO / "docs" / "reference" / "modules.md").read_text(encoding="utf-8") == generate.page()


def test_the_page_lists_every_module(generate: ModuleType) -> None:
    """Each in the section of its room, with a text that is not empty."""
    sections = {part.split("\n", 1)[0]: part for part in generate.page().split("\n## ")[1:]}
    for top in ("hyperopt_app", "hydra_plugins/hyperopt_app"):
        for path in (REPO / top).rglob("*.py"):
            if path.name != "__init__.py":
                section = sections[str(path.parent.relative_to(REPO))]
                assert f"| `{path.stem}` | {generate.first_sentence(path)} |" in section
                assert generate.first_sentence(path).endswith(".")
