# SPDX-License-Identifier: MIT
"""`hyperopt-app status`: what the workers do, the counts, the best trial so far, and why nothing is started."""

import argparse
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hyperopt_app.commands.base import Command, read_study_view
from hyperopt_app.commands.printing import print_json

if TYPE_CHECKING:
    from hyperopt_app.looking.view import View
    from hyperopt_app.progress.snapshot import Snapshot

__all__ = ["COMMAND"]


def _arguments_of_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run_status(options: argparse.Namespace) -> None:
    from rich.console import Console

    from hyperopt_app.looking.overview import overview_of
    from hyperopt_app.progress.display import render

    view = read_study_view(options)
    seen = overview_of(view.study, view.trials, view.aside, view.asked, view.workers, view.read_at)
    if options.json:
        print_json({**asdict(seen), **_further(view)})
        return
    Console().print(render(seen))
    if forecast := _forecast(view, seen):
        print(forecast)
    for note in view.notes:
        print(f"note: {note}")
    _print_stop(view, seen.left + seen.running, seen.n_trials)


def _further(view: "View") -> dict[str, Any]:
    """Return what the table does not hold; without the trial's own parameters the names are those of the table."""
    return {
        "directory": str(view.directory),
        "state": view.state,
        "stop": view.stop or None,
        "notes": list(view.notes),
        "last_change": view.last_moment,
        "cost": view.cost._asdict(),
        "cost_left": view.cost_left,
    }


def _forecast(view: "View", seen: "Snapshot") -> str:
    """Say when a study that runs will end, and what it costs until then; empty where nobody can tell."""
    from hyperopt_app.support.display_text import counted, value_text

    if view.state != "running" or not seen.remaining_s or view.cost_left is None:
        return ""
    end = datetime.fromtimestamp(view.read_at + seen.remaining_s)  # noqa: DTZ006 - for people, who live in local time
    workers = sum(worker.alive for worker in view.workers)
    more = f"{value_text(view.cost_left)} {view.cost.unit}-hours more (so far {value_text(view.cost.total)})"
    return f"forecast: ends {end:%a %d %b %H:%M} with {counted(workers, 'worker')}, {more}"


def _print_stop(view: "View", left: int, n_trials: int) -> None:
    """Print why no further trial starts, and what continues the study; nothing if trials may start or none is left."""
    from hyperopt_app.budget.verdict import verdict_on, words_of
    from hyperopt_app.support.display_text import visible

    verdict, way_on = verdict_on(view.study), "the same command"
    if not view.stop or not (left or view.is_fault):
        return
    print(f"{'stopping' if view.state == 'stopping' else 'stopped'}: {visible(view.stop)}")
    if verdict is not None:
        print(words_of(view.study, verdict, way_on, left, n_trials))
    elif left:
        print(f"{left} of {n_trials} trials are left; {way_on} goes on with them.")


COMMAND = Command(
    _run_status,
    "show what the workers do, the counts and the best trial so far",
    "hyperopt-app status studies/sphere",
    _arguments_of_status,
)
