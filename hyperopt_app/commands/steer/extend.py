# SPDX-License-Identifier: MIT
"""`hyperopt-app extend`: more trials for a study, also while its workers run."""

import argparse

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_lines
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.support.typed_words import positive_int

__all__ = ["COMMAND"]


def _arguments_of_extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=positive_int, metavar="N", help="enlarge the budget by N trials")


def _run_extend(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import extended

    if options.trials is None:
        raise StudyMismatchError("extend: give what is to be more: --trials N")
    print_lines(extended(open_study(options), options.study, options.trials))


COMMAND = Command(
    _run_extend,
    "more trials for a study; workers that run take them too",
    "hyperopt-app extend studies/sphere --trials 20",
    _arguments_of_extend,
)
