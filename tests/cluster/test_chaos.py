# SPDX-License-Identifier: MIT
"""A minute of random faults: nothing is lost, nothing counted twice. `benchmarks/chaos.py` does it for longer."""

from itertools import islice

import pytest

from tests.cluster._chaos import KINDS, planned, run

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(420)]


def test_a_minute_of_faults_harms_no_trial() -> None:
    """The budget is exact, every trial whole, no epoch trained twice beyond a checkpoint; and faults there were."""
    report = run(1.0, seed=3)
    assert report.wrong == []
    assert sum(report.faults[kind] for kind in KINDS) >= 5


def test_a_seed_plans_the_same_faults_and_each_kind() -> None:
    """What was found once can be looked for again."""
    first, again = (list(islice(planned(7), len(KINDS))) for _ in range(2))
    assert first == again
    assert {fault.kind for fault in first} == set(KINDS)
