# SPDX-License-Identifier: MIT
"""Tickets: issued once, claimed by one worker, given back or settled, never beyond the budget."""

import logging
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.counting import budget_of
from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.budget.tickets import MOST_LOSSES
from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Outcome, Pruned
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.records.trial_records import claim_of
from tests.unit._made_tickets import Told, claimed, hand, identity, numbers, sampler, study_with

DONE = Completed((1.0,))


@pytest.fixture(params=["memory", "journal"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.Study:
    """A study with four tickets."""
    return study_with(4, open_storage(None, tmp_path) if request.param == "journal" else None)


def _frozen(study: optuna.Study, number: int = 0) -> FrozenTrial:
    return study.get_trials(deepcopy=False)[number]


def test_issuing_is_idempotent_and_tops_up() -> None:
    """The same command adds nothing, a larger budget adds the rest, a smaller one takes nothing away."""
    study = study_with(4)
    assert [issue(study, n_trials) for n_trials in (4, 7, 2)] == [0, 3, 0]
    assert numbers(study, TrialState.WAITING) == list(range(7))


def test_of_a_large_budget_few_tickets_wait() -> None:
    """Each reading of a database has them all; a worker that finds few issues the next, and never too many."""
    study = optuna.create_study(study_name="study")
    assert issue(study, 300) == 128
    assert issue(study, 300) == 0
    tickets = hand(study, n_trials=300)
    most = 0
    for number in range(300):
        trial = claimed(tickets)
        assert trial.number == number
        tickets.settle(trial, DONE)
        most = max(most, len(numbers(study, TrialState.WAITING)))
    assert most <= 128
    assert tickets.claim(sampler) is None
    assert len(study.get_trials(deepcopy=False)) == 300


def test_points_are_issued_at_once() -> None:
    """A grid's are the driver's alone to know."""
    study = optuna.create_study(study_name="study")
    assert issue(study, 1000, [{"x": 0.5}] * 200) == 200


def test_the_budget_is_kept_in_the_study() -> None:
    """Who looks at it has no plan."""
    study = optuna.create_study(study_name="study")
    assert budget_of(study) is None
    keep_budget(study, 300)
    assert budget_of(study) == 300


def test_the_first_tickets_of_an_empty_study_are_the_points() -> None:
    """Warm-start points are tried first; the sampler fills in what they leave out; resuming does not repeat them."""
    study = optuna.create_study(study_name="study")
    points = [{"x": 0.25}, {"y": 0.5}]
    assert issue(study, 3, points) == 3
    assert issue(study, 4, points) == 1
    tickets = hand(study)
    seen = []
    for _ in range(4):
        trial = claimed(tickets)
        seen.append((trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)))
        tickets.settle(trial, DONE)
    assert (seen[0][0], seen[1][1]) == (0.25, 0.5)
    assert 0.25 not in (seen[1][0], seen[3][0])


def test_more_points_than_tickets_are_cut_off() -> None:
    """The budget is exact also when it is smaller than the list of points; a larger one takes the next of them."""
    study = optuna.create_study(study_name="study")
    points = [{"x": value / 10} for value in range(5)]
    issue(study, 2, points)
    issue(study, 4, points)
    fixed = [trial.system_attrs["fixed_params"] for trial in study.get_trials(deepcopy=False)]
    assert fixed == [{"x": 0.0}, {"x": 0.1}, {"x": 0.2}, {"x": 0.3}]


def test_two_workers_share_the_tickets(study: optuna.Study) -> None:
    """Each ticket is claimed once, in the order of the numbers, and carries its holder's name."""
    hands = [hand(study, number) for number in (0, 1)]
    trials = [claimed(hands[turn % 2]) for turn in range(4)]
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert [one.claim(sampler) for one in hands] == [None, None]
    assert [claim_of(frozen) for frozen in study.get_trials()] == [identity(turn % 2).as_claim() for turn in range(4)]


def test_numbers_beyond_the_budget_are_left_alone(study: optuna.Study) -> None:
    """A smaller n_trials than before claims less; the rest keeps waiting."""
    tickets = hand(study, n_trials=2)
    for number in (0, 1):
        trial = claimed(tickets)
        assert trial.number == number
        tickets.settle(trial, DONE)
    assert tickets.claim(sampler) is None
    assert [trial.number for trial in tickets.trials()] == [0, 1]
    assert numbers(study, TrialState.WAITING) == [2, 3]


def test_a_claim_makes_no_trial_when_no_ticket_is_left(study: optuna.Study) -> None:
    """Unlike Study.ask, which would make one more."""
    tickets = hand(study)
    for _ in range(4):
        tickets.settle(claimed(tickets), DONE)
    assert tickets.claim(sampler) is None
    assert numbers(study, *TrialState) == [0, 1, 2, 3]


def test_a_trial_is_sampled_by_its_own_sampler(study: optuna.Study) -> None:
    """The sampler is asked for by number, for the claimed trial alone."""
    asked: list[int] = []

    def sampler_of(number: int) -> BaseSampler:
        asked.append(number)
        return RandomSampler(seed=number)

    tickets = hand(study)
    drawn = [claimed(tickets, sampler_of).suggest_float("x", 0, 1) for _ in range(2)]
    again = hand(study_with(2))
    assert drawn == [claimed(again, sampler_of).suggest_float("x", 0, 1) for _ in range(2)]
    assert asked == [0, 1, 0, 1]
    assert drawn[0] != drawn[1]


OUTCOMES: dict[TrialState, Outcome] = {
    TrialState.COMPLETE: Completed((0.5,), {"loss": 0.5, "acc": 0.9}),
    TrialState.PRUNED: Pruned(),
    TrialState.FAIL: Failed("diverged", "nan", "trace", {"loss": float("inf")}),
    TrialState.WAITING: Interrupted(),
}


@pytest.mark.parametrize("state", OUTCOMES, ids=lambda state: state.name)
def test_an_outcome_is_told_to_the_study(study: optuna.Study, state: TrialState) -> None:
    """Every kind of outcome has its state, its value and what is kept beside it."""
    tickets, outcome = hand(study), OUTCOMES[state]
    trial = claimed(tickets)
    trial.report(0.7, 1)
    assert tickets.settle(trial, outcome)
    told = _frozen(tickets.study)
    assert told.state is state
    metrics = outcome.metrics if isinstance(outcome, Completed | Failed) else None
    assert told.user_attrs.get("metrics") == metrics
    if state is TrialState.PRUNED:
        assert told.values == [0.7]  # its last report
    else:
        assert told.values == ([0.5] if state is TrialState.COMPLETE else None)


def test_a_failure_is_kept_with_its_trial(study: optuna.Study) -> None:
    """Kind, text and traceback are there for whoever looks later, on whatever machine."""
    tickets = hand(study)
    tickets.settle(claimed(tickets), Failed("bug", "ValueError: no", "Traceback ..."))
    failure = {"kind": "bug", "error": "ValueError: no", "traceback": "Traceback ..."}
    assert _frozen(study).user_attrs["failure"] == failure


def test_a_ticket_that_was_given_back_keeps_what_was_learnt(study: optuna.Study) -> None:
    """Number, parameters and learning curve stay, the name goes; the next claim continues it before all others."""
    tickets = hand(study)
    claimed(tickets)  # trial 0 runs on
    trial = claimed(tickets)
    value = trial.suggest_float("x", 0, 1)
    trial.report(0.7, 1)
    tickets.give_back(trial)
    freed = _frozen(tickets.study, 1)
    assert (freed.state, freed.params, freed.intermediate_values) == (TrialState.WAITING, {"x": value}, {1: 0.7})
    assert claim_of(freed) is None
    again = claimed(hand(tickets.study, 1))
    assert (again.number, again.params) == (1, {"x": value})
    assert again.suggest_float("x", 0, 1) == value
    assert again.distributions == {"x": FloatDistribution(0, 1)}


def test_the_worker_that_gave_a_ticket_back_may_take_it_again(study: optuna.Study) -> None:
    """A journal remembers which trials a process owns; a new opening forgets it."""
    tickets = hand(study)
    trial = claimed(tickets)
    trial.suggest_float("x", 0, 1)
    tickets.settle(trial, Interrupted())
    again = claimed(tickets)
    assert again.number == 0
    assert tickets.settle(again, DONE)
    assert _frozen(tickets.study).state is TrialState.COMPLETE


def test_a_dead_workers_trial_is_continued_under_its_number(
    study: optuna.Study, caplog: pytest.LogCaptureFixture
) -> None:
    """Another worker frees it, keeps what was learnt, and takes it before the tickets that nobody has begun."""
    lost = claimed(hand(study, 0))
    value = lost.suggest_float("x", 0, 1)
    lost.report(0.7, 3)
    other = hand(study, 1, observer=Told("worker-0"))
    with caplog.at_level(logging.WARNING):
        again = claimed(other)
    assert "trial 0: its worker died; the trial will be continued by another" in caplog.text
    assert (again.number, again.params) == (0, {"x": value})
    assert _frozen(other.study).intermediate_values == {3: 0.7}
    assert claim_of(_frozen(other.study)) == identity(1).as_claim()


def test_a_trial_that_kills_its_workers_is_failed_at_last(
    study: optuna.Study, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a segfault would be tried for ever; the tickets after it are still there for a worker that lives."""
    for number in range(MOST_LOSSES):
        claimed(hand(study, number, observer=Told(*(f"worker-{dead}" for dead in range(number)))))
    last = hand(study, MOST_LOSSES, observer=Told(*(f"worker-{dead}" for dead in range(MOST_LOSSES))))
    with caplog.at_level(logging.WARNING):
        following = claimed(last)
    lost = _frozen(study)
    assert (lost.number, lost.state, lost.user_attrs["failure"]["kind"]) == (0, TrialState.FAIL, "infrastructure")
    assert "failed (infrastructure): lost 3 times; last cause: its worker died" in caplog.text
    assert following.number == 1


def test_reaping_frees_the_dead_alone(study: optuna.Study) -> None:
    """Trials of the living, and those of the reaper itself, are left alone."""
    hands = [hand(study, number) for number in range(3)]
    for one in hands:
        claimed(one)
    reaper = hand(study, 2, observer=Told("worker-1", "worker-2"))
    assert reaper.reap() == [1]
    assert reaper.reap() == []
    assert numbers(study, TrialState.RUNNING) == [0, 2]


def test_a_trial_beyond_the_budget_is_not_reaped(study: optuna.Study) -> None:
    """What another command's larger budget has started is that command's."""
    for _ in range(4):
        claimed(hand(study, 0))
    assert hand(study, 1, n_trials=2, observer=Told("worker-0")).reap() == [0, 1]


def test_a_suspect_that_another_has_freed_and_claimed_is_let_be(study: optuna.Study) -> None:
    """The judgement is repeated within the lock: between the two looks the trial may have come to a live worker."""
    claimed(hand(study, 0))
    late = hand(study, 1, observer=Told("worker-0"))

    class Meanwhile:
        def __enter__(self) -> None:
            claimed(hand(study, 2, observer=Told("worker-0")))

        def __exit__(self, *_: object) -> None:
            pass

    late._lock = Meanwhile
    assert late.reap() == []
    assert claim_of(_frozen(study)) == identity(2).as_claim()


@pytest.mark.parametrize("how", ["freed", "claimed", "finished"])
def test_a_late_result_of_a_broken_claim_is_dropped(
    study: optuna.Study, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It raises nothing, changes nothing, and leaves a line in the log; the worker goes on with the next ticket."""
    slow = hand(study, 0)
    trial = claimed(slow)
    trial.suggest_float("x", 0, 1)
    other = hand(optuna.load_study(study_name="study", storage=study._storage), 1, observer=Told("worker-0"))
    other.reap()
    if how != "freed":
        again = claimed(other)
        if how == "finished":
            other.settle(again, Completed((9.0,)))
    before = _frozen(study)
    with caplog.at_level(logging.WARNING):
        assert not slow.settle(trial, DONE)
    assert "a late result (completed) is dropped" in caplog.text
    after = _frozen(slow.study)
    assert (after.state, after.values, claim_of(after)) == (before.state, before.values, claim_of(before))
    following = claimed(slow)
    assert following.number == (0 if how == "freed" else 1)
    assert slow.settle(following, DONE)


@pytest.mark.parametrize("state", [TrialState.WAITING, TrialState.COMPLETE], ids=lambda state: state.name)
def test_a_claim_that_is_lost_at_the_last_moment_is_dropped_too(
    study: optuna.Study, state: TrialState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the claim and the telling another may free or finish the trial: then nothing is told."""
    slow = hand(study, 0)
    trial = claimed(slow)
    values = [9.0] if state == TrialState.COMPLETE else None

    def holds(trial_id: int) -> bool:
        study._storage.set_trial_state_values(trial_id, state, values)
        return True

    monkeypatch.setattr(slow, "_holds", holds)
    assert not slow.settle(trial, DONE)
    assert (_frozen(study).state, _frozen(study).values) == (state, values)


def test_a_claim_without_a_name_is_freed_after_the_lease_only(study: optuna.Study) -> None:
    """A worker may die, or just be slow, between taking a ticket and putting its name on it."""
    now = [0.0]
    ticket = _frozen(study)
    study._storage.set_trial_state_values(ticket._trial_id, TrialState.RUNNING)
    tickets = hand(study, observer=Observer(60.0, lambda: now[0]))
    freed = []
    for now[0] in (0.0, 59.0, 60.0, 61.0, 62.0):
        freed.append(tickets.reap())
    assert freed == [[], [], [], [0], []]


def test_what_a_nameless_worker_reports_is_a_sign_of_life(study: optuna.Study) -> None:
    """A worker of plain Optuna writes no name; its trial is left to it while its learning curve grows."""
    now = [0.0]
    ticket, storage = _frozen(study), study._storage
    storage.set_trial_state_values(ticket._trial_id, TrialState.RUNNING)
    tickets = hand(study, observer=Observer(60.0, lambda: now[0]))
    freed = []
    for step, now[0] in enumerate((0.0, 50.0, 100.0, 150.0)):
        storage.set_trial_intermediate_value(ticket._trial_id, step, 1.0)
        freed.append(tickets.reap())
    now[0] = 211.0
    freed.append(tickets.reap())
    assert freed == [[], [], [], [], [0]]


def test_the_next_nameless_claim_has_a_lease_of_its_own(study: optuna.Study) -> None:
    """An observer that saw a trial nameless long ago, and with a name since, does not count from then."""
    now = [0.0]
    tickets = hand(study, 1, observer=Observer(60.0, lambda: now[0]))
    ticket, storage = _frozen(study), study._storage
    storage.set_trial_state_values(ticket._trial_id, TrialState.RUNNING)
    assert tickets.reap() == []
    storage.set_trial_user_attr(ticket._trial_id, "claim", {**identity(0).as_claim(), "machine": "elsewhere"})
    now[0] = 50.0
    assert tickets.reap() == []
    storage.set_trial_user_attr(ticket._trial_id, "claim", None)
    now[0] = 100.0
    assert tickets.reap() == []
    now[0] = 161.0
    assert tickets.reap() == [0]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_that_wants_to_stop_the_study_may(study: optuna.Study) -> None:
    """BruteForceSampler calls Study.stop after its last point, which Optuna refuses outside of optimize()."""
    tickets = hand(study)

    def brute(_number: int) -> BaseSampler:
        return optuna.samplers.BruteForceSampler(seed=0)

    for _ in range(2):
        trial = claimed(tickets, brute)
        trial.suggest_categorical("x", ["a", "b"])
        assert tickets.settle(trial, DONE)
    assert numbers(study, TrialState.COMPLETE) == [0, 1]
    assert {trial.params["x"] for trial in study.get_trials()[:2]} == {"a", "b"}


class Unready(RandomSampler):
    """A sampler of a user's that fails before the first value."""

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Fail."""
        raise KeyError("no such key")


def test_a_ticket_goes_back_if_its_sampler_cannot_begin() -> None:
    """Nobody waits for a trial that nothing runs; the error is the sampler's, in one line."""
    study = study_with(2)
    with pytest.raises(HyperoptError, match=r"hydra\.sweeper\.sampler: it cannot begin a trial \(KeyError"):
        hand(study).claim(lambda _number: Unready())
    assert numbers(study, TrialState.WAITING) == [0, 1]
    assert claimed(hand(study)).number == 0
