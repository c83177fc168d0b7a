# SPDX-License-Identifier: MIT
"""Read a pair of the original's YAML files and collect all errors; each doubtful setting is reported once."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.batch.pbs_block import read_pbs
from hyperopt_app.legacy.batch.slurm_block import read_slurm
from hyperopt_app.legacy.reading.enqueued import check_sampler, is_full_grid, read_enqueue, read_grid
from hyperopt_app.legacy.reading.findings import Findings, missing, shown
from hyperopt_app.legacy.reading.loading import as_written, load, odd_values, plain, without_tuples
from hyperopt_app.legacy.reading.methods import read_pruner, read_sampler
from hyperopt_app.legacy.reading.pair import Launcher, Method, Pair, Parameter
from hyperopt_app.legacy.reading.parameters import read_parameters, tied_names
from hyperopt_app.legacy.reading.places import Origins, log_file, save_directory, storage_url
from hyperopt_app.legacy.reading.study_section import (
    BATCH_BLOCKS,
    KNOWN_KEYS,
    OWN_SECTIONS,
    PER_WORKER,
    PRUNED_BY_DEFAULT,
    SWEEPERS_KEYS,
    dialect_of,
    read_aims,
    read_gpu,
    read_name,
    read_trials,
)
from hyperopt_app.storage.network_filesystems import is_network_filesystem
from hyperopt_app.support.passwords import mask_password

__all__ = ["read_pair", "read_study"]

_TOP_LEVEL = ("log", "save_path", *OWN_SECTIONS)
# What a command may change, beside save_path.
_CHANGES = ("study_name", "storage", "storage_type", "objective", "direction", "metric", "n_trials", "gpu")


@dataclass(frozen=True)
class _LoadedFiles:
    """The files as loaded."""

    hyper: Mapping[Any, Any]
    model: Mapping[Any, Any] | None
    dialect: str

    @property
    def optuna(self) -> Mapping[Any, Any]:
        section = self.hyper.get("optuna")
        return section if isinstance(section, Mapping) else {}


@dataclass(frozen=True)
class _Search:
    """How values are chosen."""

    sampler: Method | None
    pruner: Method | None
    points: list[dict[str, Any]]


def read_pair(
    hyper: Path,
    model: Path | None,
    changes: Mapping[str, Any] | None = None,
    cwd: Path | None = None,
    network: Callable[[Path], str | None] = is_network_filesystem,
) -> Pair:
    """Read a hyperparameter file and a model file.

    Args:
        hyper: The hyperparameter file.
        model: The model file; None if the first file holds the model config too.
        changes: The command line's values, typed: study_name, storage, storage_type, objective, direction, metric,
            n_trials (of the whole study), gpu, save_path. Their relative paths count from `cwd`.
        cwd: Where relative paths lead that are not beside the hyperparameter file; the working directory if None.
        network: See `Origins`.

    Raises:
        ConfigError: Something is wrong; the text lists all errors.
    """
    return _pair_of(hyper, model, dict(changes or {}), cwd, network, wants_model=True)


def read_study(
    hyper: Path,
    changes: Mapping[str, Any] | None = None,
    cwd: Path | None = None,
    network: Callable[[Path], str | None] = is_network_filesystem,
) -> Pair:
    """The same of a hyperparameter file alone, for commands that look at a study: `model` is empty.

    Raises:
        ConfigError: Something is wrong; the text lists all errors.
    """
    return _pair_of(hyper, None, dict(changes or {}), cwd, network, wants_model=False)


def _pair_of(
    hyper: Path,
    model: Path | None,
    changes: Mapping[str, Any],
    cwd: Path | None,
    network: Callable[[Path], str | None],
    *,
    wants_model: bool,
) -> Pair:
    findings = Findings(str(hyper))
    folder = (cwd or Path.cwd()).absolute()
    content = load(folder / hyper, findings)
    loaded = load(folder / model, findings.of(str(model))) if model is not None else None
    for where, contents in ((hyper, content), (model, loaded)):
        for key, text in odd_values(contents):
            findings.of(str(where)).fault(key, text)
    if "optuna" in (loaded or {}) and "optuna" not in content:
        findings.fault("", f"the section optuna is in {model}: the two files are swapped")
    if findings.faults:
        raise ConfigError(findings.faults)
    origins = Origins((folder / hyper).parent, folder, network)
    files = _loaded_files(_changed(content, changes, folder), loaded, findings, origins, wants_model=wants_model)
    pair = _pair(files, folder / hyper, None if model is None else folder / model, origins, changes, findings)
    if findings.faults:
        raise ConfigError([mask_password(fault) for fault in findings.faults])
    return pair


def _changed(content: Mapping[Any, Any], changes: Mapping[str, Any], cwd: Path) -> dict[Any, Any]:
    """Return the file's content with the command line's values."""
    hyper: dict[Any, Any] = without_tuples(content)
    wanted = {key: value for key, value in changes.items() if value is not None}
    if not isinstance(hyper.get("optuna"), dict):
        return hyper
    optuna = hyper["optuna"]
    for key in ("objective", "save_path"):
        if key in wanted:
            wanted[key] = str(cwd / Path(str(wanted[key])).expanduser())
    if "save_path" in wanted:
        is_older = "save_path" not in hyper and "save_path" in optuna
        (optuna if is_older else hyper)["save_path"] = wanted["save_path"]
    for key in _CHANGES:
        if key in wanted:
            is_older = key == "study_name" and "study_name" not in optuna and "name" in optuna
            optuna["name" if is_older else key] = wanted[key]
    return hyper


def _loaded_files(
    hyper: Mapping[Any, Any],
    model: Mapping[Any, Any] | None,
    findings: Findings,
    origins: Origins,
    *,
    wants_model: bool,
) -> _LoadedFiles:
    optuna = hyper.get("optuna")
    if not isinstance(optuna, Mapping):
        came = missing("optuna", hyper) if optuna is None else f"{shown(optuna)} is not allowed"
        findings.fault("optuna", f"{came}; write the study's settings under it")
        raise ConfigError(findings.faults)
    sections = [key for key in hyper if key not in _TOP_LEVEL]
    is_alone = wants_model and model is None and bool(sections)
    blocks = [key for key in sections if isinstance(hyper[key], Mapping)]
    findings.unknown_keys("", blocks, BATCH_BLOCKS, BATCH_BLOCKS - hyper.keys())
    findings.unknown_keys("", [] if is_alone else sections, _TOP_LEVEL)
    if is_alone:
        model = {key: value for key, value in hyper.items() if key not in OWN_SECTIONS}
    elif wants_model and model is None:
        # What its paths are to lead into is not there: further faults would be its consequence.
        findings.fault("", "it holds no model config; give the model file as the second argument")
        raise ConfigError(findings.faults)
    for key in () if is_alone else (name for name in sections if name in KNOWN_KEYS):
        findings.note(f"{key} means nothing at the top level and is ignored; it belongs under optuna")
    dialect = dialect_of(hyper, is_alone=is_alone, objective=_text_of(optuna.get("objective"), origins))
    files = _LoadedFiles(hyper, None if model is None else plain(model), dialect)
    for key in files.optuna:
        if key in BATCH_BLOCKS:
            findings.note(f"optuna.{key} means nothing there and is ignored; {key} belongs at the top level")
        elif key in SWEEPERS_KEYS:
            way = f"write the pair as a Hydra config (`hyperopt-app legacy translate`), and there hydra.sweeper.{key}"
            findings.note(f"optuna.{key} means nothing in this form of file and is ignored; {way}")
    findings.unknown_keys("optuna.", files.optuna.keys() - SWEEPERS_KEYS, KNOWN_KEYS)
    return files


def _pair(
    files: _LoadedFiles,
    hyper_path: Path,
    model_path: Path | None,
    origins: Origins,
    changes: Mapping[str, Any],
    findings: Findings,
) -> Pair:
    optuna, hyper, is_prototype = files.optuna, files.hyper, files.dialect == "A0"
    save_path = save_directory(hyper, optuna, origins, findings)
    section = {**plain(optuna), "save_path": str(save_path)}
    tree = None if files.model is None else {**files.model, "optuna": section}
    parameters = read_parameters(section.get("parameters"), findings, tree, files.dialect)
    tied_names(parameters, findings)
    metrics, directions = read_aims(optuna, findings)
    launchers = _read_launchers(hyper, findings)
    search = _search(section, files.dialect, len(directions), parameters, findings)
    n_trials = _total(read_trials(optuna, findings), files.dialect, launchers, changes, findings)
    search, n_trials = _grid(search, n_trials, parameters, findings)
    storage = storage_url(optuna, save_path, origins, findings, is_prototype=is_prototype)
    _note_reload(optuna, storage, files.dialect, findings)
    return Pair(
        hyper_path=hyper_path,
        model_path=model_path,
        dialect=files.dialect,
        model={key: value for key, value in (files.model or {}).items() if key != "optuna"},
        hyper={key: as_written(value) if key in BATCH_BLOCKS else plain(value) for key, value in hyper.items()},
        optuna=section,
        parameters=tuple(parameters),
        study_name=read_name(optuna, findings, is_prototype=is_prototype),
        save_path=save_path or origins.cwd,
        storage=storage,
        metrics=metrics,
        directions=directions,
        n_trials=n_trials,
        workers=launchers[0].workers if launchers else 1,
        objective=_objective(optuna, origins, findings),
        gpu=read_gpu(optuna, findings),
        log_path=log_file(hyper, save_path, origins, findings, is_alone=is_prototype),
        sampler=search.sampler,
        pruner=search.pruner,
        enqueue=tuple(search.points),
        launchers=tuple(launchers),
        notes=tuple(mask_password(note) for note in findings.notes),
    )


def _search(
    section: Mapping[Any, Any], dialect: str, directions: int, parameters: list[Parameter], findings: Findings
) -> _Search:
    return _Search(
        check_sampler(read_sampler(section.get("sampler"), directions, findings), parameters, findings),
        read_pruner(section.get("pruner"), directions, findings, has_default=dialect in PRUNED_BY_DEFAULT),
        read_enqueue(section.get("enqueue"), parameters, findings),
    )


def _total(
    n_trials: int, dialect: str, launchers: list[Launcher], changes: Mapping[str, Any], findings: Findings
) -> int:
    """Return the trials of the whole study."""
    workers = sum(launcher.workers for launcher in launchers) or 1
    if dialect not in PER_WORKER or changes.get("n_trials") is not None or workers == 1:
        return n_trials
    findings.note(
        f"n_trials: {n_trials} for each of {workers} workers, as this form of file means it, so {n_trials * workers} "
        "in all; for another number of the whole study give -t NUMBER"
    )
    return n_trials * workers


def _grid(search: _Search, n_trials: int, parameters: list[Parameter], findings: Findings) -> tuple[_Search, int]:
    """A GridSampler's points are the first tickets, or it is the grid of the whole space."""
    sampler, points = search.sampler, search.points
    if sampler is None or sampler.name != "GridSampler":
        return search, n_trials
    grid = read_grid(sampler, n_trials, parameters, findings)
    seed = {"seed": sampler.arguments["seed"]} if sampler.arguments.get("seed") is not None else {}
    trials = min(n_trials, len(points) + len(grid)) or n_trials
    if grid and is_full_grid(sampler.arguments["search_space"], parameters):
        return replace(search, sampler=Method("GridSampler", seed, sampler.written)), trials
    method = Method("RandomSampler", seed, sampler.written)
    return replace(search, sampler=method, points=[*points, *grid][:trials]), trials


def _objective(optuna: Mapping[Any, Any], origins: Origins, findings: Findings) -> Path:
    text = optuna.get("objective")
    if not isinstance(text, str) or not text.strip():
        came = missing("objective", optuna) if text is None else f"{shown(text)} is not a path"
        findings.fault("optuna.objective", f"{came}; write the path of the file with your class Objective (or give -o)")
        return origins.cwd
    path = origins.find(text, "optuna.objective", findings)
    if not path.is_file():
        findings.note(f"the objective {path} does not exist; it must exist before the study runs")
    return path


def _text_of(objective: Any, origins: Origins) -> str:
    """Return the text of the objective's file; empty if unreadable, which is reported elsewhere."""
    if not isinstance(objective, str) or not objective.strip():
        return ""
    with suppress(OSError, ValueError):
        return origins.find(objective, "", Findings("")).read_text(encoding="utf-8", errors="replace")
    return ""


def _note_reload(optuna: Mapping[Any, Any], storage: str, dialect: str, findings: Findings) -> None:
    """Note that `reload: 0` does not replace a study here."""
    file = storage.partition("?")[0].removeprefix("sqlite:///")
    if dialect in PER_WORKER and "reload" in optuna and not optuna["reload"] and Path(file).is_file():
        findings.note(
            f"reload is 0, and {file} is there already: its study goes on; for a new one give another name (-n NAME)"
        )


def _read_launchers(hyper: Mapping[Any, Any], findings: Findings) -> list[Launcher]:
    """Read the launchers of the blocks `slurm` and `pbs`; empty without such a block."""
    launchers = []
    if hyper.get("slurm") is not None:
        launchers.append(read_slurm(hyper["slurm"], findings))
    if hyper.get("pbs") is not None:
        launchers.append(read_pbs(hyper["pbs"], findings))
    if len(launchers) > 1:
        findings.note("slurm and pbs are both here: workers are submitted to both, as always, for the one study")
    return launchers
