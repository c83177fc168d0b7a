# SPDX-License-Identifier: MIT
"""A model config that has changed between two commands on one study is told."""

import pytest

from hyperopt_app.legacy.save_path import changed_values

BEFORE = """\
defaults: [_self_]
epochs: 200
optimizer: {type: adam, lr: 0.1}
layers: [1, 2]
objective: {file: a.py}
optuna: {n_trials: 3}
hydra: {sweeper: {n_trials: 3, params: {optimizer.lr: 'interval(0, 1)', +new: 'range(2)'}}}
"""

CHANGES = {
    "nothing": ([], ""),
    "a value": ([("200", "100")], "epochs: 200 -> 100"),
    "a list": ([("[1, 2]", "[1]")], "layers: [1, 2] -> [1]"),
    "a number that became a text": ([("200", "'200'")], "epochs: 200 -> 200"),
    "a key less": ([("type: adam, ", "")], "optimizer.type: adam -> not there"),
    "a key more": ([("type: adam", "type: adam, b: null")], "optimizer.b: not there -> null"),
    "what is searched": ([("lr: 0.1", "lr: 0.2")], ""),
    "what is no model": ([("a.py", "b.py"), ("n_trials: 3", "n_trials: 4")], ""),
    "no YAML": ([("epochs:", "epochs: [")], ""),
    "something else": ([(BEFORE, "a text")], ""),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_value_of_the_model_is_told(case: str) -> None:
    """By its dotted key, from what it was to what it is; neither what is searched nor what is no model."""
    replaced, told = CHANGES[case]
    after = BEFORE
    for was, is_now in replaced:
        after = after.replace(was, is_now)
    assert changed_values(BEFORE, after) == told


def test_five_changes_are_enough() -> None:
    """The rest is counted; a long value is cut."""
    before, after = ("\n".join(f"k{key}: {value}" for key in range(7)) for value in (1, "x" * 99))
    told = changed_values(before, after)
    assert told.startswith(f"k0: 1 -> {'x' * 57}..., k1: ")
    assert told.endswith("..., and 2 more")
