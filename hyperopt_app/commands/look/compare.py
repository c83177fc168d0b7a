# SPDX-License-Identifier: MIT
"""`hyperopt-app compare`: best values at equal trials and at equal compute, and what differs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.commands.base import Command, check_directory, study_path
from hyperopt_app.commands.printing import print_json, print_lines, print_table
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.support.display_text import duration_text, value_text

if TYPE_CHECKING:
    from hyperopt_app.looking.view import View

__all__ = ["COMMAND"]


def _arguments_of_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("studies", nargs="+", type=study_path, metavar="STUDY", help="two or more studies")
    parser.add_argument("--json", action="store_true", help="print JSON, with every improvement")


def _run_compare(options: argparse.Namespace) -> None:
    from hyperopt_app.looking.compared import check_comparable, differences_of

    if len(options.studies) < 2:
        raise StudyMismatchError("compare: give two or more studies")
    views = [_view_at(directory) for directory in options.studies]
    check_comparable(views)
    changes = [differences_of(views[0], other) for other in views[1:]]
    if options.json:
        print_json({"studies": [_data(view) for view in views], "differences": changes})
        return
    for objective, metric in enumerate(views[0].metrics):
        _print_progress(views, objective, metric)
    _print_best_params(views)
    for other, lines in zip(views[1:], changes, strict=True):
        title = f"{views[0].directory} -> {other.directory}:"
        print_lines(["", title, *(f"  {line}" for line in lines or ["they search the same, with the same config"])])


def _view_at(directory: Path) -> "View":
    from hyperopt_app.looking.opening import study_in
    from hyperopt_app.looking.view import read_view

    check_directory(directory)
    return read_view(study_in(directory), directory)


def _data(view: "View") -> dict[str, Any]:
    from hyperopt_app.looking.compared import best_so_far
    from hyperopt_app.looking.tables.rows import row_of

    names = ("trials", "compute_s", "value")
    progress = {
        metric: [dict(zip(names, entry, strict=True)) for entry in best_so_far(view, objective)]
        for objective, metric in enumerate(view.metrics)
    }
    best = [row_of(view, trial) for trial in view.best]
    return {"directory": str(view.directory), "name": view.name, "best_so_far": progress, "best": best}


def _print_progress(views: "list[View]", objective: int, metric: str) -> None:
    """Print the best values at equal numbers of trials and at equal compute."""
    from hyperopt_app.looking.compared import best_so_far, compute_marks, trial_marks, value_at
    from hyperopt_app.looking.time_spent import time_spent

    if not any(view.ended for view in views):
        print_lines(["no trial of these studies has ended yet"])
        return
    progress = [best_so_far(view, objective) for view in views]
    compute_s = [time_spent(view).compute_s for view in views]
    counts = trial_marks(max(view.ended for view in views))
    times = compute_marks(max(compute_s))
    rows = []
    for view, entries, own_s in zip(views, progress, compute_s, strict=True):
        at_counts = [value_at(entries, 0, mark) if mark <= view.ended else None for mark in counts]
        at_times = [value_at(entries, 1, mark) if mark <= own_s else None for mark in times]
        cells = ["" if value is None else value_text(value) for value in [*at_counts, *at_times]]
        rows.append([str(view.directory), *cells])
    print_lines([f"best {metric} so far, after so many trials and after so much compute; empty beyond a study's end:"])
    columns = ["study", *map(str, counts), *(duration_text(mark) for mark in times)]
    print_table(columns, rows, right=range(1, len(columns)))


def _print_best_params(views: "list[View]") -> None:
    """Print the parameters of each study's best trial, if it has a single one."""
    best = [view.params_of(view.best[0]) if len(view.metrics) == 1 and view.best else {} for view in views]
    names = list(dict.fromkeys(name for params in best for name in params))
    if not names:
        return
    rows = [
        [str(view.directory), *(value_text(params[name]) if name in params else "" for name in names)]
        for view, params in zip(views, best, strict=True)
    ]
    print_lines(["", "parameters of the best trial:"])
    print_table(["study", *names], rows)


COMMAND = Command(
    _run_compare,
    "compare studies: the best value against trials and against compute, and which settings differ",
    "hyperopt-app compare studies/sphere studies/four",
    _arguments_of_compare,
    takes_a_study=False,
)
