# SPDX-License-Identifier: MIT
"""The `hyperopt-app` command: inspect and steer a study; any other arguments go to the Hydra application."""

import argparse
import sys
import textwrap
from collections.abc import Sequence

from hyperopt_app.errors import HyperoptError
from hyperopt_app.processes.streams import spelling_out, until_nobody_reads
from hyperopt_app.support.typed_words import WordParser

__all__ = ["main"]

_DESCRIPTION = """Look at a search and steer it, also while it runs. Each search is a study with a directory of
its own, e.g. studies/sphere, by which the commands know it."""

_EPILOG = """everything else is the application itself, as with python -m hyperopt_app:
  hyperopt-app --multirun hparams=holodec      search
  hyperopt-app submit hparams=holodec hydra/launcher=slurm_workers   submit the workers and come back
  hyperopt-app hparams=holodec                 train once
  hyperopt-app legacy --help                   the original interface of two YAML files
  hyperopt-app --hydra-help                    Hydra's own help
"""

_SUBMIT_HELP = """usage: hyperopt-app submit OVERRIDE ...

Submit the workers of a search as jobs and come back. Every word is an override of Hydra's, as with --multirun:

  hyperopt-app submit hparams=holodec hydra/launcher=slurm_workers hydra.sweeper.n_trials=100
  hyperopt-app submit hparams=holodec hydra/launcher=pbs_workers hydra.sweeper.dry_run=true   show the script alone

The launchers are {launchers} and by_hand (which prints the command that starts a worker). Then:
hyperopt-app status STUDY, stop STUDY, best STUDY, report STUDY.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script.

    Args:
        arguments: The words after the program's name; those of this process if None.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["report-metric"]:
        # Before anything else is imported: shell scripts start it once for each value.
        from hyperopt_app.programs.report_metric import main as report_metric

        sys.exit(report_metric(words[1:]))
    if words[:1] == ["submit"] and {"-h", "--help"} & {*words[1:]}:
        _print_help_of_submit()
        return
    if words[:1] == ["submit"]:
        # Hydra reads the arguments of the process. With pluses also where the launcher has no such field: that it
        # cannot submit is then listed among the errors of the command.
        words = ["--multirun", *words[1:], "++hydra.launcher.detach=true"]
        sys.argv[1:] = words
    if words[:1] == ["legacy"]:
        # A leaf: only this command wants it.
        from hyperopt_app.legacy.commands import main as legacy

        sys.exit(legacy(words[1:]))
    is_override = bool(words) and (words[0].startswith(("-", "~")) or "=" in words[0])
    if is_override and words[0] not in ("-h", "--help"):
        from hyperopt_app.__main__ import main as application

        application()
        return
    from hyperopt_app.commands.listed import COMMANDS

    options = _parser().parse_args(words or ["--help"])
    try:
        with spelling_out(), until_nobody_reads():
            COMMANDS[options.command].run(options)
    except HyperoptError as error:
        sys.exit(str(error))
    except OSError as error:
        if error.filename is None:  # no file of the user's
            raise
        sys.exit(f"{error.filename} cannot be read: {error.strerror}; give the directory of a study that you may read")
    except KeyboardInterrupt:
        sys.exit(130)


def _print_help_of_submit() -> None:
    from hyperopt_app.config.launchers import SCHEMAS, ClusterWorkersConf

    launchers = [name for name, schema in SCHEMAS.items() if issubclass(schema, ClusterWorkersConf)]
    print(_SUBMIT_HELP.format(launchers=", ".join(launchers)), end="")


def _parser() -> argparse.ArgumentParser:
    from hyperopt_app.commands.base import study_argument
    from hyperopt_app.commands.listed import COMMANDS

    parser = WordParser(
        "hyperopt-app",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        own = commands.add_parser(
            name,
            help=command.text,
            description=textwrap.fill(command.text, 79),
            epilog=f"example: {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command.takes_a_study:
            study_argument(own)
        command.arguments(own)
    for name, text in _ELSEWHERE.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


# Not the parser's to read; it names them.
_ELSEWHERE = {
    "submit": "submit the workers of a search as jobs and come back; hyperopt-app submit --help",
    "legacy": "run the original interface of two YAML files; hyperopt-app legacy --help",
    "report-metric": "report a metric, from a program that a trial runs; hyperopt-app report-metric --help",
}
