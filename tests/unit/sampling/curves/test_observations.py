# SPDX-License-Identifier: MIT
"""What the model learns from: which trials and which of their reports."""

import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.curves.observations import has_curves, learning, observe, subset
from hyperopt_app.sampling.curves.progress import Progress
from hyperopt_app.study.records.trial_records import keep_repeat
from tests.unit._made_trials import made

S = TrialState


def _trial(number: int, state: TrialState, curve: dict[int, float], **more: Any) -> FrozenTrial:
    return made(state, params={"x": float(number)}, number=number, curve=curve, **more)


def test_reports_of_every_kind_of_trial_count() -> None:
    """Of complete, pruned, running and interrupted trials; not of one that failed for a bug, nor of a new ticket."""
    curve = {1: 0.5, 2: 0.25}
    states = (S.COMPLETE, S.PRUNED, S.RUNNING, S.WAITING)
    trials = [_trial(number, state, curve, values=[0.25]) for number, state in enumerate(states[:1])]
    trials += [_trial(number, state, curve) for number, state in enumerate(states) if number]
    trials += [_trial(4, S.FAIL, curve, failure={"kind": "bug"}), made(S.WAITING, number=5)]
    seen = observe(learning(trials), maximize=False)
    assert len(seen.scores) == 8
    assert len(seen.ends) == 4
    assert len(seen.going) == 2  # the running and the interrupted one


def test_repeats_are_seen() -> None:
    """By what a study keeps of a trial's first repeat."""
    own = optuna.create_study().ask()
    keep_repeat(own, 0, {"values": [0.5], "metrics": {}, "seed": 1, "reports": 0, "curve": []})
    trials = [_trial(0, S.COMPLETE, {1: 0.5}, values=[0.5]), _trial(1, S.PRUNED, {1: 0.5})]
    assert not observe(trials, maximize=False).has_repeats
    trials[1].set_user_attr(*next(iter(own.user_attrs.items())))
    assert observe(trials, maximize=False).has_repeats


@pytest.mark.parametrize("kind", ["oom", "diverged"])
def test_a_failure_by_the_parameters_is_as_bad_as_the_worst(kind: str) -> None:
    """It counts at the end of a training, whatever was reported before."""
    trials = [
        _trial(0, S.COMPLETE, {1: 0.9, 2: 0.5}, values=[0.5]),
        _trial(1, S.FAIL, {1: 0.1}, failure={"kind": kind}),
    ]
    seen = observe(learning(trials), maximize=False)
    failed = seen.scores[(seen.rows[:, 0] > seen.rows[0, 0]) & (seen.rows[:, -1] == 1.0)]
    assert list(failed) == [seen.scores.min()]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_as_bad_as_the_worst(value: float) -> None:
    """Also where smaller is better: a loss of minus infinity is an accident."""
    trials = [_trial(0, S.PRUNED, {1: 0.9, 2: 0.5}), _trial(1, S.PRUNED, {1: value})]
    scores = observe(learning(trials), maximize=False).scores
    assert scores[2] == scores.min()


def test_a_final_value_of_its_own_counts_besides_the_last_report() -> None:
    """An objective may return its best epoch or another metric: that is a report a little later than the last one."""
    same = [_trial(0, S.COMPLETE, {1: 0.9, 2: 0.5}, values=[0.5])]
    other = [_trial(0, S.COMPLETE, {1: 0.9, 2: 0.5}, values=[0.4])]
    assert len(observe(learning(same), maximize=False).scores) == 2
    seen = observe(learning(other), maximize=False)
    assert len(seen.scores) == 3
    assert seen.rows[:, -1].argmax() == seen.scores.argmax() == 2
    assert (seen.ends[:, -1] > 1.0).all()


def test_long_curves_are_thinned() -> None:
    """A thousand epochs are a few reports, and the last one is among them."""
    curve = {step: 1.0 / step for step in range(1, 1001)}
    seen = observe(learning([_trial(0, S.RUNNING, curve)]), maximize=False)
    assert len(seen.scores) < 25
    assert seen.rows[-1, -1] == 1.0


@pytest.mark.parametrize(
    ("steps", "rungs"),
    [
        (range(1, 28), {1: 0, 2: 0, 3: 1, 8: 1, 9: 2, 27: 3}),
        (range(27), {0: 0, 1: 0, 2: 1, 8: 2, 26: 3}),
        (range(100, 2701, 100), {100: 0, 300: 1, 900: 2, 2700: 3}),
        ((1, 3, 9, 27, 52), {1: 0, 3: 1, 9: 2, 27: 3, 52: 3}),
        ((1, 2), {1: 0, 2: 0}),
        ((5,), {5: 0}),
        ((), {0: 0}),
    ],
    ids=["from 1", "from 0", "in hundreds", "at rungs", "two", "one", "none"],
)
def test_progress_is_the_same_however_steps_are_counted(steps: range, rungs: dict[int, int]) -> None:
    """A rung is a threefold of the first report's length, whether epochs count from 0 or 1 or batches in hundreds."""
    progress = Progress(steps)
    assert {step: progress.rung(step, 3) for step in rungs} == rungs
    places = [progress.of(step) for step in steps]
    assert places == sorted(places)
    assert not places or places[-1] == 1.0


@pytest.mark.parametrize(
    ("steps", "expected"),
    [((), False), ((5,), False), ((1, 2), False), ((0, 1, 2), False), ((1, 30), False), ((1, 3, 9), True)],
    ids=["none", "one", "two", "three", "first and last", "rungs"],
)
def test_a_curve_is_what_could_be_judged_on_its_way(steps: tuple[int, ...], expected: bool) -> None:
    """A report at three times the first one's length that is not the last; of one trial at least."""
    trials = [_trial(0, S.COMPLETE, dict.fromkeys(steps, 0.5)), _trial(1, S.RUNNING, dict.fromkeys(steps[:1], 0.5))]
    assert has_curves(trials) is expected
    assert has_curves([_trial(at, S.PRUNED, {step: 0.5}) for at, step in enumerate((1, 3, 9))]) is False


def test_a_subset_has_the_best_and_some_of_the_others() -> None:
    """Two thirds are the best ones; a subset of few is all of them."""
    scores = np.random.default_rng(0).permutation(300).astype(float)
    chosen = subset(scores, 90, np.random.default_rng(1))
    assert len(set(chosen)) == 90
    assert set(np.argsort(-scores)[:60]) <= set(chosen)
    assert list(subset(scores, 300, np.random.default_rng(1))) == list(range(300))
