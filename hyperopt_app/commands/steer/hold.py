# SPDX-License-Identifier: MIT
"""`hyperopt-app hold`: let no trial begin until the study is released."""

import argparse

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_lines

__all__ = ["COMMAND"]


def _run_hold(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import held

    print_lines(held(open_study(options), options.study))


COMMAND = Command(
    _run_hold,
    "let no trial begin until the study is released; trials that run go on to their ends",
    "hyperopt-app hold studies/sphere",
)
