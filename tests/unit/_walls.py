# SPDX-License-Identifier: MIT
"""The walls between the rooms of the package, as tables; test_walls.py holds the sources against them."""

# From the bottom up: a room imports only rooms of the floors below its own. "" is hyperopt_app itself.
FLOORS = (
    {"errors", "hydra_compat", "processes"},
    {"config", "support"},
    {"objective", "schedulers", "space", "storage"},
    {"ranks"},
    {"callbacks", "programs", "sampling"},
    {"app", "study"},
    {"budget", "cost", "repeats"},
    {"__main__", "launchers", "loggers", "progress", "reports", "results"},
    {"looking", "page", "worker"},
    {"", "settings"},
    {"preflight"},
    {"driver", "importing", "rank_process", "worker_process"},
    {"doctor", "legacy"},
    {"commands"},
    {"cli"},
)
# The same of the rooms within the original interface; "" is what lies in `legacy` itself.
LEGACY_FLOORS = ({"reading"}, {"batch", "tables", "translating"}, {"objectives", "old"}, {""})
# They share a study and nothing else: any launcher carries any worker.
STRANGERS = {"launchers", "worker"}

# Package of others -> the only rooms or modules that may name it. What is not listed here is free.
ONLY_IN = {
    "hydra": {
        *("__main__", "app", "cli", "config", "hydra_compat"),
        *("space.conditions", "space.override_text", "space.reading"),
        "support.hydra_errors",
        "support.hydra_state",
        *("worker.run_trial", "worker.task", "worker.trial_job"),
        *("launchers.by_hand", "launchers.cluster", "launchers.local", "launchers.local_process"),
        "launchers.payload",
        *("driver.workers", "driver.dry_run", "driver.places", "preflight"),
        *("driver.request", "driver.sweep", "settings.lost_keys"),
        *("doctor.composing", "doctor.examination", "doctor.short_trial", "doctor.started"),
    },
    "hydra_plugins": set(),
    "keras": {"callbacks.keras"},
    "mlflow": {"loggers.mlflow_store"},
    "objectives": set(),
    "rich": {"commands", "progress.display", "progress.table"},
    "sklearn": {"page.forest", "reports.partial_dependence"},
    "sqlalchemy": {"storage.absence", "storage.database", "storage.databases", "storage.opening", "storage.server"},
    "submitit": {"schedulers.slurm_job"},
    "lightning": {"callbacks.lightning"},
    "pytorch_lightning": {"callbacks.lightning"},
    "tensorboard": {"loggers.tensorboard_files"},
    "torch": {"callbacks._lightning_checkpoint", "callbacks._random_states", "callbacks.lightning", "callbacks.torch"},
    "wandb": {"loggers.wandb_run"},
}
OPTUNA_INTERNALS_ONLY_IN = {"sampling.failure_aware_tpe", "storage", "budget.hidden", "budget.tickets"}
