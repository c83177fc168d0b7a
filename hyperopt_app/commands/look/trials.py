# SPDX-License-Identifier: MIT
"""`hyperopt-app trials`: a table of a study's trials, selected, ordered and shortened as asked."""

import argparse

from hyperopt_app.commands.base import Command, read_study_view
from hyperopt_app.commands.printing import print_json, print_lines, print_table
from hyperopt_app.support.typed_words import positive_int

__all__ = ["COMMAND"]

_STATES = {
    "complete": "trials that are complete; with several of these options, the trials of each",
    "pruned": "trials that were ended early",
    "failed": "trials that failed",
    "running": "trials that run now",
    "waiting": "trials that a worker has still to begin, or to continue",
    "parked": "trials that wait at a checkpoint until they are promoted or given up",
}


def _arguments_of_trials(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--top", type=positive_int, metavar="K", help="the K best trials, the best first")
    for state, text in _STATES.items():
        parser.add_argument(f"--{state}", action="append_const", dest="states", const=state, help=text)
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="only trials of which this holds, e.g. 'lr<1e-3'; may be given several times",
    )
    parser.add_argument("--sort", default="", metavar="COLUMN", help="order by a column; --sort=-COLUMN descending")
    parser.add_argument("--columns", default="", metavar="A,B", help="these columns; 'all' for all")
    parser.add_argument("--set-aside", action="store_true", help="also trials that no longer count")
    parser.add_argument("--imported", action="store_true", help="the imported trials, which count for no budget")
    parser.add_argument("--json", action="store_true", help="print JSON, with all columns")


def _run_trials(options: argparse.Namespace) -> None:
    from hyperopt_app.looking.tables.listing import Wanted, nothing_line, selected, text_table, usual_columns

    view = read_study_view(options)
    wanted = Wanted(options.top, options.states or (), options.where, options.sort, options.set_aside, options.imported)
    rows, columns = selected(view, wanted)
    if options.json:
        print_json(rows)
    elif not rows:
        print_lines([nothing_line(view)])
    else:
        print_table(*text_table(view, rows, usual_columns(view, rows, columns, options.columns)))


COMMAND = Command(
    _run_trials,
    "show a table of the trials: --top 10, --failed, --where 'lr<1e-3', --sort duration_s, --columns number,lr",
    "hyperopt-app trials studies/sphere --top 3 --where 'x<1'",
    _arguments_of_trials,
)
