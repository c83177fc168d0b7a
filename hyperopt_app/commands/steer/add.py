# SPDX-License-Identifier: MIT
"""`hyperopt-app add`: add a point that is tried next."""

import argparse

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_lines

__all__ = ["COMMAND"]


def _arguments_of_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "values", nargs="+", metavar="KEY=VALUE", help="a searched key and its value; what is left out is drawn"
    )
    parser.add_argument("--grow", action="store_true", help="enlarge the budget by one trial, which tries the point")


def _run_add(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import added

    print_lines(added(open_study(options), options.study, options.values, grows=options.grow))


COMMAND = Command(
    _run_add, "add a point to try next", "hyperopt-app add studies/sphere x=0.25 --grow", _arguments_of_add
)
