# SPDX-License-Identifier: MIT
"""Claim, return and settle tickets, and free those of dead workers, so that a study runs exactly its budget.

A ticket is a WAITING trial of the study. `counting` decides which tickets belong to the budget: if no trial is set
aside and none was added, a budget of n is exactly the trials 0 to n-1. Of a large budget only some tickets are issued
at a time: the driver issues the first, and a worker that sees few left issues more under the study's lock.

This is the only module that uses undocumented parts of Optuna: the step from WAITING to RUNNING that `Study.ask`
takes first (`ask` itself would create a trial when no ticket is left), and the step back.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget import parking
from hyperopt_app.budget.counting import budget_size, budget_trials, left_of
from hyperopt_app.budget.hidden import without
from hyperopt_app.budget.set_aside import hidden_in
from hyperopt_app.budget.ticket_issue import FEW, issue
from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Lost, Outcome, Parked, Pruned
from hyperopt_app.study.heartbeat import WorkerIdentity, last_beat
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.records.forms import FailureRecord, LossRecord
from hyperopt_app.study.records.study_records import attributes_of, set_aside_in
from hyperopt_app.study.records.trial_records import (
    claim_of,
    keep_claim,
    keep_ended_attempts,
    keep_failure,
    keep_losses,
    keep_metrics,
    keep_point,
    keep_promotion,
    losses_of,
    point_of,
    promotion_of,
    retried_by,
)
from hyperopt_app.study.trial_facts import is_parked, with_ended_attempt

__all__ = ["MOST_LOSSES", "Tickets"]

_log = logging.getLogger(__name__)

# A trial over which so many workers have died is failed: a segfault would otherwise be tried for ever.
MOST_LOSSES = 3


class Tickets:
    """A worker's or driver's access to the tickets of a study.

    Args:
        study: The open study.
        identity: Who claims.
        n_trials: The budget; tickets beyond it are left alone.
        observer: Judges whether other workers live.
        lock: Makes the context in which a dead worker's trial is freed and tickets are issued, one process at a time.
        reopen: Opens the study anew. A journal remembers per process which trial it owns; after a claim was broken
            that memory is wrong, and a new opening forgets it.
        avoids: Whether this worker leaves a waiting ticket to others (it was lost on this very node).
    """

    def __init__(
        self,
        study: optuna.Study,
        identity: WorkerIdentity,
        n_trials: int,
        *,
        observer: Observer,
        lock: Callable[[], AbstractContextManager[Any]],
        reopen: Callable[[], optuna.Study],
        avoids: Callable[[FrozenTrial], bool] = lambda _ticket: False,
    ) -> None:
        self.study = study
        self.identity = identity
        self._n_trials = n_trials
        self._observer = observer
        self._lock = lock
        self._reopen = reopen
        self._avoids = avoids
        self._hidden: Collection[int] = ()

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Return the tickets of the budget in these states (all if none is given), by number; do not change them."""
        every = self.study.get_trials(deepcopy=False)
        attributes = attributes_of(self.study)
        aside = set_aside_in(attributes, every)
        self._hidden = hidden_in(aside, every)
        parking.hear_of_checkpoints(self.study, attributes)
        trials = budget_trials(every, aside, self._n_trials)
        return [trial for trial in trials if trial.state in states] if states else trials

    def left(self) -> int:
        """Return how many trials of the budget have not ended."""
        return left_of(self.trials(), self._n_trials)

    def claim(
        self,
        sampler_of: Callable[[int], optuna.samplers.BaseSampler],
        seen: Sequence[FrozenTrial] | None = None,
    ) -> optuna.Trial | None:
        """Take the next ticket: an interrupted trial, one that is promoted, one with a point, or the next number.

        A parked trial that is not promoted is passed over.

        Args:
            sampler_of: The sampler of a trial, by number.
            seen: What `trials()` has just answered; in a database each reading loads every unfinished trial.

        Returns:
            The running trial, or None if no ticket is left.
        """
        trials = self.trials() if seen is None else seen
        if self.reap(trials):
            trials = self.trials()
        waiting = self._claimable(trials)
        if len(waiting) < FEW and len(trials) < budget_size(trials, self._n_trials):
            with self._lock():
                issue(self.study, self._n_trials)
            waiting = self._claimable(self.trials())
        for ticket in sorted(waiting, key=_urgency):
            if self._take(ticket) and self._is_as_seen(ticket):
                return self._begun(ticket, sampler_of)
        return None

    def _is_as_seen(self, ticket: FrozenTrial) -> bool:
        """Whether a ticket that was taken is at the rung at which it was seen; a parked one is promoted then.

        Others may have parked it at another rung since then: then it goes back.
        """
        seen = promotion_of(ticket)
        if parking.rule_of(self.study.pruner) is None and seen is None:
            return True
        if promotion_of(self.study._storage.get_trial(ticket._trial_id)) != seen:
            self._free(ticket._trial_id)
            return False
        if seen is not None and seen["is_parked"]:
            keep_promotion(self.study._storage, ticket._trial_id, {**seen, "is_parked": False})
        return True

    def _begun(self, ticket: FrozenTrial, sampler_of: Callable[[int], optuna.samplers.BaseSampler]) -> optuna.Trial:
        """Return the trial of a claimed ticket; if the sampler fails, return the ticket and raise its error."""
        try:
            self.study.sampler = sampler_of(ticket.number)
            # Samplers and pruners ask the trial's study; the trial itself calls the sampler's before_trial.
            are_parked = parking.rule_of(self.study.pruner) is not None
            return optuna.Trial(without(self.study, self._hidden, parked_are_pruned=are_parked), ticket._trial_id)
        except Exception as error:
            self._free(ticket._trial_id)
            if isinstance(error, HyperoptError):
                raise
            text = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise HyperoptError(f"hydra.sweeper.sampler: it cannot begin a trial ({text}); correct it") from error

    def _claimable(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        waiting = [trial for trial in trials if trial.state == TrialState.WAITING and not is_parked(trial)]
        waiting += parking.promotable(self.study, trials, self._n_trials)
        return [trial for trial in waiting if not self._avoids(trial)]

    def _take(self, ticket: FrozenTrial) -> bool:
        storage = self.study._storage
        try:
            if not storage.set_trial_state_values(ticket._trial_id, TrialState.RUNNING):
                return False
        except UpdateFinishedTrialError:
            return False
        keep_claim(storage, ticket._trial_id, self.identity.as_claim())
        return True

    def carry(self, points: Sequence[Mapping[str, Any]]) -> int:
        """Assign points, in order, to waiting tickets that have none and were never started.

        Each is claimed for the moment in which its point is written, so that no worker begins it meanwhile. Runs in the
        driver, and in the command that adds a point.

        Returns:
            How many of the points, from the first on, have found a ticket.
        """
        carried = 0
        for ticket in self._free_tickets() if points else ():
            if carried == len(points):
                break
            carried += self._carry(ticket, points[carried])
        return carried

    def carry_one(self, point: Mapping[str, Any]) -> int | None:
        """Assign a point to one of them; return its number, None if none is free."""
        return next((ticket.number for ticket in self._free_tickets() if self._carry(ticket, point)), None)

    def _free_tickets(self) -> list[FrozenTrial]:
        waiting = self.trials(TrialState.WAITING)
        return [trial for trial in waiting if not (point_of(trial) or trial.params or retried_by(trial) is not None)]

    def _carry(self, ticket: FrozenTrial, point: Mapping[str, Any]) -> bool:
        if not self._take(ticket):
            return False
        keep_point(self.study._storage, ticket._trial_id, point)
        self._free(ticket._trial_id)
        return True

    def running_elsewhere(self) -> int:
        """Return how many trials of the budget other workers hold."""
        claims = [claim_of(trial) for trial in self.trials(TrialState.RUNNING)]
        return sum(claim is None or claim["worker"] != self.identity.worker for claim in claims)

    def settle(self, trial: optuna.Trial, outcome: Outcome) -> bool:
        """Store how the trial ended, or return its ticket.

        Returns:
            False if the claim had been broken in the meantime: then nothing is stored, and the result is dropped.
        """
        try:
            if not self._holds(trial._trial_id):
                raise UpdateFinishedTrialError
            self._store_outcome(trial, outcome)
        except UpdateFinishedTrialError:
            _log.warning(
                "trial %d: this worker was thought dead and the trial is another's now; a late result (%s) is dropped",
                trial.number,
                type(outcome).__name__.lower(),
            )
            self.study = self._reopen()
            return False
        return True

    def parks(self, trial: optuna.Trial) -> bool:
        """Decide whether a trial of this worker, which has just written a checkpoint, is to end there and wait.

        That is stored at once, so that it is the same whatever ends the trial there.
        """
        if parking.rule_of(self.study.pruner) is None:
            return False
        now = self.study._storage.get_trial(trial._trial_id)
        promotion = parking.reached(self.study, now, self.trials, self._n_trials)
        if promotion is None:
            return False
        keep_promotion(self.study._storage, trial._trial_id, promotion)
        return promotion["is_parked"]

    def end_parked(self) -> list[int]:
        """Prune the parked trials once nothing else is left of the budget and none of them may go on.

        Of each the checkpoint that it has announced is removed. Returns their numbers.
        """
        if not any(map(is_parked, self.trials())):
            return []
        with self._lock():
            over = parking.over(self.study, self.trials(), self._n_trials)
            return [trial.number for trial in over if self._end(trial)]

    def _end(self, ticket: FrozenTrial) -> bool:
        # By way of RUNNING: that a waiting trial ends would be a sign of a damaged journal.
        if not self._take(ticket):
            return False
        self.study.tell(ticket.number, None, TrialState.PRUNED)
        parking.remove_checkpoint(self.study, ticket)
        return True

    def holds(self, trial: optuna.Trial) -> bool:
        """Whether a trial still belongs to this worker, according to the study."""
        return self._holds(trial._trial_id)

    def _holds(self, trial_id: int) -> bool:
        claim = claim_of(self.study._storage.get_trial(trial_id))
        return claim is not None and claim["worker"] == self.identity.worker

    def _store_outcome(self, trial: optuna.Trial, outcome: Outcome) -> None:
        if isinstance(outcome, Interrupted | Parked):
            self._end_attempt(self.study._storage.get_trial(trial._trial_id), time.time())
            self._free(trial._trial_id)
            if isinstance(outcome, Interrupted):
                self.study = self._reopen()
            return
        if isinstance(outcome, Lost):
            lost = self.study._storage.get_trial(trial._trial_id)
            self._lose(lost, outcome.reason, time.time(), of_node=outcome.of_node)
            self.study = self._reopen()
            return
        if isinstance(outcome, Completed | Failed) and outcome.metrics:
            keep_metrics(trial, outcome.metrics)
        if isinstance(outcome, Completed):
            self._store_state(trial, TrialState.COMPLETE, list(outcome.values))
        elif isinstance(outcome, Pruned):
            self._store_state(trial, TrialState.PRUNED, None)
        else:
            keep_failure(self.study._storage, trial._trial_id, _record(outcome))
            self._store_state(trial, TrialState.FAIL, None)

    def _store_state(self, trial: optuna.Trial, state: TrialState, values: list[float] | None) -> None:
        try:
            self.study.tell(trial, values, state)
        except ValueError as error:
            # Optuna looks at the state once more; somebody has freed or finished the trial since we looked.
            if str(error).startswith("Cannot tell a"):
                raise UpdateFinishedTrialError(str(error)) from error
            raise
        except RuntimeError as error:
            # BruteForceSampler stops the study after its last point, which Optuna allows only inside optimize();
            # by then the state is stored.
            if "Study.stop" not in str(error):
                raise

    def give_back(self, trial: optuna.Trial) -> None:
        """Return a claimed ticket unchanged, because the study stops for a reason unrelated to the trial."""
        self.settle(trial, Interrupted())

    def reap(self, seen: Sequence[FrozenTrial] | None = None) -> list[int]:
        """Release the trials whose workers are dead.

        Returns:
            Their numbers. They wait again, with their parameters and learning curves; a trial over which
            MOST_LOSSES workers have died is failed, of the kind `infrastructure`.
        """
        trials = self.trials() if seen is None else seen
        suspects = [trial for trial in trials if trial.state == TrialState.RUNNING and self._is_abandoned(trial)]
        if not suspects:
            return []
        with self._lock():
            return [trial.number for trial in suspects if self._free_if_abandoned(trial._trial_id)]

    def _is_abandoned(self, trial: FrozenTrial) -> bool:
        claim = claim_of(trial)
        if claim is not None and claim["worker"] == self.identity.worker:
            return False
        # A worker of another tool writes no claim and no beat; what it reports is a sign of life.
        return self._observer.is_dead(claim, f"trial {trial.number} at {len(trial.intermediate_values)}")

    def _free_if_abandoned(self, trial_id: int) -> bool:
        # Another worker may have freed it, and a third claimed it, since it was suspected: look again, in the lock.
        trial = self.study._storage.get_trial(trial_id)
        if trial.state != TrialState.RUNNING or not self._is_abandoned(trial):
            return False
        if not self._observer.end(claim_of(trial)):
            return False
        cause = self._observer.cause(claim_of(trial))
        try:
            last = last_beat(str((claim_of(trial) or {}).get("beat", "")))
            if cause == "OUT_OF_MEMORY":
                self._end_attempt(trial, last)
                self._fail(trial, Failed("oom", "its scheduler has ended the job for lack of memory (OUT_OF_MEMORY)"))
            else:
                text = f"its worker died ({cause})" if cause else "its worker died"
                self._lose(trial, text, last)
        except UpdateFinishedTrialError:
            return False
        return True

    def _end_attempt(self, trial: FrozenTrial, ended: float | None) -> None:
        """Store that the running attempt has ended but the trial has not, so that its duration is kept.

        Args:
            trial: A running trial as it is stored.
            ended: Seconds since the epoch; None if nobody knows, which counts as no time at all.
        """
        attempts = with_ended_attempt(trial, 0.0 if ended is None else ended)
        keep_ended_attempts(self.study._storage, trial._trial_id, attempts)

    def _lose(self, trial: FrozenTrial, cause: str, ended: float | None, *, of_node: bool = True) -> None:
        """Count a loss that the trial did not cause; the trial waits again, unless it was lost too often."""
        self._end_attempt(trial, ended)
        storage, claim = self.study._storage, claim_of(trial) or {}
        node = claim.get("place", {}).get("node", "") if of_node else ""
        loss = LossRecord(worker=claim.get("worker", ""), node=node, cause=cause)
        losses = [*losses_of(trial), loss]
        keep_losses(storage, trial._trial_id, losses)
        if len(losses) < MOST_LOSSES:
            self._free(trial._trial_id)
            _log.warning("trial %d: %s; the trial will be continued by another worker", trial.number, cause)
            return
        self._fail(trial, Failed("infrastructure", f"lost {len(losses)} times; last cause: {cause}"))

    def _fail(self, trial: FrozenTrial, failed: Failed) -> None:
        storage = self.study._storage
        keep_failure(storage, trial._trial_id, _record(failed))
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        _log.warning("trial %d failed (%s): %s", trial.number, failed.kind, failed.error)

    def _free(self, trial_id: int) -> None:
        # The name goes first: a claim on a running trial must never be older than the running.
        keep_claim(self.study._storage, trial_id, None)
        self.study._storage.set_trial_state_values(trial_id, TrialState.WAITING)


def _record(failed: Failed) -> FailureRecord:
    return FailureRecord(kind=failed.kind, error=failed.error, traceback=failed.traceback)


def _urgency(ticket: FrozenTrial) -> tuple[bool, int, bool, int]:
    if is_parked(ticket):  # those that are promoted stay in their order
        return (False, 1, False, 0)
    return (not ticket.params, 0, not point_of(ticket), ticket.number)
