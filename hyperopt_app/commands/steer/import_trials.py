# SPDX-License-Identifier: MIT
"""`hyperopt-app import`: trials of another study or of a CSV file, from which samplers learn."""

import argparse

from hyperopt_app.commands.base import Command, open_study, study_path
from hyperopt_app.commands.printing import print_json, print_lines
from hyperopt_app.commands.steer.tables import write_tables

__all__ = ["COMMAND"]


def _arguments_of_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="FROM",
        help="another study's directory or name, an Optuna storage (a URL, .db or .log), or a CSV file with columns of "
        "the searched keys, the metrics and perhaps state",
    )
    parser.add_argument("--from-name", metavar="NAME", help="the other study's name, if its storage has several")
    parser.add_argument("--skip", action="store_true", help="pass over trials that do not fit, and say how many")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run_import(options: argparse.Namespace) -> None:
    from dataclasses import asdict

    from hyperopt_app.driver.steering import written
    from hyperopt_app.importing.trials import import_trials

    study = open_study(options)
    directory = study_path(options.source)
    source = str(directory) if directory.is_dir() else options.source
    imported = import_trials(study, options.study, source, options.from_name, skips=options.skip)
    written(study, options.study, write_tables)
    if options.json:
        print_json(asdict(imported))
    else:
        print_lines([imported.text])


COMMAND = Command(
    _run_import,
    "add trials of another study or of a CSV file, from which samplers learn and which count for no budget",
    "hyperopt-app import studies/sphere earlier.csv",
    _arguments_of_import,
)
