# SPDX-License-Identifier: MIT
"""A study whose trials are runs of a program, as users have it: script and config here, `hyperopt-app` on the PATH."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.end_to_end._studies import APPS

__all__ = ["FILES", "place_script"]

FILES = APPS / "programs"
_COMMAND = "import sys; from hyperopt_app.cli import main; main()"


def place_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the script and its config into the working directory, and `hyperopt-app` on the PATH."""
    shutil.copytree(FILES / "conf", "conf")
    shutil.copy(FILES / "train.sh", "train.sh")
    programs = Path("bin")
    programs.mkdir()
    entry = programs / "hyperopt-app"
    entry.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{_COMMAND}' \"$@\"\n")
    entry.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs.absolute()}{os.pathsep}{os.environ['PATH']}")
