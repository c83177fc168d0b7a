# SPDX-License-Identifier: MIT
"""Holds every import of the source tree against the walls that the architecture draws."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import hyperopt_app

REPO = Path(__file__).resolve().parents[2]

# Module of hyperopt_app -> the modules of hyperopt_app that it may import, at its top or in a function; `errors`
# is free to all. The table goes from the bottom up: a module may only name what stands above it, so there is no
# circle. "" is hyperopt_app itself, the public names.
MAY_IMPORT: dict[str, set[str]] = {
    # The bottom: these know nothing of ours.
    "errors": set(),
    "front": set(),
    "_lock": set(),
    "_masking": set(),
    "_plain_yaml": set(),
    "_sbatch_options": set(),
    "_text": set(),
    "_trials": set(),
    "failures": set(),
    "budget": {"failures"},
    "config": set(),
    "interrupts": set(),
    "slots": set(),
    "_slurm_answers": set(),
    "scheduler": {"_slurm_answers"},
    "pbs_queue": set(),
    "liveness": {"scheduler"},
    "walltime": set(),
    "teaching": {"failures"},
    "samplers": {"teaching"},
    "grammar": set(),
    "space": {"grammar"},
    # What an objective sees, and what stands in for a user's task.
    "objective": set(),
    "": {"objective"},
    "attempt": {"failures", "objective"},
    "callbacks": set(),
    "callbacks.lightning": {"objective"},
    "callbacks._keras_base": set(),
    "callbacks.keras": {"callbacks._keras_base", "objective"},
    "app": {"objective"},
    # The place of a study, and the study.
    "_journal": {"_lock"},
    "_database": {"_masking"},
    "storage": {"_database", "_journal", "_masking"},
    "study": {"_lock", "front", "space"},
    "plan": {"budget", "config", "interrupts", "space"},
    # What a worker does. It knows neither Hydra nor submitit.
    "tickets": {"liveness", "objective"},
    "nodes": {"tickets"},
    "worker": {"attempt", "budget", "objective", "tickets"},
    # What the user reads.
    "_trials_csv": {"_trials"},
    "results": {"_lock", "_plain_yaml", "_trials", "_trials_csv"},
    "_snapshot": {"_text", "_trials"},
    "_progress_table": {"_snapshot", "_text"},
    "progress": {"_progress_table", "_snapshot", "_text", "_trials"},
    # A worker in a Hydra job, and a launcher of jobs that knows of no worker.
    "job": {"storage"},
    "_trial_child": {"attempt", "interrupts", "job", "objective"},
    "isolation": {"_trial_child", "failures", "interrupts", "job", "objective"},
    "evaluation": {
        *("_trial_child", "isolation", "nodes", "scheduler", "slots", "walltime"),
        *("budget", "interrupts", "job", "liveness", "objective", "plan", "results", "samplers"),
        *("grammar", "space", "storage", "study", "tickets", "worker"),
    },
    "_local_child": set(),
    "local_workers": {"_local_child"},
    # Jobs of a cluster's scheduler: what they carry, what runs in them, and the driver's side of them.
    "frozen": set(),
    "resubmission": {"frozen"},
    "worker_process": {"_local_child", "frozen", "interrupts", "resubmission", "slots"},
    "following": {"evaluation", "liveness", "pbs_queue", "plan", "scheduler", "worker"},
    "launches": {"_lock", "following", "plan"},
    "by_hand": {"following", "frozen", "launches", "slots"},
    "slurm_workers": {"_sbatch_options", "following", "front", "frozen", "launches", "slots"},
    "pbs_workers": {"following", "front", "frozen", "launches", "slots"},
    # The driver.
    "dry_run": {"grammar", "job", "samplers", "space", "storage"},
    "preflight": {"grammar", "plan", "samplers", "space"},
    "launching": {
        *("evaluation", "grammar", "plan", "pbs_workers", "preflight", "slurm_workers", "walltime", "worker"),
    },
    "watching": {"budget", "evaluation", "liveness", "plan", "progress", "scheduler", "study", "tickets", "worker"},
    "sweep": {
        *("_trials", "budget", "dry_run", "evaluation", "front", "launching", "plan", "preflight", "results"),
        *("samplers", "space", "storage", "study", "tickets", "watching", "worker"),
    },
    # The commands.
    "__main__": {"", "app"},
    # The original interface.
    "legacy": set(),
    "legacy.pair": set(),
    "legacy.findings": set(),
    "legacy.loading": {"legacy.findings"},
    "legacy.times": set(),
    "legacy.places": {"_masking", "legacy.findings"},
    "legacy.dialect": set(),
    "legacy.parameter_settings": {"grammar", "legacy.findings"},
    "legacy.parameters": {"legacy.findings", "legacy.pair", "legacy.parameter_settings"},
    "legacy.study_section": {"legacy.findings", "legacy.parameter_settings"},
    "legacy.methods": {"legacy.findings", "legacy.pair", "legacy.parameter_settings"},
    "legacy.enqueued": {"legacy.findings", "legacy.pair", "legacy.parameter_settings"},
    "legacy.shares": {"legacy.findings", "legacy.parameter_settings"},
    "legacy.slurm_block": {
        "_sbatch_options",
        *("legacy.findings", "legacy.pair", "legacy.parameter_settings", "legacy.shares", "legacy.times"),
    },
    "legacy.pbs_block": {"legacy.findings", "legacy.pair", "legacy.shares", "legacy.times"},
    "legacy.batch": {"legacy.findings", "legacy.pair", "legacy.pbs_block", "legacy.slurm_block"},
    "legacy.reading": {
        *("legacy.batch", "legacy.dialect", "legacy.enqueued", "legacy.findings", "legacy.loading", "legacy.methods"),
        *("legacy.pair", "legacy.parameters", "legacy.places", "legacy.study_section", "_masking", "storage"),
    },
    "legacy.ranges": {"grammar", "legacy.pair"},
    "legacy.tree": {"legacy.pair"},
    "legacy.method_nodes": {"config", "legacy.pair"},
    "legacy.translation": {"_masking", "legacy.method_nodes", "legacy.pair", "legacy.ranges", "legacy.tree"},
    "legacy.config_text": {"_plain_yaml", "legacy.pair", "legacy.translation"},
    "legacy.old_places": {"_masking"},
    "legacy.old_trials": {"grammar", "space"},
    "legacy.directions": set(),
    "legacy.memory": set(),
    "legacy.old_copies": {
        *("legacy.directions", "legacy.memory", "legacy.old_places", "legacy.old_trials", "storage"),
    },
    "legacy.old_studies": {"_masking", "legacy.old_copies", "legacy.old_places", "study"},
    "legacy.import_report": {"_masking", "legacy.old_places", "legacy.old_trials"},
    "legacy.importing": {
        *("_masking", "legacy.directions", "legacy.import_report", "legacy.old_copies", "legacy.old_places"),
        *("legacy.old_studies", "legacy.old_trials"),
    },
    "legacy.values": {"grammar", "study"},
    "legacy.tables": set(),
    "legacy.study_csv": set(),
    "legacy.files": {"_lock", "_trials", "legacy.study_csv", "legacy.tables", "legacy.values"},
    "legacy.best": {"legacy.files", "legacy.pair"},
    "legacy.plot_settings": {"legacy.findings", "legacy.loading"},
    "legacy.plot_scales": set(),
    "legacy.partial_dependence": {"legacy.plot_scales"},
    "legacy.curve_plot": {"legacy.plot_scales"},
    "legacy.plot_points": set(),
    "legacy.report_plots": {
        *("_trials", "legacy.curve_plot", "legacy.partial_dependence", "legacy.plot_points", "legacy.plot_scales"),
        "legacy.plot_settings",
    },
    "legacy.report_text": {"_trials"},
    "legacy.report": {
        *("_trials", "legacy.best", "legacy.directions", "legacy.files", "legacy.findings", "legacy.loading"),
        *(
            "legacy.memory",
            "legacy.pair",
            "legacy.plot_settings",
            "legacy.report_plots",
            "legacy.report_text",
            "legacy.values",
        ),
        "tickets",
    },
    "legacy.plain_values": set(),
    "legacy.once": {"objective"},
    "legacy.devices": {"legacy.once", "slots"},
    "legacy.suggestions": {"legacy.once"},
    "legacy.trial": {
        *("grammar", "legacy.once", "legacy.plain_values", "legacy.study_csv", "legacy.suggestions", "objective"),
    },
    "legacy.pruning": {"callbacks._keras_base"},
    "legacy.mended": {"legacy.once"},
    "legacy.surface": {"legacy.mended", "legacy.pruning"},
    "legacy.packages": set(),
    "legacy.source": {"legacy.findings", "legacy.packages", "legacy.surface"},
    "legacy.spawned": {"legacy.surface"},
    "legacy.user_module": {"failures", "legacy.packages", "legacy.spawned", "legacy.surface"},
    "legacy.user_config": {"legacy.pair"},
    "legacy.records": {"legacy.plain_values"},
    "legacy.base_objective": {"legacy.devices", "legacy.plain_values", "legacy.records", "legacy.suggestions"},
    "legacy.construction": {"legacy.base_objective", "legacy.devices", "legacy.surface"},
    "legacy.adapter": {
        *("legacy.base_objective", "legacy.construction", "legacy.devices", "legacy.files", "legacy.plain_values"),
        *("legacy.source", "legacy.trial", "legacy.user_config", "legacy.user_module", "objective"),
    },
    "legacy.takeover": {
        *("legacy.directions", "legacy.importing", "legacy.old_copies", "legacy.old_places", "legacy.old_studies"),
        *("legacy.old_trials", "legacy.pair", "legacy.translation", "space", "storage", "study"),
    },
    "legacy.leavings": {"_masking", "legacy.files"},
    "legacy.last_run": set(),
    "legacy.wall_time": {"legacy.pair", "legacy.times", "walltime"},
    "legacy.application": {
        *("__main__", "front", "legacy.config_text", "legacy.files", "legacy.last_run", "legacy.leavings"),
        *("legacy.pair", "legacy.translation"),
    },
    "legacy.running": {
        *("front", "legacy.application", "legacy.config_text", "legacy.devices", "legacy.leavings", "legacy.pair"),
        *("legacy.reading", "legacy.report", "legacy.takeover", "legacy.translation", "legacy.wall_time", "slots"),
        "walltime",
    },
    "legacy.commands": {"legacy.running"},
    # The command of all.
    "cli": {
        *("", "__main__", "budget", "legacy.commands", "progress", "results", "storage", "study", "watching", "worker"),
    },
}

# Package of others -> the only modules that may name it. What is not listed here is free.
ONLY_IN: dict[str, set[str]] = {
    "hydra": {
        *(
            "__main__",
            "_local_child",
            "app",
            "cli",
            "config",
            "evaluation",
            "isolation",
            "job",
            "launches",
            "launching",
            "local_workers",
            "pbs_workers",
            "slurm_workers",
        ),
        *("by_hand", "dry_run", "frozen", "grammar", "preflight", "samplers", "space", "sweep"),
    },
    "hydra_plugins": {"config", "legacy.method_nodes"},
    "keras": {"callbacks.keras"},
    "lightning": {"callbacks.lightning"},
    "matplotlib": {
        *("legacy.curve_plot", "legacy.partial_dependence", "legacy.plot_points", "legacy.plot_scales"),
        "legacy.plot_settings",
        "legacy.report_plots",
    },
    "objectives": set(),
    "pytorch_lightning": {"callbacks.lightning"},
    "sklearn": {"legacy.partial_dependence"},
    "rich": {"_progress_table", "cli", "progress"},
    "sqlalchemy": {"_database", "storage"},
    "submitit": {"slurm_workers"},
    "torch": {"callbacks.lightning"},
}

# The plugins are imported by every Hydra program on the machine: at their top they know the schemas alone.
PLUGINS_AT_THE_TOP = {"config", "errors"}
PLUGINS_IN_FUNCTIONS = {"config", "errors", "by_hand", "local_workers", "pbs_workers", "slurm_workers", "sweep"}

OPTUNA_INTERNALS_ONLY_IN = {"_database", "_journal", "storage", "teaching", "tickets"}
# Private attributes of Optuna's objects, and those methods of a storage that write past a study's own rules.
OPTUNA_INTERNALS = {
    *("_backend", "_pop_waiting_trial_id", "_storage", "_study_id", "_trial_id"),
    *("create_new_trial", "set_trial_intermediate_value", "set_trial_param", "set_trial_state_values"),
}


class Import(NamedTuple):
    """One imported module or name, and whether it is imported as soon as its file is."""

    name: str
    line: int
    at_the_top: bool


def _sources(folder: str) -> dict[str, Path]:
    """Dotted module name -> file, for every Python file of a top-level folder but the config tree's own."""
    found = {}
    for path in sorted((REPO / folder).rglob("*.py")):
        parts = path.relative_to(REPO).with_suffix("").parts
        if "conf" not in parts:
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def _own(name: str) -> str:
    """`hyperopt_app.callbacks.lightning` -> `callbacks.lightning`, `hyperopt_app` -> the empty name."""
    return name.removeprefix("hyperopt_app").removeprefix(".")


SOURCES = {_own(name): path for name, path in _sources("hyperopt_app").items()}
PLUGINS = _sources("hydra_plugins")
OBJECTIVES = _sources("objectives")


def _imports(path: Path) -> Iterator[Import]:
    """Every imported name of a file: `from a import b` gives `a.b`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, node not in inside)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import; write the full name"
            for alias in node.names:
                yield Import(f"{node.module}.{alias.name}", node.lineno, node not in inside)


def _own_imports(path: Path) -> Iterator[tuple[str, Import]]:
    """The modules of hyperopt_app that a file imports; a name of the package itself is the empty one."""
    for found in _imports(path):
        if found.name == "hyperopt_app" or found.name.startswith("hyperopt_app."):
            own = _own(found.name)
            while own and own not in SOURCES and own not in MAY_IMPORT:
                own = own.rpartition(".")[0]
            yield own, found


def test_every_module_stands_in_the_table() -> None:
    """A new module gets its walls when it is made."""
    assert set(SOURCES) <= set(MAY_IMPORT)


def test_the_table_has_no_circle() -> None:
    """A module may only import what stands above it in the table."""
    seen: set[str] = set()
    for module, allowed in MAY_IMPORT.items():
        assert allowed <= seen, f"{module} names {sorted(allowed - seen)} before the table does"
        seen.add(module)


@pytest.mark.parametrize("module", sorted(SOURCES), ids=lambda name: name or "hyperopt_app")
def test_a_module_imports_only_what_its_walls_allow(module: str) -> None:
    """Modules of ours as in MAY_IMPORT, packages of others as in ONLY_IN."""
    path = SOURCES[module]
    wrong = [
        f"line {found.line}: {found.name}"
        for own, found in _own_imports(path)
        if own not in {module, "errors"} | MAY_IMPORT.get(module, set())
    ]
    wrong += [
        f"line {found.line}: {found.name}"
        for found in _imports(path)
        if module not in ONLY_IN.get(found.name.partition(".")[0], {module})
    ]
    assert not wrong


@pytest.mark.parametrize(
    "module", sorted(set(SOURCES) - OPTUNA_INTERNALS_ONLY_IN), ids=lambda name: name or "hyperopt_app"
)
def test_optunas_internals_are_touched_in_one_place(module: str) -> None:
    """Elsewhere no private module of Optuna's is imported and no private attribute of its objects is used."""
    path = SOURCES[module]
    wrong = [
        f"line {found.line}: {found.name}"
        for found in _imports(path)
        if found.name.startswith("optuna.") and any(part.startswith("_") for part in found.name.split("."))
    ]
    wrong += [
        f"line {node.lineno}: .{node.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in OPTUNA_INTERNALS and not _of_self(node)
    ]
    assert not wrong


def _of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def test_the_plugins_folder_is_a_namespace_package() -> None:
    """An __init__.py in hydra_plugins would hide everybody else's plugins."""
    assert not (REPO / "hydra_plugins" / "__init__.py").exists()


def test_the_plugins_know_the_schemas_at_the_top_and_the_sweep_in_functions() -> None:
    """Hydra imports every plugin in every program, so the rest is imported when it is used."""
    wrong = [
        f"{name}, line {found.line}: {found.name}"
        for name, path in PLUGINS.items()
        for own, found in _own_imports(path)
        if own not in (PLUGINS_AT_THE_TOP if found.at_the_top else PLUGINS_IN_FUNCTIONS)
    ]
    assert PLUGINS, "no plugins were found"
    assert not wrong


def test_objectives_use_public_names_only() -> None:
    """A worked objective imports what any user's may: names of hyperopt_app.__all__, and the callbacks."""
    public = {"hyperopt_app", *(f"hyperopt_app.{name}" for name in hyperopt_app.__all__)}
    wrong = [
        f"{name}, line {found.line}: {found.name}"
        for name, path in OBJECTIVES.items()
        for _, found in _own_imports(path)
        if found.name not in public and not found.name.startswith("hyperopt_app.callbacks.")
    ]
    assert OBJECTIVES, "no objectives were found"
    assert not wrong
