# SPDX-License-Identifier: MIT
"""Execute the original's commands: read the pair, translate it, and run the Hydra application on the translation."""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.application import Search, words
from hyperopt_app.legacy.batch.times import end_of_worker, option_seconds, seconds_of_pair
from hyperopt_app.legacy.objectives.devices import gpu_report
from hyperopt_app.legacy.old.takeover import imported, opened_pair, set_aside, taken_over
from hyperopt_app.legacy.reader import read_pair, read_study
from hyperopt_app.legacy.reading.pair import Launcher, Pair
from hyperopt_app.legacy.save_path import keep_copies
from hyperopt_app.legacy.translating.config_text import config_text, write_config
from hyperopt_app.legacy.translating.translation import study_dir_of
from hyperopt_app.legacy.translating.translation import translate as translated
from hyperopt_app.schedulers.gpu_slots import visible_gpus
from hyperopt_app.schedulers.time_left import END_VARIABLE
from hyperopt_app.support.wording import Wording

__all__ = ["import_old", "optimize", "report", "run_worker", "translate"]

_CHANGES = (
    *("study_name", "storage", "storage_type", "objective", "direction", "metric", "n_trials", "gpu", "save_path"),
)
# Lines of a job with which an environment is chosen.
_ACTIVATES = re.compile(r"\b(?:activate|conda|mamba|micromamba|ncar_pylib|module\s+load\s+\S*(?:python|conda))\b")


def optimize(options: argparse.Namespace) -> int:
    """Search here, or submit the workers of the blocks slurm and pbs and return. Runs in the driver."""
    pair = _read_to_run(options)
    if options.here or (not pair.launchers and options.workers):
        pair = _on_this_machine(pair, options.workers or 1)
    if options.create_study:
        pair = replace(pair, launchers=(Launcher("by_hand", {}, pair.workers),))
    wording = _wording(pair, another_study="-n NAME", without_scheduler=", or run here with --here")
    status = _run_search(pair, options, wording)
    if options.create_study and status == 0 and not options.dry_run:
        command = shlex.join([*_command_for_study("run", options), "-n"])
        print(f"or, as ever, each with\n\n    {command} ID\n")  # noqa: T201 - the command's answer
    return status


def run_worker(options: argparse.Namespace) -> int:
    """Run one worker of the study. Runs in the driver, which starts that worker as its child."""
    wall_s = option_seconds(options.walltime) if options.walltime else None
    pair = _read_to_run(options)
    end = end_of_worker(seconds_of_pair(pair) if wall_s is None else wall_s, time.time(), os.environ)
    os.environ[END_VARIABLE] = str(end)
    if options.node_id:
        os.environ["HYPEROPT_LABEL"] = options.node_id
    worker_time = f"this worker ({options.walltime})" if options.walltime else "this worker"
    wording = _wording(pair, another_study="--study_name NAME", time=worker_time)
    return _run_search(_on_this_machine(pair, 1), options, wording, "hydra.sweeper.progress=lines")


def translate(options: argparse.Namespace) -> int:
    """Write the pair as a Hydra config directory and say how to run it."""
    pair = _pair_of_options(options)
    _write_notes(pair.notes)
    made, path = translated(pair), options.out / "config.yaml"
    is_other = path.is_file() and path.read_text(encoding="utf-8") != config_text(made, pair, options.out)
    if is_other and not options.yes:
        what = "is there and says something else than this translation; give another directory"
        raise ConfigError([f"--out: {path} {what}, or --yes to write over it"])
    _make_directory(options.out, "--out")
    write_config(made, pair, options.out)
    print(f"Wrote {path}. Run it with\n\n    {shlex.join(words(options.out))}\n")  # noqa: T201 - the command's answer
    for name in made.environment:
        print(f"It wants the storage's password in the environment variable {name}.")  # noqa: T201
    return 0


def import_old(options: argparse.Namespace) -> int:
    """Import a study that another program created; the original stays unchanged."""
    pair = _pair_of_options(options)
    _write_notes(pair.notes)
    if imported(pair, yes=options.yes):
        print(f"Go on with it: {shlex.join(_command_for_study('optimize', options))}")  # noqa: T201 - the command's answer
    else:
        print(f"The study {pair.study_name!r} was begun here: there is nothing to take over.")  # noqa: T201
    return 0


def report(options: argparse.Namespace) -> int:
    """Write the study's table, best.yml and the plots, and print a summary."""
    from hyperopt_app.legacy.report import report as written

    pair = read_study(options.hyperparameters, _changes(options))
    with opened_pair(pair) as study:
        summary = written(
            pair,
            study,
            model=options.model,
            plot=options.plot,
            n_trees=options.n_trees,
            max_depth=options.max_depth,
            top_k=options.top_k,
        )
    print(summary)  # noqa: T201
    return 0


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name in _CHANGES if (value := getattr(options, name, None)) is not None}


def _pair_of_options(options: argparse.Namespace) -> Pair:
    return read_pair(options.hyperparameters, options.model, _changes(options))


def _read_to_run(options: argparse.Namespace) -> Pair:
    """The pair, whose objective exists; otherwise only that error is reported."""
    pair = _pair_of_options(options)
    if not pair.objective.is_file() and not options.dry_run:
        where = "-o" if options.objective else f"{pair.hyper_path}: optuna.objective"
        came = "is a directory" if pair.objective.is_dir() else "does not exist"
        raise ConfigError([f"{where}: {pair.objective} {came}; give the path of the file with the class Objective"])
    if getattr(options, "delete_study", False) and not options.dry_run:
        set_aside(pair, yes=options.yes)
        pair = _pair_of_options(options)  # its notes are on what is there
    _write_notes(pair.notes)
    return replace(pair, accept_missing=options.accept_missing)


def _write_notes(notes: Iterable[str]) -> None:
    for note in notes:
        sys.stderr.write(f"note: {note}\n")


def _wording(pair: Pair, **changes: Any) -> Wording:
    return Wording(
        direction=f"{pair.hyper_path}: optuna.direction",
        accept_changes="--accept_changes",
        points=f"{pair.hyper_path}: optuna.enqueue",
        budget="optuna.n_trials",
        pruner="optuna.pruner",
        is_application=False,
        **changes,
    )


def _command_for_study(command: str, options: argparse.Namespace) -> list[str]:
    """Return another command for the same study, with the options of this one."""
    command_words = ["hyperopt-app", "legacy", command, str(options.hyperparameters)]
    command_words += [] if options.model is None else [str(options.model)]
    for name, value in _changes(options).items():
        text = ",".join(value) if isinstance(value, list) else str(value)
        command_words += ["--trials" if name == "n_trials" else f"--{name}", text.lower() if name == "gpu" else text]
    return command_words


def _on_this_machine(pair: Pair, workers: int) -> Pair:
    return replace(pair, launchers=(Launcher("local_workers", {}, workers),), workers=workers)


def _run_search(pair: Pair, options: argparse.Namespace, wording: Wording, *overrides: str) -> int:
    if options.accept_changes:
        overrides += ("hydra.sweeper.accept_changes=true",)
    if options.dry_run:
        _write_notes(_machine_notes(pair))
        with tempfile.TemporaryDirectory() as folder:
            return Search(pair, Path(folder), wording, _do_nothing, [*overrides, "hydra.sweeper.dry_run=true"]).run()
    with _directories(pair, options):
        pair = taken_over(pair, yes=options.yes)
        place = study_dir_of(pair) / "hydra_config"
        return Search(pair, place, wording, partial(_begin, pair, options, place), overrides).run()


def _do_nothing(_change: str, _is_new: bool) -> None:
    pass


def _begin(pair: Pair, options: argparse.Namespace, place: Path, change: str, is_new: bool) -> None:
    """Write the files of save_path and log the notes, once the study is accepted."""
    effective = pair.hyper if _changes(options) else None
    keep_copies(pair.hyper_path, pair.model_path, effective, pair.save_path, study_dir_of(pair) / "earlier")
    notes = [f"the model config differs from the last run of this study: {change}"] if change else []
    _write_notes([*notes, *_machine_notes(pair), *(_other_studies(pair) if is_new else [])])
    if is_new:
        command = shlex.join(words(place))
        sys.stderr.write(f"The same study in the new form: {place / 'config.yaml'}; {command}\n")


def _machine_notes(pair: Pair) -> list[str]:
    """Note what the workers will lack: a GPU here, or the Python that the lines of a job choose."""
    is_here = all(launcher.name == "local_workers" for launcher in pair.launchers)
    if pair.gpu and is_here and not _sees_gpu():
        return ["gpu: a GPU is wanted and this machine shows none; the objective gets cpu"]
    return _which_python(pair)


def _which_python(pair: Pair) -> list[str]:
    """Note that jobs run this very Python, if their own lines choose another; once for all blocks."""
    lines = ((launcher.source, line) for launcher in pair.launchers for line in launcher.settings.get("setup") or ())
    for source, line in lines:
        if _ACTIVATES.search(line):
            note = f"the jobs run {sys.executable}, not the Python of `{line.strip()}` ({source}.bash or kernel)"
            return [f"{note}; to train in that environment, install this package there and submit from it"]
    return []


def _is_a_study(folder: Path) -> bool:
    return (folder / "multirun.yaml").exists() and ".set-aside-" not in folder.name


def _other_studies(pair: Pair) -> list[str]:
    """Note that the tables in save_path contain other studies too, if so."""
    own = study_dir_of(pair)
    others = sorted(path.name for path in own.parent.iterdir() if path != own and _is_a_study(path))
    note = f"{pair.save_path} holds another study too ({', '.join(others)}): the tables there have the trials of all; "
    return [f"{note}a directory of its own (-s DIR) keeps them apart"] if others else []


def _sees_gpu() -> bool:
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return bool(visible_gpus(os.environ))
    with suppress(OSError, subprocess.SubprocessError):
        return bool(gpu_report())
    return False


@contextmanager
def _directories(pair: Pair, options: argparse.Namespace) -> Iterator[None]:
    """Create the directories of results and log; remove them again if they were created in vain."""
    wanted = {pair.save_path: "-s" if options.save_path else f"{pair.hyper_path}: save_path"}
    if pair.log_path:
        wanted.setdefault(pair.log_path.parent, f"{pair.hyper_path}: log")
    missing = {path for folder in (*wanted, study_dir_of(pair)) for path in _missing(folder)}
    for folder, key in wanted.items():
        _make_directory(folder, key)
    try:
        yield
    finally:
        for folder in sorted(missing, reverse=True):
            with suppress(OSError):  # it holds something, as it should
                folder.rmdir()


def _missing(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _make_directory(folder: Path, key: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        is_file = isinstance(error, FileExistsError | NotADirectoryError)
        came = "is not a directory" if is_file else f"cannot be made ({error.strerror})"
        raise ConfigError([f"{key}: {folder} {came}; give a directory that you may write"]) from None
