# SPDX-License-Identifier: MIT
"""Summarise a study and its workers at one moment, for `status` and the live table; writes nothing."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.budget.counting import budget_size
from hyperopt_app.progress.snapshot import Snapshot, WorkerView, snapshot
from hyperopt_app.study.heartbeat import BEAT_INTERVAL_S, last_beat, read_beats
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.records.study_records import attributes_of, budget_in, set_aside_in
from hyperopt_app.study.records.trial_records import claim_of, imported_from
from hyperopt_app.study.standings.ranking import ranking_of
from hyperopt_app.study.trial_facts import worked_s

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["overview", "overview_of", "snapshot_of", "with_aside", "workers_of"]

# Seconds after which a single look takes a silent worker of another machine for ended.
_OLD_S = 12 * BEAT_INTERVAL_S


def overview(study: "optuna.Study", study_dir: Path, observer: Observer | None = None) -> Snapshot:
    """Summarise the study at this moment for display; it has run for as long as a worker was at work.

    Args:
        study: The open study.
        study_dir: Its directory, where the workers give signs of life.
        observer: Judges whether workers live; if None, a single look does, which believes any recent sign of life.
    """
    attributes, every = attributes_of(study), study.get_trials(deepcopy=False)
    aside = set_aside_in(attributes, every)
    workers = workers_of([trial for trial in every if trial.number not in aside], study_dir, observer)
    return overview_of(study, every, aside, budget_in(attributes), workers, time.time())


def overview_of(
    study: "optuna.Study",
    every: Sequence["FrozenTrial"],
    aside: Collection[int],
    asked: int | None,
    workers: Sequence[WorkerView],
    moment: float,
) -> Snapshot:
    """Do the same with what was read already.

    Args:
        study: The open study.
        every: All its trials.
        aside: The numbers of those that no longer count.
        asked: The budget that the study has stored; None if it has stored none.
        workers: From `workers_of`.
        moment: When it was read, in seconds since the epoch.
    """
    shown = [trial for trial in every if trial.number not in aside]
    now = datetime.fromtimestamp(moment)  # noqa: DTZ006 - Optuna stamps its trials with local times without a zone
    elapsed_s = worked_s(every, lambda trial: _at_work_until(trial, moment))
    return with_aside(snapshot_of(study, asked, shown, workers, elapsed_s, now), every, aside)


def with_aside(seen: Snapshot, every: Sequence["FrozenTrial"], aside: Collection[int]) -> Snapshot:
    """Return the snapshot with the counts of the trials that it leaves out.

    Args:
        seen: Of the trials that count.
        every: All trials of the study.
        aside: The numbers of those that do not count.
    """
    imported = sum(bool(imported_from(every[number])) for number in aside)
    return replace(seen, set_aside=len(aside) - imported, imported=imported)


def snapshot_of(
    study: "optuna.Study",
    asked: int | None,
    trials: Sequence["FrozenTrial"],
    workers: Sequence[WorkerView],
    elapsed_s: float,
    now: datetime,
) -> Snapshot:
    """Summarise these trials of a study, which count, with its workers.

    Args:
        study: The open study.
        asked: The budget that the study has stored; None if it has stored none.
        trials: Those that count.
        workers: From `workers_of`.
        elapsed_s: For how long the study has run.
        now: Local time without a time zone, as Optuna stamps its trials.
    """
    n_trials = budget_size(trials, asked) if asked else len(trials)
    names = study.metric_names or ()
    order = ranking_of(study).order
    return snapshot(
        trials, n_trials, workers, study.directions, names, elapsed_s, now=now, study_name=study.study_name, order=order
    )


def _at_work_until(trial: "FrozenTrial", now: float) -> float:
    """Return now, or the last heartbeat of a running trial's worker if that was long ago."""
    beat = last_beat(str((claim_of(trial) or {}).get("beat", "")))
    return now if beat is None or now - beat < _OLD_S else beat


def workers_of(trials: Sequence["FrozenTrial"], study_dir: Path, observer: Observer | None = None) -> list[WorkerView]:
    """Return the workers that have left a sign of life beside the study.

    Args:
        trials: Those of the study, which say what each worker holds.
        study_dir: The study's directory.
        observer: Judges whether they live; if None, a single look does, which believes any recent sign of life.
    """
    return list(_seen_workers(trials, study_dir, observer))


def _seen_workers(trials: Sequence["FrozenTrial"], study_dir: Path, observer: Observer | None) -> Iterator[WorkerView]:
    held = {
        claim["worker"]: trial.number
        for trial in trials
        if trial.state.name == "RUNNING" and (claim := claim_of(trial)) is not None
    }
    for beat in read_beats(study_dir / "workers"):
        judge = observer or Observer(lease_s=float("inf"))
        alive = not judge.is_dead(beat, beat["worker"]) and not (observer is None and _is_old(beat))
        yield WorkerView(beat["number"], beat["host"], beat["pid"], held.get(beat["worker"]), alive)


def _is_old(beat: Mapping[str, Any]) -> bool:
    """Whether a heartbeat is old; only for display, since the clocks of two machines may differ."""
    try:
        return time.time() - Path(beat["beat"]).stat().st_mtime > _OLD_S
    except OSError:
        return True
