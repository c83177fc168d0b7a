# SPDX-License-Identifier: MIT
"""Whole searches with the sampler `curves` and the pruner `forecast`."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from tests.end_to_end._studies import assert_exact

RunApp = Callable[..., subprocess.CompletedProcess[str]]

PAIR = ("hydra/sweeper/sampler=curves", "hydra/sweeper/pruner=forecast")


def _search(run_app: RunApp, study: str, n_trials: int, *words: str) -> list[tuple[dict[str, Any], TrialState, int]]:
    budget = f"hydra.sweeper.n_trials={n_trials}"
    done = run_app("--multirun", "hparams=sphere", "steps=9", f"hydra.sweep.dir={study}", budget, *PAIR, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = assert_exact(Path(study), n_trials)
    return [(trial.params, trial.state, len(trial.intermediate_values)) for trial in trials]


def test_a_study_of_one_worker_repeats_also_if_it_is_resumed(run_app: RunApp) -> None:
    """Points, outcomes and lengths of the curves are the same at once and in two commands."""
    worker = ("hydra/launcher=basic", "hydra.sweeper.n_jobs=1")
    at_once = _search(run_app, "at-once", 18, *worker)
    first = _search(run_app, "in-parts", 11, *worker)
    assert _search(run_app, "in-parts", 18, *worker) == at_once
    assert first == at_once[:11]
    assert {state for _, state, _ in at_once} == {TrialState.COMPLETE, TrialState.PRUNED}


def test_two_workers_share_a_search(run_app: RunApp) -> None:
    """In processes of their own they spend the budget exactly; pruned trials have reported less."""
    trials = _search(run_app, "shared", 14, "hydra/launcher=local_workers", "hydra.sweeper.n_jobs=2")
    assert len({tuple(params.values()) for params, _, _ in trials}) == 14
    assert all((state == TrialState.COMPLETE) == (length == 9) for _, state, length in trials)


def test_a_search_begins_with_what_an_earlier_one_has_found(run_app: RunApp) -> None:
    """Its best trial is the first point, and the sampler takes the others."""
    worker = ("hydra/launcher=basic", "hydra.sweeper.n_jobs=1")
    _search(run_app, "old", 12, *worker)
    best = _best("old")
    first, *others = _search(run_app, "new", 12, *worker, "hydra.sweeper.warm_start=[old]")
    assert first[0] == best
    assert best not in [params for params, _, _ in others]


def _best(study: str) -> dict[str, Any]:
    """The parameters of its best trial."""
    trials = assert_exact(Path(study), 12)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return min(complete, key=lambda trial: float(trial.value or 0.0)).params
