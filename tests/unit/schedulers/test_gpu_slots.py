# SPDX-License-Identifier: MIT
"""How a job's GPUs are shared out to its workers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.errors import ConfigError
from hyperopt_app.schedulers.gpu_slots import Sharing, gpus_in, own_gpus, slots_of_task, visible_gpus


@pytest.mark.parametrize(
    ("gres", "count"),
    [(None, 0), ("", 0), ("gpu", 1), ("gpu:2", 2), ("gpu:v100:4", 4), ("craynetwork:1,gpu:a100:2", 2), ("gpu:a100", 1)],
)
def test_a_gres_tells_its_gpus(gres: str | None, count: int) -> None:
    """With and without a type, beside other resources."""
    assert gpus_in(gres) == count


@pytest.mark.parametrize("text", ["", "-1", "NoDevFiles", " , "])
def test_no_gpu_is_visible(text: str) -> None:
    """The ways in which schedulers and users say so."""
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": text}) == []
    assert visible_gpus({}) == []


@pytest.mark.parametrize(
    ("variables", "gpus"),
    [
        ({}, 2.0),
        ({"HYPEROPT_WORKERS_PER_GPU": "4"}, 0.5),
        ({"HYPEROPT_NODES_PER_TRIAL": "3"}, 6.0),
        ({"HYPEROPT_NODES_PER_TRIAL": "x", "HYPEROPT_WORKERS_PER_GPU": "0"}, 2.0),
    ],
)
def test_a_worker_has_the_gpus_of_all_its_nodes(variables: dict[str, str], gpus: float) -> None:
    """Which its hours count."""
    assert own_gpus({"CUDA_VISIBLE_DEVICES": "0,1", **variables}) == gpus
    assert own_gpus(variables) == 0.0


@pytest.mark.parametrize(
    ("sharing", "task", "slots"),
    [
        (Sharing(), 0, [("0",), ("1",), ("2",), ("3",)]),
        (Sharing(workers_per_gpu=2), 0, [("0",), ("1",), ("2",), ("3",)] * 2),
        (Sharing(gpus_per_trial=2), 0, [("0", "1"), ("2", "3")]),
        (Sharing(tasks_per_node=2), 1, [("2",), ("3",)]),
        (Sharing(tasks_per_node=4), 3, [("3",)]),
        (Sharing(tasks_per_node=8), 5, [("1",)]),
        (Sharing(tasks_per_node=2, gpus_per_task=4), 1, [("0",), ("1",), ("2",), ("3",)]),
        (Sharing(nodes_per_trial=2, ranks_per_node=4, gpus_per_node=4), 0, [("0", "1", "2", "3")]),
    ],
)
def test_each_worker_has_its_own_gpus(sharing: Sharing, task: int, slots: list[tuple[str, ...]]) -> None:
    """Of the four that the node gives; the second worker of a GPU comes after the first of every other."""
    assert slots_of_task(["0", "1", "2", "3"], sharing, task) == slots


def test_a_task_without_gpus_is_one_worker_or_as_many_as_are_wanted() -> None:
    """Trials on processors alone."""
    assert slots_of_task([], Sharing(), 0) == [()]
    assert slots_of_task([], Sharing(workers_per_gpu=3), 0) == [()] * 3
    assert Sharing(nodes=2, workers_per_gpu=3).workers_per_job() == 6


def test_a_task_whose_gpus_are_not_there_is_one_worker() -> None:
    """It finds out what is wrong; several would do so several times."""
    assert slots_of_task([], Sharing(gpus_per_node=2, workers_per_gpu=3), 0) == [()]


@given(st.integers(1, 8), st.integers(1, 4), st.integers(1, 4))
def test_the_slots_are_as_many_as_were_counted(gpus: int, tasks: int, per_gpu: int) -> None:
    """What the driver submits for, and what the tasks of a node start, agree; no GPU is left out."""
    if gpus % tasks:
        return
    sharing = Sharing(tasks_per_node=tasks, gpus_per_node=gpus, workers_per_gpu=per_gpu)
    visible = [str(number) for number in range(gpus)]
    slots = [slot for task in range(tasks) for slot in slots_of_task(visible, sharing, task)]
    assert len(slots) == sharing.workers_per_job()
    assert {gpu for slot in slots for gpu in slot} == set(visible)


@pytest.mark.parametrize(
    "sharing",
    [Sharing(workers_per_gpu=0), Sharing(gpus_per_trial=0), Sharing(gpus_per_node=1, gpus_per_trial=2)],
)
def test_what_does_not_fit_is_a_fault(sharing: Sharing) -> None:
    """It is told before anything is submitted."""
    with pytest.raises(ConfigError, match=r"hydra\.launcher"):
        sharing.workers_per_job()
