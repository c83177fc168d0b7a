# SPDX-License-Identifier: MIT
"""Check whether workers are lost on one node, and whether they spend much time without a trial."""

from collections import Counter

from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.time_spent import time_spent
from hyperopt_app.looking.view import View
from hyperopt_app.study.records.trial_records import holder_of, losses_of
from hyperopt_app.support.display_text import duration_text, in_one_line, share_text

__all__ = ["idle_workers", "losses_on_one_node"]

_LEAST_LOSSES, _OF_LOSSES = 3, 0.6
_LEAST_IDLE_S, _IDLE = 600.0, 0.3


def losses_on_one_node(view: View) -> list[Finding]:
    """Find a node on which most workers were lost although others have run trials as well."""
    lost = Counter(loss["node"] for trial in view.trials for loss in losses_of(trial) if loss.get("node"))
    used = {str((holder_of(trial).get("place") or {}).get("node") or "") for trial in view.trials} - {""}
    if not lost:
        return []
    ((node, count),) = lost.most_common(1)
    if count < _LEAST_LOSSES or count < _OF_LOSSES * lost.total() or not (used | lost.keys()) - {node}:
        return []
    reason = f"{count} of {lost.total()} losses of a worker were on the node {in_one_line(node)}"
    return [Finding("node", reason, "exclude it (hydra.launcher.exclude under Slurm) and report it")]


def idle_workers(view: View) -> list[Finding]:
    """Find that workers have no trial for a large part of their time."""
    spent = time_spent(view)
    if spent.idle_s < _LEAST_IDLE_S or 1 - spent.busy < _IDLE:
        return []
    share = share_text(1 - spent.busy)
    reason = f"workers were idle for {duration_text(spent.idle_s)}, {share} of their time"
    return [Finding("workers", reason, "make trials longer than their start, or take fewer workers")]
