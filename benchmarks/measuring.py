# SPDX-License-Identifier: MIT
"""What the benchmarks share: run a command in an empty folder, time it, print a Markdown table."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
APP = HERE / "sphere_app.py"


def run(words: Sequence[str], folder: Path) -> float:
    """Run a Python command in `folder` and return its wall time in seconds.

    Raises:
        subprocess.CalledProcessError: It failed; its output is shown.
    """
    # The clone's own package, also where it is not installed.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)  # noqa: PLW1510
    wall_s = time.perf_counter() - begin
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        done.check_returncode()
    return wall_s


def in_new_folder(words: Sequence[str]) -> float:
    """`run` in a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return run(words, Path(folder))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    """One line on where this was measured."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
