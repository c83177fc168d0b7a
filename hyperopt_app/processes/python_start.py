# SPDX-License-Identifier: MIT
"""Start our modules in a new Python process without letting the user's files shadow the standard library.

`python -m` and `python -c` search the current directory before the standard library, so a file `types.py` there would
break the new process at once. So the process starts without that directory, and gets its parent's import path after
its own imports.
"""

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

__all__ = ["behind_the_standard_library", "module_words", "python_path", "safe_words", "search_path"]

_ROOT = Path(__file__).resolve().parents[2]
_OF_PACKAGES = ("site-packages", "dist-packages")


def safe_words(version: tuple[int, ...] = sys.version_info[:2]) -> list[str]:
    """Return the Python option that leaves out the current directory; empty before Python 3.11."""
    return ["-P"] if version >= (3, 11) else []


def module_words(module: str, version: tuple[int, ...] = sys.version_info[:2]) -> list[str]:
    """Return the words after `python` that run one of our modules."""
    if not _is_found_elsewhere(sys.path):
        return ["-m", module]
    if safe := safe_words(version):
        return [*safe, "-m", module]
    clean = "import sys; sys.path[:] = filter(None, sys.path); import runpy"
    return ["-c", f"{clean}; runpy.run_module({module!r}, None, '__main__', True)"]


def _is_found_elsewhere(path: Sequence[str]) -> bool:
    """Whether this package is importable without the first folder (of the script, or the current directory)."""
    return any(Path(folder).resolve() == _ROOT for folder in path[1:] if folder)


def python_path() -> dict[str, str]:
    """Return PYTHONPATH, if needed, for a process that must find this package; a clone need not be installed."""
    words = [word for word in os.environ.get("PYTHONPATH", "").split(os.pathsep) if word]
    is_known = _ROOT.name in _OF_PACKAGES or str(_ROOT) in words
    return {} if is_known else {"PYTHONPATH": os.pathsep.join([*words, str(_ROOT)])}


def search_path() -> list[str]:
    """Return this process's import path, for another process: the task function may be in the script's folder."""
    return [path or str(Path.cwd()) for path in sys.path if not path.endswith(".zip")]


def behind_the_standard_library(path: Sequence[str]) -> int:
    """Find the position in an import path before all packages but after Python's own modules."""
    own = Path(sysconfig.get_path("stdlib")).resolve()
    places = [
        at for at, folder in enumerate(path, 1) if folder and Path(folder).resolve() in (own, own / "lib-dynload")
    ]
    return max(places, default=0)
