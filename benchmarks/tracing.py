# SPDX-License-Identifier: MIT
"""Writes a line for each call from one file of a source tree to another: the half of `trace_rooms` in a traced process.

`trace_rooms` lays a copy of this file on the import path as `sitecustomize`, which every Python process imports as it
starts; a forked process goes on with what it was forked with. So the processes of a run need not be listed.
"""

import contextlib
import functools
import inspect
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

SOURCE = "TRACE_ROOMS_SOURCE"
LINES = "TRACE_ROOMS_LINES"
OURS = ("hyperopt_app", "hydra_plugins", "objectives")


def start() -> None:
    """Trace this process and its later threads, with the tree and the file of lines that the environment names."""
    own_path = functools.cache(functools.partial(_own_path, os.environ[SOURCE]))

    def trace(frame: FrameType, event: str, _: Any) -> None:
        callee = own_path(frame.f_code.co_filename) if event == "call" else ""
        if not callee or _is_body(frame):
            return
        calling = frame.f_back
        while calling and not own_path(calling.f_code.co_filename):
            calling = calling.f_back
        caller = own_path(calling.f_code.co_filename) if calling else ""
        if caller != callee and not (calling and _is_body(calling)):
            place = f"{threading.get_ident()}\t{_depth(frame)}"
            _write(f"{os.getpid()}\t{caller}\t{callee}\t{_name(frame)}\t{place}\n")

    threading.setprofile(trace)
    sys.setprofile(trace)


def _own_path(source: str, file: str) -> str:
    """The file's path within the tree, or nothing if it is none of ours, so that other people's plugins are not."""
    path = Path(file)
    if not path.is_relative_to(source):
        return ""
    inside = path.relative_to(source)
    return inside.as_posix() if inside.parts[0] in OURS else ""


def _is_body(frame: FrameType) -> bool:
    """Whether this runs the body of a module or a class, which is a part of importing it."""
    return not frame.f_code.co_flags & inspect.CO_OPTIMIZED


def _name(frame: FrameType) -> str:
    """The function's name, after that of its class for a method: `Tickets.claim`."""
    code = frame.f_code
    if sys.version_info >= (3, 11):
        return code.co_qualname.replace(".<locals>", "")
    bound = frame.f_locals.get("self")
    return code.co_name if bound is None else f"{type(bound).__name__}.{code.co_name}"


def _depth(frame: FrameType | None) -> int:
    """How many frames lie under this one, our own and others'."""
    depth = -1
    while frame:
        depth, frame = depth + 1, frame.f_back
    return depth


def _write(line: str) -> None:
    """Append the line at once: a process may end by `os._exit` or a signal, which would lose what it has in memory."""
    # A process that outlives the command must not fail because the folder is gone.
    with contextlib.suppress(OSError):
        # Not a file object, of whose buffer a process forked in between would write a second copy.
        descriptor = os.open(os.environ[LINES], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, line.encode())
        os.close(descriptor)


if __name__ == "sitecustomize":
    start()
