# SPDX-License-Identifier: MIT
"""What the laws of the budget have in common: workers that take trials, settle them and are thought dead."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import optuna
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from hyperopt_app.budget import ticket_issue, tickets
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.objective.outcomes import Interrupted, Outcome
from tests.unit._made_tickets import Told, identity, sampler

__all__ = ["WORKERS", "FewWait", "WorkersMachine", "workers"]

WORKERS = 3
workers = st.integers(0, WORKERS - 1)


class WorkersMachine(RuleBasedStateMachine):
    """Workers over one study in memory; a subclass begins it, and says which outcomes their trials have."""

    outcomes: ClassVar[Sequence[Outcome]]
    hands: Sequence[Tickets]

    def hire(self) -> None:
        """Nobody holds a trial yet, and nobody is thought dead."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(study_name="study")
        self.observer = Told()
        self.held: dict[int, optuna.Trial] = {}
        self.told: Counter[int] = Counter()

    def taken(self, worker: int) -> optuna.Trial | None:
        """The trial that a worker takes; None if it has one, or if there is none for it."""
        if worker in self.held:
            return None
        self.observer.dead.discard(identity(worker).worker)
        return self.hands[worker].claim(sampler)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """A worker tells how its trial ended, or hears that it is no longer its own."""
        worker, outcome = data.draw(st.sampled_from(sorted(self.held))), data.draw(st.sampled_from(self.outcomes))
        trial = self.held.pop(worker)
        if self.hands[worker].settle(trial, outcome) and not isinstance(outcome, Interrupted):
            self.told[trial.number] += 1

    @precondition(lambda self: self.held)
    @rule(worker=workers)
    def die(self, worker: int) -> None:
        """A worker is thought dead; if it is not, it tells its result all the same, later."""
        self.observer.dead.add(identity(worker).worker)


class FewWait(WorkersMachine):
    """Where only two tickets wait at a time, and the workers issue the others; what it sets is put back in any case."""

    def __init__(self) -> None:
        super().__init__()
        self.small = pytest.MonkeyPatch()
        self.small.setattr(ticket_issue, "_AHEAD", 2)
        self.small.setattr(tickets, "FEW", 1)

    def teardown(self) -> None:
        """All of the budget is told all the same."""
        try:
            super().teardown()
        finally:
            self.small.undo()
