# SPDX-License-Identifier: MIT
"""Call user code and convert what it returns or raises to an outcome.

This is the one broad boundary around user code; only errors that the user has to correct (HyperoptError) pass it. Runs
where the objective runs, in the worker or in the trial's own process, and in a worker around the latter.
"""

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import optuna

from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.child_errors import child_error
from hyperopt_app.objective.failure_kinds import ProgramError, is_no_room, kind_of
from hyperopt_app.objective.outcomes import Failed, Interrupted, Lost, Outcome, Pruned
from hyperopt_app.support.display_text import visible
from hyperopt_app.support.passwords import mask_password
from hyperopt_app.worker.interruption import Ending, Where, in_chain
from hyperopt_app.worker.interrupts import EndRequest

__all__ = ["attempt"]

# Characters. The study keeps both, and a database's text field holds 65,535 bytes.
_LONGEST_ERROR = 500
_LONGEST_TRACEBACK = 8000
_OURS = f"{Path(__file__).parents[1]}{os.sep}"


def attempt(user_code: Callable[[], Outcome], interrupts: EndRequest, where: Where) -> Outcome:
    """Run user code and turn whatever happens into an outcome; the one broad boundary around it.

    Args:
        user_code: Calls the objective.
        interrupts: Whether this process was asked to end meanwhile.
        where: Where the objective runs, seen from here.

    Raises:
        HyperoptError: What the user has to correct before any trial can succeed; the ticket is not spent on it.
    """
    try:
        outcome = user_code()
        interrupted = Ending(outcome, where=where).was_interrupted(asked_to_end=interrupts.asked_to_end)
        return Interrupted() if interrupted else outcome
    except BaseException as error:
        if Ending(raised=error, where=where).was_interrupted(asked_to_end=interrupts.asked_to_end):
            return Interrupted()
        if isinstance(error, HyperoptError):
            raise
        return _outcome_of_error(error)


def _outcome_of_error(error: BaseException) -> Outcome:
    """What an exception says of the trial; KeyboardInterrupt, SystemExit and the like are the objective's own here.

    Raises:
        HyperoptError: It is among the causes.
    """
    if in_chain(error, optuna.TrialPruned) is not None:
        return Pruned()
    to_correct = in_chain(error, HyperoptError)
    if to_correct is not None:
        raise to_correct from None
    raised = child_error(error)
    if raised is not None and raised.name.rpartition(".")[2] == "TrialPruned":
        return Pruned()
    if raised is not None and raised.of_ours:
        raise HyperoptError(raised.text)
    text = _shown(f"{type(error).__name__}: {_one_line(error)}")[:_LONGEST_ERROR]
    kind = kind_of(error)
    if kind == "infrastructure":
        return _lost(error, text)
    story = error.story if isinstance(error, ProgramError) else _traceback(error)
    return Failed(kind, text, _shortened(_shown(story)))


def _lost(error: BaseException, text: str) -> Lost:
    if isinstance(error, ProgramError) and not is_no_room(error):
        return Lost(text)
    return Lost(f"there was no room to write ({text})", of_node=False)


def _shown(text: str) -> str:
    return visible(mask_password(text))


def _one_line(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an exception of the user's may fail even at this
        return "(its text cannot be shown)"


def _traceback(error: BaseException) -> str:
    """The traceback from the user's first frame on: how this package got there helps nobody."""
    trace = traceback.TracebackException.from_exception(error)
    theirs = next((at for at, frame in enumerate(trace.stack) if not frame.filename.startswith(_OURS)), 0)
    del trace.stack[:theirs]
    return "".join(trace.format())


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TRACEBACK:
        return text
    half = _LONGEST_TRACEBACK // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out; the trial's log has them]\n{text[-half:]}"
