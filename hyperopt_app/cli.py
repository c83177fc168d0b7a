# SPDX-License-Identifier: MIT
"""`hyperopt-app`: look at a study and steer it; every other argument goes to the Hydra application."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.errors import HyperoptError, StudyMismatchError

if TYPE_CHECKING:
    import optuna

__all__ = ["main"]

_EPILOG = """everything else is the application itself, as with python -m hyperopt_app:
  hyperopt-app --multirun hparams=holodec      search
  hyperopt-app submit hparams=holodec hydra/launcher=slurm_workers   submit the workers and come back
  hyperopt-app hparams=holodec                 train once
  hyperopt-app legacy --help                   the original interface of two YAML files
  hyperopt-app --hydra-help                    Hydra's own help
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script.

    Args:
        arguments: The words after the program's name; those of this process if None.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["submit"]:
        # Hydra reads the arguments of the process.
        words = ["--multirun", *words[1:], "hydra.launcher.detach=true"]
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
        _COMMANDS[options.command][0](options)
    except HyperoptError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "hyperopt-app", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (_, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("study", type=Path, help="the study's directory, e.g. studies/holodec")
        command.add_argument("--storage", help="the storage URL; by default that of the last search in that directory")
        command.add_argument("--name", help="the study's name, if the storage has several")
    for name, text in _ELSEWHERE.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


def _status(options: argparse.Namespace) -> None:
    from rich.console import Console

    from hyperopt_app.driver.monitor import overview
    from hyperopt_app.progress.display import render
    from hyperopt_app.study.notes import read_notes

    study = _open(options, reading=True)
    Console().print(render(overview(study, options.study)))
    for note in read_notes(study):
        print(f"note: {note}")


def _best(options: argparse.Namespace) -> None:
    path = options.study / "best.yaml"
    _check_directory(options.study)
    if not path.exists():
        raise StudyMismatchError(f"{path} is not there: no trial of this study has completed yet.")
    print(path.read_text(encoding="utf-8"), end="")


def _stop(options: argparse.Namespace) -> None:
    from hyperopt_app.study.stopping import Stop, write_stop

    write_stop(_open(options), Stop("the user asked for it (hyperopt-app stop)", is_fault=False))
    print("No further trial is started; those that run, if any, go on to their end. The study can be resumed.")


def _repair(options: argparse.Namespace) -> None:
    from hyperopt_app.storage.finding import kept_storage
    from hyperopt_app.storage.journal_copy import place_of_copy, salvage, write_copy
    from hyperopt_app.storage.opening import journal_of

    _check_directory(options.study)
    storage = options.storage
    if storage is None and not (options.study / "journal.log").exists():
        storage, _ = kept_storage(options.study)
    path = journal_of(storage, options.study)
    found = salvage(path)
    if not found.damaged:
        print(f"{path}: no line of {found.lines} is damaged; nothing was written.")
        return
    copy = place_of_copy(path)
    write_copy(found, copy, path.stat().st_mode & 0o777)
    aside, left = path.with_name(f"{path.stem}.damaged{path.suffix}"), len(found.left_out)
    print(f"{path}: {len(found.damaged)} of {found.lines} lines are damaged")
    for number, fault in found.damaged:
        print(f"  line {number}: {fault}")
    print(f"{copy} keeps {found.trials - left} of {found.trials} trials; {path.name} is as it was.")
    for number, reason in found.left_out.items():
        print(f"  trial {number} is left out, and stands there as failed: {reason}")
    old, new, aside_ = (shlex.quote(str(one)) for one in (path, copy, aside))
    print("Once no worker of the study is left, go on with the copy, then with the same command as before:")
    print(f"  mv -n {old} {aside_} && mv -n {new} {old}")
    if left:
        print(f"To run as many in the place of those that are left out, raise hydra.sweeper.n_trials by {left}.")


def _open(options: argparse.Namespace, *, reading: bool = False) -> "optuna.Study":
    """The study that the options name; makes nothing, and with `reading` writes nothing."""
    from hyperopt_app.storage.finding import kept_storage
    from hyperopt_app.storage.opening import open_storage
    from hyperopt_app.study.opening import only_study

    storage, name = options.storage, options.name
    _check_directory(options.study)
    if storage is None and not (options.study / "journal.log").exists():
        storage, kept_name = kept_storage(options.study)
        name = name or kept_name
    return only_study(open_storage(storage, options.study, reading=reading), name)


def _check_directory(study_dir: Path) -> None:
    """Refuse what is no directory, and the save_path of the original, which holds the studies deeper."""
    if not study_dir.is_dir():
        raise StudyMismatchError(f"{study_dir}: there is no such directory; give that of a study, e.g. studies/holodec")
    inner = sorted(str(path.parent) for path in study_dir.glob("studies/*/multirun.yaml"))
    if inner and not (study_dir / "multirun.yaml").exists():
        raise StudyMismatchError(f"{study_dir} is not a study's directory, but holds some: {', '.join(inner)}")


_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], None], str]] = {
    "status": (_status, "show what the workers do, the counts and the best trial so far"),
    "best": (_best, "print the best trial: value, parameters, directory, the command that trains it again"),
    "stop": (_stop, "ask all workers not to start another trial"),
    "repair": (_repair, "copy the whole trials of a damaged journal into a new one; the old one stays as it is"),
}

# Not the parser's to read; it names them.
_ELSEWHERE = {
    "submit": "submit the workers of a search and come back; the rest of the words is for Hydra",
    "legacy": "the original interface of two YAML files; hyperopt-app legacy --help",
}
