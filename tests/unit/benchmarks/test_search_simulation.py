# SPDX-License-Identifier: MIT
"""Simulated searches: when workers take trials, what ends or parks one, and what interruptions cost."""

import math
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.pruners import NopPruner, ThresholdPruner
from optuna.trial import TrialState

from benchmarks.search.methods import METHODS, search
from benchmarks.search.problem import Goal
from benchmarks.search.promotion import Halving, ParkedAsPruned
from benchmarks.search.simulation import Conditions, Outcome, Search, simulate
from hyperopt_app.sampling.promotion import PromotePruner
from tests.unit.benchmarks._made_problems import UNREACHABLE, Listed, Steady

GOAL = Goal(target=0.9, unit=4.0, sigma=0.0)


def _simulated(values: list[float], goal: Goal = GOAL, workers: int = 2, **options: Any) -> Outcome:
    conditions = Conditions(workers, **{key: options.pop(key) for key in list(options) if key in vars(Conditions(1))})
    sampler, pruner = Listed(values), options.pop("pruner", NopPruner())
    return simulate(Steady(), goal, Search(lambda _worker, _number: sampler, pruner, **options), conditions, seed=0)


def test_a_worker_takes_the_next_trial_as_soon_as_it_is_free() -> None:
    """Beside a long trial the other worker trains three; the fourth trial has the value at its first step."""
    assert _simulated([-0.5, 0.0, 0.0, 1.0]) == _with_ask(Outcome(2.25, 4, 1.0, 0.0))


def test_trials_have_their_simulated_times() -> None:
    """A sampler reads from the study when each trial began and ended; a full training takes an hour."""
    spans: list[float] = []

    class Looking(Listed):
        def sample_independent(self, study: optuna.Study, *arguments: Any) -> Any:
            ended = [trial.duration for trial in study.get_trials(deepcopy=False) if trial.duration]
            spans[:] = [duration.total_seconds() / 3600 for duration in ended]
            return super().sample_independent(study, *arguments)

    sampler = Looking([0.0, -0.5, 0.0, 0.0])
    simulate(Steady(), GOAL, Search(lambda _w, _n: sampler, ThresholdPruner(lower=0.0)), Conditions(1, limit=4.0), 0)
    assert spans == [1.0, 0.75, 1.0, 1.0]


def test_a_batch_waits_for_its_slowest_trial() -> None:
    """The same trials in batches of two: the second batch begins after the long trial, and a worker was idle."""
    outcome = _simulated([-0.5, 0.0, 0.0, 1.0], is_batch=True)
    assert (outcome.time, outcome.trials) == (3.25, 4)
    assert outcome.use == pytest.approx((3 + 1 + 0.25 + 0.25) / (2 * 3.25))


def test_the_pruner_ends_trials_at_their_reports() -> None:
    """Trials below zero cost a quarter of their training, not the whole of it."""
    outcome = _simulated([-0.1] * 4 + [1.0], workers=1, pruner=ThresholdPruner(lower=0.0))
    assert (outcome.time, outcome.trials) == (4 * 0.75 + 0.25, 5)


def test_a_search_that_misses_has_no_time() -> None:
    """It ends at the limit of time, or with more trials than it may start."""
    assert _simulated([0.0], UNREACHABLE, limit=5.0).time is None
    assert _simulated([0.0], UNREACHABLE, limit=math.inf, most_trials=7)[:2] == (None, 8)


def test_noise_is_on_reports_and_not_on_what_counts() -> None:
    """However the reports of a trial shake, it hits when its true value has the target."""
    shaken = GOAL._replace(sigma=100.0)
    assert _simulated([0.0, 0.0, 1.0], shaken, workers=1).time == 2.25


def test_parked_trials_wait_and_the_best_goes_on_at_a_price() -> None:
    """Three trials are parked at the first step; the best of the three goes on from there, after the restart."""
    halving = Halving(PromotePruner(first_rung=0))
    outcome = _simulated([0.1, 0.5, 0.2], UNREACHABLE, workers=1, promotion=halving, restart_cost=0.5, limit=2.0)
    # Three first steps of 0.25 each; the second trial needs 0.5 for its start and 0.75 for the rest: the limit.
    assert outcome.trials == 4
    assert halving.parked == {0: 0, 2: 0}


def test_halving_promotes_the_best_of_the_highest_rung_first() -> None:
    """Of three at step 3 one goes on before one of nine at step 1 does; a trial that is the best there never waits."""
    study = optuna.create_study(direction="maximize")
    halving = Halving(PromotePruner(first_rung=0))
    trials = [study.ask() for _ in range(9)]
    for trial in trials:
        trial.report(-float(trial.number), 1)
        assert halving.parks(study, study.trials[trial.number])
    assert halving.next_trial(study) == 0
    for number in (2, 1, 0):
        del halving.parked[number]
        trials[number].report(float(number), 3)
        halving.parks(study, study.trials[number])
    assert halving.next_trial(study) == 2
    del halving.parked[2]
    assert halving.next_trial(study) is None
    best = study.ask()
    best.report(1.0, 1)
    assert not halving.parks(study, study.trials[best.number])


def test_samplers_see_parked_trials_as_pruned() -> None:
    """In the study itself a parked trial is running, since it may go on."""
    seen: list[TrialState] = []

    class Looking(Listed):
        def infer_relative_search_space(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
            seen.extend(other.state for other in study.get_trials(deepcopy=False))
            return {}

    study = optuna.create_study(direction="maximize")
    study.ask().report(0.5, 1)
    study.sampler = ParkedAsPruned(Looking([0.0]), {0: 1})
    study.ask({"x": Steady.space["x"]})
    assert seen == [TrialState.PRUNED, TrialState.RUNNING]
    assert study.trials[0].state == TrialState.RUNNING


@given(rate=st.floats(0.01, 2.0), cost=st.floats(0.0, 0.5))
def test_interruptions_only_delay(rate: float, cost: float) -> None:
    """A search whose workers are interrupted comes to the same trials, later."""
    plain = _simulated([0.0, 0.0, 0.0, 1.0], workers=1)
    broken = _simulated([0.0, 0.0, 0.0, 1.0], workers=1, preemptions=rate, restart_cost=cost, limit=math.inf)
    assert plain.time is not None
    assert broken.time is not None
    assert broken.time >= plain.time
    assert broken.trials == plain.trials


def test_stragglers_take_longer() -> None:
    """Where every trial is a straggler, the search takes that many times as long."""
    assert _simulated([0.0, 1.0], workers=1, straggler_share=1.0, straggler_factor=3.0).time == 3 * 1.25


@pytest.mark.parametrize("name", METHODS)
def test_each_method_repeats_from_its_seed(name: str) -> None:
    """The same seed gives the same search, other seeds give others."""
    outcomes = [
        simulate(
            Steady(),
            Goal(0.8, 4.0, 0.0),
            search(METHODS[name], [Steady()], 0, seed, 2),
            Conditions(2, limit=20.0),
            seed,
        )[:3]
        for seed in (0, 0, 1, 2)
    ]
    assert outcomes[0] == outcomes[1]
    # What is known before leads to the target at once.
    assert len(set(outcomes)) > 1 or METHODS[name].knows


def _with_ask(outcome: Outcome) -> Outcome:
    """An outcome that equals any other in the time of an ask."""

    class Any_(float):  # noqa: N801
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    return outcome._replace(ask_s=Any_())
