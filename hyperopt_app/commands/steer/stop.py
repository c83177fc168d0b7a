# SPDX-License-Identifier: MIT
"""`hyperopt-app stop`: ask all workers not to start another trial."""

import argparse

from hyperopt_app.commands.base import Command, open_study

__all__ = ["COMMAND"]


def _run_stop(options: argparse.Namespace) -> None:
    from hyperopt_app.study.stopping import Stop, write_stop

    write_stop(open_study(options), Stop("the user asked for it (hyperopt-app stop)", is_fault=False))
    print("No further trial is started; running trials, if any, run to their end. The study can be resumed.")


COMMAND = Command(_run_stop, "ask all workers not to start another trial", "hyperopt-app stop studies/sphere")
