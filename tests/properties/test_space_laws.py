# SPDX-License-Identifier: MIT
"""Laws of the search space: its support, its way to JSON and back, its comparison with itself."""

import re
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.space.changes import differences, space_from_json, space_to_json
from hyperopt_app.space.points import grid_points, point_of
from hyperopt_app.space.space import Space, parse_space, suggest
from tests._releases import IS_1_4

MOST_POINTS = 500

whole = st.integers(-300, 300).map(str)
decimals = st.builds(
    lambda digits, places: str(Decimal(digits).scaleb(-places)), st.integers(-3000, 3000), st.integers(0, 4)
)


def _range_text(start: str, stop: str, step: str) -> str:
    """`range(...)` of a size that can be listed."""
    width = (Decimal(stop) - Decimal(start)) / Decimal(step)
    assume(width <= MOST_POINTS)
    return f"range({start}, {stop}, step={step})"


whole_ranges = st.builds(_range_text, whole, whole, whole.filter(lambda text: int(text) != 0))
decimal_ranges = st.builds(_range_text, decimals, decimals, decimals.filter(lambda text: Decimal(text) != 0))


def _iterated(text: str) -> list[float]:
    """What Hydra's own sweep yields; 1.3 adds floats up, so there it is what 1.4 does with the numbers as written."""
    if not IS_1_4 and "." in text:
        start, stop, step = map(Decimal, re.findall(r"-?[\d.]+(?:E-\d+)?", text))
        count = max(0, ceil(Fraction(stop - start) / Fraction(step)))
        return sorted(float(start + step * number) for number in range(count))
    sweep: Any = OverridesParser.create().parse_override(f"x={text}").sweep_iterator()
    return sorted(sweep)


@given(whole_ranges)
def test_the_support_of_a_whole_range_is_what_hydra_iterates(text: str) -> None:
    """Bounds, steps of either sign and the excluded stop agree; an empty range is a fault."""
    space, faults = parse_space({"x": text}, [])
    expected = _iterated(text)
    assert bool(faults) == (not expected)
    if expected:
        assert sorted(point["x"] for point in grid_points(space)) == expected
        assert isinstance(space.distributions["x"], IntDistribution)


@given(decimal_ranges)
def test_the_support_of_a_decimal_range_is_what_hydra_iterates(text: str) -> None:
    """The points of the grid are Hydra's, exactly; a range with a decimal in it is one of floats."""
    space, faults = parse_space({"x": text}, [])
    expected = _iterated(text)
    assert bool(faults) == (not expected)
    if expected:
        assert sorted(point["x"] for point in grid_points(space)) == expected
        is_whole = isinstance(space.distributions["x"], IntDistribution)
        assert is_whole == ("." not in text)


@settings(max_examples=30)
@given(decimal_ranges, st.integers(0, 2**31))
def test_a_sampled_value_is_one_that_hydra_iterates(text: str, seed: int) -> None:
    """What a sampler draws from a stepped range lies on Hydra's points, up to rounding."""
    space, faults = parse_space({"x": text}, [])
    assume(not faults)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    value = suggest(trial, "x", space.distributions["x"])
    assert any(value == pytest.approx(point, abs=1e-9) for point in _iterated(text))


_floats = st.floats(-1e6, 1e6)


def _float(bounds: list[float]) -> FloatDistribution:
    return FloatDistribution(min(bounds), max(bounds))


def _log(bounds: list[float]) -> FloatDistribution:
    return FloatDistribution(min(bounds), max(bounds), log=True)


def _int(low: int, steps: int, step: int) -> IntDistribution:
    return IntDistribution(low, low + steps * step, step=step)


def _stepped(low: int, steps: int, digits: int) -> FloatDistribution:
    step = Decimal(digits).scaleb(-3)
    return FloatDistribution(float(low), float(low + steps * step), step=float(step))


choices = st.one_of(st.booleans(), st.integers(), _floats, st.text())
distributions: st.SearchStrategy[BaseDistribution] = st.one_of(
    st.builds(_float, st.lists(_floats, min_size=2, max_size=2)),
    st.builds(_log, st.lists(st.floats(1e-9, 1e6), min_size=2, max_size=2)),
    st.builds(_int, st.integers(-100, 100), st.integers(0, 20), st.integers(1, 9)),
    st.builds(_stepped, st.integers(-100, 100), st.integers(0, 20), st.integers(1, 999)),
    st.lists(choices, min_size=1, max_size=5).map(CategoricalDistribution),
)
texts = st.text(min_size=1, max_size=8)
spaces = st.builds(
    Space,
    st.dictionaries(texts, distributions, max_size=4),
    st.lists(texts, max_size=4).map(tuple),
    st.dictionaries(texts, texts, max_size=4),
)


@given(spaces)
def test_a_space_survives_json(space: Space) -> None:
    """space_from_json(space_to_json(s)) equals s."""
    assert space_from_json(space_to_json(space)) == space


@given(spaces)
def test_a_space_does_not_differ_from_itself(space: Space) -> None:
    """differences(s, s) is ([], []), also when one of them comes from the study."""
    assert differences(space, space) == ([], [])
    assert differences(space_from_json(space_to_json(space)), space) == ([], [])


@given(spaces, spaces)
def test_differences_are_seen_from_both_sides(one: Space, other: Space) -> None:
    """Two searches differ exactly if there is a line, and what cannot be carried cannot be carried back."""
    soft, hard = differences(one, other)
    back_soft, back_hard = differences(other, one)
    assert (len(soft), len(hard)) == (len(back_soft), len(back_hard))
    same = one.distributions == other.distributions and set(one.fixed) == set(other.fixed)
    assert same == (not soft and not hard)


@settings(max_examples=40)
@given(spaces, st.integers(0, 2**31))
def test_a_sampled_point_may_be_enqueued(space: Space, seed: int) -> None:
    """What a sampler suggests is a point of the space, and stays it when it is spelled."""
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    plain = {key: d for key, d in space.distributions.items() if key == key.lstrip("+")}
    for key, distribution in plain.items():
        suggest(trial, key, distribution)
    known, faults = point_of(Space(plain), trial.params)
    assert faults == []
    assert known == trial.params
