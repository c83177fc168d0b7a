# SPDX-License-Identifier: MIT
"""What other users of a cluster can do to jobs that wait, and see of a study whose workers are jobs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.cluster.slurm import NODES, Cluster
from tests.conftest import REPO, _run_python
from tests.contracts import servers
from tests.end_to_end._leaks import OVERRIDES, SECRETS, holding, leaky_app, modes_that_are_not_told
from tests.end_to_end._studies import trials_of

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(240)]

STUDY = Path("study")
LAUNCH = STUDY / "launches/0"
JOBS = ("--multirun", "hydra/launcher=slurm_workers", "hydra.launcher.timeout_min=5", "hydra.sweeper.n_jobs=1")


def _anothers_file() -> None:
    os.chown(LAUNCH / "payload.pkl", 4321, -1)


def _folder_of_all() -> None:
    os.chown(LAUNCH / "payload.pkl", os.geteuid(), -1)
    LAUNCH.chmod(0o777)


def _said(cluster: Cluster, tamper: Callable[[], None], submit: Callable[[], object]) -> str:
    """What the worker of a job has written whose payload was tampered with while the job waited."""
    for node in NODES:
        cluster.set_node(node, "drain")
    submit()
    tamper()
    for node in NODES:
        cluster.set_node(node, "resume")
    cluster.wait_until(lambda: not cluster.squeue(), 60)
    logs = [path for path in (STUDY / "workers/slurm").glob("*.*") if path.suffix in {".out", ".err"}]
    return "".join(path.read_text() for path in logs)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_waiting_job_runs_nobody_elses_payload(slurm_cluster: Cluster) -> None:
    """Of another owner, or in a folder that others may write: the worker says so, and no trial is touched."""
    app = leaky_app(Path("app"))
    command = (app, *JOBS, "hydra.launcher.detach=true")
    said = _said(slurm_cluster, _anothers_file, lambda: _run_python(*command))
    assert f"{LAUNCH.absolute()}/payload.pkl belongs to user 4321, and this process runs as user 0" in said
    script = min((STUDY / "workers/slurm").glob("*submission*.sh"))
    said = _said(slurm_cluster, _folder_of_all, lambda: slurm_cluster.run("sbatch", script))
    assert f"{LAUNCH.absolute()} may be written by other users (mode 777)" in said
    assert "Traceback" not in said
    assert {trial.state for trial in trials_of(STUDY)} == {TrialState.WAITING}


def test_jobs_show_no_password(slurm_cluster: Cluster) -> None:
    """The database's and the app's own are in no file that others may read: scripts and logs of jobs included.

    All files have the modes that docs/security.md tells.
    """
    with servers.postgresql() as server:
        storage = f"hydra.sweeper.storage='{server.new_database()}?sslpassword=Zq7 0pt w'"
        done = _run_python(
            leaky_app(Path("app")), *JOBS, storage, "hydra.sweeper.study_name=s", *OVERRIDES, timeout=150
        )
    output = done.stdout + done.stderr
    assert "Best: trial" in output
    assert [*(STUDY / "workers/slurm").glob("*submission*.sh")]
    secrets = (*SECRETS, *servers.PASSWORD.split(), "cr%40t")
    assert holding(STUDY, secrets) == []
    assert not [secret for secret in secrets if secret in output]
    assert modes_that_are_not_told(STUDY, REPO / "docs/security.md") == []
