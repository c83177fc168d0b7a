# SPDX-License-Identifier: MIT
"""Errors of Hydra's own before any code of the user's runs, in one line.

Hydra shows most of its errors without a traceback, but not those of OmegaConf that come after the config is composed,
while it makes the sweeper or a job's directory: a reference to a key that is not there, say.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from hydra._internal import utils
from hydra.errors import CompactHydraException

from hyperopt_app.support.display_text import visible

__all__ = ["errors_in_one_line", "told"]

_HYDRAS = {"hydra", "omegaconf", "antlr4"}
# Functions of Hydra's in which an error says nothing of the key that it is about.
_ABOUT = {
    "instantiate_sweeper": "hydra.sweeper",
    "configure_log": "hydra.verbose, hydra.hydra_logging or hydra.job_logging",
}


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Around the whole of a Hydra application: Hydra has one function that reports what ends it, and no hook there."""
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
    except CompactHydraException:
        raise
    except Exception as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1" or not _is_hydras_own(error.__traceback__):
            raise
        about = next((_ABOUT[name] for name in _functions(error.__traceback__) if name in _ABOUT), None)
        where = f"{about}: " if about and not getattr(error, "full_key", None) else ""
        raise CompactHydraException(f"{where}{told(error)}; nothing was started") from None


def _functions(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_name
        trace = trace.tb_next


def _is_hydras_own(trace: TracebackType | None) -> bool:
    """Whether only Hydra, OmegaConf and the standard library had a part in it."""
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        top = name.partition(".")[0]
        if name != __name__ and top not in _HYDRAS and top not in sys.stdlib_module_names:
            return False
        trace = trace.tb_next
    return True


def told(error: Exception) -> str:
    """An error of Hydra's or OmegaConf's in one line, with the key that it is about."""
    key = getattr(error, "full_key", None)
    lines = [line for line in str(error).splitlines() if line.strip()] or [
        f"this is not allowed ({type(error).__name__})"
    ]
    text = lines[0] if key else " ".join(" ".join(lines).split())
    return visible(f"{key}: {text}" if key else text)
