# SPDX-License-Identifier: MIT
"""A minute of random faults: nothing is lost, nothing counted twice. `benchmarks/chaos.py` does it for longer."""

import re
import subprocess
import sys
from itertools import islice

import pytest

from tests.cluster._chaos import KINDS, planned
from tests.conftest import REPO, _environment_of_programs

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(420)]


def test_a_minute_of_faults_harms_no_trial() -> None:
    """The budget is exact, every trial whole, no epoch trained twice beyond a checkpoint; and faults there were."""
    command = [sys.executable, str(REPO / "benchmarks/chaos.py"), "--minutes", "1", "--seed", "3"]
    done = subprocess.run(command, env=_environment_of_programs(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| budget | exact |" in done.stdout
    assert "WRONG" not in done.stdout
    assert "| trials lost | 0 |" in done.stdout
    struck = re.findall(rf"^\| fault: (?:{'|'.join(KINDS)}) \| (\d+) \|$", done.stdout, re.MULTILINE)
    assert sum(map(int, struck)) >= 5, done.stdout


def test_a_seed_plans_the_same_faults_and_each_kind() -> None:
    """What was found once can be looked for again."""
    first, again = (list(islice(planned(7), len(KINDS))) for _ in range(2))
    assert first == again
    assert {fault.kind for fault in first} == set(KINDS)
