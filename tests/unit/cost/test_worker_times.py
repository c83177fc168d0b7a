# SPDX-License-Identifier: MIT
"""When workers were at work: written at their begins and ends, and up to the last sign of life of those that died."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.cost.worker_times import WorkerTime, note_end_of_job, noting_time, read_worker_times, spanned_s
from hyperopt_app.processes.entries import started_at
from hyperopt_app.schedulers.gpu_slots import WORKERS_PER_GPU
from hyperopt_app.study.heartbeat import WorkerIdentity, beating

NOON = 1_800_000_000.0


def worker_in(study_dir: Path, name: str = "0-host-7", job: str = "") -> WorkerIdentity:
    """A worker whose sign of life belongs into this study."""
    beat = str(study_dir / "workers" / f"{name}.json")
    place = {"node": "n1", "job": job} if job else {}
    return WorkerIdentity(name, 0, "host", "machine", os.getpid(), 1, beat, place)


def worker_time(begun: float, ended: float, name: str = "w", gpus: float = 0.0) -> WorkerTime:
    """A worker that was at work from then to then, in seconds after noon."""
    return WorkerTime(name, 0, "host", "", "", gpus, NOON + begun, NOON + ended, is_at_work=False)


def test_a_worker_notes_when_it_begins_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its GPUs; half of one that two workers share."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv(WORKERS_PER_GPU, "2")
    identity, before = worker_in(tmp_path), time.time()
    with beating(identity), noting_time(identity):
        (at_work,) = read_worker_times(tmp_path, now=before + 5)
    (ended,) = read_worker_times(tmp_path)
    assert (at_work.is_at_work, at_work.gpus, at_work.ended) == (True, 0.5, before + 5)
    assert before <= ended.begun <= ended.ended <= time.time()
    assert (ended.worker, ended.host, ended.is_at_work) == ("0-host-7", "host", False)


def test_in_a_job_whose_script_is_of_an_earlier_release_the_time_begins_with_the_process(tmp_path: Path) -> None:
    """The cluster charges the seconds in which Python starts and imports."""
    identity, begun = worker_in(tmp_path, job="12_0"), started_at(os.getpid())
    with noting_time(identity):
        pass
    (noted,) = read_worker_times(tmp_path)
    assert begun is not None
    assert noted.begun == pytest.approx(begun, abs=0.1)
    assert (noted.node, noted.job) == ("n1", "12_0")
    assert begun < time.time()


def in_job(name: str, begun: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a job of Slurm that began then, on this machine."""
    job = {
        "SLURM_JOB_ID": "13",
        "SLURM_ARRAY_JOB_ID": "12",
        "SLURM_ARRAY_TASK_ID": name,
        "SLURMD_NODENAME": "n1",
        "HYPEROPT_BEGIN": begun,
    }
    for key, value in job.items():
        monkeypatch.setenv(key, value)
    return job


def test_in_a_job_the_time_is_that_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a worker that was killed; a run before and another job keep their ends."""
    runs = {"before": ("0", "100"), "killed": ("0", "200"), "ended": ("0", "200"), "other": ("1", "200")}
    for name, (task, begun) in runs.items():
        job = in_job(task, begun, monkeypatch)
        with noting_time(worker_in(tmp_path, f"0-{socket.gethostname()}-{name}", job=f"12_{task}")):
            path = tmp_path / "workers" / "times" / f"0-{socket.gethostname()}-{name}.json"
            alive = path.read_text()
        path.write_text(alive if name == "killed" else json.dumps({**json.loads(alive), "ended": 300.0}))
    note_end_of_job(tmp_path, {**job, "SLURM_ARRAY_TASK_ID": "0"})
    times = {known.worker.rpartition("-")[2]: known for known in read_worker_times(tmp_path)}
    assert {name: known.begun for name, known in times.items()} == {name: float(run[1]) for name, run in runs.items()}
    assert {name for name, known in times.items() if known.ended != 300} == {"killed", "ended"}
    assert times["killed"].ended == times["ended"].ended == int(times["ended"].ended)
    assert not any(known.is_at_work for known in times.values())


@pytest.mark.parametrize(("silent_s", "ended", "is_at_work"), [(5, 0, True), (300, -300, False)])
def test_who_was_killed_counts_up_to_its_last_sign_of_life(
    tmp_path: Path, silent_s: int, ended: float, *, is_at_work: bool
) -> None:
    """Its record has no end; a worker that beats is at work until now."""
    identity = worker_in(tmp_path)
    with noting_time(identity):
        begun_alone = (tmp_path / "workers" / "times" / "0-host-7.json").read_text()
    (tmp_path / "workers" / "times" / "0-host-7.json").write_text(begun_alone)
    record = {**json.loads(begun_alone), "begun": NOON - 1000}
    record.pop("ended", None)
    (tmp_path / "workers" / "times" / "0-host-7.json").write_text(json.dumps(record))
    beat = Path(identity.beat)
    beat.write_text("{}")
    os.utime(beat, (NOON - silent_s, NOON - silent_s))
    (known,) = read_worker_times(tmp_path, now=NOON)
    assert (known.ended - NOON, known.is_at_work) == (ended, is_at_work)


def test_without_a_sign_of_life_a_killed_worker_has_taken_no_time(tmp_path: Path) -> None:
    """Nothing is known of it, and nothing is made up."""
    path = tmp_path / "workers" / "times" / "w.json"
    path.parent.mkdir(parents=True)
    record = {"worker": "w", "number": 0, "host": "h", "node": "", "job": "", "gpus": 1, "begun": NOON}
    path.write_text(json.dumps(record))
    (known,) = read_worker_times(tmp_path, now=NOON + 1000)
    assert (known.seconds, known.is_at_work) == (0, False)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"begun": "x"}', '{"begun": 1, "ended": 2}', "\0"])
def test_what_is_no_record_is_passed_over(tmp_path: Path, text: str) -> None:
    """A file of the user's, or one that another release will write."""
    path = tmp_path / "workers" / "times" / "w.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert read_worker_times(tmp_path) == []


def test_a_folder_that_cannot_be_written_ends_no_training(tmp_path: Path) -> None:
    """Here a file has the folder's name."""
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "times").touch()
    with noting_time(worker_in(tmp_path)):
        pass
    assert read_worker_times(tmp_path) == []


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted), max_size=6)


@given(SPANS)
def test_the_hours_of_a_study_are_those_in_which_anybody_was_at_work(spans: list[list[int]]) -> None:
    """However the workers overlap."""
    seconds = {second for begun, ended in spans for second in range(begun, ended)}
    times: Any = [worker_time(begun, ended) for begun, ended in spans]
    assert spanned_s(times) == len(seconds)
