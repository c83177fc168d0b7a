# SPDX-License-Identifier: MIT
"""`hyperopt-app extend`: more trials and more workers for a study, also while its workers run."""

import argparse
import re

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_lines
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.support.typed_words import positive_int

__all__ = ["COMMAND"]

# As in the queue of Slurm: [D-]HH:MM[:SS].
_TIME = re.compile(r"(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?")
# What a slip of the finger may add: none of them can be taken back before it has run.
_MOST_TRIALS = 1_000


def _arguments_of_extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=positive_int, metavar="N", help="enlarge the budget by N trials")
    parser.add_argument(
        "--workers", type=positive_int, metavar="N", help="submit N workers more, with the settings of the last"
    )
    parser.add_argument(
        "--walltime",
        type=_seconds,
        metavar="HH:MM:SS",
        help="the time limit of their jobs, and of jobs that extend submits later",
    )


def _seconds(text: str) -> int:
    match = _TIME.fullmatch(text)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total <= 0:
        raise argparse.ArgumentTypeError(f"must be a time as HH:MM:SS or D-HH:MM:SS, got {text!r}")
    return total


def _run_extend(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import extended
    from hyperopt_app.launchers.further import submit_further

    if options.walltime is not None and options.workers is None:
        raise StudyMismatchError(
            "extend: --walltime is for the jobs that --workers N submits. Jobs that wait or run keep their limit, "
            "since only an administrator may raise it; those that come to its end go back into the queue and go on."
        )
    if options.trials is not None and options.trials > _MOST_TRIALS:
        raise StudyMismatchError(
            f"extend: --trials {options.trials} is more than the {_MOST_TRIALS:,} that are allowed, since each waits "
            "in the study from now on; for more, run the search command with a larger hydra.sweeper.n_trials"
        )
    if options.trials is None and options.workers is None:
        raise StudyMismatchError("extend: give what is to be more: --trials N, --workers N, or both")
    study = open_study(options)
    if options.trials is not None:
        print_lines(extended(study, options.study, options.trials))
    if options.workers is not None:
        print_lines(submit_further(study, options.study, options.workers, options.walltime))


COMMAND = Command(
    _run_extend,
    "add trials to the budget of a study, or workers to it; what runs goes on",
    "hyperopt-app extend studies/sphere --trials 20 --workers 4",
    _arguments_of_extend,
)
