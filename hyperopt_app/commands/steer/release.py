# SPDX-License-Identifier: MIT
"""`hyperopt-app release`: let the trials of a held study begin again."""

import argparse

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_lines

__all__ = ["COMMAND"]


def _run_release(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import released

    print_lines(released(open_study(options), options.study))


COMMAND = Command(
    _run_release,
    "let the trials of a held study begin again, and say what brings workers back",
    "hyperopt-app release studies/sphere",
)
