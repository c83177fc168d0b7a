# SPDX-License-Identifier: MIT
"""Describe a trial for its runs, from the plan of its study and from what is stored of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from hyperopt_app.loggers.run import RunEnd, RunFacts
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome, Pruned
from hyperopt_app.space.override_text import value_of_choice
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.records.trial_records import metrics_of, seed_of
from hyperopt_app.study.trial_facts import failure_text, state_word, value_names
from hyperopt_app.support.passwords import mask_password

__all__ = ["end_of", "end_of_stored", "facts_of", "facts_of_stored"]


def facts_of(
    plan: Plan, study_id: str, number: int, params: Mapping[str, Any], directory: Path, seed: int | None = None
) -> RunFacts:
    """Describe a trial.

    Args:
        plan: The plan of its study.
        study_id: The study's own id.
        number: The trial's number.
        params: Its parameters as the study stores them; a choice that is override text becomes its value.
        directory: Its directory, absolute.
        seed: The seed of its training; None if it is not known.
    """
    space = plan.space
    texts = {*space.parameters} - space.plain
    pinned = {key.lstrip("+"): mask_password(text, is_prose=False) for key, text in space.pinned.items()}
    fixed = {key: value_of_choice(text) for key, text in pinned.items()}
    chosen = {name: value_of_choice(value) if name in texts else value for name, value in params.items()}
    return RunFacts(
        study=plan.study_name,
        study_id=study_id,
        study_dir=plan.study_dir,
        number=number,
        directory=directory,
        params={**fixed, **chosen},
        curve=_curve_names(plan)[0],
        seed=seed,
    )


def facts_of_stored(plan: Plan, study_id: str, trial: FrozenTrial, directory: Path) -> RunFacts:
    """Describe a stored trial."""
    return facts_of(plan, study_id, trial.number, trial.params, directory, seed_of(trial))


def end_of(plan: Plan, outcome: Outcome) -> RunEnd | None:
    """Return how a trial has ended; None if it will be continued."""
    if isinstance(outcome, Completed):
        return RunEnd("complete", {**dict(zip(_curve_names(plan), outcome.values, strict=False)), **outcome.metrics})
    if isinstance(outcome, Pruned):
        return RunEnd("pruned")
    if isinstance(outcome, Failed):
        return RunEnd("failed", outcome.metrics, outcome.error)
    return None


def end_of_stored(plan: Plan, trial: FrozenTrial) -> RunEnd | None:
    """Return how a stored trial has ended; None if it has not."""
    if not trial.state.is_finished():
        return None
    values = dict(zip(_curve_names(plan), trial.values or (), strict=False))
    return RunEnd(state_word(trial), {**values, **metrics_of(trial)}, failure_text(trial))


def _curve_names(plan: Plan) -> tuple[str, ...]:
    """The names of the optimised values; that of the curve comes first."""
    names = () if plan.terms else plan.metric_names[:1] if plan.in_turn else plan.metric_names
    return value_names(names, plan.directions)
