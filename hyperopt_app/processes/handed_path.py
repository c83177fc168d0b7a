# SPDX-License-Identifier: MIT
"""Pass this process's import path to child processes in an environment variable.

The parent sets the variable with `handing`. In the child, importing this module sets the path, because a `forkserver`
runs none of our code except imports.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hyperopt_app.processes.python_start import python_path, search_path

__all__ = ["handing"]

_NAME = "HYPEROPT_SEARCH_PATH"


@contextmanager
def handing() -> Iterator[None]:
    """Let processes started in the body find this process's import path, and this package."""
    wanted = {_NAME: json.dumps(search_path()), **python_path()}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


if _NAME in os.environ:
    sys.path[:] = json.loads(os.environ.pop(_NAME))
