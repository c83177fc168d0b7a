# SPDX-License-Identifier: MIT
"""`hyperopt-app logs`: the ends of the workers' logs or of a trial's logs, and what is written to them from then on."""

import argparse
from pathlib import Path

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_json, print_lines
from hyperopt_app.support.typed_words import positive_int

__all__ = ["COMMAND"]


def _arguments_of_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, nargs="?", metavar="NUMBER", help="a trial; by default the workers' logs")
    parser.add_argument("-n", "--lines", type=positive_int, default=20, metavar="N", help="of each file; by default 20")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the trial, or the last worker, ends")
    parser.add_argument("--json", action="store_true", help="print the paths of the files as JSON")


def _run_logs(options: argparse.Namespace) -> None:
    from hyperopt_app.looking.log_files import follow, last_lines, logs_of_trial, logs_of_workers
    from hyperopt_app.looking.view import View, read_view

    study = open_study(options, reading=True)

    def view() -> View:
        return read_view(study, options.study)

    def paths() -> list[Path]:
        if options.number is None:
            return logs_of_workers(options.study)
        return logs_of_trial(view().trial(options.number), options.study)

    def is_over() -> bool:
        if options.number is None:
            return not any(worker.alive for worker in view().workers)
        return bool(view().trial(options.number).state.is_finished())

    if options.json:
        print_json([str(path) for path in paths()])
        return
    shown = last_lines(paths(), options.lines)
    if shown:
        print_lines(shown)
    elif not options.follow:
        whose = "The workers have" if options.number is None else f"Trial {options.number} has"
        print_lines([f"{whose} left no logs that are seen from here."])
    if options.follow:
        follow(paths, is_over, _print_now)


def _print_now(line: str) -> None:
    print(line, flush=True)


COMMAND = Command(
    _run_logs,
    "print the ends of the workers' logs or of a trial's; with -f also what is written from then on",
    "hyperopt-app logs studies/sphere 3",
    _arguments_of_logs,
)
