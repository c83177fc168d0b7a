# SPDX-License-Identifier: MIT
"""`hyperopt-app ls`: list the studies below a directory with their states, counts, best values and ages."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.commands.base import Command
from hyperopt_app.commands.printing import print_json, print_lines, print_table
from hyperopt_app.errors import HyperoptError, StudyMismatchError
from hyperopt_app.support.display_text import duration_text, value_text

if TYPE_CHECKING:
    from hyperopt_app.looking.view import View

__all__ = ["COMMAND"]

_COLUMNS = ("study", "state", "ended", "failed", "running", "best", "trial", "last change")


def _arguments_of_ls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=Path("studies"), help="by default ./studies")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run_ls(options: argparse.Namespace) -> None:
    from hyperopt_app.looking.opening import study_directories

    if not options.folder.is_dir():
        raise StudyMismatchError(f"{options.folder}: directory not found; give one that holds studies")
    entries = [_entry(directory) for directory in study_directories(options.folder)]
    if options.json:
        print_json(entries)
        return
    if not entries:
        print_lines([f"No study lies in {options.folder} or in a folder below it."])
        return
    print_table(_COLUMNS, [_cells(entry) for entry in entries], right=(2, 3, 4, 5, 6))
    for entry in entries:
        if entry["error"]:
            print_lines([f"{entry['directory']}: {entry['error']}"])


def _entry(directory: Path) -> dict[str, Any]:
    """Describe a study; one that cannot be read has the state `unreadable` and an error."""
    from hyperopt_app.looking.opening import study_in
    from hyperopt_app.looking.view import read_view

    try:
        return _described(read_view(study_in(directory), directory))
    except (HyperoptError, OSError) as error:
        return {"directory": str(directory), "state": "unreadable", "error": " ".join(str(error).split())}


def _described(view: "View") -> dict[str, Any]:
    best = view.best
    return {
        "directory": str(view.directory),
        "name": view.name,
        "state": view.state,
        "n_trials": view.n_trials,
        **{state: view.counts[state] for state in ("complete", "pruned", "failed", "running")},
        "left": view.left,
        "set_aside": len(view.aside.keys() - view.imported),
        "imported": len(view.imported),
        "metrics": list(view.metrics),
        "directions": list(view.directions),
        "best": [{"trial": trial.number, "values": trial.values} for trial in best],
        "last_change": view.last_moment,
        "workers": sum(worker.alive for worker in view.workers),
        "error": None,
    }


def _cells(entry: dict[str, Any]) -> list[str]:
    if entry["state"] == "unreadable":
        return [entry["directory"], "unreadable", *[""] * (len(_COLUMNS) - 2)]
    ended = entry["complete"] + entry["pruned"] + entry["failed"]
    changed = entry["last_change"]
    age = "" if changed is None else f"{duration_text(max(time.time() - changed, 0.0))} ago"
    best, trial = "", ""
    if len(entry["directions"]) == 1 and entry["best"]:
        best, trial = value_text(entry["best"][0]["values"][0]), str(entry["best"][0]["trial"])
    elif entry["best"]:
        best = f"front of {len(entry['best'])}"
    counts = (f"{ended}/{entry['n_trials']}", str(entry["failed"]), str(entry["running"]))
    return [entry["directory"], entry["state"], *counts, best, trial, age]


COMMAND = Command(
    _run_ls,
    "list the studies below a directory: state, counts, best value, age",
    "hyperopt-app ls studies",
    _arguments_of_ls,
    takes_a_study=False,
)
