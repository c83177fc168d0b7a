# SPDX-License-Identifier: MIT
"""All attributes that this package stores in a study itself: each one's name, its form, its readers and writers.

`trial_records` has those of its trials, and says what holds for both.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from hyperopt_app.study.records.forms import RunRecord, SpecRecord, StopRecord, VerdictRecord
from hyperopt_app.study.records.trial_records import imported_from, retries

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

_STUDY_ID = "study_id"  # a random text
_SPEC = "spec"  # SpecRecord: what makes it this study and no other
_N_TRIALS = "n_trials"  # the budget of the last command
_LISTS_POINTS = "lists_points"  # whether the tickets carry every point of the space
_RUN = "run"  # RunRecord of the last command
_STOP = "stop"  # StopRecord; None or missing while trials may start
_RETRAIN = "retrain"  # how a trial is trained again, see `results.retrain`
_VERDICT = "verdict:"  # and a run's number: VerdictRecord
_SET_ASIDE = "set_aside:"  # and a trial's number: why it is as if it had never run
_DISCARDED = "discarded:"  # and a trial's number: why it does not count, though its point stands as tried
_NOTE = "note:"  # and a kind: what the user should know
_HAS_CHECKPOINTS = "has_checkpoints"  # True once a trial has announced a checkpoint, where trials may wait at rungs
_BAD_NODE = "bad_node:"  # and a node's name: why it is not used


def attributes_of(study: "optuna.Study") -> Mapping[str, Any]:
    """Read all attributes of a study in one query, for the readers that take them."""
    return study.user_attrs


def stored_id(study: "optuna.Study") -> str | None:
    """Return the study's id; None if no driver of this package has stored one."""
    stored = study.user_attrs.get(_STUDY_ID)
    return None if stored is None else str(stored)


def keep_id(study: "optuna.Study", text: str) -> None:
    """Store the study's id."""
    study.set_user_attr(_STUDY_ID, text)


def spec_of(study: "optuna.Study") -> SpecRecord | None:
    """Return what identifies this study; None in a study of another tool."""
    return cast("SpecRecord | None", study.user_attrs.get(_SPEC))


def keep_spec(study: "optuna.Study", spec: SpecRecord) -> None:
    """Store what identifies this study, if it has changed."""
    if spec_of(study) != spec:
        study.set_user_attr(_SPEC, spec)


def budget_in(attributes: Mapping[str, Any]) -> int | None:
    """Return the budget of the last command; None if no driver has stored one."""
    return cast("int | None", attributes.get(_N_TRIALS))


def keep_n_trials(study: "optuna.Study", n_trials: int) -> None:
    """Store the budget of this command."""
    study.set_user_attr(_N_TRIALS, n_trials)


def lists_points(study: "optuna.Study") -> bool:
    """Whether the tickets carry every point of the space, by the last command."""
    return bool(study.user_attrs.get(_LISTS_POINTS))


def keep_lists_points(study: "optuna.Study", listed: bool) -> None:
    """Store whether they do, if that has changed."""
    if listed != lists_points(study):
        study.set_user_attr(_LISTS_POINTS, listed)


def run_in(attributes: Mapping[str, Any]) -> RunRecord:
    """The last command's run; empty in a study of an earlier release."""
    return cast("RunRecord", attributes.get(_RUN) or {})


def keep_run(study: "optuna.Study", run: RunRecord) -> None:
    """Store this command's run."""
    study.set_user_attr(_RUN, run)


def verdict_in(attributes: Mapping[str, Any], run: int) -> VerdictRecord | None:
    """The verdict on a run; None if there is none."""
    return cast("VerdictRecord | None", attributes.get(f"{_VERDICT}{run}") or None)


def keep_verdict(study: "optuna.Study", run: int, verdict: VerdictRecord) -> None:
    """Store the verdict on a run."""
    study.set_user_attr(f"{_VERDICT}{run}", verdict)


def stop_record(attributes: Mapping[str, Any]) -> StopRecord | None:
    """The stop that a worker, or the user, has asked for; None if trials may start."""
    return cast("StopRecord | None", attributes.get(_STOP) or None)


def keep_stop(study: "optuna.Study", stop: StopRecord | None) -> None:
    """Store the stop; None takes it back."""
    study.set_user_attr(_STOP, stop)


def undone_of(study: "optuna.Study") -> set[int]:
    """Return the numbers of the trials whose points are to be issued again."""
    stored = study.user_attrs
    undone = (key.removeprefix(_SET_ASIDE) for key in stored if key.startswith(_SET_ASIDE))
    return {int(number) for number in undone if f"{_DISCARDED}{number}" not in stored}


def set_aside_in(attributes: Mapping[str, Any], trials: Sequence["FrozenTrial"]) -> dict[int, str]:
    """Return which trials no longer count, and why, by number; `trials` must be all trials of the study."""
    stored, prefixes = attributes.items(), (_SET_ASIDE, _DISCARDED)
    reasons = {trial.number: text for trial in trials if (text := imported_from(trial))}
    reasons |= {int(key.partition(":")[2]): str(reason) for key, reason in stored if key.startswith(prefixes)}
    return reasons | {tried: f"tried again as trial {number}" for number, tried in retries(trials).items()}


def keep_set_aside(study: "optuna.Study", number: int, reason: str) -> None:
    """Store that a trial counts as if it had never run."""
    study.set_user_attr(f"{_SET_ASIDE}{number}", reason)


def keep_discarded(study: "optuna.Study", number: int, reason: str) -> None:
    """Store that a trial no longer counts, although its point counts as tried."""
    study.set_user_attr(f"{_DISCARDED}{number}", reason)


def notes_in(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the notes for the user, by kind, without those that were withdrawn."""
    return {key.removeprefix(_NOTE): text for key, text in attributes.items() if key.startswith(_NOTE) and text}


def keep_note(study: "optuna.Study", kind: str, text: str | None) -> None:
    """Store a note of a kind; None withdraws it."""
    study.set_user_attr(f"{_NOTE}{kind}", text)


def has_checkpoints(attributes: Mapping[str, Any]) -> bool:
    """Whether a trial of the study has announced a checkpoint; known only where trials may wait at rungs."""
    return bool(attributes.get(_HAS_CHECKPOINTS))


def keep_has_checkpoints(study: "optuna.Study") -> None:
    """Store that a trial of the study has announced a checkpoint."""
    study.set_user_attr(_HAS_CHECKPOINTS, True)


def why_bad(study: "optuna.Study", node: str) -> str:
    """Return why a node is not used for this study; empty if nothing is stored."""
    return str(study.user_attrs.get(f"{_BAD_NODE}{node}") or "")


def keep_bad_node(study: "optuna.Study", node: str, reason: str) -> None:
    """Store why a node is not used for this study."""
    study.set_user_attr(f"{_BAD_NODE}{node}", reason)


def retrain_record(study: "optuna.Study") -> Mapping[str, Any] | None:
    """How a trial is trained again; None in a study of an older release."""
    return cast("Mapping[str, Any] | None", study.user_attrs.get(_RETRAIN))


def keep_retrain_record(study: "optuna.Study", record: Mapping[str, Any]) -> None:
    """Store how a trial is trained again, if that has changed."""
    if retrain_record(study) != record:
        study.set_user_attr(_RETRAIN, record)
