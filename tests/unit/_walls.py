# SPDX-License-Identifier: MIT
"""The walls between modules that the architecture draws, as tables; test_walls.py holds the sources against them."""

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
}

# The same of the original interface; what begins with a dot is below `legacy`.
OF_LEGACY: dict[str, set[str]] = {
    "": set(),
    ".reading": set(),
    ".translating": set(),
    ".objectives": set(),
    ".tables": set(),
    ".reporting": set(),
    ".old": set(),
    ".reading.pair": set(),
    ".reading.findings": set(),
    ".reading.loading": {".reading.findings"},
    ".reading.times": set(),
    ".reading.places": {".reading.findings", "_masking"},
    ".reading.dialect": set(),
    ".reading.parameter_settings": {".reading.findings", "grammar"},
    ".reading.parameters": {".reading.findings", ".reading.pair", ".reading.parameter_settings"},
    ".reading.study_section": {".reading.findings", ".reading.parameter_settings"},
    ".reading.methods": {".reading.findings", ".reading.pair", ".reading.parameter_settings"},
    ".reading.enqueued": {".reading.findings", ".reading.pair", ".reading.parameter_settings"},
    ".reading.shares": {".reading.findings", ".reading.parameter_settings"},
    ".reading.slurm_block": {
        *(".reading.findings", ".reading.pair", ".reading.parameter_settings", ".reading.shares", ".reading.times"),
        *("_sbatch_options",),
    },
    ".reading.pbs_block": {".reading.findings", ".reading.pair", ".reading.shares", ".reading.times"},
    ".reading.batch": {".reading.findings", ".reading.pair", ".reading.pbs_block", ".reading.slurm_block"},
    ".reading.reader": {
        *(".reading.batch", ".reading.dialect", ".reading.enqueued", ".reading.findings", ".reading.loading"),
        *(".reading.methods", ".reading.pair", ".reading.parameters", ".reading.places", ".reading.study_section"),
        *("_masking", "storage"),
    },
    ".translating.ranges": {".reading.pair", "grammar"},
    ".translating.tree": {".reading.pair"},
    ".translating.method_nodes": {".reading.pair", "config"},
    ".translating.translation": {
        *(".reading.pair", ".translating.method_nodes", ".translating.ranges", ".translating.tree", "_masking"),
    },
    ".translating.config_text": {".reading.pair", ".translating.translation", "_plain_yaml"},
    ".old.places": {"_masking"},
    ".old.trials": {"grammar", "space"},
    ".old.directions": set(),
    ".old.memory": set(),
    ".old.copies": {".old.directions", ".old.memory", ".old.places", ".old.trials", "storage"},
    ".old.finding": {".old.copies", ".old.places", "_masking", "study"},
    ".old.report": {".old.places", ".old.trials", "_masking"},
    ".old.importing": {
        *(".old.copies", ".old.directions", ".old.finding", ".old.places", ".old.report", ".old.trials"),
        *("_masking",),
    },
    ".tables.values": {"grammar", "study"},
    ".tables.trial_table": set(),
    ".tables.study_csv": {"objective"},
    ".tables.files": {".tables.study_csv", ".tables.trial_table", ".tables.values", "_lock", "_trials"},
    ".tables.best": {".reading.pair", ".tables.files"},
    ".reporting.plot_settings": {".reading.findings", ".reading.loading"},
    ".reporting.plot_scales": set(),
    ".reporting.partial_dependence": {".reporting.plot_scales"},
    ".reporting.curve_plot": {".reporting.plot_scales"},
    ".reporting.plot_points": set(),
    ".reporting.plots": {
        *(".reporting.curve_plot", ".reporting.partial_dependence", ".reporting.plot_points"),
        *(".reporting.plot_scales", ".reporting.plot_settings", "_trials"),
    },
    ".reporting.text": {"_trials"},
    ".reporting.report": {
        *(".old.directions", ".old.memory", ".reading.findings", ".reading.loading", ".reading.pair"),
        *(".reporting.plot_settings", ".reporting.plots", ".reporting.text", ".tables.best", ".tables.files"),
        *(".tables.values", "_trials", "tickets"),
    },
    ".objectives.plain_values": set(),
    ".objectives.once": {"objective"},
    ".objectives.devices": {".objectives.once", "slots"},
    ".objectives.suggestions": {".objectives.once"},
    ".objectives.trial": {
        *(".objectives.once", ".objectives.plain_values", ".objectives.suggestions", ".tables.study_csv"),
        *("grammar", "objective"),
    },
    ".objectives.pruning": {"callbacks._keras_base"},
    ".objectives.mended": {".objectives.once"},
    ".objectives.surface": {".objectives.mended", ".objectives.pruning"},
    ".objectives.packages": set(),
    ".objectives.source": {".objectives.packages", ".objectives.surface", ".reading.findings"},
    ".objectives.spawned": {".objectives.surface"},
    ".objectives.user_module": {".objectives.packages", ".objectives.spawned", ".objectives.surface", "failures"},
    ".objectives.user_config": {".reading.pair"},
    ".objectives.records": {".objectives.plain_values"},
    ".objectives.base_objective": {
        *(".objectives.devices", ".objectives.plain_values", ".objectives.records", ".objectives.suggestions"),
    },
    ".objectives.construction": {".objectives.base_objective", ".objectives.devices", ".objectives.surface"},
    ".objectives.adapter": {
        *(".objectives.base_objective", ".objectives.construction", ".objectives.devices"),
        *(".objectives.plain_values", ".objectives.source", ".objectives.trial", ".objectives.user_config"),
        *(".objectives.user_module", ".tables.files", "objective"),
    },
    ".takeover": {
        *(".old.copies", ".old.directions", ".old.finding", ".old.importing", ".old.places", ".old.trials"),
        *(".reading.pair", ".tables.files", ".translating.translation", "space", "storage", "study"),
    },
    ".leavings": {".tables.files", "_masking"},
    ".last_run": set(),
    ".wall_time": {".reading.pair", ".reading.times", "walltime"},
    ".application": {
        *(".last_run", ".leavings", ".reading.pair", ".tables.files", ".translating.config_text"),
        *(".translating.translation", "__main__", "front"),
    },
    ".running": {
        *(".application", ".leavings", ".objectives.devices", ".reading.pair", ".reading.reader"),
        *(".reporting.report", ".takeover", ".translating.config_text", ".translating.translation", ".wall_time"),
        *("front", "slots", "walltime"),
    },
    ".commands": {".running"},
}
MAY_IMPORT |= {
    f"legacy{name}": {f"legacy{one}" if one.startswith(".") else one for one in may} for name, may in OF_LEGACY.items()
}
# The console script has all commands.
MAY_IMPORT |= {
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
    "hydra_plugins": {"config", "legacy.translating.method_nodes"},
    "keras": {"callbacks.keras"},
    "lightning": {"callbacks.lightning"},
    "matplotlib": {
        f"legacy.reporting.{name}"
        for name in ("curve_plot", "partial_dependence", "plot_points", "plot_scales", "plot_settings", "plots")
    },
    "objectives": set(),
    "pytorch_lightning": {"callbacks.lightning"},
    "sklearn": {"legacy.reporting.partial_dependence"},
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
