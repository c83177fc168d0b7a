# SPDX-License-Identifier: MIT
"""Check whether the pruner never acts, or ends nearly every trial."""

from pathlib import Path
from typing import Any

import yaml

from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.view import View
from hyperopt_app.study.records.trial_records import race_of
from hyperopt_app.study.trial_facts import own_curve
from hyperopt_app.support.files import read_file

__all__ = ["pruner_acts_too_often", "pruner_never_acts"]

_LEAST_TO_ACT, _LEAST_TO_REST = 30, 20
_TOO_OFTEN, _TOO_OFTEN_IN_HALVING = 0.9, 0.98
_HALVING = ("SuccessiveHalvingPruner", "HyperbandPruner", "PromotePruner")
_NONE = "NopPruner"


def pruner_never_acts(view: View) -> list[Finding]:
    """Find a pruner that has ended no trial although there were enough to compare."""
    name = _pruner(view)
    if name in ("", _NONE) or len(view.directions) > 1:  # what it does with several has a note of its own
        return []
    pruned, complete = _pruned(view), view.in_state("complete")
    ended = len(complete) + pruned
    if pruned or view.counts["parked"] or ended < _LEAST_TO_ACT:
        return []
    if not any(map(own_curve, complete)):
        reason = f"{name} has ended none of {ended} trials, since they report nothing"
        return [Finding("pruner", reason, "call hyperopt_app.report(value, step), or take hydra/sweeper/pruner=nop")]
    reason = f"{name} has ended none of {ended} trials"
    return [Finding("pruner", reason, "let it judge earlier (n_warmup_steps, n_startup_trials), or do without it")]


def pruner_acts_too_often(view: View) -> list[Finding]:
    """Find a pruner that lets hardly any trial complete."""
    pruned = _pruned(view)
    ended = view.counts["complete"] + pruned
    name = _pruner(view)
    limit = _TOO_OFTEN_IN_HALVING if name in _HALVING else _TOO_OFTEN
    if ended < _LEAST_TO_REST or pruned <= limit * ended:
        return []
    reason = f"{name or 'the pruner'} has ended {pruned} of {ended} trials, so that few complete ones guide the search"
    return [Finding("pruner", reason, "let it judge later (n_warmup_steps, min_resource)")]


def _pruned(view: View) -> int:
    """Return how many trials the pruner has ended, and no race between configurations."""
    return sum(race_of(trial) is None for trial in view.in_state("pruned"))


def _pruner(view: View) -> str:
    """Return the class name of the last command's pruner; empty if it is not known."""
    node: Any = _config_of(view.directory / "multirun.yaml")
    for key in ("hydra", "sweeper", "pruner", "_target_"):
        node = node.get(key) if isinstance(node, dict) else None
    return node.rpartition(".")[2] if isinstance(node, str) else ""


def _config_of(path: Path) -> Any:
    try:
        return yaml.safe_load(read_file(path))
    except (OSError, ValueError, yaml.YAMLError):
        return None
