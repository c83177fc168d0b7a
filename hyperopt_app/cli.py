# SPDX-License-Identifier: MIT
"""The `hyperopt-app` command: inspect and steer a study; any other arguments go to the Hydra application."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.config.launchers import SCHEMAS, ClusterWorkersConf
from hyperopt_app.errors import HyperoptError, StudyMismatchError
from hyperopt_app.objective.failure_kinds import KINDS
from hyperopt_app.processes.streams import spelling_out, until_nobody_reads
from hyperopt_app.support.files import read_file
from hyperopt_app.support.typed_words import WordParser, positive_int

if TYPE_CHECKING:
    import optuna

__all__ = ["main"]

_ANEW = "Move it away; the search's command writes a new one."

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
    if words[:1] == ["submit"] and {"-h", "--help"} & {*words[1:]}:
        launchers = [name for name, schema in SCHEMAS.items() if issubclass(schema, ClusterWorkersConf)]
        print(_SUBMIT_HELP.format(launchers=", ".join(launchers)), end="")
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
    options = _parser().parse_args(words or ["--help"])
    try:
        with spelling_out(), until_nobody_reads():
            _COMMANDS[options.command][0](options)
    except HyperoptError as error:
        sys.exit(str(error))
    except OSError as error:
        if error.filename is None:  # no file of the user's
            raise
        sys.exit(f"{error.filename} cannot be read: {error.strerror}; give the directory of a study that you may read")
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = WordParser("hyperopt-app", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (_, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("study", type=Path, help="the study's directory, e.g. studies/holodec")
        command.add_argument("--storage", help="the storage URL; by default that of the last search in that directory")
        command.add_argument("--name", help="the study's name, if the storage has several")
        if name in _ARGUMENTS:
            _ARGUMENTS[name](command)
    for name, text in _ELSEWHERE.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


def _status(options: argparse.Namespace) -> None:
    from rich.console import Console

    from hyperopt_app.driver.monitor import overview
    from hyperopt_app.progress.display import render
    from hyperopt_app.study.notes import read_notes

    study = _open(options, reading=True)
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


def _print_best(options: argparse.Namespace) -> None:
    path = options.study / "best.yaml"
    _check_directory(options.study)
    try:
        text = read_file(path).decode()
    except FileNotFoundError:
        raise StudyMismatchError(f"{path} does not exist: no trial of this study has completed yet.") from None
    except OSError as error:
        raise StudyMismatchError(f"{path} cannot be read: {error.strerror}. {_ANEW}") from None
    except ValueError:
        raise StudyMismatchError(f"{path} is not UTF-8 text. {_ANEW}") from None
    print(text, end="")


def _arguments_of_report(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, help="where the files go; by default STUDY/report")
    command.add_argument("--plots", type=Path, metavar="FILE", help="YAML file with settings of the plots")
    command.add_argument(
        "--trees", type=positive_int, default=64, metavar="N", help="trees of the forests; by default 64"
    )
    command.add_argument("--depth", type=positive_int, default=64, metavar="N", help="their depth; by default 64")
    command.add_argument(
        "-k", "--top-k", type=positive_int, default=1, help="trials of the Pareto front that are shown"
    )


def _report(options: argparse.Namespace) -> None:
    from hyperopt_app.page.page import write_page
    from hyperopt_app.reports.plot_settings import read_plot_settings
    from hyperopt_app.reports.report import report

    study = _open(options, reading=True)
    settings = {} if options.plots is None else read_plot_settings(options.plots)
    folder = options.out or options.study / "report"
    try:
        forest = {"n_trees": options.trees, "max_depth": options.depth}
        lines = report(study, folder, settings, **forest, top_k=options.top_k)
        lines += write_page(study, options.study, folder, **forest)
    except OSError as error:
        raise StudyMismatchError(
            f"{error.filename or folder} cannot be written: {error.strerror}; give another directory with --out"
        ) from None
    _print_lines(lines)


def _stop(options: argparse.Namespace) -> None:
    from hyperopt_app.study.stopping import Stop, write_stop

    write_stop(_open(options), Stop("the user asked for it (hyperopt-app stop)", is_fault=False))
    print("No further trial is started; running trials, if any, run to their end. The study can be resumed.")


def _arguments_of_retry(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "numbers", nargs="*", type=int, metavar="NUMBER", help="trials to try again; by default all that failed"
    )
    command.add_argument(
        "--kind",
        action="append",
        default=[],
        choices=KINDS,
        help="try the failed trials of this kind again, and no others; may be given several times",
    )


def _retry(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import retried

    if options.numbers and options.kind:
        raise StudyMismatchError("retry: give numbers or --kind, not both; numbers are tried again whatever they are")
    study = _open(options)
    _print_lines(retried(study, options.study, options.numbers, options.kind, _write_tables))


def _arguments_of_discard(command: argparse.ArgumentParser) -> None:
    command.add_argument("numbers", nargs="+", type=int, metavar="NUMBER", help="trials that should no longer count")


def _discard(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import discarded

    study = _open(options)
    _print_lines(discarded(study, options.study, options.numbers, _write_tables))


def _arguments_of_add(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "values", nargs="+", metavar="KEY=VALUE", help="a searched key and its value; what is left out is drawn"
    )
    command.add_argument("--grow", action="store_true", help="enlarge the budget by one trial, which tries the point")


def _add(options: argparse.Namespace) -> None:
    from hyperopt_app.driver.steering import added

    _print_lines(added(_open(options), options.study, options.values, grows=options.grow))


def _print_lines(lines: Sequence[str]) -> None:
    print("\n".join(lines))


def _write_tables(study: "optuna.Study", study_dir: Path) -> None:
    """Rewrite the tables of the original interface, if the study belongs to it."""
    from hyperopt_app.legacy.tables.files import write_tables_of

    write_tables_of(study, study_dir)


def _repair(options: argparse.Namespace) -> None:
    from hyperopt_app.storage.finding import kept_storage
    from hyperopt_app.storage.journal_copy import place_of_copy, salvage, write_copy
    from hyperopt_app.storage.opening import journal_of

    _check_directory(options.study)
    storage = options.storage
    if storage is None and not (options.study / "journal.log").exists():
        storage, _ = kept_storage(options.study)
    path = journal_of(storage, options.study)
    salvaged = salvage(path)
    if not salvaged.damaged:
        print(f"{path}: no line of {salvaged.lines} is damaged; nothing was written.")
        return
    copy = place_of_copy(path)
    write_copy(salvaged, copy, path.stat().st_mode & 0o777)
    aside, left = path.with_name(f"{path.stem}.damaged{path.suffix}"), len(salvaged.left_out)
    print(f"{path}: {len(salvaged.damaged)} of {salvaged.lines} lines are damaged")
    for number, fault in salvaged.damaged:
        print(f"  line {number}: {fault}")
    print(f"{copy} keeps {salvaged.trials - left} of {salvaged.trials} trials; {path.name} is as it was.")
    for number, reason in salvaged.left_out.items():
        print(f"  trial {number} is left out, and stands there as failed: {reason}")
    old, new, aside_ = (shlex.quote(str(part)) for part in (path, copy, aside))
    print("Once no worker of the study is left, go on with the copy, then with the same command as before:")
    print(f"  mv -n {old} {aside_} && mv -n {new} {old}")
    if left:
        print(f"To run as many in the place of those that are left out, raise hydra.sweeper.n_trials by {left}.")


def _open(options: argparse.Namespace, *, reading: bool = False) -> "optuna.Study":
    """Open the study that the options name; creates nothing, and with `reading` writes nothing."""
    from hyperopt_app.storage.finding import kept_storage
    from hyperopt_app.storage.opening import open_storage
    from hyperopt_app.study.opening import only_study

    storage, name = options.storage, options.name
    _check_directory(options.study)
    if storage is None and not (options.study / "journal.log").exists():
        storage, kept_name = kept_storage(options.study)
        name = name or kept_name
    return only_study(open_storage(storage, options.study, reading=reading, making=False), name)


def _check_directory(study_dir: Path) -> None:
    """Refuse a path that is not a directory, and the save_path of the original, which holds studies in subfolders."""
    if not study_dir.is_dir():
        raise StudyMismatchError(f"{study_dir}: directory not found; give that of a study, e.g. studies/holodec")
    inner = sorted(str(path.parent) for path in study_dir.glob("studies/*/multirun.yaml"))
    if inner and not (study_dir / "multirun.yaml").exists():
        raise StudyMismatchError(f"{study_dir} is not a study's directory, but holds some: {', '.join(inner)}")


_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], None], str]] = {
    "status": (_status, "show what the workers do, the counts and the best trial so far"),
    "best": (_print_best, "print the best trial: value, parameters, directory, the command that trains it again"),
    "report": (
        _report,
        "write a page for a browser, plots and a table, and show a summary with what matters",
    ),
    "stop": (_stop, "ask all workers not to start another trial"),
    "retry": (_retry, "try failed trials again, or trials by number, with the parameters that they had"),
    "discard": (_discard, "let finished trials no longer count: another trial takes each one's place in the budget"),
    "add": (_add, "add a point to try next"),
    "repair": (_repair, "copy the whole trials of a damaged journal into a new one; the old one stays as it is"),
}

# What a command takes beside the study.
_ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "report": _arguments_of_report,
    "retry": _arguments_of_retry,
    "discard": _arguments_of_discard,
    "add": _arguments_of_add,
}

# Not the parser's to read; it names them.
_ELSEWHERE = {
    "submit": "submit the workers of a search and come back; the rest of the words is for Hydra",
    "legacy": "the original interface of two YAML files; hyperopt-app legacy --help",
}
