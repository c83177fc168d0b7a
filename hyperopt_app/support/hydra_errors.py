# SPDX-License-Identifier: MIT
"""Show Hydra's own errors, raised before any user code runs, as one line without a traceback.

Hydra does so for most of its errors, but not for OmegaConf's errors while it creates the sweeper or a job's directory,
such as a reference to a missing key.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from hydra._internal import utils
from hydra.errors import CompactHydraException, OverrideParseException
from omegaconf import OmegaConf

from hyperopt_app.support.display_text import visible
from hyperopt_app.support.passwords import mask_password

__all__ = ["error_line", "errors_in_one_line"]

_HYDRAS = {"hydra", "omegaconf", "antlr4"}
# Functions of Hydra's in which an error says nothing of the key that it is about.
_ABOUT = {
    "instantiate_sweeper": "hydra.sweeper",
    "configure_log": "hydra.verbose, hydra.hydra_logging or hydra.job_logging",
}
# Lines around the one that tells why an override cannot be read.
_FRAMES_OF_A_REASON = ("Error when parsing index", "Error parsing override", "See https://")
_GRAMMAR = "https://hydra.cc/docs/advanced/override_grammar/basic"


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Show Hydra's errors in one line while the body, a whole Hydra application, runs."""
    original = getattr(utils, "run_and_report", None)
    if original is None:  # a release that does it otherwise
        yield
        return

    def run_and_report(func: Callable[[], Any]) -> Any:
        return original(lambda: _compact(func))

    utils.run_and_report = run_and_report
    try:
        yield
    finally:
        utils.run_and_report = original


def _compact(func: Callable[[], Any]) -> Any:
    try:
        return func()
    except CompactHydraException as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1" or (text := _with_what_came(error)) is None:
            raise
        raise CompactHydraException(f"{text}; nothing was started") from None
    except Exception as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1" or not _is_hydras_own(error.__traceback__):
            raise
        if (text := _no_sweeper(error.__traceback__)) is not None:
            raise CompactHydraException(f"{text}; nothing was started") from None
        about = next((_ABOUT[name] for name in _functions(error.__traceback__) if name in _ABOUT), None)
        where = f"{about}: " if about and not getattr(error, "full_key", None) else ""
        raise CompactHydraException(f"{where}{error_line(error)}; nothing was started") from None


def _with_what_came(error: CompactHydraException) -> str | None:
    """Add key and value to a compact error of Hydra's that lacks them; None for all other errors.

    Hydra 1.4 adds to an override that it cannot read which one that was, below a list of all; 1.3 does not.
    """
    if isinstance(error, OverrideParseException):
        reason = next((line.strip() for line in error.message.splitlines() if _tells_why(line)), "it cannot be parsed")
        text = f"{error.override}: Hydra cannot read this override: {reason}; correct it, see {_GRAMMAR}"
        return visible(mask_password(text))
    return _no_sweeper(error.__traceback__) if _is_hydras_own(error.__traceback__) else None


def _tells_why(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(_FRAMES_OF_A_REASON)


def _no_sweeper(trace: TracebackType | None) -> str | None:
    """Describe a value in the place of the sweeper's fields; Hydra names neither key nor value."""
    for frame in _frames(trace):
        if frame.f_code.co_name == "instantiate_sweeper":
            config: Any = frame.f_locals["config"]
            came = OmegaConf.select(config, "hydra.sweeper")
            if not OmegaConf.is_dict(came):
                value = "null" if came is None else repr(came)
                return visible(
                    f"hydra.sweeper must be the fields of a sweeper, got {value}; choose one with hydra/sweeper=..., "
                    "e.g. async_optuna"
                )
    return None


def _frames(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _functions(trace: TracebackType | None) -> Iterator[str]:
    return (frame.f_code.co_name for frame in _frames(trace))


def _is_hydras_own(trace: TracebackType | None) -> bool:
    """Whether only Hydra, OmegaConf and the standard library are on the traceback."""
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        top = name.partition(".")[0]
        if name != __name__ and top not in _HYDRAS and top not in sys.stdlib_module_names:
            return False
        trace = trace.tb_next
    return True


def error_line(error: Exception) -> str:
    """Format an error of Hydra or OmegaConf in one line, with the key it concerns."""
    key = getattr(error, "full_key", None)
    lines = [line for line in str(error).splitlines() if line.strip()] or [
        f"this is not allowed ({type(error).__name__})"
    ]
    text = lines[0] if key else " ".join(" ".join(lines).split())
    return visible(f"{key}: {text}" if key else text)
