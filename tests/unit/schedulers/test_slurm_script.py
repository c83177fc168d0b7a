# SPDX-License-Identifier: MIT
"""What of the launcher's fields reaches sbatch, and how; no Slurm is asked."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hyperopt_app.config.launchers import SlurmWorkersConf
from hyperopt_app.schedulers.slurm import Slurm, header_faults, script, stock_faults, words_on_each_node

PAYLOAD = Path("/a study/launches/0/payload.pkl")


def _settings(**changes: Any) -> dict[str, Any]:
    plain: Any = OmegaConf.to_container(OmegaConf.structured(SlurmWorkersConf(submitit_folder="/a study/workers")))
    return {**plain, "name": "search", **changes}


def _header(**changes: Any) -> list[str]:
    lines = script(_settings(**changes), PAYLOAD, 4).splitlines()
    return [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")]


def test_every_field_of_submitits_schema_is_an_option() -> None:
    """As hydra-submitit-launcher passes them."""
    fields: dict[str, Any] = {
        "account": "NAML0001",
        "partition": "gpu",
        "qos": "high",
        "constraint": "v100",
        "exclude": "n[1-2]",
        "gres": "gpu:v100:1",
        "cpus_per_task": 8,
        "mem_gb": 128,
        "nodes": 2,
        "tasks_per_node": 3,
        "timeout_min": 90,
        "comment": "a comment",
        "mem_per_gpu": "10G",
        "mem_per_cpu": "2G",
        "gpus_per_task": 1,
        "cpus_per_gpu": 4,
    }
    header = _header(**fields)
    assert {
        *("--account=NAML0001", "--partition=gpu", "--qos=high", "--constraint=v100", "--exclude='n[1-2]'"),
        *("--gres=gpu:v100:1", "--cpus-per-task=8", "--mem=128GB", "--nodes=2", "--ntasks-per-node=3", "--time=90"),
        *("--comment='a comment'", "--mem-per-gpu=10G", "--mem-per-cpu=2G", "--gpus-per-task=1", "--cpus-per-gpu=4"),
        *("--job-name=search", "--array=0-3%4"),
    } <= set(header)


def test_other_options_pass_by_their_long_and_short_names() -> None:
    """A short name is written as its long one; true is an option without a value, false and null are none."""
    extra = {"mail-user": "a@b", "q": "express", "exclusive": True, "hold": False, "nice": None}
    header = _header(additional_parameters=extra)
    assert {"--mail-user=a@b", "--qos=express", "--exclusive"} <= set(header)
    assert not any(line.startswith(("--hold", "--nice")) for line in header)


def test_the_parallelism_of_the_array_is_limited() -> None:
    """By array_parallelism."""
    assert "--array=0-3%2" in _header(array_parallelism=2)


@pytest.mark.parametrize("python", ["python; touch HACKED", "python $(touch HACKED)", "python\ttouch `HACKED`"])
def test_the_interpreter_is_words_and_no_command(python: str) -> None:
    """A container's program and its arguments may stand there; the shell sees quoted words."""
    text = script(_settings(python=python.replace("\t", " ")), PAYLOAD, 1)
    lines = [line for line in text.splitlines() if "HACKED" in line]
    assert lines
    assert all("'" in line for line in lines)
    assert not any(line.split("HACKED")[0].endswith(("; touch ", "$(touch ")) and "'" not in line for line in lines)


def test_setup_lines_stand_before_the_command() -> None:
    """They are the user's own shell lines, as written."""
    lines = script(_settings(setup=["module load cuda", "source env/bin/activate"]), PAYLOAD, 1).splitlines()
    command = next(number for number, line in enumerate(lines) if line.startswith("srun"))
    assert lines.index("module load cuda") < lines.index("source env/bin/activate") < command


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"comment": "a\ntouch HACKED"}, "hydra.launcher.comment"),
        ({"account": "a\rb"}, "hydra.launcher.account"),
        ({"srun_args": ["--a\n"]}, "hydra.launcher.srun_args"),
        ({"additional_parameters": {"nice": "1\n2"}}, "hydra.launcher.additional_parameters.nice"),
        ({"additional_parameters": {"a\nb": 1}}, "is not an option's name"),
        ({"additional_parameters": {"array": "0-9"}}, "sets this option itself"),
        ({"additional_parameters": {"Z": 1}}, "short option is not known"),
        ({"additional_parameters": {"t": 3}}, "write hydra.launcher.timeout_min"),
        ({"additional_parameters": {"ntasks_per_node": 3}}, "write hydra.launcher.tasks_per_node"),
        ({"use_srun": False, "nodes": 2}, "use_srun"),
        ({"nodes_per_trial": 2, "use_srun": False}, "false starts no ranks"),
        ({"nodes_per_trial": 2, "nodes": 3}, "nodes: 3 does not fit"),
        ({"nodes_per_trial": 2, "tasks_per_node": 2}, "tasks_per_node: 2 does not fit"),
        ({"ranks_per_node": 2, "workers_per_gpu": 2}, "workers_per_gpu: 2 does not fit"),
        ({"ranks_per_node": 2, "gpus_per_trial": 2}, "gpus_per_trial: 2 does not fit"),
        ({"ranks_per_node": 2, "gpus_per_task": 1}, "gpus_per_task: 1 does not fit"),
        ({"nodes_per_trial": 2, "isolation": "none"}, "hydra.launcher.isolation"),
    ],
)
def test_what_cannot_be_a_value_is_a_fault(changes: dict[str, Any], words: str) -> None:
    """A line end would end the comment in which sbatch reads its options, and what follows would be a command."""
    faults = header_faults(_settings(**changes))
    assert any(words in fault for fault in faults)


def test_a_trial_over_several_nodes_has_a_job_and_one_worker() -> None:
    """sbatch asks for CPUs for each rank; srun starts the worker once, on the first node."""
    settings = _settings(nodes_per_trial=3, ranks_per_node=4, gpus_per_node=4, srun_args=["--mine"])
    lines = script(settings, PAYLOAD, 2).splitlines()
    assert {"#SBATCH --nodes=3", "#SBATCH --ntasks-per-node=4", "#SBATCH --gpus-per-node=4"} <= set(lines)
    (started,) = [line for line in lines if line.startswith("srun")]
    assert "--nodes=1 --ntasks=1 --relative=0 --cpu-bind=none --mine " in started
    assert Slurm().sharing(settings).workers_per_job() == 1


def test_the_ranks_of_a_trial_get_the_same_options_of_srun(monkeypatch: pytest.MonkeyPatch) -> None:
    """As words, whatever stands in them; ours come after them, so the ranks are as many as they are counted."""
    wanted = ["--container-image=it's.sqsh", "--ntasks=7", "--comment=two words $HOME"]
    settings = _settings(nodes_per_trial=2, srun_args=wanted, setup=["true"])
    lines = script(settings, PAYLOAD, 1).splitlines()
    (line,) = [line for line in lines if line.startswith("export HYPEROPT_SRUN_ARGS=")]
    printed = subprocess.run(
        ["/bin/bash", "-c", f'{line}\nprintf %s "$HYPEROPT_SRUN_ARGS"'], capture_output=True, text=True, check=True
    )
    monkeypatch.setenv("HYPEROPT_SRUN_ARGS", printed.stdout)
    words = words_on_each_node(2)
    assert words[: 1 + len(wanted)] == ["srun", *wanted]
    assert words.index("--ntasks=2") > words.index("--ntasks=7")
    plain = script(_settings(srun_args=wanted), PAYLOAD, 1)
    assert "HYPEROPT_SRUN_ARGS" not in plain


def test_the_defaults_have_no_fault() -> None:
    """Nothing is asked for that is not needed."""
    assert header_faults(_settings()) == []


@pytest.mark.parametrize(
    ("minutes", "wanted_s", "used_s"),
    [
        (1, 120, 1),
        (2, 120, 30),
        (3, 120, 60),
        (4, 120, 120),
        (60, 120, 120),
        (1, 20, 20),
        (60, 7200, 1770),
        (0, 120, 120),
    ],
)
def test_a_short_job_is_not_asked_to_end_at_its_start(
    minutes: int, wanted_s: int, used_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Slurm takes any delay; one beyond the second half of the job's time is cut, and that is said once."""
    header = _header(timeout_min=minutes, signal_delay_s=wanted_s)
    assert f"--signal=USR2@{used_s}" in header
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == (used_s != wanted_s)
    assert all(f"hydra.launcher.signal_delay_s: Slurm would ask a job of {60 * minutes} s" in line for line in told)


@pytest.mark.parametrize(("minutes", "grace_s", "is_fault"), [(1, 31, True), (1, 30, False), (0, 9000, False)])
def test_the_grace_time_leaves_time_to_work(minutes: int, grace_s: float, is_fault: bool) -> None:
    """Half of a job's time at most goes to its end; the fault says what to set."""
    faults = header_faults(_settings(timeout_min=minutes, grace_s=grace_s))
    assert len(faults) == is_fault
    assert all("hydra.launcher.grace_s" in fault and "(timeout_min=1); set at most 30" in fault for fault in faults)


@pytest.mark.parametrize(("minutes", "is_fault"), [(1, True), (2, True), (3, False), (0, False)])
def test_the_stock_launchers_job_is_not_asked_to_end_at_its_start(minutes: int, is_fault: bool) -> None:
    """What it submits is not ours, so it is refused, with what to set."""
    faults = stock_faults({"timeout_min": minutes, "signal_delay_s": 120})
    assert len(faults) == is_fault
    assert all("hydra.launcher.signal_delay_s" in one and f"set at most {minutes * 30}, or" in one for one in faults)
