# SPDX-License-Identifier: MIT
"""What a real Slurm says of places: whether a job's run goes on, is over, or cannot be asked about."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from hyperopt_app.schedulers import slurm_queue as scheduler
from hyperopt_app.schedulers.place import RUNNING, UNKNOWN, Place, Verdict
from hyperopt_app.schedulers.registry import place_of
from hyperopt_app.schedulers.slurm_queue import SlurmQueue
from tests.cluster.slurm import Cluster, temporary_cluster

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(180)]

# A step writes down its variables once for every run, and stays.
TASK = """\
srun --unbuffered python3 -c '
import json, os, pathlib, time
name = "-".join([os.environ["SLURM_JOB_ID"], os.environ.get("SLURM_RESTART_COUNT", "0")])
path = pathlib.Path(name + ".new")
path.write_text(json.dumps(dict(os.environ)))
path.rename(name + ".json")
time.sleep(300)'
"""


def gone(state: str) -> Verdict:
    """The verdict that a run has ended."""
    return Verdict(False, state)


class Clock:
    """Seconds that pass ten by ten, with every look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Asked:
    """A queue that calls Slurm each time; the calls are kept."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.calls: list[Sequence[str]] = []
        self.queue = SlurmQueue(self._run, self.clock)

    def _run(self, command: Sequence[str]) -> str:
        self.calls.append(command)
        return scheduler._run(command)

    def about(self, place: Place) -> Verdict:
        """What Slurm says now."""
        self.clock.now += 200.0
        self.queue.ask([place])
        return self.queue.verdict({"place": asdict(place)})


@pytest.fixture
def asked() -> Asked:
    """A queue for this test."""
    return Asked()


def _places(cluster: Cluster, restart: int = 0) -> list[Place]:
    """Where the tasks of all jobs run that have come to their run of this number; waits for the first."""
    name = f"*-{restart}.json"
    cluster.wait_until(lambda: list(Path().glob(name)))
    return [place_of(json.loads(path.read_text())) for path in sorted(Path().glob(name))]


def _start(cluster: Cluster, *options: object) -> Place:
    cluster.submit(TASK, *options)
    (place,) = _places(cluster)
    return place


def test_a_cancelled_task_is_gone(slurm_cluster: Cluster, asked: Asked) -> None:
    """It runs until then, and the other tasks of its array go on."""
    slurm_cluster.submit(TASK, "--array=0-2%2")
    slurm_cluster.wait_until(lambda: len(_places(slurm_cluster)) == 2)
    places = {place.job.partition("_")[2]: place for place in _places(slurm_cluster)}
    assert sorted(places) == ["0", "1"]
    array = places["0"].job.partition("_")[0]
    assert {asked.about(place) for place in places.values()} == {RUNNING}
    asked.clock.now += 200.0
    assert asked.queue.alive([array, "999"]) == {array}
    slurm_cluster.scancel(f"{array}_1")
    slurm_cluster.wait_until(lambda: asked.about(places["1"]) == gone("CANCELLED"))
    assert asked.about(places["0"]) == RUNNING
    asked.clock.now += 200.0
    assert asked.queue.alive([array]) == {array}
    slurm_cluster.scancel(array)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    asked.clock.now += 200.0
    assert asked.queue.alive([array]) == set()


def test_a_job_that_was_submitted_from_within_a_task_is_not_taken_for_it(slurm_cluster: Cluster, asked: Asked) -> None:
    """It has inherited the names of the array and of the task, and says so in its claims."""
    Path("inner.sh").write_text(f"#!/bin/bash\n{TASK}\n")
    slurm_cluster.submit("sbatch inner.sh", "--array=0-1")
    slurm_cluster.wait_until(lambda: len(_places(slurm_cluster)) == 2)
    slurm_cluster.wait_until(lambda: len(slurm_cluster.squeue()) == 2)  # the outer ones have ended
    places = _places(slurm_cluster)
    assert any("_" in place.job for place in places)
    assert {asked.about(place) for place in places} == {RUNNING}


def test_a_requeued_run_is_gone_and_the_next_runs(slurm_cluster: Cluster, asked: Asked) -> None:
    """Both bear the same number."""
    first = _start(slurm_cluster)
    assert asked.about(first) == RUNNING
    slurm_cluster.run("scontrol", "requeue", first.job)
    slurm_cluster.wait_until(lambda: asked.about(first) == gone("REQUEUED"))
    (second,) = _places(slurm_cluster, restart=1)
    assert (second.job, second.restart) == (first.job, 1)
    assert asked.about(second) == RUNNING
    assert asked.about(first).is_gone


@pytest.mark.parametrize("option", ["--requeue", "--no-requeue"])
def test_a_run_on_a_node_that_is_down_is_gone(slurm_cluster: Cluster, asked: Asked, option: str) -> None:
    """Whether the job runs again elsewhere, or not at all."""
    place = _start(slurm_cluster, option)
    slurm_cluster.set_node(place.node, "down")
    verdict = slurm_cluster.wait_until(lambda: (found := asked.about(place)).is_gone and found)
    assert verdict == gone("REQUEUED" if option == "--requeue" else "NODE_FAIL")


def test_a_job_that_nobody_knows_is_unknown(slurm_cluster: Cluster, asked: Asked) -> None:
    """Neither the queue nor accounting does; nor is a job of another cluster known here."""
    place = _start(slurm_cluster)
    assert asked.about(replace(place, job="999", raw_job="999")) == UNKNOWN
    assert [call[0] for call in asked.calls] == ["squeue", "sacct"]
    assert asked.about(replace(place, cluster="elsewhere")) == UNKNOWN


def test_accounting_knows_what_the_queue_has_forgotten(slurm_cluster: Cluster) -> None:
    """Every run by itself, once accounting has been told."""
    first = _start(slurm_cluster)
    slurm_cluster.run("scontrol", "requeue", first.job)
    (second,) = _places(slurm_cluster, restart=1)

    def forgetful(command: Sequence[str]) -> str:
        return "" if command[0] == "squeue" else scheduler._run(command)

    clock = Clock()
    queue = SlurmQueue(forgetful, clock)

    def about(place: Place) -> Verdict:
        clock.now += 20.0
        return queue.ask([place])[place]

    slurm_cluster.wait_until(lambda: about(first) == gone("REQUEUED"))
    assert about(second) == UNKNOWN
    slurm_cluster.scancel(first.job)
    slurm_cluster.wait_until(lambda: about(second) == gone("CANCELLED"))


def test_without_the_controller_nothing_is_known(
    slurm_cluster: Cluster, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning however often it is asked, and one line when it works again."""
    caplog.set_level(logging.INFO, "hyperopt_app")
    place = _start(slurm_cluster)
    assert asked.about(place) == RUNNING
    slurm_cluster.stop_slurmctld()
    for _ in range(2):  # each takes some seconds
        assert asked.about(place) == UNKNOWN
        assert asked.queue.alive([place.job]) is None
    slurm_cluster.restart_slurmctld()
    assert asked.about(place) == RUNNING
    warning, back = [record.getMessage() for record in caplog.records]
    assert "Unable to contact slurm controller" in warning
    assert back == "squeue works again"
    assert len(asked.calls) == 4


def test_one_process_asks_for_fifty_claims(slurm_cluster: Cluster, asked: Asked) -> None:
    """The next call answers for all that were asked about before it."""
    place = _start(slurm_cluster)
    claims = [{"place": asdict(replace(place, task=str(task)))} for task in range(50)]
    assert {asked.queue.verdict(claim) for claim in claims} == {RUNNING}
    assert [call[0] for call in asked.calls] == ["squeue"]


def test_the_users_own_settings_change_nothing(
    slurm_cluster: Cluster, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sets a format or a filter for squeue sets it for his own eyes; the cluster is that of sbatch."""
    place = _start(slurm_cluster)
    monkeypatch.setenv("SQUEUE_STATES", "PENDING")
    monkeypatch.setenv("SQUEUE_PARTITION", "high")
    assert asked.about(place) == RUNNING
    monkeypatch.setenv("SLURM_CLUSTERS", place.cluster)
    assert asked.about(place) == RUNNING
    monkeypatch.setenv("SLURM_CLUSTERS", "elsewhere")
    assert asked.about(place) == UNKNOWN


@pytest.mark.slow
def test_without_accounting_the_queue_is_enough(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It remembers jobs that have ended; of others nothing is known, and nothing is said."""
    with temporary_cluster(accounting=False) as cluster:
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
        place = _start(cluster)
        unknown = replace(place, job="999", raw_job="999")
        assert (asked.about(place), asked.about(unknown)) == (RUNNING, UNKNOWN)
        cluster.scancel(place.job)
        cluster.wait_until(lambda: asked.about(place) == gone("CANCELLED"))
        assert asked.about(unknown) == UNKNOWN
    assert not caplog.records
    assert sum(call[0] == "sacct" for call in asked.calls) == 1
