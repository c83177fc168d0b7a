# SPDX-License-Identifier: MIT
"""`hyperopt-app stop`: ask all workers not to start another trial, or to end those that run as well."""

import argparse

from hyperopt_app.commands.base import Command, open_study

__all__ = ["COMMAND"]


def _arguments_of_stop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--now", action="store_true", help="end the trials that run at their next checkpoints; they can be continued"
    )


def _run_stop(options: argparse.Namespace) -> None:
    from hyperopt_app.study.stopping import Stop, write_stop

    asked = f"the user asked for it (hyperopt-app stop{' --now' * options.now})"
    write_stop(open_study(options), Stop(asked, is_fault=False, ends_running=options.now))
    running = "end at their next checkpoints and wait to be continued" if options.now else "run to their end"
    print(f"No further trial is started; running trials, if any, {running}. The study can be resumed.")


COMMAND = Command(
    _run_stop,
    "ask all workers not to start another trial",
    "hyperopt-app stop studies/sphere --now",
    _arguments_of_stop,
)
