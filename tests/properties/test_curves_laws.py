# SPDX-License-Identifier: MIT
"""Laws of the sampler `curves` and the pruner `forecast`: of the cube, the order of trials, degenerate studies."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hyperopt_app.sampling.curves.cube import Cube
from hyperopt_app.sampling.curves.forecast import ForecastPruner
from hyperopt_app.sampling.curves.observations import learning, observe
from hyperopt_app.sampling.curves.sampler import CurvesSampler

bounds = st.floats(-1e6, 1e6, allow_nan=False)
STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL)
CHOICES: tuple[Any, ...] = (None, True, 1, 2.5, "a", "1")


@st.composite
def distributions(draw: st.DrawFn) -> BaseDistribution:
    """A distribution of any kind, also with one value, one choice, a step or a scale of logarithms."""
    kind = draw(st.sampled_from(("float", "log", "step", "int", "log int", "choice")))
    if kind == "choice":
        return CategoricalDistribution(CHOICES[: draw(st.integers(1, len(CHOICES)))])
    if kind in ("int", "log int"):
        low, more = draw(st.integers(1, 100)), draw(st.integers(0, 1000))
        step = 1 if kind == "log int" else draw(st.integers(1, 7))
        return IntDistribution(low, low + step * (more // step), log=kind == "log int", step=step)
    if kind == "log":
        least = draw(st.floats(1e-8, 1.0))
        return FloatDistribution(least, least * draw(st.just(1.0) | st.floats(1.001, 1e6)), log=True)
    start, width = draw(bounds), draw(st.just(0.0) | st.floats(1e-3, 1e6))
    if kind == "step":
        return FloatDistribution(0.0, 0.25 * draw(st.integers(0, 40)), step=0.25)
    return FloatDistribution(start, start + width)


spaces = st.dictionaries(st.sampled_from("abcdef"), distributions(), min_size=1, max_size=5)
seeds = st.integers(0, 2**32)


@given(spaces, seeds)
def test_a_point_and_its_parameters_are_the_same(space: Mapping[str, BaseDistribution], seed: int) -> None:
    """Parameters of a point are in range; their point is the snapped one; snapping twice is snapping once."""
    cube = Cube(space)
    points = np.random.default_rng(seed).random((8, cube.width))
    snapped = cube.snapped(points)
    for point, there in zip(points, snapped, strict=True):
        params = cube.params(point)
        assert params.keys() == space.keys()
        assert all(space[key]._contains(space[key].to_internal_repr(value)) for key, value in params.items())
        assert np.allclose(cube.point(params), there, atol=1e-6)
        again = cube.params(there)
        assert all(_is_close(again[key], params[key]) for key in params)
    assert ((snapped >= 0) & (snapped <= 1)).all()


def _is_close(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-3)
    return one is other or (type(one) is type(other) and one == other)


@given(spaces, seeds, st.integers(2, 40))
def test_spread_points_are_apart_and_repeat(space: Mapping[str, BaseDistribution], seed: int, number: int) -> None:
    """Any worker computes the same; where a range is continuous, no two are the same."""
    cube = Cube(space)
    shift = np.random.default_rng(seed).random(cube.width)
    one, other = cube.spread(shift, number), cube.spread(shift, number - 2)
    assert (one == cube.spread(shift, number)).all()
    if any(
        isinstance(kind, FloatDistribution) and kind.step is None and kind.high > kind.low for kind in space.values()
    ):
        assert (one != other).any()


values = st.one_of(st.floats(-10, 10), st.just(0.0), st.sampled_from((math.nan, math.inf, -math.inf, 1e300)))
curves = st.dictionaries(st.integers(0, 60), values, max_size=6)


@st.composite
def trials(draw: st.DrawFn, least: int = 0) -> list[FrozenTrial]:
    """Trials of one space of which some lack some parameters, with odd values and curves."""
    space = draw(spaces)
    made = []
    for number in range(draw(st.integers(least, 9))):
        rng = np.random.default_rng(draw(seeds))
        params = Cube(space).params(rng.random(Cube(space).width))
        lacking = draw(st.sets(st.sampled_from(sorted(space)), max_size=len(space) - 1)) if draw(st.booleans()) else ()
        state, curve = draw(st.sampled_from(STATES)), draw(curves)
        value = draw(st.floats(-10, 10))
        kept = {key: params[key] for key in params if key not in lacking}
        trial = create_trial(
            state=state,
            value=value if state == TrialState.COMPLETE else None,
            params=kept,
            distributions={key: space[key] for key in kept},
            intermediate_values=curve,
            user_attrs={"failure": {"kind": "oom"}} if state == TrialState.FAIL else {},
        )
        trial.number = number
        made.append(trial)
    return made


@settings(max_examples=40)
@given(trials(least=2), seeds)
def test_the_order_of_trials_does_not_matter(of: list[FrozenTrial], seed: int) -> None:
    """What is observed is the same whatever order a storage gives them in."""
    shuffled = [of[at] for at in np.random.default_rng(seed).permutation(len(of))]
    if not any(trial.intermediate_values or trial.state.is_finished() for trial in of):
        return
    one, other = observe(learning(of), maximize=True), observe(learning(shuffled), maximize=True)
    assert np.array_equal(one.rows, other.rows)
    assert np.array_equal(one.scores, other.scores)
    assert np.array_equal(one.ends, other.ends)
    assert np.isfinite(one.scores).all()


@settings(max_examples=30, deadline=None)
@given(trials(), st.sampled_from(("minimize", "maximize")))
def test_no_study_is_too_odd(of: list[FrozenTrial], direction: Any) -> None:
    """Constant values, NaN, one trial, one choice, missing parameters: a point in range comes, and twice the same."""
    space = {name: kind for trial in of for name, kind in trial.distributions.items()}
    points = []
    for _ in range(2):
        study = optuna.create_study(
            direction=direction, sampler=CurvesSampler(seed=1, n_startup_trials=0, spread_every=0)
        )
        study.pruner = ForecastPruner(first_rung=0)
        for trial in of:
            study.add_trial(trial)
        new = study.ask(space)
        for step in (1, 30):
            new.report(0.5, step)
            new.should_prune()
        points.append(new.params)
    assert repr(points[0]) == repr(points[1])
    assert all(kind._contains(kind.to_internal_repr(points[0][name])) for name, kind in space.items())


@settings(max_examples=5, deadline=None)
@given(seeds)
def test_thirty_parameters_are_searched(seed: int) -> None:
    """A third of them categories."""
    space: dict[str, BaseDistribution] = {f"x{at}": FloatDistribution(0, 1) for at in range(20)}
    space |= {f"c{at}": CategoricalDistribution(["a", "b", "c"]) for at in range(10)}
    study = optuna.create_study()
    for _ in range(12):
        study.sampler = CurvesSampler(seed=seed, n_startup_trials=3)
        trial = study.ask(space)
        for step in (1, 3, 9):
            trial.report(sum(trial.params[f"x{at}"] for at in range(20)) / step, step)
        study.tell(trial, trial.params["x0"])
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 12
