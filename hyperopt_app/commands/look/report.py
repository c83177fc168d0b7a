# SPDX-License-Identifier: MIT
"""`hyperopt-app report`: write plots and the table of the trials, and print a summary."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.look.watching import watch_argument, watched
from hyperopt_app.commands.printing import print_lines
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.support.display_text import counted
from hyperopt_app.support.typed_words import positive_int

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    from hyperopt_app.reports.plot_settings import PlotSettings

__all__ = ["COMMAND"]

_WATCH_S = 60.0


def _arguments_of_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, help="where the files go; by default STUDY/report")
    parser.add_argument("--plots", type=Path, metavar="FILE", help="YAML file with settings of the plots")
    parser.add_argument(
        "--trees", type=positive_int, default=64, metavar="N", help="trees of the forests; by default 64"
    )
    parser.add_argument("--depth", type=positive_int, default=64, metavar="N", help="their depth; by default 64")
    parser.add_argument("-k", "--top-k", type=positive_int, default=1, help="trials of the Pareto front that are shown")

    watch_argument(parser, "renew the page and the tables until the study has ended, Ctrl-C leaves it", _WATCH_S)


def _run_report(options: argparse.Namespace) -> None:
    from hyperopt_app.reports.plot_settings import read_plot_settings

    study = open_study(options, reading=True)
    settings = {} if options.plots is None else read_plot_settings(options.plots)
    if options.watch is None:
        print_lines(_written(options, study, settings))
        return
    try:
        _renew(options, study, settings)
    except KeyboardInterrupt:  # the way to leave; the study goes on
        return


def _written(options: argparse.Namespace, study: "optuna.Study", settings: "Mapping[str, PlotSettings]") -> list[str]:
    from hyperopt_app.looking.health.checks import health
    from hyperopt_app.looking.view import read_view
    from hyperopt_app.page.page import write_page
    from hyperopt_app.reports.report import report

    folder = options.out or options.study / "report"
    try:
        forest = {"n_trees": options.trees, "max_depth": options.depth}
        lines = report(study, folder, settings, **forest, top_k=options.top_k)
        checks = [finding.text for finding in health(read_view(study, options.study))]
        lines += write_page(study, options.study, folder, checks=checks, **forest)
    except OSError as error:
        raise StudyMismatchError(
            f"{error.filename or folder} cannot be written: {error.strerror}; give another directory with --out"
        ) from None
    return lines


def _renew(options: argparse.Namespace, study: "optuna.Study", settings: "Mapping[str, PlotSettings]") -> None:
    """Write the report whenever something has changed; each file is replaced as a whole, so a browser may read it."""
    lines, last = list[str](), None
    for view in watched(study, options.study, options.watch):
        reported = sum(len(trial.intermediate_values) for trial in view.trials if trial.state.name == "RUNNING")
        now = (view.counts, view.aside, view.state, reported)
        if now != last:
            lines = _written(options, study, settings)
            counts = f"{view.ended} of {counted(view.n_trials, 'trial')} ended, {view.counts['running']} running"
            print(f"{time.strftime('%H:%M:%S')}  {view.state}: {counts}; {lines[-1]}", flush=True)
        last = now
    print_lines(lines)


COMMAND = Command(
    _run_report,
    "write report.html, which opens offline, plots and tables; and print a summary with the parameters that matter",
    "hyperopt-app report studies/sphere --out figures --watch 60",
    _arguments_of_report,
)
