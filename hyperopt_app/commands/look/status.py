# SPDX-License-Identifier: MIT
"""`hyperopt-app status`: what the workers do, the counts, the best trial so far, and why nothing is started."""

import argparse
from typing import TYPE_CHECKING

from hyperopt_app.commands.base import Command, open_study

if TYPE_CHECKING:
    import optuna

__all__ = ["COMMAND"]


def _run_status(options: argparse.Namespace) -> None:
    from rich.console import Console

    from hyperopt_app.looking.overview import overview
    from hyperopt_app.progress.display import render
    from hyperopt_app.study.notes import read_notes

    study = open_study(options, reading=True)
    seen = overview(study, options.study)
    Console().print(render(seen))
    for note in read_notes(study):
        print(f"note: {note}")
    _print_stop(study, seen.left + seen.running, seen.n_trials)


def _print_stop(study: "optuna.Study", left: int, n_trials: int) -> None:
    """Print why no further trial starts, and what continues the study; nothing if trials may start or none is left."""
    from hyperopt_app.budget.verdict import verdict_on, words_of
    from hyperopt_app.study.stopping import read_stop
    from hyperopt_app.support.display_text import visible

    stop, verdict, way_on = read_stop(study), verdict_on(study), "the same command"
    if stop is None or not (left or stop.is_fault):
        return
    print(f"stopped: {visible(stop.reason)}")
    if verdict is not None:
        print(words_of(study, verdict, way_on, left, n_trials))
    elif left:
        print(f"{left} of {n_trials} trials are left; {way_on} goes on with them.")


COMMAND = Command(
    _run_status, "show what the workers do, the counts and the best trial so far", "hyperopt-app status studies/sphere"
)
