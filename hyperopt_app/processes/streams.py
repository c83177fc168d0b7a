# SPDX-License-Identifier: MIT
"""Standard streams of our own commands: a terminal that knows few characters, and a reader that has gone.

Not for a program of the user's: how its streams take what they cannot show is its own affair.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["spelling_out", "until_nobody_reads"]

_NOT_ALL_WAS_READ = 1


@contextmanager
def spelling_out() -> Iterator[None]:
    """Let the body print what standard output cannot encode as escapes instead of ending there."""
    stream, before = sys.stdout, getattr(sys.stdout, "errors", None)
    if before != "strict" or not hasattr(stream, "reconfigure"):
        yield
        return
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with suppress(ValueError, OSError):  # closed meanwhile, or what is left cannot be written
            stream.reconfigure(errors=before)


@contextmanager
def until_nobody_reads() -> Iterator[None]:
    """End quietly, as other programs do, when whoever has read standard output (`| head -1`) has gone.

    Raises:
        SystemExit: With exit code 1.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would be written, and complained of, at the very end.
        nothing = os.open(os.devnull, os.O_WRONLY)
        with suppress(OSError, ValueError):
            os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
        raise SystemExit(_NOT_ALL_WAS_READ) from None
