# SPDX-License-Identifier: MIT
"""Write the original's CSV files from a study, without changing the study or dropping existing rows.

Runs in a worker after a trial and in the driver at the end. The files are rebuilt from the whole study each time, so
the last writer writes everything. Rows of other studies, and rows written before a study was continued here, are read
from the existing files and kept.
"""

import logging
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hyperopt_app.legacy.tables import trial_table
from hyperopt_app.legacy.tables.trial_table import Result, Row
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.reports.report import dataframe_text
from hyperopt_app.study.records import trial_records
from hyperopt_app.support.files import NotOwnError, read_own, replace_text
from hyperopt_app.support.lock_file import HolderLock

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["safe_name", "write_study_csv", "write_tables", "write_tables_of"]

_log = logging.getLogger(__name__)

_ATTRIBUTE = "legacy"
_OLDEST = ("A0", "A1")
_WITH_BEST = ("A0", "A1", "A2")


@dataclass(frozen=True)
class _Layout:
    """Where the files of a dialect are, and what they contain.

    Attributes:
        folder: Directory of the workers' files.
        stem: What their names begin with; an underscore and the worker's name follow.
        merged: The file of all workers; None if the dialect has none.
        best: The file of the best rows; None if the dialect has none.
        best_heading: The column of the best value so far; empty if the dialect has none.
    """

    folder: Path
    stem: str
    merged: Path | None
    best: Path | None = None
    best_heading: str = ""


def write_tables(study: "optuna.Study", conf: Mapping[str, Any]) -> None:
    """Write the tables of the trials that have returned results; nothing if there are none.

    Writers in several processes wait for each other, and each reads the study after it got its turn.

    Args:
        study: The study; only read. Rows of trials that are set aside stay, but none of them is a best one.
        conf: The composed config; its node `objective` names the dialect, the folder and the metric.

    Raises:
        OSError: The folder cannot be written.
    """
    from hyperopt_app.budget.hidden import whole

    node = conf["objective"]
    folder = Path(node["save_path"])
    folder.mkdir(parents=True, exist_ok=True)
    layout = _layout(str(node["dialect"]), folder, node["metric"])
    study = whole(study)
    with HolderLock(folder / ".tables"):
        trials = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
        if any(_ATTRIBUTE in trial.user_attrs for trial in trials):
            _write_tables(layout, study, trials)


def write_tables_of(study: "optuna.Study", study_dir: Path) -> None:
    """Rewrite the tables if the study's last command was one of the original interface.

    Args:
        study: The study; only read.
        study_dir: Its directory, whose `multirun.yaml` tells the folder, the dialect and the metric.
    """
    conf = _legacy_config(study_dir / "multirun.yaml")
    if conf is not None:
        write_tables(study, conf)


def _legacy_config(path: Path) -> Mapping[str, Any] | None:
    """The config as it was written, looked up nowhere; None if it is none of the original interface, or not ours."""
    try:
        conf = yaml.safe_load(read_own(path))
    except (OSError, ValueError, NotOwnError, yaml.YAMLError):
        return None
    node = conf.get("objective") if isinstance(conf, dict) else None
    if not isinstance(node, dict) or not str(node.get("_target_", "")).startswith("hyperopt_app.legacy."):
        return None
    return conf if {"save_path", "dialect", "metric"} <= node.keys() else None


def _layout(dialect: str, folder: Path, metric: Any) -> _Layout:
    metrics = [metric] if isinstance(metric, str) else list(metric)
    best_heading = f"best_{metrics[0]}" if dialect in _WITH_BEST and len(metrics) == 1 else ""
    if dialect in _OLDEST:
        return _Layout(folder, "hyper_opt", folder / "hyper_opt.csv", folder / "best.csv", best_heading)
    if dialect == "A2":
        return _Layout(folder, "hyper_opt", None, None, best_heading)
    if dialect == "B1":
        return _Layout(folder, "worker", None)
    return _Layout(folder / "trial_results", "trial_results", folder / "trial_results.csv")


def _write_tables(layout: _Layout, study: "optuna.Study", trials: Sequence["FrozenTrial"]) -> None:
    from hyperopt_app.budget.set_aside import set_aside_of

    heading = layout.best_heading
    aside = set_aside_of(study, study.get_trials(deepcopy=False))
    ours = trial_table.rows_of(_results(study, trials, aside), heading)
    known = trial_table.by_number(ours)
    places = [*sorted(layout.folder.glob(f"{layout.stem}_*.csv")), *filter(None, (layout.merged, layout.best))]
    existing = {path: _rows_of(path) for path in places}
    foreign = {path: trial_table.foreign_rows(rows or [], known, heading) for path, rows in existing.items()}
    layout.folder.mkdir(exist_ok=True)
    for path, rows in _own(layout, trials, known, foreign).items():
        _put(path, trial_table.to_csv(trial_table.merged([rows, foreign.get(path, [])], heading), heading), existing)
    if layout.merged is None:
        return
    # What the workers' files say has all its digits; the old merged file comes last.
    everything = trial_table.merged([ours, *foreign.values()], heading)
    is_sorted = layout.best is not None
    _put(layout.merged, trial_table.to_csv(everything, heading, is_sorted=is_sorted), existing)
    if layout.best is not None:
        metric, is_maximum = heading.removeprefix("best_"), study.directions[0].name == "MAXIMIZE"
        standing = trial_table.rows_of(_results(study, trials, aside, all_rows=False), heading) if aside else ours
        rows = trial_table.merged([standing, *foreign.values()], heading)
        best = _best_rows(rows, metric, is_maximum=is_maximum)
        _put(layout.best, trial_table.to_csv(best, heading, is_sorted=is_sorted), existing)


def _own(
    layout: _Layout,
    trials: Sequence["FrozenTrial"],
    known: Mapping[int, Sequence[Row]],
    foreign: Mapping[Path, Sequence[Row]],
) -> dict[Path, list[Row]]:
    """Return which rows belong to which worker's file."""
    recorded = [trial for trial in trials if _ATTRIBUTE in trial.user_attrs]
    paths = _paths(layout, recorded, {path for path, rows in foreign.items() if rows})
    own: dict[Path, list[Row]] = {}
    for number in sorted(paths):
        own.setdefault(paths[number], []).extend(known[number])
    return own


def _best_rows(rows: Iterable[Row], metric: str, *, is_maximum: bool) -> list[Row]:
    """Return the rows whose metric is the best, in the study's own direction."""
    values = [(_number_or_nan(row.get(metric, "")), row) for row in rows]
    known = [value for value, _ in values if not math.isnan(value)]
    best = (max if is_maximum else min)(known, default=math.nan)
    return [row for value, row in values if value == best]


def _number_or_nan(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _results(
    study: "optuna.Study", trials: Sequence["FrozenTrial"], aside: Container[int], *, all_rows: bool = True
) -> list[Result]:
    read = params_reader(study)
    bests = _bests(study, [trial for trial in trials if trial.number not in aside])
    return [
        Result(
            number=trial.number,
            params=read(trial),
            results=trial.user_attrs[_ATTRIBUTE]["results"],
            pruned=trial.user_attrs[_ATTRIBUTE]["pruned"],
            best=bests.get(trial.number),
        )
        for trial in trials
        if _ATTRIBUTE in trial.user_attrs and (all_rows or trial.number not in aside)
    ]


def _bests(study: "optuna.Study", trials: Sequence["FrozenTrial"]) -> dict[int, float]:
    """Map trial numbers to the best value when the trial ended; empty for several objectives."""
    if len(study.directions) > 1:
        return {}
    choose = max if study.directions[0].name == "MAXIMIZE" else min
    bests: dict[int, float] = {}
    best: float | None = None
    for trial in sorted(trials, key=lambda item: (str(item.datetime_complete), item.number)):
        if trial.state.name == "COMPLETE":
            best = trial.values[0] if best is None else choose(best, trial.values[0])
        if best is not None:
            bests[trial.number] = best
    return bests


def _paths(layout: _Layout, recorded: Sequence["FrozenTrial"], foreign: set[Path]) -> dict[int, Path]:
    """Map trial numbers to the file of the worker that ran the trial."""
    names = _worker_names(recorded)
    if layout.stem != "worker":
        return {number: layout.folder / f"{layout.stem}_{name}.csv" for number, name in names.items()}
    # B1 counts its workers, and each took the first number that was free.
    free = (path for path in (layout.folder / f"worker_{k}.csv" for k in count()) if path not in foreign)
    files = {name: next(free) for name in dict.fromkeys(names[number] for number in sorted(names))}
    return {number: files[name] for number, name in names.items()}


def _worker_names(recorded: Sequence["FrozenTrial"]) -> dict[int, str]:
    """Map trial numbers to the worker's name: job or host, with `.k` from the second process there on."""
    claims = {trial.number: trial_records.holder_of(trial) for trial in recorded}
    homes = {number: (_home(claim), int(claim.get("number", 0))) for number, claim in claims.items()}
    processes: dict[str, list[int]] = {}
    for home, number in sorted(set(homes.values())):
        processes.setdefault(home, []).append(number)
    return {
        number: home if (k := processes[home].index(worker)) == 0 else f"{home}.{k}"
        for number, (home, worker) in homes.items()
    }


def _home(claim: Mapping[str, Any]) -> str:
    """Return the original's node id: the command line's, else the job's, else the host's name."""
    place = claim.get("place") or {}
    return safe_name(str(claim.get("label") or place.get("job") or claim.get("host") or "local"))


def safe_name(name: str) -> str:
    """Return the name in a form usable in a file's name."""
    return re.sub(r"[/\0]", "_", name)


def write_study_csv(study: "optuna.Study", folder: Path) -> Path:
    """Write `<study_name>.csv`, the table of all trials that Optuna itself would give.

    Returns:
        The file.

    Raises:
        OSError: The folder cannot be written.
    """
    path = folder / f"{safe_name(study.study_name)}.csv"
    replace_text(path, dataframe_text(study))
    return path


def _rows_of(path: Path) -> list[Row] | None:
    """Read the rows of a file; None if it is not a table of trials."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        return trial_table.parse(text) if text else []
    except FileNotFoundError:
        return []
    except ValueError:
        return None


def _put(path: Path, text: str, existing: Mapping[Path, list[Row] | None]) -> None:
    """Write a table; a file of that name that is not a table is renamed."""
    if path in existing and existing[path] is None:
        kept = next(free for free in (path.with_name(f"kept_{k}_{path.name}") for k in count(1)) if not free.exists())
        path.replace(kept)
        _log.warning("%s was no table of trials; it is kept as %s", path, kept.name)
    replace_text(path, text)
