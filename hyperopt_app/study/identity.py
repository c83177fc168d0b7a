# SPDX-License-Identifier: MIT
"""Check that a stored study is the one that the command requests."""

import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.space.changes import differences, space_from_json, space_to_json
from hyperopt_app.space.space import Space, with_values
from hyperopt_app.study.records.forms import OrderRecord, SpecRecord
from hyperopt_app.study.records.study_records import keep_id, keep_spec, spec_of, stored_id
from hyperopt_app.support.wording import HYDRA_WORDING, Wording

__all__ = ["Identity", "check_identity", "in_the_studys_form", "keep_identity", "stored_identity", "study_id"]


@dataclass(frozen=True)
class Identity:
    """The properties that identify a study.

    Attributes:
        directions: `minimize` or `maximize`, one per objective.
        metric_names: The optimised metrics; empty if the objective returns bare numbers.
        space: What is searched and fixed.
        seed: The study's seed.
        order: The metrics by which the best is chosen in turn, or none. It does not identify the study: each command
            may have another one, as long as the first metric, which is optimised, stays.
        repeats: How many trainings make a value, and how; empty where each configuration is trained once.
    """

    directions: tuple[str, ...]
    metric_names: tuple[str, ...]
    space: Space
    seed: int
    order: tuple[OrderRecord, ...] = ()
    repeats: str = ""


def stored_identity(study: optuna.Study) -> Identity | None:
    """Return the identity stored by an earlier command; None in a study of another tool."""
    spec = spec_of(study)
    if spec is None:
        return None
    order, space = tuple(spec.get("order", ())), space_from_json(spec["space"])
    repeats = spec.get("repeats", "")
    return Identity(_directions(study), tuple(spec["metric"]), space, spec["seed"], order, repeats)


def in_the_studys_form(study: optuna.Study, space: Space, *, plain_choices: bool) -> Space:
    """Convert a space's choices to this study's form: override text, or values as in plain Optuna.

    What its trials hold decides, then what its first command has kept. A release before this one kept texts only, and
    plain Optuna knows nothing of override text; neither form can be changed afterwards.

    Args:
        study: The study; it may be new.
        space: The space of the command.
        plain_choices: What the command wishes for what the study does not hold yet.
    """
    stored, held, values = stored_identity(study), _held(study), with_values(space)
    asked = values.parameters

    def is_plain(key: str) -> bool:
        name = space.names.get(key, key)
        if name in held:
            return bool(held[name] == asked[name])
        if stored is not None and key in stored.space.distributions:
            return key in stored.space.stored
        return plain_choices

    return replace(space, stored={key: choices for key, choices in values.stored.items() if is_plain(key)})


def _held(study: optuna.Study) -> dict[str, BaseDistribution]:
    distributions: dict[str, BaseDistribution] = {}
    for trial in study.get_trials(deepcopy=False):
        for name, distribution in trial.distributions.items():
            distributions.setdefault(name, distribution)
    return distributions


def keep_identity(study: optuna.Study, identity: Identity) -> None:
    """Store the identity in the study, and an id if it has none. Runs in the driver, under the study's lock."""
    if stored_id(study) is None:
        keep_id(study, uuid.uuid4().hex)
    metrics, space = list(identity.metric_names), space_to_json(identity.space)
    spec = SpecRecord(metric=metrics, space=space, seed=identity.seed)
    if identity.order:
        spec["order"] = list(identity.order)
    if identity.repeats:
        spec["repeats"] = identity.repeats
    keep_spec(study, spec)
    if identity.metric_names and study.metric_names != list(identity.metric_names):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(list(identity.metric_names))


def study_id(study: optuna.Study) -> str:
    """Return the study's random id, which copies of it share; studies of the same name have different ids."""
    # A driver of ours has given it one; the name will do for a study that none has seen.
    return stored_id(study) or f"name:{study.study_name}"


def _directions(study: optuna.Study) -> tuple[str, ...]:
    return tuple(direction.name.lower() for direction in study.directions)


def check_identity(
    study: optuna.Study,
    wanted: Identity,
    accept_changes: bool,
    *,
    is_untried: bool = False,
    wording: Wording = HYDRA_WORDING,
) -> list[str]:
    """Compare a stored study with the one that the command requests.

    Args:
        study: The stored study.
        wanted: What the command asks for.
        accept_changes: Whether trials of another search may stay beside those of this one.
        is_untried: Whether no trial speaks for the stored search, so that the study may take any other that it can.
        wording: How the command names its settings.

    Returns:
        The differences that were accepted, one line each.

    Raises:
        StudyMismatchError: The directions differ, or something else does that was not accepted.
    """
    name = study.study_name
    if _directions(study) != wanted.directions:
        raise StudyMismatchError(
            f"{wording.direction}: study {name!r} has the direction(s) {', '.join(_directions(study))}, "
            f"the command asks for {', '.join(wanted.directions)}. A study's directions cannot change: set them "
            f"back, or begin another study with {wording.another_study}"
        )
    stored = stored_identity(study)
    if stored is None:
        return []
    soft, hard = differences(stored.space, wanted.space)
    # Where a trial holds parameters, Optuna itself refuses other choices, also beside trials that do not count.
    if is_untried and not _held(study):
        soft, hard = [*hard, *soft], []
    if stored.metric_names and stored.metric_names != wanted.metric_names and _is_measured(study):
        hard.append(f"metric: {', '.join(stored.metric_names)} -> {', '.join(wanted.metric_names) or 'none'}")
    if stored.repeats != wanted.repeats and _is_measured(study):
        hard.append(f"repeats: {stored.repeats or 'none'} -> {wanted.repeats or 'none'}")
    if hard or (soft and not (accept_changes or is_untried)):
        raise StudyMismatchError(_refusal(name, soft, hard, wording))
    return soft


def _is_measured(study: optuna.Study) -> bool:
    """Whether any trial has a result; until then a metric's name may still be corrected."""
    measured = (TrialState.COMPLETE, TrialState.PRUNED)
    return bool(study.get_trials(deepcopy=False, states=measured))


def _refusal(name: str, soft: Sequence[str], hard: Sequence[str], wording: Wording) -> str:
    changed = "\n".join(f"  - {line}" for line in (*hard, *soft))
    ways = f"set it back, or begin another study with {wording.another_study}"
    if not hard:
        ways += f", or keep the old trials anyway with {wording.accept_changes}"
    else:
        ways += "; one study cannot hold trials of both"
    created = f"Study {name!r} was created with a different search space"
    return f"{created} (stored -> requested):\n{changed}\nWhat to do: {ways}."
