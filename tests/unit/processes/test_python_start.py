# SPDX-License-Identifier: MIT
"""How our own modules are started in a new Python."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from hyperopt_app.processes import python_start
from hyperopt_app.processes.python_start import behind_the_standard_library, module_words, python_path


@pytest.mark.parametrize("version", [(3, 10), sys.version_info[:2]], ids=["without -P", "this one"])
def test_a_module_is_run_without_the_current_directory(version: tuple[int, ...]) -> None:
    """It is `__main__`, and gets its arguments; a file here that is called as one of Python's own is not imported."""
    Path("random.py").write_text("raise SystemExit('mine')\n")
    words = module_words("hyperopt_app.worker_process", version)
    found = [sys.executable, *words, "--help"]
    done = subprocess.run(found, capture_output=True, text=True, env=_environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert "hyperopt_app.worker_process" in done.stdout


def _environment() -> dict[str, str]:
    return {**os.environ, **python_path()}


def test_a_clone_that_is_not_installed_is_found_where_the_command_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first folder of the path has it: then it must be looked for there again."""
    root = str(python_start._ROOT)
    monkeypatch.setattr(sys, "path", [root, "/elsewhere"])
    assert module_words("m") == ["-m", "m"]
    monkeypatch.setattr(sys, "path", ["", root])
    assert module_words("m", (3, 11)) == ["-P", "-m", "m"]
    monkeypatch.setenv("PYTHONPATH", "/mine")
    assert python_path() == {"PYTHONPATH": f"/mine:{root}"}
    monkeypatch.setenv("PYTHONPATH", f"/mine:{root}")
    assert python_path() == {}


def test_a_folder_behind_the_standard_library_stands_before_packages() -> None:
    """Behind the last of Python's own folders; first where there is none."""
    own = sysconfig.get_path("stdlib")
    assert behind_the_standard_library(["/script", own, f"{own}/lib-dynload", "/site-packages"]) == 3
    assert behind_the_standard_library(["/script"]) == 0
