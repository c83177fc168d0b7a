# SPDX-License-Identifier: MIT
"""Whatever workers do, a budget of n ends as the trials 0 to n-1, each told once."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.ticket_issue import issue, points_left
from hyperopt_app.budget.tickets import MOST_LOSSES, Tickets
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Pruned
from hyperopt_app.study.records.trial_records import POINT, claim_of
from tests.properties._workers import WORKERS, FewWait, WorkersMachine, workers
from tests.unit._made_tickets import Told, hand, identity, sampler


class Sweep(WorkersMachine):
    """Workers that claim, settle, are thought dead and come back late, over one study in memory."""

    outcomes = (Completed((1.0,), {"a": 1.0}), Pruned(), Failed("bug", "e"), Interrupted())

    @initialize(n_trials=st.integers(1, 6))
    def begin(self, n_trials: int) -> None:
        """A driver issues the tickets."""
        self.hire()
        self.n_trials = n_trials
        issue(self.study, n_trials)
        self.hands = self.opened()
        self.params: dict[int, float] = {}
        self.points: list[dict[str, float]] = []

    def opened(self) -> list[Tickets]:
        """The workers' hands, on the budget of this moment."""
        return [hand(self.study, number, self.n_trials, self.observer) for number in range(WORKERS)]

    @precondition(lambda self: len(self.held) < WORKERS)
    @rule(worker=workers)
    def claim(self, worker: int) -> None:
        """A worker without a trial takes one; a number that was begun before comes with its parameter."""
        trial = self.taken(worker)
        if trial is None:
            return
        before = self.params.get(trial.number)
        value = trial.suggest_float("x", 0, 1)
        assert before is None or value == before
        self.params[trial.number] = value
        self.held[worker] = trial

    @rule(more=st.integers(0, 2))
    def raise_the_budget(self, more: int) -> None:
        """A driver asks for more trials, and tells the workers."""
        self.n_trials += more
        issue(self.study, self.n_trials)
        self.hands = self.opened()

    @rule(value=st.sampled_from([0.25, 0.5]))
    def enqueue(self, value: float) -> None:
        """A driver enqueues one point more, while workers work; its tickets have it once, if there is room."""
        self.points.append({"x": value})
        driver = hand(self.study, WORKERS + 1, self.n_trials, self.observer)
        driver.carry(points_left(self.study.get_trials(deepcopy=False), self.points))
        issue(self.study, self.n_trials, self.points)

    @invariant()
    def each_point_has_one_ticket(self) -> None:
        """None is tried twice, and what has no ticket has found none that is free; a trial begins at its point."""
        trials = self.study.get_trials(deepcopy=False)
        carried = [trial for trial in trials if POINT in trial.system_attrs]
        asked = Counter(point["x"] for point in self.points)
        assert Counter(trial.system_attrs[POINT]["x"] for trial in carried) <= asked
        assert all(trial.params.get("x") in (None, trial.system_attrs[POINT]["x"]) for trial in carried)

    def lost(self) -> set[int]:
        """The trials over which too many workers have died."""
        failed = self.study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        numbers = {trial.number for trial in failed if trial.user_attrs["failure"]["kind"] == "infrastructure"}
        assert all(len(trial.user_attrs["losses"]) == MOST_LOSSES for trial in failed if trial.number in numbers)
        return numbers

    @invariant()
    def nothing_is_told_twice(self) -> None:
        """A finished trial was told by exactly one worker; no number is beyond the budget."""
        trials = self.study.get_trials(deepcopy=False)
        finished = {trial.number for trial in trials if trial.state.is_finished()}
        assert self.told == Counter(finished - self.lost())
        assert [trial.number for trial in trials] == list(range(self.issued(trials)))

    def issued(self, trials: list[FrozenTrial]) -> int:
        """How many tickets there must be: of a small budget all."""
        return self.n_trials

    @invariant()
    def a_running_trial_has_one_holder(self) -> None:
        """No two trials of the study name the same worker, and each names one that did claim it."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        names = [claim["worker"] for trial in running if (claim := claim_of(trial))]
        assert len(set(names)) == len(names) == len(running)

    def teardown(self) -> None:
        """One worker that lives finishes what is left: exactly the numbers 0 to n-1, each once."""
        if not hasattr(self, "study"):
            return
        last = hand(self.study, WORKERS, self.n_trials, Told(*(identity(number).worker for number in range(WORKERS))))
        while (trial := last.claim(sampler)) is not None:
            assert last.settle(trial, Completed((0.0,)))
            self.told[trial.number] += 1
        for worker, trial in self.held.items():  # results that come too late
            assert not self.hands[worker].settle(trial, Completed((5.0,)))
        assert self.told == Counter(set(range(self.n_trials)) - self.lost())
        assert all(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))


class SweepOfALargeBudget(FewWait, Sweep):
    """The same where only two tickets wait at a time, and the workers issue the others."""

    def issued(self, trials: list[FrozenTrial]) -> int:
        """Few wait, unless they were given back."""
        begun = sum(bool(trial.params) or trial.state != TrialState.WAITING for trial in trials)
        assert len(trials) <= min(self.n_trials, begun + 2 + len(self.points))
        return len(trials)


TestSweep = Sweep.TestCase
TestSweep.settings = settings(max_examples=40, stateful_step_count=25)
TestSweepOfALargeBudget = SweepOfALargeBudget.TestCase
TestSweepOfALargeBudget.settings = settings(max_examples=40, stateful_step_count=25)
