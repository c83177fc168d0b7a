# SPDX-License-Identifier: MIT
"""Combinations of config-group options: every branch of a conditional space is composed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.preflight.branches import combinations
from hyperopt_app.preflight.space import check_space
from hyperopt_app.space.space import parse_space
from tests.unit._made_sweeps import made_sweep, write_configs

CONFIGS = {
    "config": "defaults: [{model: flat}, {norm: null}, {stat: null}, _self_]\nx: 1\nuse: false\n",
    "model/flat": "width: 1\n",
    "model/deep": "depth: 3\n",
    "norm/batch": "momentum: 0.1\n",
    "norm/group": "count: 4\n",
    "stat/running": "window: 3\n",
    "stat/none": "{}\n",
}
PARAMS = {"model": "choice(flat, deep)"}
WHEN: dict[str, Any] = {
    "model=flat": {"model.width": "1,2"},
    "model=deep": {
        "model.depth": "1,2",
        "norm": "choice(group, batch)",
        "when": {"norm=batch": {"norm.momentum": "0.1,0.2", "stat": "choice(none, running)"}},
    },
    "stat=running": {"stat.window": "1,2"},
}

Faults = Callable[[dict[str, Any]], list[str]]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """`faults(when)`: what is wrong with the branches."""
    context, config = made_sweep(write_configs(tmp_path_factory.mktemp("conf"), CONFIGS))
    loader = context.config_loader

    def check(when: dict[str, Any]) -> list[str]:
        space, unread = parse_space(PARAMS, (), loader, None, when)
        assert not unread
        return check_space(
            space,
            lambda overrides: loader.load_sweep_config(config, list(overrides)),
            lambda group: loader.get_group_options(group) if "." not in group else [],
        )

    return check


def test_each_branch_is_composed_once() -> None:
    """And no combination has an option of a group that is not searched there."""
    space, _ = parse_space(PARAMS, (), None, None, WHEN)
    groups = {"model": ["flat", "deep"], "norm": ["group", "batch"], "stat": ["none", "running"]}
    first, further = combinations(space, groups)
    assert [dict(options) for options in [*first, *further]] == [
        {"model": "flat"},
        {"model": "deep", "norm": "group"},
        {"model": "deep", "norm": "batch", "stat": "none"},
        {"model": "deep", "norm": "batch", "stat": "running"},
    ]


def test_a_right_tree_has_no_fault(faults: Faults) -> None:
    """Three levels over config groups, each key in the config of its branch alone."""
    assert faults(WHEN) == []


def test_wrong_keys_of_all_branches_come_at_once(faults: Faults) -> None:
    """Each with the place where it stands, and the combination of options in which the config lacks it."""
    wrong = {
        "model=flat": {"model.widt": "1,2"},
        "model=deep": {"norm": "choice(group, batsh)", "when": {"norm=group": {"norm.counts": "1,2"}}},
        "model=flat,deep": {"model.depth": "1,2", "x": "1,2"},
    }
    lines = [line.split(";")[0].split(" (did you")[0] for line in faults(wrong)]
    place = "hydra.sweeper.when.model"
    lacks, there = "the config has no key", "model=deep norm=group"
    assert lines == [
        f"{place}=deep.norm: the config group has no option 'batsh'",
        f"{place}=flat.model.widt: {lacks} 'model.widt' (with model=flat)",
        f"{place}=flat,deep.model.depth: {lacks} 'model.depth' (with model=flat), but has it with {there}",
        f"{place}=deep.when.norm=group.norm.counts: {lacks} 'norm.counts' (with model=deep norm=group)",
    ]


def test_conditions_on_plain_keys_need_no_composition(faults: Faults, tmp_path: Path) -> None:
    """Their values do not change which keys there are."""
    assert faults({"model=flat": {"use": "true,false", "when": {"use=true": {"x": "1,2"}}}}) == []
    assert not list(tmp_path.iterdir())
