# SPDX-License-Identifier: MIT
"""`hyperopt-app retry`: try failed trials again, or trials by number."""

import argparse

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_lines
from hyperopt_app.commands.steer.tables import write_tables
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.objective.failure_kinds import KINDS

__all__ = ["COMMAND"]


def _arguments_of_retry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "numbers", nargs="*", type=int, metavar="NUMBER", help="trials to try again; by default all that failed"
    )
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        choices=KINDS,
        help="try the failed trials of this kind again, and no others; may be given several times",
    )


def _run_retry(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import retried

    if options.numbers and options.kind:
        raise StudyMismatchError("retry: give numbers or --kind, not both; numbers are tried again whatever they are")
    study = open_study(options)
    print_lines(retried(study, options.study, options.numbers, options.kind, write_tables))


COMMAND = Command(
    _run_retry,
    "try failed trials again, or trials by number, with the parameters that they had",
    "hyperopt-app retry studies/sphere --kind oom",
    _arguments_of_retry,
)
