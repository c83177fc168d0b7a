# SPDX-License-Identifier: MIT
"""Say a thing once in a study: a trial runs in a process of its own, so the first trial alone speaks."""

import logging

from hyperopt_app.objective.trial import current_trial

__all__ = ["warn_once"]

# A process may run several trials.
_told: set[str] = set()


def warn_once(log: logging.Logger, message: str, *args: object) -> None:
    """Log a warning, if the running trial is the study's first (or if there is none) and it was not said already."""
    trial = current_trial()
    text = message % args
    if text not in _told and (trial is None or trial.number == 0):
        log.warning("%s", text)
    _told.add(text)
