# SPDX-License-Identifier: MIT
"""Which nodes are kept away from."""

import sys
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.worker.nodes import LOSSES_OF_A_BAD_NODE, avoids, bad_nodes, check_node, default_check
from tests.unit._made_trials import made


def _trial(number: int, state: TrialState, node: str, *lost_on: str) -> FrozenTrial:
    losses: list[Any] = [{"worker": "w", "node": one, "cause": "gone"} for one in lost_on]
    return made(state, number=number, claim={"worker": "w", "place": {"node": node}}, losses=losses)


@pytest.mark.parametrize(("node", "others", "avoided"), [("n1", True, True), ("n1", False, False), ("n2", True, False)])
def test_a_trial_is_not_tried_again_where_it_was_lost(node: str, others: bool, avoided: bool) -> None:
    """As long as there is somebody elsewhere to take it."""
    assert avoids(_trial(0, TrialState.WAITING, "n1", "n1"), node, lambda: others) is avoided


def test_outside_a_scheduler_there_is_no_node() -> None:
    """A worker of this machine takes what it has lost."""
    assert not avoids(_trial(0, TrialState.WAITING, "", ""), "", lambda: True)


def test_a_node_that_loses_trials_in_a_row_is_bad() -> None:
    """Until then it is bad luck."""
    lost = [_trial(number, TrialState.WAITING, "n2", "n1") for number in range(LOSSES_OF_A_BAD_NODE)]
    assert bad_nodes(lost[:-1]) == {}
    assert set(bad_nodes(lost)) == {"n1"}


def test_a_trial_that_ends_clears_its_node() -> None:
    """Where something works, the losses were the trials' or the scheduler's."""
    lost = [_trial(number, TrialState.WAITING, "n2", "n1") for number in range(LOSSES_OF_A_BAD_NODE)]
    assert bad_nodes([*lost, _trial(9, TrialState.COMPLETE, "n1")]) == {}


def test_a_check_says_why_a_node_is_not_fit() -> None:
    """A failing command, one that does not exist; a good one is silent."""
    assert check_node([[sys.executable, "-c", "pass"]]) == ""
    assert "exit code 3: no device" in check_node(
        [[sys.executable, "-c", "import sys; print('no device'); sys.exit(3)"]]
    )
    assert "no-such-program" in check_node([["no-such-program"]])


def test_without_a_gpu_nothing_is_checked() -> None:
    """Nor with one that no program here knows."""
    assert default_check([], {"torch": None}) == []
