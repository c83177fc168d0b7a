# SPDX-License-Identifier: MIT
"""Whatever workers do with trials that wait at rungs: n tickets end as n finished trials, each step trained once."""

import tempfile
from collections import Counter
from pathlib import Path

import optuna
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Parked
from hyperopt_app.storage.journal import ExactJournalStorage, RepairingJournalBackend
from hyperopt_app.study.records.trial_records import claim_of
from hyperopt_app.study.trial_facts import failure_kind, is_parked
from tests.unit._made_tickets import Told, hand, identity, sampler
from tests.unit.budget._made_parking import EPOCHS, parking_study, words

WORKERS = 3
workers = st.integers(0, WORKERS - 1)


class Parking(RuleBasedStateMachine):
    """Workers that train step by step, park, are interrupted, die and come back late, over one study.

    A checkpoint is written after each report, so a trial goes on behind its last report, whoever takes it.
    """

    def storage(self) -> BaseStorage:
        """Where the study is kept."""
        return InMemoryStorage()

    @initialize(n_trials=st.integers(1, 7))
    def begin(self, n_trials: int) -> None:
        """A driver issues the tickets."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.n_trials, self.told = n_trials, Told()
        self.study = parking_study(n_trials, self.storage())
        self.hands: dict[int, Tickets] = {}
        self.held: dict[int, optuna.Trial] = {}
        self.late: list[tuple[Tickets, optuna.Trial]] = []
        self.trained: Counter[tuple[int, int]] = Counter()
        self.values: dict[int, float] = {}
        self.ends: Counter[int] = Counter()
        self.hired = 0

    def opened(self) -> optuna.Study:
        """The study as another process opens it."""
        return self.study

    def hired_hand(self) -> tuple[int, Tickets]:
        """A new worker; one that is thought dead never works under its name again."""
        self.hired += 1
        return self.hired, hand(self.opened(), self.hired, self.n_trials, self.told)

    @precondition(lambda self: len(self.held) < WORKERS)
    @rule(value=st.sampled_from([0.1, 0.2, 0.3, float("nan")]))
    def claim(self, value: float) -> None:
        """A worker takes what there is; a trial that was begun keeps its value."""
        number, tickets = self.hired_hand()
        trial = tickets.claim(sampler)
        if trial is None:
            tickets.end_parked()
            return
        trial.suggest_float("x", 0, 1)
        self.values.setdefault(trial.number, value)
        self.hands[number], self.held[number] = tickets, trial

    def drawn(self, data: st.DataObject) -> tuple[int, Tickets, optuna.Trial]:
        number = data.draw(st.sampled_from(sorted(self.held)))
        return number, self.hands[number], self.held[number]

    def dismissed(self, number: int) -> None:
        del self.held[number], self.hands[number]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), epochs=st.integers(1, EPOCHS))
    def train(self, data: st.DataObject, epochs: int) -> None:
        """A worker trains some epochs: its trial parks, is complete, or goes on."""
        number, tickets, trial = self.drawn(data)
        begin = len(tickets.study._storage.get_trial(trial._trial_id).intermediate_values)
        for step in range(begin + 1, min(begin + epochs, EPOCHS) + 1):
            self.trained[trial.number, step] += 1
            trial.report(self.values[trial.number], step)
            if step == EPOCHS:
                assert tickets.settle(trial, Completed((1.0,)))
                self.ends[trial.number] += 1
                self.dismissed(number)
            elif tickets.parks(trial):
                if data.draw(st.booleans(), "it is killed before it has settled"):
                    self.told.dead.add(identity(number).worker)
                    self.late.append((tickets, trial))
                else:
                    assert tickets.settle(trial, Parked())
                self.dismissed(number)
                return

    @precondition(lambda self: self.held)
    @rule(data=st.data(), outcome=st.sampled_from([Failed("bug", "e"), Interrupted()]))
    def end(self, data: st.DataObject, outcome: Failed | Interrupted) -> None:
        """A trial fails, or its worker is preempted."""
        number, tickets, trial = self.drawn(data)
        assert tickets.settle(trial, outcome)
        self.ends[trial.number] += isinstance(outcome, Failed)
        self.dismissed(number)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """A worker is thought dead; it may come back with a late result."""
        number, tickets, trial = self.drawn(data)
        self.told.dead.add(identity(number).worker)
        self.late.append((tickets, trial))
        self.dismissed(number)

    @rule(more=st.integers(1, 2))
    def raise_the_budget(self, more: int) -> None:
        """A driver asks for more trials; workers that were hired before do not know."""
        self.n_trials += more
        issue(self.study, self.n_trials)
        for number in self.held:
            self.hands[number]._n_trials = self.n_trials

    @invariant()
    def no_step_is_trained_twice(self) -> None:
        """Behind a checkpoint, whatever has become of its worker; and every curve is whole."""
        assert all(count == 1 for count in self.trained.values())
        for trial in self.study.get_trials(deepcopy=False):
            assert sorted(trial.intermediate_values) == list(range(1, len(trial.intermediate_values) + 1))

    @invariant()
    def nothing_is_told_twice(self) -> None:
        """A trial is complete or failed because one worker told so, and the budget is as large as asked."""
        trials = self.study.get_trials(deepcopy=False)
        assert len(trials) == self.n_trials
        told = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.FAIL)]
        by_workers = [trial for trial in told if failure_kind(trial) in ("", "bug")]
        assert self.ends == Counter(trial.number for trial in by_workers)

    @invariant()
    def a_waiting_trial_has_no_holder(self) -> None:
        """Neither one that is parked, nor another."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        assert all(claim_of(trial) is None for trial in waiting)

    def teardown(self) -> None:
        """One worker that lives comes to the end of it: n finished trials, of which none could have gone on."""
        if not hasattr(self, "study"):
            return
        self.told.dead.update(identity(number).worker for number in self.held)
        tickets = hand(self.opened(), 1000, self.n_trials, self.told)
        while (trial := tickets.claim(sampler)) is not None:
            begin = len(tickets.study._storage.get_trial(trial._trial_id).intermediate_values)
            outcome: Completed | Parked = Completed((1.0,))
            for step in range(begin + 1, EPOCHS + 1):
                self.trained[trial.number, step] += 1
                trial.report(self.values.get(trial.number, 0.2), step)
                if step < EPOCHS and tickets.parks(trial):
                    outcome = Parked()
                    break
            assert tickets.settle(trial, outcome)
        tickets.end_parked()
        for late, trial in [*self.late, *((self.hands[number], self.held[number]) for number in self.held)]:
            assert not late.settle(trial, Completed((5.0,)))
        trials = self.study.get_trials(deepcopy=False)
        assert [trial.number for trial in trials] == list(range(self.n_trials))
        assert all(trial.state.is_finished() for trial in trials), words(self.study)
        assert not any(map(is_parked, trials))
        self.no_step_is_trained_twice()
        sound = [trial for trial in trials if trial.state != TrialState.FAIL and self.values.get(trial.number) == 0.1]
        assert not sound or any(trial.state == TrialState.COMPLETE for trial in trials)


class ParkingInAJournal(Parking):
    """The same where each worker opens a journal of its own."""

    def storage(self) -> BaseStorage:
        self.folder = tempfile.TemporaryDirectory()
        return self.journal()

    def journal(self) -> BaseStorage:
        return ExactJournalStorage(RepairingJournalBackend(Path(self.folder.name, "journal.log")))

    def opened(self) -> optuna.Study:
        pruner = self.study.pruner
        return optuna.load_study(study_name=self.study.study_name, storage=self.journal(), pruner=type(pruner)())

    def teardown(self) -> None:
        """Nothing is left of it."""
        try:
            super().teardown()
        finally:
            if hasattr(self, "folder"):
                self.folder.cleanup()


TestParking = Parking.TestCase
TestParking.settings = settings(max_examples=40, stateful_step_count=30)
TestParkingInAJournal = ParkingInAJournal.TestCase
TestParkingInAJournal.settings = settings(max_examples=8, stateful_step_count=25)
