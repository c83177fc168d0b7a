# SPDX-License-Identifier: MIT
"""`hyperopt-app discard`: let finished trials no longer count."""

import argparse

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_lines
from hyperopt_app.commands.steer.tables import write_tables

__all__ = ["COMMAND"]


def _arguments_of_discard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("numbers", nargs="+", type=int, metavar="NUMBER", help="trials that should no longer count")


def _run_discard(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import discarded

    study = open_study(options)
    print_lines(discarded(study, options.study, options.numbers, write_tables))


COMMAND = Command(
    _run_discard,
    "let finished trials no longer count: another trial takes each one's place in the budget",
    "hyperopt-app discard studies/sphere 2 5",
    _arguments_of_discard,
)
