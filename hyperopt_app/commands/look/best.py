# SPDX-License-Identifier: MIT
"""`hyperopt-app best`: print best.yaml, or the k best trials."""

import argparse

from hyperopt_app.commands.base import Command, check_directory, read_study_view
from hyperopt_app.commands.printing import print_json, print_lines, print_table
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.support.files import read_file
from hyperopt_app.support.typed_words import positive_int

__all__ = ["COMMAND"]

_ANEW = "Move it away; the search's command writes a new one."


def _arguments_of_best(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-k", type=positive_int, metavar="K", help="a table of the K best trials instead; the Pareto front comes first"
    )
    parser.add_argument("--json", action="store_true", help="print the best trial, the front or the K best as JSON")


def _run_best(options: argparse.Namespace) -> None:
    if not options.k and not options.json:
        print(_best_yaml(options), end="")
        return
    from hyperopt_app.looking.tables.listing import best_table
    from hyperopt_app.looking.tables.rows import row_of

    view = read_study_view(options)
    rows = [row_of(view, trial) for trial in (view.ranked(options.k) if options.k else view.best)]
    if options.json:
        print_json(rows)
    elif not rows:
        print_lines([f"No trial of {view.directory} has completed yet."])
    else:
        print_table(*best_table(view, rows))
        if len(view.metrics) > 1:
            front = len(view.best)
            print_lines([f"The first {min(front, len(rows))} of them are on the Pareto front of {front}."])


def _best_yaml(options: argparse.Namespace) -> str:
    path = options.study / "best.yaml"
    check_directory(options.study)
    try:
        return read_file(path).decode()
    except FileNotFoundError:
        raise StudyMismatchError(f"{path} does not exist: no trial of this study has completed yet.") from None
    except OSError as error:
        raise StudyMismatchError(f"{path} cannot be read: {error.strerror}. {_ANEW}") from None
    except ValueError:
        raise StudyMismatchError(f"{path} is not UTF-8 text. {_ANEW}") from None


COMMAND = Command(
    _run_best,
    "print the best trial: value, parameters, directory, the command that trains it again; -k 5 for the five best",
    "hyperopt-app best studies/sphere -k 3",
    _arguments_of_best,
)
