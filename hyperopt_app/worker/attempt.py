# SPDX-License-Identifier: MIT
"""The one broad boundary around user code: whatever it does becomes an outcome.

Runs where the objective runs: in the worker, or in the trial's own process.
"""

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import optuna

from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.failure_kinds import kind_of
from hyperopt_app.objective.outcomes import Failed, Interrupted, Lost, Outcome, Pruned
from hyperopt_app.support.display_text import visible
from hyperopt_app.support.passwords import mask_password

__all__ = ["attempt"]

# Characters. The study keeps both, and a database's text field holds 65,535 bytes.
_LONGEST_ERROR = 500
_LONGEST_TRACEBACK = 8000
_OURS = f"{Path(__file__).parents[1]}{os.sep}"


def attempt(run: Callable[[], Outcome], told_to_end: Callable[[], bool] = lambda: False) -> Outcome:
    """Run user code and turn whatever happens into an outcome; the one broad boundary around it.

    Args:
        run: Calls the objective.
        told_to_end: Whether the worker was asked to end meanwhile. Whatever the user's code makes of the interrupt
            then (Lightning returns as if the training were over, or exits), the trial is not finished.

    Raises:
        HyperoptError: What the user has to mend before any trial can succeed; the ticket is not spent on it.
    """
    try:
        outcome = run()
        return Interrupted() if told_to_end() else outcome
    except HyperoptError:
        raise
    except BaseException as error:  # noqa: BLE001 - the one boundary around user code
        # Without a signal KeyboardInterrupt, SystemExit and the like are the objective's own doing.
        if told_to_end():
            return Interrupted()
        pruned = _in_chain(error, optuna.TrialPruned)
        if pruned is not None:
            return Pruned()
        mend = _in_chain(error, HyperoptError)
        if mend is not None:
            raise mend from None
        text = _shown(f"{type(error).__name__}: {_text(error)}")[:_LONGEST_ERROR]
        kind = kind_of(error)
        if kind == "infrastructure":
            return Lost(f"there was no room to write ({text})", of_node=False)
        return Failed(kind, text, _shortened(_shown(_traceback(error))))


def _shown(text: str) -> str:
    return visible(mask_password(text))


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an exception of the user's may fail even at this
        return "(its text cannot be shown)"


def _traceback(error: BaseException) -> str:
    """The traceback from the user's first frame on: how this package got there helps nobody."""
    told = traceback.TracebackException.from_exception(error)
    theirs = next((at for at, frame in enumerate(told.stack) if not frame.filename.startswith(_OURS)), 0)
    del told.stack[:theirs]
    return "".join(told.format())


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TRACEBACK:
        return text
    half = _LONGEST_TRACEBACK // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out; the trial's log has them]\n{text[-half:]}"


def _in_chain(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first exception of a kind among the causes: Hydra's instantiate wraps what it passes on."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__
    return found
