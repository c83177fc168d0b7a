# SPDX-License-Identifier: MIT
"""`hyperopt-app export`: write the trials of a study as CSV, JSON or Parquet, or into a storage of Optuna's."""

import argparse

from hyperopt_app.commands.base import Command, check_directory
from hyperopt_app.commands.printing import print_json, print_lines
from hyperopt_app.errors import StudyMismatchError

__all__ = ["COMMAND"]


def _arguments_of_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        metavar="TARGET",
        help="a file that ends in .csv, .json or .parquet; or an Optuna storage, to which the study is added: a URL, "
        "a .log or a .db; by default CSV is printed",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run_export(options: argparse.Namespace) -> None:
    import optuna

    from hyperopt_app.looking.opening import storage_in
    from hyperopt_app.looking.tables.exports import csv_text, exported, json_data
    from hyperopt_app.looking.view import read_view
    from hyperopt_app.study.opening import only_study

    if options.to and options.json:
        raise StudyMismatchError("export: give --to or --json, not both; --to NAME.json writes a file")
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would log that a study was created
    check_directory(options.study)
    storage, name = storage_in(options.study, options.storage, options.name)
    view = read_view(only_study(storage, name), options.study)
    if options.json:
        print_json(json_data(view))
    elif options.to:
        try:
            print_lines([exported(view, options.to, storage)])
        except OSError as error:
            raise StudyMismatchError(f"--to {options.to}: cannot be written: {error.strerror}; give another") from None
    else:
        print(csv_text(view), end="")


COMMAND = Command(
    _run_export,
    "write the trials as CSV, JSON or Parquet, or into a storage of Optuna's",
    "hyperopt-app export studies/sphere --to sphere.csv",
    _arguments_of_export,
)
