# SPDX-License-Identifier: MIT
"""The script of a PBS job: against a golden file, as bash runs it, and what no YAML value can do to it."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.config.launchers import PbsWorkersConf
from hyperopt_app.errors import ConfigError
from hyperopt_app.processes.python_start import module_words
from hyperopt_app.schedulers.pbs import header_faults, script, sharing_of, walltime_s

GOLDEN = Path(__file__).parent / "golden" / "worker.pbs"
PAYLOAD = Path("/scratch/my study/launches/0/payload.pkl")


def _settings(**changes: Any) -> dict[str, Any]:
    return {**vars(PbsWorkersConf()), "name": "holodec", "folder": "/scratch/my study/workers/pbs", **changes}


def test_the_script_is_the_golden_one() -> None:
    """Every directive of PBS Pro stands where it should; the wrapper over Slurm does not know them all."""
    settings = _settings(
        account="NAML0001",
        queue="main",
        project="climate",
        ncpus=8,
        ngpus=2,
        mem="64gb",
        walltime="12:00:00",
        directives=["-l gpu_type=a100", "-l job_priority=regular"],
        setup=["module load cuda", "conda activate holodec"],
        python="'/opt/my python/bin/python'",
    )
    words = shlex.join(module_words("hyperopt_app.worker_process"))  # Python 3.10 has no -P
    golden = GOLDEN.read_text().replace("-P -m hyperopt_app.worker_process", words)
    assert script(settings, PAYLOAD, 3) == golden


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"select": "1:ncpus=4:ngpus=1:gpu_type=v100"}, "#PBS -l select=1:ncpus=4:ngpus=1:gpu_type=v100"),
        ({"nodes": "1:ppn=4:gpus=2"}, "#PBS -l nodes=1:ppn=4:gpus=2"),
        ({"ncpus": 2}, "#PBS -l select=1:ncpus=2"),
        ({"walltime": 43200}, "#PBS -l walltime=12:00:00"),
        ({"walltime": "2:00:00:00"}, "#PBS -l walltime=48:00:00"),
        ({"queue": "gpu@server"}, "#PBS -q gpu@server"),
    ],
)
def test_resources_and_limits(changes: dict[str, Any], line: str) -> None:
    """PBS Pro's and Torque's words for resources, and a walltime in each form that YAML may make of it."""
    assert line in script(_settings(**changes), PAYLOAD, 0).splitlines()


@pytest.mark.parametrize(
    ("changes", "workers"),
    [
        ({}, 1),
        ({"ngpus": 4}, 4),
        ({"ngpus": 4, "workers_per_gpu": 2}, 8),
        ({"ngpus": 4, "gpus_per_trial": 2}, 2),
        ({"select": "1:ncpus=4:ngpus=2"}, 2),
        ({"nodes": "1:ppn=4:gpus=3"}, 3),
    ],
)
def test_workers_of_a_job(changes: dict[str, Any], workers: int) -> None:
    """One for each slot of the job's GPUs."""
    assert sharing_of(_settings(**changes)).workers_per_job() == workers


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"account": "a\n#PBS -q secret"}, "hydra.launcher.account"),
        ({"account": "$(touch HACKED)"}, "hydra.launcher.account"),
        ({"name": "two words"}, "hydra.launcher.name"),
        ({"queue": "a;b"}, "hydra.launcher.queue"),
        ({"directives": ["touch HACKED"]}, "hydra.launcher.directives"),
        ({"directives": ["-l a\ntouch HACKED"]}, "hydra.launcher.directives"),
        ({"walltime": "soon"}, "hydra.launcher.walltime"),
        ({"walltime": "0"}, "hydra.launcher.walltime"),
        ({"select": "2:ncpus=1"}, "several nodes"),
        ({"nodes": "1:ppn=1+1:gpus=1"}, "several nodes"),
        ({"select": "1", "nodes": "1"}, "not both"),
        ({"directives": ["-J 1-3"]}, "the launcher sets -J itself; remove it"),
        ({"directives": ["-t1-3"]}, "the launcher sets -t itself; remove it"),
        ({"directives": ["-o /tmp/x"]}, "the launcher sets -o itself; remove it"),
        ({"directives": ["-l mem=1gb,walltime=1"]}, "write hydra.launcher.walltime"),
        ({"directives": ["-q fast"]}, "write hydra.launcher.queue"),
    ],
)
def test_what_cannot_be_a_value_is_a_fault(changes: dict[str, Any], words: str) -> None:
    """It is told with its key, and no script is made."""
    settings = _settings(**changes)
    assert any(words in fault for fault in header_faults(settings))
    with pytest.raises(ConfigError):
        script(settings, PAYLOAD, 0)


HOSTILE = st.sampled_from(
    ["$(touch HACKED)", "`touch HACKED`", "'; touch HACKED; '", '"; touch HACKED #', "ü ö", "a\\"]
)


@given(folder=HOSTILE, python=st.sampled_from(["false ; touch HACKED", "false $(touch HACKED)"]), payload=HOSTILE)
def test_no_value_becomes_a_command(
    tmp_path_factory: pytest.TempPathFactory, folder: str, python: str, payload: str
) -> None:
    """Paths and programs are words to the shell, whatever stands in them: bash runs the script, nothing is touched."""
    here = tmp_path_factory.mktemp("job")
    (here / folder).mkdir(parents=True)
    text = script(_settings(folder=str(here / folder), python=python), here / payload / "payload.pkl", 0)
    subprocess.run(["/bin/bash"], input=text, cwd=here, text=True, capture_output=True, check=False)
    assert not list(here.rglob("HACKED"))


def _run(text: str, folder: Path, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PBS_JOBID": "7.server", **variables}
    subprocess.run(["/bin/bash"], input=text, cwd=folder, env=environment, text=True, check=False)
    return (folder / "worker-0.7.server.log").read_text()


def test_torques_gpu_file_becomes_the_visible_gpus(tmp_path: Path) -> None:
    """One line names one GPU; what the site has set itself stays."""
    gpus = tmp_path / "gpus"
    gpus.write_text("node1-gpu0\nnode1-gpu3\n")
    text = script(
        _settings(folder=str(tmp_path), python="echo", setup=['echo "GPUs: $CUDA_VISIBLE_DEVICES"']), PAYLOAD, 0
    )
    assert "GPUs: 0,3\n" in _run(text, tmp_path, PBS_GPUFILE=str(gpus))
    assert "GPUs: GPU-1\n" in _run(text, tmp_path, PBS_GPUFILE=str(gpus), CUDA_VISIBLE_DEVICES="GPU-1")


def test_the_shell_outlives_the_signals_that_end_its_workers(tmp_path: Path) -> None:
    """What comes after the workers still runs, and the workers' status is the script's."""
    program = tmp_path / "python.sh"
    program.write_text('echo "worker: $*"; kill -TERM $PPID; sleep 0.1; exit 5\n')
    text = script(_settings(folder=str(tmp_path), python=f"bash {program}"), PAYLOAD, 0)
    environment = {"PATH": os.environ["PATH"], "PBS_JOBID": "7.server"}
    done = subprocess.run(["/bin/bash"], input=text, cwd=tmp_path, env=environment, text=True, check=False)
    assert done.returncode == 5
    log = (tmp_path / "worker-0.7.server.log").read_text()
    assert [line.count("--after-job") for line in log.splitlines()] == [0, 1]


@given(st.integers(1, 10**7))
def test_walltime_is_read_as_it_is_written(seconds: int) -> None:
    """Hours, minutes and seconds, and bare seconds, are the same time."""
    hours, rest = divmod(seconds, 3600)
    assert walltime_s(f"{hours}:{rest // 60:02}:{rest % 60:02}") == seconds == walltime_s(seconds)


def test_python_is_this_one_unless_told_otherwise() -> None:
    """The worker finds the packages that the driver has."""
    words = shlex.join([sys.executable, "-u", *module_words("hyperopt_app.worker_process")])
    assert f"\n{words} " in script(_settings(), PAYLOAD, 0)


@pytest.mark.parametrize(("walltime", "is_fault"), [("00:00:19", True), (20, False), ("12:00:00", False)])
def test_the_grace_time_leaves_time_to_work(walltime: Any, is_fault: bool) -> None:
    """Half of a job's time at most goes to its end; the fault says what to set."""
    faults = header_faults(_settings(walltime=walltime))
    assert len(faults) == is_fault
    assert all("hydra.launcher.grace_s" in fault and "set at most 9.5" in fault for fault in faults)
