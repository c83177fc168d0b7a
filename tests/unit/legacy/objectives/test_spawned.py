# SPDX-License-Identifier: MIT
"""Pools that an objective starts by the method `spawn`: they find what stands in its file."""

import os
import sys
from pathlib import Path

import pytest

from hyperopt_app.legacy.objectives.adapter import LegacyObjective
from hyperopt_app.legacy.objectives.spawned import spawnable
from tests.unit._made_objectives import a_trial

TEXT = """
import multiprocessing
from echo.src.base_objective import BaseObjective
{extra}

def square(number):
    return number**2

class Objective(BaseObjective):
    def train(self, trial, conf):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return {{"val_loss": sum(pool.map(square, [1, 2]))}}
"""


@pytest.mark.parametrize("extra", ["", "from .beside import NUMBER"], ids=["plain", "relative import"])
def test_a_spawned_pool_finds_functions_of_the_objective(extra: str, tmp_path: Path) -> None:
    """Its processes begin anew, without this one's modules; in the original they died, again and again."""
    Path("beside.py").write_text("NUMBER = 1\n", encoding="utf-8")
    path = Path("train.py").absolute()
    path.write_text(TEXT.format(extra=extra), encoding="utf-8")
    assert LegacyObjective(str(path), "val_loss").train(a_trial(tmp_path), {}) == {"val_loss": 5.0}


def test_this_process_is_as_before_afterwards() -> None:
    """Also if an outer objective had said what its processes need."""
    main = sys.modules["__main__"]
    before = main.__spec__, dict(os.environ)
    with spawnable({"a": "/a.py"}):
        outer = dict(os.environ)
        with spawnable({"b": "/b.py"}):
            assert os.environ != outer
            assert main.__spec__ is not None
            assert main.__spec__.name == "hyperopt_app.legacy.objectives.spawned"
        assert os.environ == outer
    assert (main.__spec__, dict(os.environ)) == before
