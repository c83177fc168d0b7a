# SPDX-License-Identifier: MIT
"""Parse the commands and options of `hyperopt-app legacy`; `running` executes them."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hyperopt_app.errors import HyperoptError
from hyperopt_app.processes.streams import spelling_out, until_nobody_reads
from hyperopt_app.support.typed_words import WordParser, positive_int

__all__ = ["main"]

_FALSE = {"0", "false", "no", "off", "n"}
_TRUE = {"1", "true", "yes", "on", "y"}


def main(arguments: Sequence[str], program: str = "hyperopt-app legacy") -> int:
    """Run one of the commands.

    Args:
        arguments: The words, beginning with the command.
        program: How the user has called it, for the help.

    Returns:
        The exit status.
    """
    # Bare, the script of old has one command, which its users do not type.
    words, is_script = list(arguments), program.endswith("optimize.py")
    parser = _optimize_parser(WordParser(program)) if is_script else _parser(program)
    options = parser.parse_args(words[1:] if is_script else words or ["--help"])
    try:
        with spelling_out(), until_nobody_reads():
            return _run("optimize" if is_script else options.command, options)
    except HyperoptError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        if error.filename is None:  # no file of the user's
            raise
        sys.stderr.write(f"{error.filename}: {error.strerror}; give a path that you may read and write\n")
        return 1
    except KeyboardInterrupt:  # also while modules are imported, which takes a while
        return 130


def _run(command: str, options: argparse.Namespace) -> int:
    from hyperopt_app.legacy import running

    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "optimize": running.optimize,
        "run": running.run_worker,
        "report": running.report,
        "translate": running.translate,
        "import": running.import_old,
    }
    return commands[command](options)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = WordParser(program, description="The original interface; docs/legacy.md tells the new one.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _optimize_parser(commands.add_parser("optimize", help="search, or submit the workers of a slurm or pbs block"))
    _run_parser(commands.add_parser("run", help="be one worker of the study, by hand"))
    _report_parser(commands.add_parser("report", help="write the study's table, best.yml and plots"))
    _translate_parser(commands.add_parser("translate", help="write the same study as a Hydra config"))
    _import_parser(commands.add_parser("import", help="take over a study of an older Optuna; the original is kept"))
    return parser


def _pair(parser: argparse.ArgumentParser, *, model: bool = True) -> None:
    parser.add_argument("hyperparameters", type=Path, help="the YAML file with the section optuna")
    if model:
        parser.add_argument("model", type=Path, nargs="?", help="the YAML file of the model")


_TEXT: dict[str, Any] = {"default": None, "metavar": "TEXT"}


def _add_place_options(parser: argparse.ArgumentParser, *short: str) -> None:
    """Add the options that identify the study."""
    words = (*short, "--study_name", "--name")
    parser.add_argument(*words, dest="study_name", help="name of the study", **_TEXT)
    parser.add_argument("--storage", help="file or URL of the study's storage", **_TEXT)
    parser.add_argument("--storage_type", choices=["sqlite", "nfs", "maria"], help="kind of the storage")
    parser.add_argument("-s", "--save_path", type=Path, help="directory of all results")


def _changes(parser: argparse.ArgumentParser, *short: str) -> None:
    """Add the options that override a value of the hyperparameter file."""
    _add_place_options(parser, *short)
    parser.add_argument("-o", "--objective", type=Path, help="the file with the class Objective")
    _aims(parser, "-d", "-m")
    parser.add_argument("-t", "--trials", dest="n_trials", type=positive_int, help="number of trials", metavar="N")
    parser.add_argument("-g", "--gpu", type=_truth, help="true or false", metavar="BOOL")


def _aims(parser: argparse.ArgumentParser, *short: str) -> None:
    """Add the options for metric and direction; `short` has the letters of both or is empty."""
    direction, metric = ([letter] for letter in short) if short else ([], [])
    help_text = "minimize or maximize; several with commas"
    parser.add_argument(*direction, "--direction", type=_names, help=help_text, **_TEXT)
    parser.add_argument(*metric, "--metric", type=_names, help="the metric; several with commas", **_TEXT)


def _ours(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="take over an older study without a question")
    parser.add_argument("--dry_run", action="store_true", help="show what would be run; start and write nothing")
    parser.add_argument("--accept_changes", action="store_true",
                        help="go on with a study although other values are searched now")  # fmt: skip
    parser.add_argument("--accept_missing", action="store_true",
                        help="start although the objective imports what this Python does not have")  # fmt: skip


def _optimize_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    _pair(parser)
    _changes(parser, "-n")
    _ours(parser)
    parser.add_argument("-c", "--create_study", type=_truth, nargs="?", const=True, default=False, metavar="BOOL",
                        help="only create the study, and say how a worker is started")  # fmt: skip
    parser.add_argument("--delete_study", type=_truth, nargs="?", const=True, default=False, metavar="BOOL",
                        help="set an existing study aside and begin anew")  # fmt: skip
    parser.add_argument("--override", action="store_true", help=argparse.SUPPRESS)  # of 2021: go on with a study
    parser.add_argument("-r", "--reload", type=_truth, nargs="?", const=True, help=argparse.SUPPRESS)
    parser.add_argument("-w", "--workers", type=positive_int, metavar="N", help="workers, without slurm and pbs")
    parser.add_argument("--here", action="store_true", help="run on this machine in spite of a slurm or pbs block")
    return parser


def _run_parser(parser: argparse.ArgumentParser) -> None:
    _pair(parser)
    _changes(parser)
    _ours(parser)
    parser.add_argument("-n", "--node_id", metavar="ID", help="names this worker's table of results")
    parser.add_argument("-w", "--walltime", metavar="HH:MM:SS",
                        help="time that this worker has; by default that of the batch block, or 12:00:00")  # fmt: skip


def _report_parser(parser: argparse.ArgumentParser) -> None:
    _pair(parser, model=False)
    _add_place_options(parser, "-n")
    parser.add_argument("-m", "--model", type=Path, help="model config: write best.yml")
    _aims(parser)
    parser.add_argument("-p", "--plot", type=Path, help="YAML file with settings of the plots")
    parser.add_argument("-t", "--n_trees", type=positive_int, default=64, help="trees of the forest; by default 64")
    parser.add_argument("-d", "--max_depth", type=positive_int, default=64, help="their depth; by default 64")
    parser.add_argument(
        "-k", "--top_k", type=positive_int, default=1, help="trials of the Pareto front to list; by default 1"
    )


def _translate_parser(parser: argparse.ArgumentParser) -> None:
    _pair(parser)
    _changes(parser, "-n")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where config.yaml goes")
    parser.add_argument("-y", "--yes", action="store_true", help="write over a config.yaml that says something else")


def _import_parser(parser: argparse.ArgumentParser) -> None:
    _pair(parser)
    _changes(parser, "-n")
    parser.add_argument("-y", "--yes", action="store_true", help="ask no question")


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false; write 1 or 0, true or false")


def _names(text: str) -> str | list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    return names[0] if len(names) == 1 else names
