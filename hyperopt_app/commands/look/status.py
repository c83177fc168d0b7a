# SPDX-License-Identifier: MIT
"""`hyperopt-app status`: what the workers do, the counts, the best trial so far, and why nothing is started."""

import argparse
import shlex
import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hyperopt_app.commands.base import Command, open_study, read_study_view
from hyperopt_app.commands.look.watching import watch_argument, watched
from hyperopt_app.commands.printing import print_json
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.support.display_text import counted, value_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hyperopt_app.looking.view import View
    from hyperopt_app.progress.snapshot import Snapshot

__all__ = ["COMMAND"]

_WATCH_S = 2.0


def _arguments_of_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    watch_argument(parser, "keep the table up to date until the study has ended, Ctrl-C leaves it", _WATCH_S)


def _run_status(options: argparse.Namespace) -> None:
    from rich.console import Console

    from hyperopt_app.progress.display import render

    if options.watch is not None and options.json:
        raise StudyMismatchError("status: give --watch or --json, not both; a program calls status --json again")
    if options.watch is not None:
        _watch(options)
        return
    view = read_study_view(options)
    seen = _snapshot(view)
    if options.json:
        print_json({**asdict(seen), **_further(view)})
        return
    Console().print(render(seen))
    for line in _lines_below(view, seen):
        print(line)


def _snapshot(view: "View") -> "Snapshot":
    from hyperopt_app.looking.overview import overview_of

    return overview_of(view.study, view.trials, view.aside, view.asked, view.workers, view.read_at)


def _watch(options: argparse.Namespace) -> None:
    """Show the study until it ends: a live table on a terminal, elsewhere a line for each change."""
    views = watched(open_study(options, reading=True), options.study, options.watch)
    try:
        if sys.stdout.isatty():
            _draw_each(views)
        else:
            _print_changes(views)
    except KeyboardInterrupt:  # the way to leave; the study goes on
        return


def _draw_each(views: "Iterable[View]") -> None:
    from rich.console import Group
    from rich.text import Text

    from hyperopt_app.progress.display import live_table, render

    with live_table() as live:
        for view in views:
            seen = _snapshot(view)
            below = (Text(visible(line)) for line in _lines_below(view, seen))
            live.update(Group(render(seen), *below), refresh=True)


def _print_changes(views: "Iterable[View]") -> None:
    from hyperopt_app.progress.display import NewlyEnded
    from hyperopt_app.progress.table import counts_text

    ended, last = NewlyEnded(), ""
    for view in views:
        seen = _snapshot(view)
        for line in ended.lines(seen, view.counting):
            print(line, flush=True)
        if view.state != last:
            print(f"{view.name} is {view.state}: {counts_text(seen).plain}", flush=True)
        last = view.state


def _lines_below(view: "View", seen: "Snapshot") -> list[str]:
    """Say what the table has no place for: the forecast, the workers' notes, and why nothing starts."""
    forecast = [_forecast(view, seen)]
    if view.state == "waiting":
        forecast = [
            f"waiting: no worker is at work; jobs may wait in a queue, else the same command goes on{_command(view)}"
        ]
    notes = [f"note: {note}" for note in view.notes]
    return [
        line
        for line in (*forecast, *notes, *_stop_lines(view, seen.left + seen.running + seen.parked, seen.n_trials))
        if line
    ]


def _command(view: "View") -> str:
    from hyperopt_app.results.search_command import last_config, search_command

    command = search_command(view.study, last_config(view.directory))
    return f": {command}" if command else ""


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
    if view.state != "running" or not seen.remaining_s or view.cost_left is None:
        return ""
    end = datetime.fromtimestamp(view.read_at + seen.remaining_s)  # noqa: DTZ006 - for people, who live in local time
    workers = sum(worker.alive for worker in view.workers)
    more = f"{value_text(view.cost_left)} {view.cost.unit}-hours more (so far {value_text(view.cost.total)})"
    return f"forecast: ends {end:%a %d %b %H:%M} with {counted(workers, 'worker')}, {more}"


def _stop_lines(view: "View", left: int, n_trials: int) -> list[str]:
    """Say why no further trial starts, and what continues the study; nothing if trials may start or none is left."""
    from hyperopt_app.budget.verdict import verdict_on, words_of
    from hyperopt_app.study.stopping import Stop

    verdict, way_on = verdict_on(view.study), "the same command"
    if not view.stop or not (left or view.is_fault):
        return []
    lines = [f"{view.state if view.state in ('stopping', 'held') else 'stopped'}: {visible(view.stop)}"]
    if view.is_held and left:
        release = shlex.join(["hyperopt-app", "release", str(view.directory)])
        return [*lines, f"{left} of {n_trials} trials are left; `{release}` lets workers begin them."]
    if verdict is not None:
        lines.append(words_of(view.study, verdict, way_on, left, n_trials))
    elif left:
        first = Stop(view.stop, is_fault=view.is_fault, is_hold=view.is_held).first
        lines.append(f"{left} of {n_trials} trials are left; {first}{way_on} goes on with them.")
    return lines


COMMAND = Command(
    _run_status,
    "show what the workers do, the counts and the best trial so far",
    "hyperopt-app status studies/sphere --watch",
    _arguments_of_status,
)
