# SPDX-License-Identifier: MIT
"""Summarise the study at the end of a search: the lines for the user, and summary.txt in the study's directory."""

import logging

import optuna

from hyperopt_app.looking.summary import summary_of
from hyperopt_app.looking.view import read_view
from hyperopt_app.study.plan import Plan
from hyperopt_app.support.files import replace_text

__all__ = ["summarised"]

_log = logging.getLogger(__name__)

SUMMARY_NAME = "summary.txt"


def summarised(plan: Plan, study: optuna.Study) -> list[str]:
    """Write summary.txt and return its lines. Runs in the driver.

    What goes wrong with it is logged: all results are stored already, and a summary ends no search.
    """
    try:
        lines = summary_of(read_view(study, plan.study_dir))
        replace_text(plan.study_dir / SUMMARY_NAME, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        _log.warning("%s could not be written: %s", plan.study_dir / SUMMARY_NAME, error.strerror)
        return []
    except Exception as error:  # noqa: BLE001 -- of values and names of any kind
        _log.warning("The study could not be summarised: %s: %s", type(error).__name__, error)
        _log.debug("Summarising it failed.", exc_info=True)
        return []
    return lines
