# SPDX-License-Identifier: MIT
"""Whatever workers and users do to a study at once, the budget is exact: trials that count, each told once."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.counting import budget_size, budget_trials, counting, read_budget, read_counting
from hyperopt_app.budget.hidden import without
from hyperopt_app.budget.set_aside import set_aside, set_aside_of
from hyperopt_app.budget.steering import add_point, discard, retry
from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Pruned
from hyperopt_app.study.records.trial_records import GROWS_BUDGET as EXTRA
from hyperopt_app.study.records.trial_records import POINT, retried_by
from tests.properties._workers import WORKERS, FewWait, WorkersMachine, workers
from tests.unit._made_tickets import hand, identity, sampler


class Steered(WorkersMachine):
    """Workers that claim, settle and die, while a user tries again, discards, adds and changes the budget."""

    outcomes = (Completed((1.0,)), Completed((0.5,)), Pruned(), Failed("bug", "e"), Interrupted())

    @initialize(n_trials=st.integers(1, 5))
    def begin(self, n_trials: int) -> None:
        """A driver issues the tickets."""
        self.hire()
        self.asked: Counter[float] = Counter()
        self.begun: dict[int, int] = {}
        self.users = self.budgets = 0
        self.command(n_trials)

    def command(self, n_trials: int) -> None:
        """What a driver does at its start."""
        self.n_trials = n_trials
        self.budgets += 1
        keep_budget(self.study, n_trials)
        issue(self.study, n_trials)
        self.hands = [hand(self.study, number, n_trials, self.observer) for number in range(WORKERS)]

    def every(self) -> list[FrozenTrial]:
        """All trials."""
        return self.study.get_trials(deepcopy=False)

    def drawn(self, data: st.DataObject, trials: list[FrozenTrial]) -> int | None:
        """The number of a finished one among some trials."""
        finished = [trial.number for trial in trials if trial.state.is_finished()]
        return data.draw(st.sampled_from(finished)) if finished else None

    @rule(worker=workers)
    def claim(self, worker: int) -> None:
        """A worker without a trial takes one; a point that it was given is tried."""
        trial = self.taken(worker)
        if trial is None:
            return
        value = trial.suggest_float("x", 0, 1)
        point = self.every()[trial.number].system_attrs.get(POINT)
        assert point is None or value == point["x"]
        self.held[worker] = trial
        self.begun[trial.number] = self.budgets

    @rule(n_trials=st.integers(1, 7))
    def change_the_budget(self, n_trials: int) -> None:
        """A command with a larger or a smaller budget."""
        self.command(n_trials)

    @rule(data=st.data())
    def try_again(self, data: st.DataObject) -> None:
        """The user tries a finished trial of the budget again; its parameters come back."""
        number = self.drawn(data, read_budget(self.study, self.n_trials))
        if number is None:
            return
        (ticket,) = retry(self.study, [number]).values()
        tried, again = self.every()[number], self.every()[ticket]
        assert again.system_attrs.get(POINT, tried.params) == {**tried.system_attrs.get(POINT, {}), **tried.params}
        with pytest.raises(StudyMismatchError, match=f"tried again as trial {ticket}"):
            retry(self.study, [number])

    @rule(data=st.data())
    def throw_away(self, data: st.DataObject) -> None:
        """The user discards a finished trial."""
        number = self.drawn(data, read_counting(self.study))
        if number is not None:
            discard(self.study, [number])

    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        """Code that was wrong from the first fails a trial, which is as if it had never run."""
        number = self.drawn(data, read_counting(self.study))
        if number is not None:
            set_aside(self.study, [number], "the code was wrong")

    @rule(value=st.floats(0, 1), grows=st.booleans())
    def add(self, value: float, grows: bool) -> None:
        """The user adds a point; without growth only where a ticket is free."""
        size = self.size()
        try:
            number = add_point(self.study, {"x": value}, self.user(), grows=grows)
        except StudyMismatchError:
            assert not grows
            return
        self.asked[value] += 1
        assert self.every()[number].system_attrs[POINT] == {"x": value}
        assert number in [trial.number for trial in read_budget(self.study, self.n_trials)]
        assert self.size() == size + grows

    @rule()
    def die_while_adding(self) -> None:
        """The command is killed when it has taken a ticket and has not written the point."""
        user = self.user()
        waiting = user.trials(TrialState.WAITING)
        if waiting:
            assert user._take(waiting[0])
            self.observer.dead.add(user.identity.worker)

    def user(self) -> Tickets:
        """The hand of a command, each a process of its own."""
        self.users += 1
        return hand(self.study, 100 + self.users, self.n_trials, self.observer)

    def size(self) -> int:
        """How many trials the budget has."""
        return budget_size(read_budget(self.study, self.n_trials), self.n_trials)

    @invariant()
    def the_budget_is_never_exceeded(self) -> None:
        """And each of its places is taken once."""
        trials = self.every()
        aside = set_aside_of(self.study, trials)
        assert len(budget_trials(trials, aside, self.n_trials)) <= self.size()
        places = [self.place(trials, trial) for part in counting(trials, aside) for trial in part]
        assert len(places) == len(set(places))
        assert all(trials[number].state.is_finished() for number in aside)

    def place(self, trials: list[FrozenTrial], trial: FrozenTrial) -> int:
        """The number of the first try."""
        tried = retried_by(trial)
        return trial.number if tried is None else self.place(trials, trials[tried])

    @invariant()
    def what_runs_stays_in_the_budget(self) -> None:
        """Nothing but a smaller budget puts a trial that a worker has begun outside; each is held and told once."""
        inside = {trial.number for trial in read_budget(self.study, self.n_trials)}
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        assert {one.number for one in running if self.begun.get(one.number) == self.budgets} <= inside
        names = [trial.user_attrs["claim"]["worker"] for trial in running]
        assert len(set(names)) == len(names)
        assert all(count == 1 for count in self.told.values())

    @invariant()
    def no_point_is_tried_twice_unless_asked(self) -> None:
        """Beside retries, and points of trials that are as if they had never run."""
        undone = {number for number, reason in set_aside_of(self.study, self.every()).items() if "wrong" in reason}
        first = [one for one in self.every() if retried_by(one) is None and one.number not in undone]
        carried = Counter(one.system_attrs[POINT]["x"] for one in first if POINT in one.system_attrs)
        assert carried <= self.asked

    @invariant()
    def the_best_is_that_of_what_counts(self) -> None:
        """As samplers and pruners see the study."""
        trials = self.every()
        seen = without(self.study, set_aside_of(self.study, trials))
        values = [one.value for one in read_counting(self.study) if one.state == TrialState.COMPLETE and one.value]
        if values:
            assert seen.best_trial.value == min(values)
        assert [one.number for one in seen.trials] == [one.number for one in read_counting(self.study)]

    def teardown(self) -> None:
        """One worker that lives finishes what is left: exactly the budget."""
        if not hasattr(self, "study"):
            return
        self.observer.dead |= {identity(number).worker for number in (*range(WORKERS), *range(100, 101 + self.users))}
        last = hand(self.study, WORKERS, self.n_trials, self.observer)
        while (trial := last.claim(sampler)) is not None:
            trial.suggest_float("x", 0, 1)
            assert last.settle(trial, Completed((0.0,)))
        budget = read_budget(self.study, self.n_trials)
        assert len(budget) == self.n_trials + sum(EXTRA in trial.user_attrs for trial in budget)
        assert all(trial.state.is_finished() for trial in budget)


class SteeredLargeBudget(FewWait, Steered):
    """The same where only two tickets wait at a time, and the workers issue the others."""


TestSteered = Steered.TestCase
TestSteered.settings = settings(max_examples=30, stateful_step_count=25)
TestSteeredLargeBudget = SteeredLargeBudget.TestCase
TestSteeredLargeBudget.settings = settings(max_examples=30, stateful_step_count=25)
