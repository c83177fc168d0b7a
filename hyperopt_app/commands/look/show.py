# SPDX-License-Identifier: MIT
"""`hyperopt-app show`: everything that is known of one trial."""

import argparse

from hyperopt_app.commands.base import Command, read_study_view
from hyperopt_app.commands.printing import print_json, print_lines

__all__ = ["COMMAND"]


def _arguments_of_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, metavar="NUMBER", help="the trial")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run_show(options: argparse.Namespace) -> None:
    from hyperopt_app.looking.one_trial import described_trial, trial_lines

    view = read_study_view(options)
    trial = view.trial(options.number)
    if options.json:
        print_json(described_trial(view, trial))
    else:
        print_lines(trial_lines(view, trial))


COMMAND = Command(
    _run_show,
    "one trial: parameters, what its config changes, curve, failure, attempts, ends of its logs, how to train it again",
    "hyperopt-app show studies/sphere 3",
    _arguments_of_show,
)
