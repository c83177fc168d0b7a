# SPDX-License-Identifier: MIT
"""Schedulers of other packages in a simulated search: they get every report, and what they decide is done."""

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.search import peers
from benchmarks.search.peers import PEERS, Peer
from benchmarks.search.simulation import Conditions, simulate
from tests.unit.benchmarks._made_problems import UNREACHABLE, Steady


class _Recorded:
    """A scheduler that ends each trial with a negative x at its second step, and keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def suggest(self, number: int) -> Mapping[str, Any]:
        return {"x": -0.5 if number == 1 else 0.5}

    def stops(self, number: int, step: int, value: float) -> bool:
        self.calls.append(("report", number, step, value))
        return value < 0 and step == 2

    def completes(self, number: int, step: int, value: float) -> None:
        self.calls.append(("end", number, step, value))


def test_a_scheduler_gets_all_reports_and_ends_trials() -> None:
    """The last report of a trial comes as its end; an ended trial has no more of them."""
    scheduler = _Recorded()
    search = peers.search(Peer("for this test", lambda _problem, _seed: scheduler), Steady(), 0)
    outcome = simulate(Steady(), UNREACHABLE, search, Conditions(1, limit=2.5), 0)
    assert outcome.trials == 3
    assert scheduler.calls == [
        ("report", 0, 1, 0.5),
        ("report", 0, 2, 0.5),
        ("end", 0, 4, 0.5),
        ("report", 1, 1, -0.5),
        ("report", 1, 2, -0.5),
    ]


@pytest.mark.parametrize("name", PEERS)
def test_an_absent_package_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    for module in ("syne_tune", "syne_tune.optimizer", "syne_tune.optimizer.baselines", "ray.tune.schedulers"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit, match=r"pip install 'syne-tune\[extra\]' ray"):
        peers.search(PEERS[name], Steady(), 0)
