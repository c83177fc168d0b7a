# SPDX-License-Identifier: MIT
"""Show each warning of Hydra, Optuna or Lightning once per study, in the trial where it first occurs.

Each trial runs in its own process, perhaps on another machine, so Python's own record of shown warnings does not reach
the next trial. The process that manages to create a file for the warning, below the study's directory, is the first
and shows it. The file stays, so later commands do not show it again. The user's filters, `catch_warnings` and
`-W error` are applied before. Warnings raised by user code are shown as usual.
"""

import contextlib
import hashlib
import logging
import os
import re
import socket
import sys
import warnings
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Any

from hyperopt_app.errors import DescendantError
from hyperopt_app.objective.trial import current_trial
from hyperopt_app.support.passwords import mask_password

__all__ = ["each_warning_once", "is_first"]

# Whose warnings; this package passes on what Optuna warns of while a sampler is made.
_LIBRARIES = {
    "hydra",
    "hyperopt_app",
    "lightning",
    "lightning_fabric",
    "lightning_utilities",
    "omegaconf",
    "optuna",
    "optuna_integration",
    "pytorch_lightning",
}
# Where Lightning has called these, what they warn of is Lightning's.
_BELOW = {"torch", "typing_extensions"}
# Where Optuna logs the same advice for every trial; what its storages log are events.
_ADVICE = ("optuna.samplers.", "optuna.pruners.", "optuna._gp.")
_VERDICT = "is_first_in_study"
_PYTHONS = {"warnings", "_py_warnings"}
# What differs in a warning that is the same: an address, in a log line of Optuna's also the trial.
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_TRIAL = re.compile(r"(trial ?#?)\d+", re.IGNORECASE)
# Files. Beyond, new warnings are shown wherever they come: a text with a number in it may be another in each trial.
_MOST = 200


class _ShownWarnings:
    """The warnings already shown in a study, for the processes that share a folder.

    Args:
        folder: One file for each warning; made when the first one comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()

    def is_first(self, source: str, text: str) -> bool:
        """Whether nobody has said it yet; from then on this process has. True too if that cannot be found out."""
        plain = _ADDRESS.sub("0x", f"{source}\n{text}")
        name = hashlib.sha256(plain.encode(errors="backslashreplace")).hexdigest()[:20]
        if name in self._known:
            return False
        try:
            is_first = self._is_made(self._folder / f"{name}.txt", f"{_where()}\n{source}\n{text}\n")
        except OSError:
            return True
        if is_first is None:
            return True
        self._known.add(name)
        return is_first

    def _is_made(self, path: Path, content: str) -> bool | None:
        """Whether this process created the file; None if there are too many."""
        if path.exists():
            return False
        with contextlib.suppress(FileExistsError):
            path.parent.parent.mkdir()
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir()
        if len([*path.parent.iterdir()]) >= _MOST:
            return None
        try:
            file = path.open("x", encoding="utf-8", errors="backslashreplace")
        except FileExistsError:
            return False
        # On a full disk the empty file is enough.
        with contextlib.suppress(OSError), file:
            file.write(mask_password(content))
        return True


# That of the worker or trial which runs in this process; without one, a process remembers for itself.
_said: _ShownWarnings | None = None
_said_alone: set[str] = set()


def is_first(text: str) -> bool:
    """Whether a warning of our own has not been said yet: in the study, or outside of a worker in this process."""
    if _said is not None:
        return _said.is_first("hyperopt_app", text)
    if text in _said_alone:
        return False
    _said_alone.add(text)
    return True


@contextlib.contextmanager
def each_warning_once(study_dir: Path) -> Iterator[None]:
    """Let a warning of the libraries pass where it comes first in the study. Runs in workers and trials' processes.

    With `-W always` or PYTHONWARNINGS=always all are shown everywhere. Within another one it changes nothing.

    Args:
        study_dir: The study's directory.
    """
    global _said  # noqa: PLW0603 - one process works for one study
    if _said is not None or any(option.partition(":")[0] in ("always", "all") for option in sys.warnoptions):
        yield
        return
    _said = said = _ShownWarnings(study_dir / "workers" / "warnings")
    try:
        with _shown_by(said), _logged_by(said):
            yield
    finally:
        _said = None


@contextlib.contextmanager
def _shown_by(said: _ShownWarnings) -> Iterator[None]:
    """Hook `warnings.showwarning`, which Python calls for warnings that no filter suppressed."""
    before = warnings.showwarning

    def show(message: Any, category: type[Warning], filename: str, lineno: int, *more: Any, **named: Any) -> None:
        library = _library()
        if library is None or said.is_first(f"{library}: {category.__name__}", str(message)):
            before(message, category, filename, lineno, *more, **named)

    if getattr(before, "__module__", "") == "logging":  # logging.captureWarnings: their records are looked at
        yield
        return
    warnings.showwarning = show
    try:
        yield
    finally:
        if warnings.showwarning is show:
            warnings.showwarning = before


@contextlib.contextmanager
def _logged_by(said: _ShownWarnings) -> Iterator[None]:
    """Do the same for warnings that are logged: by `logging.captureWarnings`, and by Optuna's samplers."""

    def passes_captured(record: logging.LogRecord) -> bool:
        library = _library()
        return library is None or said.is_first(library, record.getMessage())

    def passes_advice(record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING or not record.name.startswith(_ADVICE):
            return True
        if not hasattr(record, _VERDICT):  # each handler asks
            setattr(record, _VERDICT, said.is_first(record.name, _TRIAL.sub(r"\1", record.getMessage())))
        return bool(getattr(record, _VERDICT))

    captured, handlers = logging.getLogger("py.warnings"), logging.getLogger("optuna").handlers[:]
    captured.addFilter(passes_captured)
    for handler in handlers:
        handler.addFilter(passes_advice)
    try:
        yield
    finally:
        captured.removeFilter(passes_captured)
        for handler in handlers:
            handler.removeFilter(passes_advice)


def _library() -> str | None:
    """Return the library whose code called `warnings.warn`; None if it was the user's or any other code.

    By the stack: libraries give the line of user code that has called them as the place of a warning.
    """
    outwards = dropwhile(lambda name: name not in _PYTHONS, _modules())
    callers = dropwhile(lambda name: name in _PYTHONS, outwards)
    for name in callers:
        library = name.partition(".")[0]
        is_lightnings_way_to_warn = library in _LIBRARIES and name.endswith(".rank_zero")  # user code may take it too
        if library not in _BELOW and not is_lightnings_way_to_warn:
            return library if library in _LIBRARIES else None
    return None


def _modules() -> Iterator[str]:
    """Yield the modules of this thread's call stack, innermost first."""
    frame = sys._getframe(1)  # noqa: SLF001 - as the warnings module does it
    while frame is not None:
        yield str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back  # type: ignore[assignment]


def _where() -> str:
    place = "in a worker"
    # A worker of another study may have been spawned by the objective of a trial.
    with contextlib.suppress(DescendantError):
        trial = current_trial()
        place = place if trial is None else f"in trial {trial.number}"
    return f"first {place}, process {os.getpid()} on {socket.gethostname()}"
