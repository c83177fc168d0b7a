# SPDX-License-Identifier: MIT
"""What counts of a trial's end when its worker is told to end."""

import signal
from typing import Any

import pytest
from optuna import TrialPruned

from hyperopt_app.errors import HyperoptError, MetricError, StorageError
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Lost, Outcome, Pruned
from hyperopt_app.worker.attempt import attempt
from hyperopt_app.worker.interruption import Ending, Where
from tests.unit._made_workers import EndAsked

TERM, INT = int(signal.SIGTERM), int(signal.SIGINT)
EXIT = Failed("bug", "SystemExit: 143")
BUG = Failed("bug", "ValueError: no")
VALUE = Completed((1.0,))


@pytest.mark.parametrize(
    ("ending", "counts"),
    [
        (Ending(VALUE), True),
        (Ending(VALUE, struck={TERM}, taken={TERM}), True),
        (Ending(VALUE, struck={TERM, INT}, taken={INT}), False),
        (Ending(Pruned(), prune_said=True), True),
        (Ending(Pruned()), False),
        (Ending(Failed("diverged", "nan")), False),
        (Ending(Failed("oom", "memory")), False),
        (Ending(BUG), False),
        (Ending("hydra.sweeper.metric: loss is missing"), False),
        (Ending(None, 3), False),
        (Ending(None, -9), False),
        (Ending(Interrupted()), False),
    ],
)
def test_what_counts_of_a_worker_that_is_told_to_end(ending: Ending, counts: bool) -> None:
    """A value, unless a handler of the objective's own ran before it was returned; a pruning that was asked for."""
    assert ending.counted(asked_to_end=True) == (ending.outcome if counts else Interrupted())
    assert ending.counted(asked_to_end=False) == ending.outcome


@pytest.mark.parametrize(
    ("outcome", "code", "struck", "suspicious"),
    [
        (BUG, 0, {TERM}, True),
        (BUG, 0, set(), False),
        ("to mend", 0, {TERM}, True),
        (EXIT, 0, set(), True),
        (Failed("bug", "SystemExit: 1"), 0, set(), False),
        (None, 143, set(), True),
        (None, -TERM, set(), True),
        (None, 3, set(), False),
        (None, 3, {TERM}, True),
        (None, -9, set(), False),
        (VALUE, 0, {TERM}, True),
        (VALUE, 0, set(), False),
        (Pruned(), 0, {TERM}, True),
        (Interrupted(), 0, {TERM}, False),
    ],
)
def test_which_ends_are_held_back_for_the_workers_own_signal(
    outcome: Outcome | str | None, code: int, struck: set[int], suspicious: bool
) -> None:
    """Those of a process that was struck, and those that look like a signal's; an ordinary failure is told at once."""
    assert Ending(outcome, code, struck).may_be_a_signals([INT, TERM]) is suspicious


def _wrapped(cause: Exception) -> Exception:
    error = RuntimeError("in the loop")
    error.__cause__ = cause
    return error


# How a trial ended, and what that is once a worker was asked to end: it counts (C), is an interruption (I), or cannot
# happen there (-); where the objective runs in the worker's process, in the trial's own process, around that process,
# and about the end of that process. Whether the objective is cooperative (writes checkpoints) changes when it is
# interrupted, and nothing here.
TRUTH: list[tuple[str, dict[str, Any], str]] = [
    ("returned a value", {"outcome": VALUE}, "IICC"),
    (
        "returned a value, SIGTERM left to the worker",
        {"outcome": VALUE, "struck": {TERM}, "taken": {TERM}},
        "---C",
    ),
    ("returned a value, SIGINT left to the worker", {"outcome": VALUE, "struck": {INT}, "taken": {INT}}, "---C"),
    ("returned a value, after a handler of its own", {"outcome": VALUE, "struck": {TERM}}, "---I"),
    (
        "returned a value, one of two handlers its own",
        {"outcome": VALUE, "struck": {TERM, INT}, "taken": {INT}},
        "---I",
    ),
    ("returned no number", {"outcome": Failed("diverged", "nan")}, "IICI"),
    ("raised an error", {"raised": ValueError("no")}, "IIC-"),
    ("raised an error, says its process", {"outcome": BUG}, "--CI"),
    ("ran out of memory, says its process", {"outcome": Failed("oom", "memory")}, "--CI"),
    ("no room to write", {"raised": OSError(28, "full")}, "IIC-"),
    ("no room to write, says its process", {"outcome": Lost("no room", of_node=False)}, "--CI"),
    ("raised KeyboardInterrupt", {"raised": KeyboardInterrupt()}, "IIC-"),
    ("exited", {"raised": SystemExit(143)}, "IIC-"),
    ("exited, says its process", {"outcome": EXIT}, "--CI"),
    ("raised TrialPruned", {"raised": TrialPruned()}, "IIC-"),
    ("pruned as the pruner has asked, says its process", {"outcome": Pruned(), "prune_said": True}, "--CC"),
    ("the same, struck by a signal", {"outcome": Pruned(), "prune_said": True, "struck": {TERM}}, "---C"),
    ("pruned by itself, says its process", {"outcome": Pruned()}, "--CI"),
    ("raised what the user has to correct", {"raised": MetricError("loss is missing")}, "CCC-"),
    ("raised that with another error around it", {"raised": _wrapped(MetricError("loss is missing"))}, "IIC-"),
    ("has to be corrected, says its process", {"outcome": "loss is missing"}, "---I"),
    ("the storage was away", {"raised": StorageError("away")}, "ICI-"),
    ("the storage was away, with another error around it", {"raised": _wrapped(StorageError("away"))}, "III-"),
    ("was interrupted, says its process", {"outcome": Interrupted()}, "--II"),
    ("died by itself", {"code": 3}, "---I"),
    ("died of SIGTERM", {"code": -TERM}, "---I"),
    ("was killed from outside", {"code": -9}, "---I"),
    ("was killed because it took too long", {"code": -9, "forced": Failed("timeout", "too long")}, "---C"),
    ("was killed because it is another worker's", {"code": -9, "forced": Lost("another's")}, "---C"),
    ("was killed because it did not listen", {"code": -9, "forced": Interrupted()}, "---I"),
]
PLACES = (Where.SAME_PROCESS, Where.TRIAL_PROCESS, Where.AROUND, Where.OUTSIDE)
CELLS = [
    pytest.param(fields, where, cell, id=f"{how}, {where.value}")
    for how, fields, cells in TRUTH
    for where, cell in zip(PLACES, cells, strict=True)
    if cell != "-"
]


@pytest.mark.parametrize(("fields", "where", "cell"), CELLS)
def test_the_whole_truth_table(fields: dict[str, Any], where: Where, cell: str) -> None:
    """Without a request to end everything is what it is; with one, this table says what is an interruption."""
    ending = Ending(**fields, where=where)
    own = fields.get("forced") or fields.get("outcome")
    assert not ending.was_interrupted(asked_to_end=False)
    assert ending.counted(asked_to_end=False) == own
    assert ending.counted(asked_to_end=True) == (Interrupted() if cell == "I" else own)
    # What says of itself that it was interrupted is so in either way.
    assert own == Interrupted() or ending.was_interrupted(asked_to_end=True) == (cell == "I")


@pytest.mark.parametrize(("fields", "where", "cell"), [cell for cell in CELLS if cell.values[1] is not Where.OUTSIDE])
def test_the_boundary_around_user_code_goes_by_the_table(fields: dict[str, Any], where: Where, cell: str) -> None:
    """What counts comes through: a value, a failure that was made of an error, or an error to correct."""

    def user_code() -> Any:
        if "raised" in fields:
            raise fields["raised"]
        return fields["outcome"]

    try:
        outcome: Any = attempt(user_code, EndAsked(lambda: True), where)
    except HyperoptError as error:
        outcome = error
    assert isinstance(outcome, Interrupted) == (cell == "I")
