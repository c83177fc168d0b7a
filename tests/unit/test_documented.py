# SPDX-License-Identifier: MIT
"""Each option of the sweeper and each command has its place in the docs, as CONTRIBUTING's recipes ask for."""

import dataclasses
import re
from pathlib import Path

import pytest

from hyperopt_app import cli
from hyperopt_app.commands.listed import COMMANDS
from hyperopt_app.config.launchers import SCHEMAS
from hyperopt_app.config.sweeper import AsyncOptunaConf

REPO = Path(__file__).resolve().parents[2]
PAGES = sorted([REPO / "README.md", *REPO.glob("docs/*.md")])

# Hydra's own keys, and the names of older releases of hydra-optuna-sweeper, for which a note says what to write.
UNLISTED = {"_target_", "_recursive_", "defaults", "search_space", "optuna_config"}


def test_each_option_of_the_sweeper_has_a_row() -> None:
    """In a table of docs/sweeper.md, under its own name."""
    page = (REPO / "docs" / "sweeper.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert {field.name for field in dataclasses.fields(AsyncOptunaConf)} - UNLISTED - rows == set()


@pytest.mark.parametrize("command", [*COMMANDS, *cli._ELSEWHERE])
def test_each_command_is_shown(command: str) -> None:
    """Some page has it as a user types it."""
    assert any(f"hyperopt-app {command}" in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("launcher", SCHEMAS)
def test_each_launcher_is_shown(launcher: str) -> None:
    """docs/running.md, which lists them, names it."""
    assert f"`{launcher}`" in (REPO / "docs" / "running.md").read_text(encoding="utf-8")
