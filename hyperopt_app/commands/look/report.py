# SPDX-License-Identifier: MIT
"""`hyperopt-app report`: write plots and the table of the trials, and print a summary."""

import argparse
from pathlib import Path

from hyperopt_app.commands.base import Command, open_study
from hyperopt_app.commands.printing import print_lines
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.support.typed_words import positive_int

__all__ = ["COMMAND"]


def _arguments_of_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, help="where the files go; by default STUDY/report")
    parser.add_argument("--plots", type=Path, metavar="FILE", help="YAML file with settings of the plots")
    parser.add_argument(
        "--trees", type=positive_int, default=64, metavar="N", help="trees of the forests; by default 64"
    )
    parser.add_argument("--depth", type=positive_int, default=64, metavar="N", help="their depth; by default 64")
    parser.add_argument("-k", "--top-k", type=positive_int, default=1, help="trials of the Pareto front that are shown")


def _run_report(options: argparse.Namespace) -> None:
    from hyperopt_app.looking.health.checks import health
    from hyperopt_app.looking.view import read_view
    from hyperopt_app.page.page import write_page
    from hyperopt_app.reports.plot_settings import read_plot_settings
    from hyperopt_app.reports.report import report

    study = open_study(options, reading=True)
    settings = {} if options.plots is None else read_plot_settings(options.plots)
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
    print_lines(lines)


COMMAND = Command(
    _run_report,
    "write plots and a table of the trials, and show a summary with the parameters that matter",
    "hyperopt-app report studies/sphere --out figures",
    _arguments_of_report,
)
