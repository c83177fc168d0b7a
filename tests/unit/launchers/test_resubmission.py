# SPDX-License-Identifier: MIT
"""When a job puts itself back into the queue."""

import os
import pickle
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from hyperopt_app import worker_process
from hyperopt_app.launchers.payload import HEAD
from hyperopt_app.launchers.resubmission import after_job, near_limit_s, note_deletion, note_end

JOB = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "1"}


class Slurm:
    """Answers for squeue and scontrol."""

    def __init__(self, state: str = "RUNNING\n") -> None:
        self.state = state
        self.calls: list[Sequence[str]] = []

    def __call__(self, words: Sequence[str]) -> str:
        self.calls.append(words)
        if words[0] == "scontrol" and self.state == "broken":
            raise subprocess.CalledProcessError(1, words)
        return "RUNNING\n" if self.state == "broken" else self.state

    @property
    def requeued(self) -> bool:
        return ["scontrol", "requeue", "7"] in self.calls


@pytest.fixture
def payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A payload that allows two resubmissions."""
    monkeypatch.setattr("sys.path", ["kept"])
    path = tmp_path / "payload.pkl"
    content = {
        "sys_path": [],
        "cwd": str(tmp_path),
        "environment": {},
        "settings": {"max_resubmissions": 2},
        "job": b"",
    }
    path.write_bytes(HEAD + pickle.dumps(content))
    return path


def test_a_job_whose_workers_were_told_to_end_goes_back(payload: Path) -> None:
    """As often as is allowed."""
    for allowed in (True, True, False):
        slurm = Slurm()
        note_end(payload, JOB)
        assert after_job(payload, JOB, slurm) == 0
        assert slurm.requeued is allowed


def test_the_last_task_of_an_array_is_not_taken_for_the_array(payload: Path) -> None:
    """Its own number is the array's: asked by that, Slurm would answer for all tasks, and requeue all of them."""
    task = {**JOB, "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}
    slurm = Slurm()
    note_end(payload, task)
    assert after_job(payload, task, slurm) == 0
    asked, put_back = slurm.calls
    assert asked[asked.index("--jobs") + 1] == "7_3"
    assert put_back == ["scontrol", "requeue", "7_3"]


def test_a_job_whose_workers_ended_by_themselves_does_not(payload: Path) -> None:
    """The budget is spent, or somebody has something to mend; Slurm is not even asked."""
    slurm = Slurm()
    assert after_job(payload, JOB, slurm) == 0
    assert slurm.calls == []


@pytest.mark.parametrize("state", ["COMPLETING\n", "CANCELLED\n", ""])
def test_a_cancelled_job_stays_away(payload: Path, state: str) -> None:
    """Its workers heard the same signal, but its owner wants it gone."""
    note_end(payload, JOB)
    slurm = Slurm(state)
    after_job(payload, JOB, slurm)
    assert not slurm.requeued


def test_a_note_of_an_earlier_run_is_not_read(payload: Path) -> None:
    """Each run of a job leaves its own."""
    note_end(payload, {**JOB, "SLURM_RESTART_COUNT": "0"})
    slurm = Slurm()
    after_job(payload, JOB, slurm)
    assert not slurm.requeued


def test_a_site_that_does_not_allow_it_is_no_error(payload: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The script's status stays the workers' own; the log says what goes on."""
    note_end(payload, JOB)
    assert after_job(payload, JOB, Slurm("broken")) == 0
    assert "could not be put back into the queue" in capsys.readouterr().err


def test_outside_a_job_there_is_nothing_to_note(payload: Path) -> None:
    """A worker started by hand."""
    note_end(payload, {})
    assert after_job(payload, {}, Slurm()) == 0
    assert [path.name for path in payload.parent.iterdir()] == ["payload.pkl"]


class Pbs:
    """Answers for qsub."""

    def __init__(self) -> None:
        self.calls: list[tuple[Sequence[str], Path]] = []

    def __call__(self, words: Sequence[str], folder: Path) -> str:
        self.calls.append((words, folder))
        return "8.server\n"


@pytest.mark.parametrize(
    ("out_of_time", "now_s", "comes_back"),
    [(True, 0, True), (False, 950, True), (False, 500, False)],
)
def test_a_pbs_job_submits_itself_again_at_its_limit_only(
    payload: Path, out_of_time: bool, now_s: float, comes_back: bool
) -> None:
    """One that was told to end long before was deleted by somebody, and stays so; its successor is remembered."""
    script = payload.parent / "worker-3.pbs"
    job = {"HYPEROPT_JOB": "7.server", "HYPEROPT_WORKER": "3", "HYPEROPT_END": "1000", "HYPEROPT_SCRIPT": str(script)}
    pbs = Pbs()
    note_end(payload, job, out_of_time=out_of_time)
    assert after_job(payload, job, pbs, lambda: now_s) == 0
    assert pbs.calls == ([(["qsub", "worker-3.pbs"], payload.parent)] if comes_back else [])
    known = [path.read_text() for path in payload.parent.glob("submitted-again-*")]
    assert known == (["8.server"] if comes_back else [])
    told = [path.name for path in payload.parent.glob("told-to-end-*")]
    assert told == ([] if comes_back else ["told-to-end-7.server"])


def test_how_near_to_its_limit_a_job_of_pbs_ends_because_of_it() -> None:
    """Two minutes before; of a short job in its second half alone, and as early as grace_s says."""
    assert [near_limit_s(limit_s, 10) for limit_s in (43200, 240, 60, 30)] == [120, 120, 30, 15]
    assert near_limit_s(43200, 600) == 600


@pytest.mark.parametrize(("near_s", "comes_back"), [(30, False), (120, True)])
def test_a_short_pbs_job_that_is_deleted_early_stays_away(payload: Path, near_s: float, comes_back: bool) -> None:
    """Of a job of one minute every moment is within two minutes of its limit."""
    content = pickle.loads(payload.read_bytes().removeprefix(HEAD))
    content["settings"]["near_limit_s"] = near_s
    payload.write_bytes(HEAD + pickle.dumps(content))
    job = {"HYPEROPT_JOB": "7", "HYPEROPT_WORKER": "3", "HYPEROPT_END": "1000", "HYPEROPT_SCRIPT": "worker-3.pbs"}
    pbs = Pbs()
    note_end(payload, job)
    after_job(payload, job, pbs, lambda: 960.0)
    assert bool(pbs.calls) is comes_back


def test_a_pbs_worker_comes_back_so_often_at_most(payload: Path) -> None:
    """The count is the worker's: its jobs have new numbers each time."""
    pbs = Pbs()
    for number in range(4):
        job = {"HYPEROPT_JOB": f"{number}.server", "HYPEROPT_WORKER": "3", "HYPEROPT_SCRIPT": "worker-3.pbs"}
        note_end(payload, job, out_of_time=True)
        after_job(payload, job, pbs)
    assert len(pbs.calls) == 2


@pytest.mark.parametrize(
    ("scheduler", "now_s", "is_noted"), [("pbs", 500, True), ("pbs", 950, False), ("slurm", 500, False)]
)
def test_a_deletion_is_noted_as_the_signal_comes(payload: Path, scheduler: str, now_s: float, is_noted: bool) -> None:
    """Not at the limit, and not where the scheduler says itself how its jobs ended."""
    job = {"HYPEROPT_JOB": "7.server", "HYPEROPT_END": "1000", "SLURM_JOB_ID": "7"}
    note_deletion(payload, {"scheduler": scheduler}, job, lambda: now_s)
    assert (payload.parent / "told-to-end-7.server").exists() is is_noted
    note_deletion(payload, {"scheduler": scheduler}, {}, lambda: now_s)  # a worker by hand
    assert len(list(payload.parent.glob("told-to-end-*"))) == is_noted


def test_a_worker_that_is_deleted_while_it_starts_notes_it(payload: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler may kill the job a moment later; the status is that of the signal."""
    content = pickle.loads(payload.read_bytes().removeprefix(HEAD))
    content["settings"] |= {"scheduler": "pbs", "sharing": {"gpus_per_node": 0, "workers_per_gpu": 1}}
    payload.write_bytes(HEAD + pickle.dumps(content))
    monkeypatch.setenv("HYPEROPT_JOB", "7.server")
    monkeypatch.setattr(worker_process, "_work", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        worker_process.main([str(payload)])
    assert end.value.code == 143
    assert (payload.parent / "told-to-end-7.server").exists()
    assert signal.getsignal(signal.SIGTERM) == before
