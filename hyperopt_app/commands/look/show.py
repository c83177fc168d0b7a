# SPDX-License-Identifier: MIT
"""`hyperopt-app show`: the summary of a study with its health, or everything that is known of one trial."""

import argparse

from hyperopt_app.commands.base import Command, read_study_view
from hyperopt_app.commands.printing import print_json, print_lines

__all__ = ["COMMAND"]


def _arguments_of_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "number", type=int, nargs="?", metavar="NUMBER", help="the trial; without it the summary of the study"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run_show(options: argparse.Namespace) -> None:
    from hyperopt_app.looking.one_trial import described_trial, trial_lines
    from hyperopt_app.looking.summary import summary_data, summary_of

    view = read_study_view(options)
    if options.number is None and options.json:
        print_json(summary_data(view))
        return
    if options.number is None:
        print_lines(summary_of(view))
        return
    trial = view.trial(options.number)
    if options.json:
        print_json(described_trial(view, trial))
    else:
        print_lines(trial_lines(view, trial))


COMMAND = Command(
    _run_show,
    "show the summary and health of a study; or one trial with parameters, changes of its config, curve, failure, "
    "attempts, ends of its logs, and how to train it again",
    "hyperopt-app show studies/sphere 3",
    _arguments_of_show,
)
