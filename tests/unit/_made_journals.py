# SPDX-License-Identifier: MIT
"""Journals of large studies, written record by record as workers write them, in seconds; no test stands here."""

import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.distributions import distribution_to_json as json_of
from optuna.trial import TrialState

from hyperopt_app.storage.journal_lines import line_of

SPACE: dict[str, BaseDistribution] = {
    "lr": FloatDistribution(1e-5, 1e-1, log=True),
    "width": IntDistribution(16, 512, log=True),
    "dropout": FloatDistribution(0.0, 0.6),
    "decay": FloatDistribution(1e-6, 1e-2, log=True),
    "optimizer": CategoricalDistribution(["adam", "lamb", "sgd"]),
    "augment": CategoricalDistribution([True, False]),
}
WORKERS = 16

_BEGUN = datetime(2026, 11, 1, tzinfo=timezone.utc)
_TICKET: dict[str, Any] = {"distributions": {}, "params": {}, "user_attrs": {}, "system_attrs": {}} | {
    "datetime_start": None,
    "value": None,
    "values": None,
    "intermediate_values": {},
    "state": TrialState.WAITING.value,
}

Record = dict[str, Any]


def write_journal(path: Path, n_trials: int, n_steps: int) -> None:
    """Write the journal of a study `large` with so many random points, all of which have ended.

    Three quarters of the trials are complete, one in twenty has failed and the others were pruned.
    """
    draw = random.Random(0)
    spec = {name: json_of(distribution) for name, distribution in SPACE.items()}
    with path.open("wb") as journal:
        journal.writelines(map(line_of, _beginning(n_trials)))
        for number in range(n_trials):
            journal.writelines(map(line_of, _trial(number, n_steps, draw, spec)))


def _beginning(n_trials: int) -> Iterator[Record]:
    driver = {"worker_id": "driver-1"}
    yield {"op_code": 0, **driver, "study_name": "large", "directions": [1]}
    yield {"op_code": 3, **driver, "study_id": 0, "system_attr": {"study:metric_names": ["val/loss"]}}
    for name, value in (("study_id", "0" * 32), ("n_trials", n_trials), ("run", {"number": 1, "ended_before": []})):
        yield {"op_code": 2, **driver, "study_id": 0, "user_attr": {name: value}}


def _trial(number: int, n_steps: int, draw: random.Random, spec: dict[str, str]) -> Iterator[Record]:
    place = number % WORKERS
    begun = _BEGUN + timedelta(seconds=600 * (number // WORKERS))
    writer = f"901a8bef-b1c1-4bbe-bf8f-6c723bb2bd{place:02d}-140443883576192"
    about = {"worker_id": writer, "trial_id": number}
    yield {"op_code": 4, "worker_id": "driver-1", "study_id": 0, **_TICKET}
    yield {"op_code": 6, **about, "state": 0, "values": None, "datetime_start": begun.isoformat()}
    yield {"op_code": 8, **about, "user_attr": {"claim": _claim(place)}}
    point = _point(draw)
    for name, value in point.items():
        described = {"param_name": name, "param_value_internal": value, "distribution": spec[name]}
        yield {"op_code": 5, **about, **described}
    yield {"op_code": 8, **about, "user_attr": {"directory": f"/scratch/user/studies/large/trials/{number}"}}
    yield {"op_code": 8, **about, "user_attr": {"training_seed": draw.randrange(2**31)}}
    loss = 0.02 + 0.08 * (math.log10(point["lr"]) + 2.6) ** 2 + 0.1 * point["dropout"] ** 2 + 0.02 * draw.random()
    state, steps = _end(draw.random(), n_steps)
    for step in range(1, steps + 1):
        yield {"op_code": 7, **about, "step": step, "intermediate_value": loss + math.exp(-0.1 * step) * draw.random()}
    failure = {"kind": "oom", "error": f"out of memory in trial {number}", "traceback": "line\n" * 30}
    is_failed = state == TrialState.FAIL
    yield {"op_code": 8, **about, "user_attr": {"failure": failure} if is_failed else {"metrics": {"val/loss": loss}}}
    values = [loss] if state == TrialState.COMPLETE else None
    ended = begun + timedelta(seconds=590 * steps / n_steps)
    yield {"op_code": 6, **about, "state": state.value, "values": values, "datetime_complete": ended.isoformat()}


def _point(draw: random.Random) -> dict[str, float]:
    """The internal values of a random point."""
    return {
        "lr": 10 ** draw.uniform(-5, -1),
        "width": float(draw.randint(16, 512)),
        "dropout": draw.uniform(0.0, 0.6),
        "decay": 10 ** draw.uniform(-6, -2),
        "optimizer": draw.randrange(3),
        "augment": draw.randrange(2),
    }


def _claim(place: int) -> dict[str, Any]:
    worker = f"{place}-node-31592-5865ed"
    return {
        "worker": worker,
        "number": place,
        "host": "node",
        "machine": "node 03ec12d7-294a-4e3e-88c5-2803dcf873a3 pid:[4026531836]",
        "pid": 31592,
        "start": 1588819,
        "beat": f"/scratch/user/studies/large/workers/{worker}.json",
        "place": {"scheduler": "", "cluster": "", "job": "", "raw_job": "", "restart": 0, "node": "", "task": ""},
    }


def _end(chance: float, n_steps: int) -> tuple[TrialState, int]:
    """How a trial ends, and after how many steps."""
    if chance < 0.05:
        return TrialState.FAIL, 1
    return (TrialState.PRUNED, max(1, n_steps // 4)) if chance < 0.25 else (TrialState.COMPLETE, n_steps)
