# SPDX-License-Identifier: MIT
"""`hyperopt-app doctor`: examine a command before it searches."""

import argparse
import sys
from dataclasses import asdict

from hyperopt_app.commands.base import Command
from hyperopt_app.commands.printing import print_json, print_lines
from hyperopt_app.support.typed_words import positive_seconds

__all__ = ["COMMAND"]

_TRY_S = 60.0


def _arguments_of_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--try",
        dest="try_s",
        nargs="?",
        type=positive_seconds,
        const=_TRY_S,
        metavar="SECONDS",
        help=f"run one trial in a scratch study, for at most so many seconds (without a number {_TRY_S:g})",
    )
    parser.add_argument("--nodes", action="store_true", help="test locks between two nodes of Slurm too, by srun")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="-- WORD",
        help="the words of a search, e.g. -- hparams=holodec, or a whole command, e.g. -- python train.py model=a",
    )


def _run_doctor(options: argparse.Namespace) -> None:
    from hyperopt_app.doctor.check_result import has_fault
    from hyperopt_app.doctor.examination import Wishes
    from hyperopt_app.doctor.started import examined

    results = examined(options.words, Wishes(try_s=options.try_s, nodes=options.nodes))
    if options.json:
        print_json([asdict(result) for result in results])
    else:
        print_lines([result.line for result in results])
    if has_fault(results):
        sys.exit(1)


COMMAND = Command(
    _run_doctor,
    "examine a command before it searches: config, directory, storage, scheduler, GPUs",
    "hyperopt-app doctor --try -- hparams=sphere",
    _arguments_of_doctor,
    takes_a_study=False,
)
