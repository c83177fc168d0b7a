# SPDX-License-Identifier: MIT
"""The forms of the records that a study holds, as plain data that JSON can hold.

Every later release must read them: fields may be added but never changed.
"""

from typing import Any, NotRequired, TypedDict

__all__ = [
    "AttemptRecord",
    "FailureRecord",
    "LossRecord",
    "OrderRecord",
    "PromotionRecord",
    "RaceRecord",
    "RepeatRecord",
    "RunRecord",
    "SpecRecord",
    "StopRecord",
    "VerdictRecord",
]


class AttemptRecord(TypedDict):
    """One piece of a trial that an interruption has ended; times in seconds since the epoch."""

    worker: str
    begun: float
    ended: float


class LossRecord(TypedDict):
    """A worker that was lost with the trial; `node` is empty outside a scheduler, or if the node is not to blame."""

    worker: str
    node: str
    cause: str


class PromotionRecord(TypedDict):
    """The rung that a trial has reached last, the step of its last report there, and whether it waits at that rung."""

    rung: int
    step: int
    is_parked: bool


class RepeatRecord(TypedDict):
    """A finished repeat of a trial; `reports` counts all points of its curve, `curve` has some, none of the first's.

    `values` are the optimised ones, in the order of the directions; `metrics` all that the objective returned.
    """

    values: list[float]
    metrics: dict[str, float]
    seed: int
    reports: int
    curve: list[tuple[int, float]]


class UnfinishedRecord(TypedDict):
    """How far a later repeat of a trial has come: its number from 0, and a step that it has reported."""

    repeat: int
    step: int


class RaceRecord(TypedDict):
    """A lost race: after how many repeats, against which trial, and the chance that bad luck alone explains it."""

    repeats: int
    against: int
    chance: float


class FailureRecord(TypedDict):
    """How a trial failed: one of `failure_kinds.KINDS`, one line, and the traceback."""

    kind: str
    error: str
    traceback: str


class OrderRecord(TypedDict):
    """A metric of those by which the best is chosen in turn; the next one counts within `tolerance` of the best."""

    metric: str
    direction: str
    tolerance: float


class _IdentityRecord(TypedDict):
    """What identifies a study: the metrics' names, the space as `space.changes` writes it, the seed, the repeats."""

    metric: list[str]
    space: Any
    seed: int
    repeats: NotRequired[str]  # missing where each configuration is trained once


class SpecRecord(_IdentityRecord, total=False):
    """What identifies a study, and by which metrics its best is chosen in turn, which another command may change."""

    order: list[OrderRecord]


class RunRecord(TypedDict, total=False):
    """The last command's run; empty in an earlier release's study. `methods` are the options chosen for the study."""

    number: int
    ended_before: list[list[int]]
    is_judged: bool
    search_since: int
    methods: dict[str, str]
    began: float  # in seconds since the epoch


class VerdictRecord(TypedDict):
    """The failure that the first trials of a run share, and the trials that had ended before that run."""

    kind: str
    text: str
    ended_before: list[list[int]]


class StopRecord(TypedDict, total=False):
    """Why no trial may start; whether the user must correct it; whether running ones end; whether it is a hold."""

    reason: str
    is_fault: bool
    ends_running: bool
    is_hold: bool
