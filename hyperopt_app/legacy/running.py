# SPDX-License-Identifier: MIT
"""What the original's commands do: read the pair, translate it, and have the Hydra application run the translation."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.config_text import write_config
from hyperopt_app.legacy.leavings import keep_copies, keep_jobs
from hyperopt_app.legacy.pair import Launcher, Pair
from hyperopt_app.legacy.reading import read_pair, read_study
from hyperopt_app.legacy.takeover import opened_pair, set_aside, taken_over
from hyperopt_app.legacy.times import slurm_seconds
from hyperopt_app.legacy.translation import Translation, study_dir_of
from hyperopt_app.legacy.translation import translate as translated

__all__ = ["import_old", "optimize", "report", "run_worker", "translate"]

_CHANGES = (
    *("study_name", "storage", "storage_type", "objective", "direction", "metric", "n_trials", "gpu", "save_path"),
)


def optimize(options: argparse.Namespace) -> int:
    """Search here, or submit the workers of the blocks slurm and pbs and come back. Runs in the driver."""
    pair = _read(options)
    _refuse_without_objective(pair, options)
    if options.here or (not pair.launchers and options.workers):
        pair = _on_this_machine(pair, options.workers or 1)
    if options.create_study:
        pair = replace(pair, launchers=(Launcher("by_hand", {}, pair.workers),))
    if options.delete_study and not options.dry_run:
        set_aside(pair, yes=options.yes)
    return _search(pair, options)


def run_worker(options: argparse.Namespace) -> int:
    """Be one worker of the study. Runs in the driver, which starts that worker as its child."""
    pair = _read(options)
    _refuse_without_objective(pair, options)
    wall_s = _given_s(options.walltime) if options.walltime else _wall_s(pair)
    os.environ["HYPEROPT_END"] = str(int(time.time() + wall_s))
    if options.node_id:
        os.environ["HYPEROPT_LABEL"] = options.node_id
    return _search(_on_this_machine(pair, 1), options, "hydra.sweeper.progress=lines")


def translate(options: argparse.Namespace) -> int:
    """Write the pair as a Hydra config directory and say how to run it."""
    pair = _read(options)
    made = translated(pair)
    path = write_config(made, pair, options.out)
    print(f"Wrote {path}. Run it with\n\n    {' '.join(_words(options.out))}\n")  # noqa: T201 - the command's answer
    for name in made.environment:
        print(f"It wants the storage's password in the environment variable {name}.")  # noqa: T201
    return 0


def import_old(options: argparse.Namespace) -> int:
    """Take over a study that another program began; the original stays as it is."""
    pair = _read(options)
    if taken_over(pair, yes=options.yes) == pair:
        print(f"There is no older study {pair.study_name!r} to take over.")  # noqa: T201
    return 0


def report(options: argparse.Namespace) -> int:
    """Write the study's table, best.yml and the plots, and print a summary."""
    from hyperopt_app.legacy.report import report as written

    pair = read_study(options.hyperparameters)
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


def _read(options: argparse.Namespace) -> Pair:
    changes: dict[str, Any] = {name: value for name in _CHANGES if (value := getattr(options, name, None)) is not None}
    pair = read_pair(options.hyperparameters, options.model, changes)
    for note in pair.notes:
        sys.stderr.write(f"note: {note}\n")
    return pair


def _refuse_without_objective(pair: Pair, options: argparse.Namespace) -> None:
    if not pair.objective.is_file() and not options.dry_run:
        where = f"{pair.hyper_path}: optuna.objective: {pair.objective}"
        raise ConfigError([f"{where} is not there; give the path of the file with the class Objective"])


def _on_this_machine(pair: Pair, workers: int) -> Pair:
    return replace(pair, launchers=(Launcher("local_workers", {}, workers),), workers=workers)


def _wall_s(pair: Pair) -> float:
    """What the batch block gives a job, else twelve hours, as ever."""
    for launcher in pair.launchers:
        if minutes := launcher.settings.get("timeout_min"):
            return 60.0 * float(minutes)
        if seconds := slurm_seconds(launcher.settings.get("walltime", "")):
            return float(seconds)
    return 12 * 3600.0


def _given_s(text: str) -> float:
    seconds = slurm_seconds(text)
    if seconds is None:
        raise ConfigError([f"-w: {text!r} is no time; write HH:MM:SS"])
    return float(seconds)


def _search(pair: Pair, options: argparse.Namespace, *overrides: str) -> int:
    if options.dry_run:
        with tempfile.TemporaryDirectory() as folder:
            return _run(pair, Path(folder), "hydra.sweeper.dry_run=true")
    for needed in (pair.save_path, *([pair.log_path.parent] if pair.log_path else [])):
        needed.mkdir(parents=True, exist_ok=True)
    pair = taken_over(pair, yes=options.yes)
    is_changed = any(getattr(options, name, None) is not None for name in _CHANGES)
    keep_copies(pair.hyper_path, pair.model_path, pair.hyper if is_changed else None, pair.save_path)
    place = study_dir_of(pair) / "hydra_config"
    status = _run(pair, place, *overrides)
    sys.stderr.write(f"The same study in the new form: {place / 'config.yaml'}; {' '.join(_words(place))}\n")
    return status


def _run(pair: Pair, place: Path, *overrides: str) -> int:
    """Run the translation once for each launcher; usually that is one."""
    status = 0
    for launcher in pair.launchers or (Launcher("local_workers", {}, pair.workers),):
        one = replace(pair, launchers=(launcher,), workers=launcher.workers)
        made = translated(one)
        write_config(made, one, place)
        status = _run_application(made, place, overrides) or status
        keep_jobs(study_dir_of(pair), pair.save_path, pair.dialect)
    return status


def _words(place: Path) -> list[str]:
    return ["hyperopt-app", "--config-path", str(place.absolute()), "--config-name", "config", "--multirun"]


def _run_application(made: Translation, place: Path, overrides: Sequence[str]) -> int:
    """The Hydra application in this very process, as if these words had been typed."""
    from hyperopt_app.__main__ import main as application

    before = sys.argv[:]
    os.environ.update(made.environment)
    sys.argv[:] = [*_words(place), *overrides]
    try:
        application()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv[:] = before
    return 0
