# SPDX-License-Identifier: MIT
"""Every field of ours that a user can write, with the sort of its values.

A field that a schema gets and that has no entry here fails a test: whoever adds one says what is bad for it.
"""

import dataclasses

from hyperopt_app.config.launchers import SCHEMAS
from hyperopt_app.config.store import stored_nodes
from hyperopt_app.config.sweeper import AsyncOptunaConf

__all__ = ["FIELDS", "GROUPS", "METHODS", "schema_fields"]

# Field -> sort, see `values.SORTS`. A name means the same under all nodes but where `OWN` says otherwise.
FIELDS: dict[str, str] = {
    **dict.fromkeys(
        ("_target_", "isolation", "progress", "custom_search_space", "storage", "constraints_func"), "word"
    ),
    **dict.fromkeys(("sampler", "pruner", "params", "names", "prior", "search_space"), "mapping"),
    **dict.fromkeys(("optuna_config", "budget", "when", "weights", "logger", "tolerance", "repeats"), "mapping"),
    **dict.fromkeys(("additional_parameters", "fixed_params", "base_sampler", "wrapped_pruner"), "mapping"),
    **dict.fromkeys(("direction", "select", "nodes", "walltime", "mem", "mem_per_gpu", "mem_per_cpu", "gres"), "word"),
    **dict.fromkeys(("study_name", "metric", "name", "queue", "account", "project", "python", "folder"), "text"),
    **dict.fromkeys(("submitit_folder", "partition", "qos", "comment", "constraint", "exclude"), "text"),
    **dict.fromkeys(("n_trials", "n_jobs", "max_consecutive_failures", "max_parallel", "workers_per_gpu"), "count"),
    **dict.fromkeys(("gpus_per_trial", "timeout_min", "cpus_per_task", "tasks_per_node", "mem_gb", "ncpus"), "count"),
    **dict.fromkeys(("cpus_per_gpu", "array_parallelism", "n_ei_candidates", "interval_steps"), "count"),
    **dict.fromkeys(("n_candidates", "n_min_trials", "reduction_factor", "min_resource", "max_resource"), "count"),
    **dict.fromkeys(("seed", "max_resubmissions", "gpus_per_node", "gpus_per_task", "signal_delay_s"), "whole number"),
    **dict.fromkeys(("max_num_timeout", "ngpus", "n_startup_trials", "n_warmup_steps", "patience"), "whole number"),
    **dict.fromkeys(("min_early_stopping_rate", "bootstrap_count", "n_startup_steps"), "whole number"),
    **dict.fromkeys(("spread_every", "first_rung"), "whole number"),
    **dict.fromkeys(("max_failure_rate", "timeout", "trial_timeout", "lease_s", "grace_s", "prior_weight"), "number"),
    **dict.fromkeys(("percentile", "lower", "upper", "min_delta", "p_threshold", "caution"), "number"),
    **dict.fromkeys(("plain_choices", "enqueue_unchecked", "accept_changes", "dry_run", "detach"), "flag"),
    "objective_suggests": "flag",
    **dict.fromkeys(("stderr_to_stdout", "use_srun", "multivariate", "constant_liar", "consider_prior"), "flag"),
    **dict.fromkeys(("consider_magic_clip", "consider_endpoints", "group", "warn_independent_sampling"), "flag"),
    "avoid_premature_stop": "flag",
    **dict.fromkeys(("enqueue", "warm_start", "constraints", "order"), "list"),
    **dict.fromkeys(("gpus", "signals", "node_check", "directives", "setup", "srun_args"), "list"),
    **dict.fromkeys(("nodes_per_trial", "ranks_per_node"), "count"),
    "gpu": "word",
}
# Of one launcher alone.
OWN = {"slurm_workers.nodes": "count"}

_LAUNCHERS: dict[str, type] = {**SCHEMAS}
METHODS = {
    "sampler": ("auto", "async_tpe", "curves", "brute_force", "partial_fixed"),
    "pruner": (
        *(
            "nop",
            "forecast",
            "promote",
            "median",
            "percentile",
            "successive_halving",
            "hyperband",
            "threshold",
            "patient",
            "wilcoxon",
        ),
    ),
}
# The groups of which an input each is one command line; a test is one of them.
GROUPS = ("sweeper", *_LAUNCHERS, *METHODS)


def schema_fields(group: str) -> list[tuple[str, str, str]]:
    """The fields of a group: the option that is chosen, the key of its node, the field's name."""
    if group == "sweeper":
        names = [one.name for one in dataclasses.fields(AsyncOptunaConf) if one.name not in ("defaults", "_recursive_")]
        return [("", "hydra.sweeper", name) for name in names]
    if group in _LAUNCHERS:
        names = [one.name for one in dataclasses.fields(_LAUNCHERS[group]) if one.name != "_recursive_"]
        return [(group, "hydra.launcher", name) for name in names]
    nodes = stored_nodes(f"hydra/sweeper/{group}")
    # What names a function is tried by test_preflight_words.
    seen: set[tuple[str, str]] = {("constraints_func", "None")}
    found = []
    for option in METHODS[group]:
        for name in nodes[option]:
            # The pruners that go by the median have its fields, too.
            if (name, str(nodes[option][name])) not in seen or name == "_target_":
                found.append((option, f"hydra.sweeper.{group}", name))
            seen.add((name, str(nodes[option][name])))
    return found
