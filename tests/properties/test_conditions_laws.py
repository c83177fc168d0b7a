# SPDX-License-Identifier: MIT
"""Laws of conditional spaces: what is sampled, passed, listed and stored is what the conditions leave, at any depth."""

from typing import Any

import optuna
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.space.changes import space_from_json, space_to_json
from hyperopt_app.space.points import fitting_point, grid_points, point_of
from hyperopt_app.space.space import Space, parse_space, suggest_all

CHOICES = ("a", "b", "c")


@st.composite
def trees(draw: st.DrawFn) -> tuple[Space, dict[str, tuple[str, list[str]]]]:
    """A space of choices, and for each key with a condition the key and the choices on which it depends."""
    count = draw(st.integers(1, 6))
    above: dict[str, tuple[str, list[str]]] = {}
    when: dict[str, Any] = {}
    params = {"k0": "choice(a, b, c)"}
    for number in range(1, count):
        key, parent = f"k{number}", draw(st.sampled_from([None, *(f"k{earlier}" for earlier in range(number))]))
        if parent is None:
            params[key] = "choice(a, b, c)"
            continue
        choices = sorted(draw(st.sets(st.sampled_from(CHOICES), min_size=1)))
        above[key] = parent, choices
        when.setdefault(f"{parent}={','.join(choices)}", {})[key] = "choice(a, b, c)"
    space, faults = parse_space(params, [], None, None, dict(reversed(when.items())))
    assert faults == []
    return space, above


def _is_searched(key: str, point: dict[str, Any], above: dict[str, tuple[str, list[str]]]) -> bool:
    if key not in above:
        return True
    parent, choices = above[key]
    return _is_searched(parent, point, above) and point[parent] in choices


@given(trees(), st.integers(0, 1000))
def test_a_trial_has_what_its_conditions_leave_and_nothing_else(
    tree: tuple[Space, dict[str, tuple[str, list[str]]]], seed: int
) -> None:
    """Its overrides are its parameters, its point is one that may be enqueued and one of the grid."""
    space, above = tree
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    suggest_all(trial, space)
    point = trial.params
    assert set(point) == {key for key in space.distributions if _is_searched(key, point, above)}
    assert space.values(point) == point
    assert point_of(space, point) == (point, [])
    everything = {key: point.get(key, "a") for key in space.distributions}
    assert fitting_point(space, everything) == point
    assert (point_of(space, everything)[1] == []) == (everything == point)
    assert space_from_json(space_to_json(space)) == space


@given(trees())
def test_a_grid_has_each_point_once(tree: tuple[Space, dict[str, tuple[str, list[str]]]]) -> None:
    """Those of every branch, and no two that differ in nothing that is searched."""
    space, above = tree
    points = grid_points(space)
    assert len({tuple(sorted(point.items())) for point in points}) == len(points)
    for point in points:
        assert set(point) == {key for key in space.distributions if _is_searched(key, point, above)}
