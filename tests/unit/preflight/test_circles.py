# SPDX-License-Identifier: MIT
"""Interpolations that lead back to themselves, over plain data."""

import sys

import pytest

from hyperopt_app.preflight.circles import Circle, circles

TREE = {
    "x": 1,
    "node": {"k": 1, "name": "a"},
    "same": "${node}",
    "twice": "${x}",
    "selected": "${oc.select:x,3}",
    "layers": [{"width": 4}],
    "a": "${b}",
    "b": "${a}",
}


@pytest.mark.parametrize(
    ("key", "text", "way"),
    [
        ("x", "${x}", "x x"),
        ("x", "${ x }+", "x x"),
        ("x", "${x.y}", "x x.y x"),
        ("x", "${twice}", "x twice x"),
        ("x", "${selected}", "x selected x"),
        ("x", "${plus:${x},1}", "x x"),
        ("x", r"\\${x}", "x x"),
        ("x", "${a}", "a b a"),
        ("node", "${node}", "node node"),
        ("node.k", "${node}", "node.k node node.k"),
        ("node.k", "${.k}", "node.k node.k"),
        ("node.k", "${..node.k}", "node.k node.k"),
        ("node.k", "${same.k}", "node.k same.k node.k"),
        ("same", "${same.k}", "same same.k same"),
        ("layers.0.width", "${layers}", "layers.0.width layers layers.0 layers.0.width"),
        ("layers[0].width", "${layers[0].width}", "layers.0.width layers.0.width"),
    ],
)
def test_the_keys_around_a_circle(key: str, text: str, way: str) -> None:
    """Directly, through a node that contains it, by a resolver's argument, beside the node, or behind a reference."""
    assert list(circles(TREE, {}, {key: {text: text}})) == [Circle({key: text}, tuple(way.split()))]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("x", "${node.k}"),
        ("x", "${same.k}"),
        ("x", "${node}"),
        ("x", r"\${x}"),
        ("x", "${x_of:x}"),
        ("x", "${nowhere}"),
        ("node.k", "${.name}"),
        ("node.k", "${..x}"),
        ("node.k", "${oc.dict.keys:node}"),
    ],
)
def test_what_comes_to_an_end(key: str, text: str) -> None:
    """A chain, an escaped one, what only another resolver knows, and the keys of the node around it."""
    assert list(circles(TREE, {}, {key: {text: text}})) == []


def test_a_circle_of_two_keys_is_found_once() -> None:
    """With the choices that close it, and none with those that do not."""
    referring = {"x": {"${node.k}": "${node.k}", "${twice}1": "${node.name}"}, "node.k": {"${x}": "${x}"}}
    (circle,) = circles(TREE, {"twice": 5}, referring)
    assert circle == Circle({"x": "${node.k}", "node.k": "${x}"}, ("x", "node.k", "x"))


def test_a_value_that_another_key_always_has_breaks_it() -> None:
    """What the config refers to there no longer counts."""
    assert list(circles(TREE, {"twice": 5}, {"x": {"${twice}": "${twice}"}})) == []


def test_a_chain_may_be_longer_than_the_stack_is_deep() -> None:
    """The outcome is that of a short one."""
    length = 2 * sys.getrecursionlimit()
    chain = {f"k{number}": f"${{k{number + 1}}}" for number in range(length)}
    assert list(circles({**chain, f"k{length}": 1}, {}, {"k0": {"${k1}": "${k1}"}})) == []
    (circle,) = circles({**chain, f"k{length}": "${k0}"}, {}, {"k0": {"${k1}": "${k1}"}})
    assert len(circle.keys) == length + 2
