# SPDX-License-Identifier: MIT
"""All attributes that this package stores in a trial: each one's name, its form, its readers and writers.

No module but this one and `study_records` spells the names of attributes (a test reads the sources), so these two
define the stored form of a study. Every later release must read what they store: names and forms may be added but
never changed. `study.trial_facts` derives durations, failure texts and the best trials from it.
"""

from collections.abc import Mapping, Sequence
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, cast

from hyperopt_app.study.records.forms import (
    AttemptRecord,
    FailureRecord,
    LossRecord,
    PromotionRecord,
    RaceRecord,
    RepeatRecord,
    UnfinishedRecord,
)

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

    from hyperopt_app.study.own_trial import OwnTrial

    AnyTrial = FrozenTrial | optuna.Trial

# An objective cannot take these names for its own (`objective.trial.OWN_ATTRIBUTES`).
_CLAIM = "claim"  # who holds the trial: `heartbeat.WorkerIdentity`; None once its ticket is given back
_DIRECTORY = "directory"  # where its files were when it was last taken on
_ATTEMPTS = "attempts"  # how often workers have taken it on, from the second time on
_ENDED_ATTEMPTS = "ended_attempts"  # AttemptRecord of each interrupted attempt
_LOSSES = "losses"  # LossRecord of each worker that was lost with it
_TRAINING_SEED = "training_seed"  # the seed of its training
_READS_SEED = "reads_seed"  # True once the objective has asked for that seed
_METRICS = "metrics"  # every metric that the objective returned, by name
_FAILURE = "failure"  # FailureRecord of a failed trial
_PROMOTION = "promotion"  # PromotionRecord of a trial that has reached a rung
_REPEAT = "repeat:"  # and a repeat's number, from 0: RepeatRecord, once it has finished
_UNFINISHED = "unfinished_repeat"  # UnfinishedRecord of a trial whose first repeat has finished
_RACE = "race"  # RaceRecord of a trial that has lost the race
RETRY_OF = "retry_of"  # the number of the finished trial that this ticket tries again
GROWS_BUDGET = "grows_budget"  # True for a trial by which the user has enlarged the budget
IMPORTED = "imported_from"  # where a trial comes from that no worker of this study has run
_OF_ATTEMPTS = {_CLAIM, _DIRECTORY, _ATTEMPTS, _ENDED_ATTEMPTS, _LOSSES, _TRAINING_SEED}
TRIAL_ATTRIBUTES = frozenset(
    {
        *(*_OF_ATTEMPTS, _READS_SEED, _METRICS, _FAILURE, _PROMOTION, _REPEAT, _UNFINISHED, _RACE),
        *(RETRY_OF, GROWS_BUDGET, IMPORTED),
    }
)

# Optuna's own system attribute: the parameters with which a ticket is to begin.
POINT = "fixed_params"


def claim_of(trial: "AnyTrial") -> Mapping[str, Any] | None:
    """Return the worker that holds or held the trial; None if no worker has signed it."""
    return cast("Mapping[str, Any] | None", trial.user_attrs.get(_CLAIM))


def holder_of(trial: "FrozenTrial") -> Mapping[str, Any]:
    """Return the worker that runs or ran the trial (`number`, `host`, `pid`, ...); empty if unsigned."""
    claim = trial.user_attrs.get(_CLAIM)
    return claim if isinstance(claim, dict) else {}


def keep_claim(storage: "BaseStorage", trial_id: int, claim: Mapping[str, Any] | None) -> None:
    """Store the worker that holds the trial; None for no worker."""
    storage.set_trial_user_attr(trial_id, _CLAIM, claim)


def directory_of(trial: "AnyTrial") -> str | None:
    """Return the directory of the trial's last attempt; None before its first attempt."""
    directory = trial.user_attrs.get(_DIRECTORY)
    return None if directory is None else str(directory)


def begun_attempts(trial: "AnyTrial") -> int:
    """Return how often workers have started the trial; 0 before; an older release has counted the later ones only."""
    begun = 0 if directory_of(trial) is None else 1
    return int(trial.user_attrs.get(_ATTEMPTS, begun))


def keep_attempt(trial: "optuna.Trial", directory: str, attempt: int) -> None:
    """Store the directory and the number of an attempt, in one write."""
    if directory_of(trial) != directory:
        trial.set_user_attr(_DIRECTORY, directory)
    if attempt > 1:
        trial.set_user_attr(_ATTEMPTS, attempt)


def ended_attempts_of(trial: "FrozenTrial") -> Sequence[AttemptRecord]:
    """The attempts that interruptions have ended, in their order."""
    return trial.user_attrs.get(_ENDED_ATTEMPTS) or ()


def keep_ended_attempts(storage: "BaseStorage", trial_id: int, attempts: Sequence[AttemptRecord]) -> None:
    """Store all attempts that interruptions have ended."""
    storage.set_trial_user_attr(trial_id, _ENDED_ATTEMPTS, attempts)


def losses_of(trial: "FrozenTrial") -> Sequence[LossRecord]:
    """The losses of the trial so far, in their order."""
    return cast("Sequence[LossRecord]", trial.user_attrs.get(_LOSSES, ()))


def keep_losses(storage: "BaseStorage", trial_id: int, losses: Sequence[LossRecord]) -> None:
    """Store all losses of the trial."""
    storage.set_trial_user_attr(trial_id, _LOSSES, losses)


def seed_of(trial: "FrozenTrial") -> int | None:
    """The seed of the trial's training, of several that of the best, or that failed; None if none has it, as of old."""
    seed = trial.user_attrs.get(_TRAINING_SEED)
    return seed if isinstance(seed, int) else None


def keep_seed(trial: "optuna.Trial | OwnTrial", seed: int) -> None:
    """Store the seed of the trial's training."""
    trial.set_user_attr(_TRAINING_SEED, seed)


def reads_seed(trial: "FrozenTrial") -> bool:
    """Whether the objective has asked for the trial's seed."""
    return bool(trial.user_attrs.get(_READS_SEED))


def keep_reads_seed(trial: "optuna.Trial | OwnTrial") -> None:
    """Store that the objective has asked for the trial's seed."""
    trial.set_user_attr(_READS_SEED, True)


def metrics_of(trial: "FrozenTrial") -> Mapping[str, Any]:
    """Every metric that the objective returned, by name; empty when it returned a plain number."""
    metrics = trial.user_attrs.get(_METRICS)
    return metrics if isinstance(metrics, dict) else {}


def keep_metrics(trial: "optuna.Trial", metrics: Mapping[str, Any]) -> None:
    """Store the metrics that the objective returned."""
    trial.set_user_attr(_METRICS, dict(metrics))


def failure_record(trial: "FrozenTrial") -> Mapping[str, Any]:
    """Return the FailureRecord of a trial; empty if none is stored. Older studies may lack fields."""
    failure = trial.user_attrs.get(_FAILURE)
    return failure if isinstance(failure, dict) else {}


def keep_failure(storage: "BaseStorage", trial_id: int, failure: FailureRecord) -> None:
    """Store how the trial failed; its state is another write."""
    storage.set_trial_user_attr(trial_id, _FAILURE, failure)


def promotion_of(trial: "FrozenTrial") -> PromotionRecord | None:
    """Return the rung that the trial has reached last; None if it has reached none."""
    promotion = trial.user_attrs.get(_PROMOTION)
    return cast("PromotionRecord", promotion) if isinstance(promotion, dict) and "is_parked" in promotion else None


def keep_promotion(storage: "BaseStorage", trial_id: int, promotion: PromotionRecord) -> None:
    """Store the rung that the trial has reached, and whether it waits there."""
    storage.set_trial_user_attr(trial_id, _PROMOTION, promotion)


def repeats_of(trial: "AnyTrial") -> list[RepeatRecord]:
    """The finished repeats of the trial, in their order; empty where each configuration is trained once."""
    stored = trial.user_attrs
    return [stored[name] for name in takewhile(stored.__contains__, (f"{_REPEAT}{number}" for number in count()))]


def keep_repeat(trial: "optuna.Trial | OwnTrial", number: int, repeat: RepeatRecord) -> None:
    """Store a finished repeat; repeats are stored in their order."""
    trial.set_user_attr(f"{_REPEAT}{number}", repeat)


def unfinished_step(trial: "AnyTrial") -> int | None:
    """The last step of a later repeat that is under way or has failed; None if there is none that has reported."""
    record: UnfinishedRecord | None = trial.user_attrs.get(_UNFINISHED)
    return record["step"] if record is not None and record["repeat"] == len(repeats_of(trial)) else None


def keep_unfinished_step(trial: "optuna.Trial | OwnTrial", number: int, step: int) -> None:
    """Store how far a later repeat has come; once it has finished, this no longer counts."""
    trial.set_user_attr(_UNFINISHED, UnfinishedRecord(repeat=number, step=step))


def race_of(trial: "FrozenTrial") -> RaceRecord | None:
    """The race that the trial has lost; None if it has lost none."""
    return cast("RaceRecord | None", trial.user_attrs.get(_RACE))


def keep_race(trial: "optuna.Trial | OwnTrial", race: RaceRecord) -> None:
    """Store the race that the trial has lost."""
    trial.set_user_attr(_RACE, race)


def retried_by(trial: "FrozenTrial") -> int | None:
    """The number of the trial that this one tries again; None for every other trial."""
    number = trial.user_attrs.get(RETRY_OF)
    # An objective of an older release may have kept something of its own under this name.
    return number if isinstance(number, int) and 0 <= number < trial.number else None


def retries(trials: Sequence["FrozenTrial"]) -> dict[int, int]:
    """The number of the trial that is tried again, by the number of the one that tries it again."""
    return {trial.number: tried for trial in trials if (tried := retried_by(trial)) is not None}


def imported_from(trial: "FrozenTrial") -> str:
    """Why an imported trial does not count: `imported from` and where it comes from; empty for every other trial."""
    return f"imported from {trial.user_attrs[IMPORTED]}" if IMPORTED in trial.user_attrs else ""


def grows_budget(trial: "FrozenTrial") -> bool:
    """Whether the user has enlarged the budget by this trial."""
    return GROWS_BUDGET in trial.user_attrs


def growing(trials: Sequence["FrozenTrial"]) -> set[int]:
    """Return the numbers of those trials that enlarge the budget."""
    return {trial.number for trial in trials if grows_budget(trial)}


def point_of(trial: "FrozenTrial") -> Mapping[str, Any] | None:
    """Return the parameters with which a ticket starts, or started; None if it has none."""
    return cast("Mapping[str, Any] | None", trial.system_attrs.get(POINT))


def keep_point(storage: "BaseStorage", trial_id: int, point: Mapping[str, Any]) -> None:
    """Store the parameters with which a ticket is to begin."""
    storage.set_trial_system_attr(trial_id, POINT, dict(point))


def waiting_ticket(point: Mapping[str, Any], *, grows: bool = False, retry_of: int | None = None) -> "FrozenTrial":
    """Build a ticket: the point that it carries, whether it enlarges the budget, the trial that it tries again."""
    from optuna.trial import TrialState, create_trial

    retry, growth = {} if retry_of is None else {RETRY_OF: retry_of}, {GROWS_BUDGET: True} if grows else {}
    system = {POINT: dict(point)} if point else {}
    return create_trial(state=TrialState.WAITING, user_attrs={**retry, **growth}, system_attrs=system)


def keep_pinned(trial: "optuna.Trial", pinned: Mapping[str, str]) -> None:
    """Store the overrides that the user fixed, under their own names, as hydra-optuna-sweeper does."""
    for name, text in pinned.items():
        trial.set_user_attr(name, text)


def own_attributes(trial: "AnyTrial | OwnTrial") -> Mapping[str, Any]:
    """Read all attributes of a trial in one query, for its objective."""
    return trial.user_attrs
