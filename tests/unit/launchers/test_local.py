# SPDX-License-Identifier: MIT
"""Places for local workers, and what becomes of a worker that dies."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus

from hyperopt_app.errors import ConfigError
from hyperopt_app.launchers import local as local_workers
from hyperopt_app.launchers.local import LocalProcesses, WorkerDiedError, places
from tests.unit._made_sweeps import made_sweep, write_configs

GPU = "CUDA_VISIBLE_DEVICES"

PLACES: dict[str, tuple[Any, list[str | None]]] = {
    "all at once": ((3, None, None, 1), [None, None, None]),
    "some at a time": ((3, 2, None, 1), [None, None]),
    "fewer jobs than places": ((1, 4, None, 1), [None]),
    "one GPU": ((3, None, [2], 1), ["2"]),
    "spread before doubling up": ((4, None, [0, 1], 2), ["0", "1", "0", "1"]),
    "no more than jobs": ((3, None, [0, 1], 2), ["0", "1", "0"]),
    "no more than allowed": ((9, 3, [0, 1], 2), ["0", "1", "0"]),
    "no more than the GPUs hold": ((9, 8, [0, 3], 1), ["0", "3"]),
    "no jobs": ((0, None, None, 1), []),
    "several GPUs for each": ((9, None, [0, 1, 4, 5, 6], 1, 2), ["0,1", "4,5"]),
    "several for each, and none listed": ((2, None, None, 1, 2), [None, None]),
}


@pytest.mark.parametrize("case", PLACES)
def test_the_places_where_a_job_can_run_at_a_time(case: str) -> None:
    """As many as jobs, as allowed, and as the GPUs hold; without GPUs the environment is left as it is."""
    arguments, devices = PLACES[case]
    assert places(*arguments) == [{} if device is None else {GPU: device} for device in devices]


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        ((2, 0, None, 1), ["max_parallel: 0"]),
        ((2, None, None, 0), ["workers_per_gpu: 0"]),
        ((2, None, [], 1), ["gpus: []"]),
        ((2, None, [0, -1], 1), ["gpus: [0, -1]"]),
        ((2, None, [0, 1], 1, 0), ["gpus_per_trial: 0"]),
        ((2, -1, [], -2), ["max_parallel: -1", "workers_per_gpu: -2", "gpus: []"]),
    ],
)
def test_wrong_numbers_are_told_all_at_once(arguments: Any, faults: list[str]) -> None:
    """Where, what came and what is allowed."""
    with pytest.raises(ConfigError) as error:
        places(*arguments)
    assert [fault.split(" is not allowed")[0] for fault in error.value.faults] == [
        f"hydra.launcher.{fault}" for fault in faults
    ]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((2, None, [0, 1, 2], 1, 4), "4 GPUs are wanted for each trial and gpus lists 3"),
        ((2, None, [0, 1], 2, 2), "set it to 1"),
    ],
)
def test_numbers_that_do_not_fit_together(arguments: Any, fault: str) -> None:
    """A trial needs as many devices as are listed, and does not share them."""
    with pytest.raises(ConfigError, match=fault):
        places(*arguments)


def _ended(code: str, tmp_path: Path) -> local_workers._Running:
    """A process that has run this code."""
    process = subprocess.Popen([sys.executable, "-c", code])
    process.wait()
    return local_workers._Running(3, 0, process, tmp_path / "3.result", tmp_path / "3.log")


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("raise SystemExit(3)", "exit code 3"),
        ("", "exit code 0"),
    ],
    ids=["killed", "failed", "silent"],
)
def test_a_worker_that_leaves_no_result_has_died(code: str, how: str, tmp_path: Path) -> None:
    """It is a failed job, with how it ended and where its output is; not an error of the launcher."""
    returned = local_workers._collect(_ended(code, tmp_path), ["x=1", "hydra.job.chdir=false"])
    assert returned.status is JobStatus.FAILED
    assert returned.overrides == ["x=1"]
    with pytest.raises(WorkerDiedError) as error:
        _ = returned.return_value
    assert str(error.value) == f"worker 3 died ({how}); its output is in {tmp_path / '3.log'}"


def test_a_result_counts_however_its_process_ended(tmp_path: Path) -> None:
    """A worker may die of something else after it has left its result."""
    one = _ended("raise SystemExit(3)", tmp_path)
    done = JobReturn(overrides=["x=1"], status=JobStatus.COMPLETED)
    done.return_value = 7
    one.result.write_bytes(cloudpickle.dumps(done))
    assert local_workers._collect(one, []).return_value == 7


def dying(conf: Any) -> int:
    """A task whose first job is killed."""
    print("here I am", flush=True)  # noqa: T201 - for the job's log
    if HydraConfig.get().job.num == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(conf.x)


@pytest.fixture
def gang() -> LocalProcesses:
    """Runs `dying`, one process at a time."""
    config = "x: 0\nsecret: postgresql://me:hush@host/db\nhydra: {sweep: {dir: study}}\n"
    context, composed = made_sweep(write_configs(Path.cwd() / "conf", {"config": config}))
    return LocalProcesses(context, composed, dying, max_parallel=1, gpus=[5], workers_per_gpu=1, grace_s=1.0)


def test_a_dead_worker_takes_no_other_along(gang: LocalProcesses) -> None:
    """The next job runs in its place; results are in the order of the jobs, output in a file for each."""
    died, done = gang.launch([["x=1"], ["x=2"]], initial_job_idx=4)
    assert (died.status, done.status) == (JobStatus.FAILED, JobStatus.COMPLETED)
    assert done.return_value == 2
    assert done.hydra_cfg is not None
    assert (done.hydra_cfg.hydra.job.num, done.hydra_cfg.hydra.job.id) == (5, "app_5")
    with pytest.raises(WorkerDiedError, match="worker 0 died"):
        _ = died.return_value
    assert [path.name for path in sorted(Path("study/workers").glob("*.log"))] == ["4.log", "5.log"]
    assert "here I am" in Path("study/workers/4.log").read_text()


def test_no_process_is_left_when_the_driver_is_interrupted(
    gang: LocalProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are asked to end, then killed; the interrupt goes on to whoever waits for it."""
    begun: list[subprocess.Popen[bytes]] = []

    def endless(_payload: bytes, _environment: dict[str, str], _log: Path) -> "subprocess.Popen[bytes]":
        code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); signal.pause()"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # it has begun to ignore the first of our signals
        begun.append(process)
        return process

    def interrupt(_seconds: float) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    gang._grace_s = 0.1
    monkeypatch.setattr(local_workers, "_start", endless)
    monkeypatch.setattr("time.sleep", interrupt)
    # Of its own: another program, or a test beside this one, may make and remove such a folder meanwhile.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        gang.launch([["x=1"], ["x=2"]], initial_job_idx=0)
    (process,) = begun
    with process:
        assert process.returncode == -signal.SIGTERM
    assert not list(tmp_path.glob("hyperopt-*"))
