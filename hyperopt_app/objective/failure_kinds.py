# SPDX-License-Identifier: MIT
"""Classify why a trial failed, from its exception or exit status.

`oom` (out of memory) and `diverged` (NaN or infinity) depend on the parameters, and the sampler learns from them.
`timeout` is a trial that exceeded its time limit. `infrastructure` is a lost node, job or process, or a full disk or
quota; such a trial is retried without counting against the budget. `bug` is everything else.
"""

import errno
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass

from hyperopt_app.objective.child_errors import child_error

__all__ = ["KINDS", "TEACHING", "Exit", "ProgramError", "is_no_room", "is_oom_text", "kind_of", "verdict_of_exit"]

KINDS = ("oom", "diverged", "timeout", "infrastructure", "bug")
TEACHING = ("oom", "diverged")

# What torch, TensorFlow, JAX, CuPy and CUDA's own libraries write when memory is short.
_OOM_TEXTS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "resource_exhausted",
    "unable to allocate",
)
_OOM_NAMES = ("OutOfMemoryError", "ResourceExhaustedError")

_NO_ROOM_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
# The system's own words, which libraries hand on without its number; then what SQLite, torch.save (twice: it asks the
# disk by C++ streams, which do not say why they fail) and numpy's tofile write instead of them.
_NO_ROOM_TEXTS = re.compile(
    r"no space left on device|disk quota exceeded|database or disk is full|pytorchstreamwriter failed writing"
    r"|basic_ios::clear: iostream error|^\d+ requested and \d+ written",
    re.IGNORECASE,
)


class ProgramError(RuntimeError):
    """A program that is a trial's objective has failed; the text says how, with the end of its standard error.

    Attributes:
        kind: One of KINDS.
        story: More of the end of its standard error, in place of a traceback.
    """

    def __init__(self, text: str, kind: str = "bug", story: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.story = story


def kind_of(error: BaseException) -> str:
    """Classify an exception that an objective raised, from it and its causes."""
    if isinstance(error, ProgramError):
        return error.kind
    # First: TensorFlow says "resource exhausted" of a disk, too.
    if any(is_no_room(cause) for cause in _chain(error)):
        return "infrastructure"
    cause: BaseException | None = error
    while cause is not None:
        name = type(cause).__name__
        is_library_error = isinstance(cause, RuntimeError | OSError)
        if isinstance(cause, MemoryError) or name in _OOM_NAMES or (is_library_error and is_oom_text(str(cause))):
            return "oom"
        if isinstance(cause, FloatingPointError):
            return "diverged"
        raised = child_error(cause)
        if raised is not None:
            return _kind_of_text(raised.name.rpartition(".")[2], raised.text)
        cause = cause.__cause__
    return "bug"


def _kind_of_text(name: str, text: str) -> str:
    """Classify an exception of another process, of which only the class's name and the text have come here."""
    if _NO_ROOM_TEXTS.search(text) is not None:
        return "infrastructure"
    if name in ("MemoryError", *_OOM_NAMES) or (name in ("RuntimeError", "OSError") and is_oom_text(text)):
        return "oom"
    return "diverged" if name == "FloatingPointError" else "bug"


def is_no_room(error: BaseException) -> bool:
    """Whether a write failed because a disk is full or a quota is used up."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _NO_ROOM_NUMBERS
    try:
        return isinstance(error, Exception) and _NO_ROOM_TEXTS.search(str(error)) is not None
    except Exception:  # noqa: BLE001 - an exception of the user's may fail even at its text
        return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes: closing a writer after a failed write raises once more."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def is_oom_text(text: str) -> bool:
    """Whether a library's message says that memory ran out."""
    low = text.lower()
    return any(words in low for words in _OOM_TEXTS)


@dataclass(frozen=True)
class Exit:
    """How a trial's process ended without a result.

    Attributes:
        code: Exit status; negative for the number of a signal, as in `subprocess`.
        kernel_killed: Whether the kernel has killed a process for lack of memory meanwhile; None if unknown.
    """

    code: int
    kernel_killed: bool | None = None


def verdict_of_exit(ended: Exit, who: str = "the trial's process") -> tuple[str, str]:
    """Return the kind and the text of the failure for a trial whose process, or program, died.

    A SIGKILL that nobody here has sent is the kernel's, for lack of memory, unless its counter says otherwise: then
    somebody from outside has sent it, and the trial is not to blame.
    """
    if ended.code >= 0:
        return "bug", f"{who} ended by itself with exit code {ended.code}, without a result"
    name = _signal_name(-ended.code)
    if -ended.code != signal.SIGKILL:
        return "bug", f"{who} died of {name}"
    if ended.kernel_killed is False:
        return "infrastructure", f"{who} was killed from outside (SIGKILL)"
    return "oom", f"{who} was killed for lack of memory (SIGKILL)"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
