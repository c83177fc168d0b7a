# SPDX-License-Identifier: MIT
"""A process that is a rank above zero is recognised, and kept from what it must not do."""

import os
import subprocess
import sys

import pytest

from hyperopt_app.errors import RanksError
from hyperopt_app.ranks.environment import rank_of, refuse_as_driver, refusing_ranks


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, 0),
        ({"RANK": "0", "LOCAL_RANK": "0"}, 0),
        ({"LOCAL_RANK": "1"}, 1),
        ({"RANK": "5", "LOCAL_RANK": "1"}, 5),
        ({"SLURM_PROCID": "3"}, 3),
        ({"RANK": "-1", "LOCAL_RANK": "first", "SLURM_PROCID": ""}, 0),
    ],
)
def test_the_rank_of_an_environment(environment: dict[str, str], rank: int) -> None:
    """The highest of what Lightning, torchrun and srun set; anything but a whole number is none."""
    assert rank_of(environment)[1] == rank
    if rank:
        with pytest.raises(RanksError, match=f"rank {rank} of a training"):
            refuse_as_driver(environment)
    else:
        refuse_as_driver(environment)


def test_ranks_are_refused_where_they_are_started() -> None:
    """Only while trials run in this process, and only programs that are started as a rank above this process's own."""

    def start(**more: str) -> int:
        return subprocess.Popen([sys.executable, "-c", ""], env={**os.environ, **more}).wait()

    with refusing_ranks():
        assert start() == 0
        assert start(LOCAL_RANK="0") == 0
        with pytest.raises(RanksError, match="hydra/launcher=local_workers"):
            start(LOCAL_RANK="1")
    assert start(LOCAL_RANK="1") == 0
