# SPDX-License-Identifier: MIT
"""Take over the import path that the process which has started this one has left in the environment; see `handing`.

To import this module does it: a server of Python's `forkserver` runs nothing of ours but imports.
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
    """Let what the body starts find this process's import path, and this package."""
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
