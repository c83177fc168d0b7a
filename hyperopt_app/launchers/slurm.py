# SPDX-License-Identifier: MIT
"""`hydra/launcher: slurm_workers`: workers as one array of Slurm jobs. Runs in the driver.

submitit writes the header and talks to sbatch; what the jobs run is `worker_process` with a frozen payload. Every value
of the YAML goes to sbatch as a value: nothing in it can become a command but the lines of `setup`.
"""

import logging
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import submitit
from hydra.core.utils import JobReturn
from hydra.types import HydraContext
from omegaconf import DictConfig
from submitit.core.utils import CommandFunction, FailedJobError, FailedSubmissionError

from hyperopt_app.errors import ConfigError, SubmissionError
from hyperopt_app.launchers.cluster import (
    attach_or_submit,
    control_characters,
    grace_faults,
    plan_of,
    prepare,
    python_words,
    worker_command,
)
from hyperopt_app.launchers.jobs import new_place, remember_jobs
from hyperopt_app.launchers.payload import freeze
from hyperopt_app.schedulers.gpu_slots import Sharing, gpus_in
from hyperopt_app.schedulers.sbatch_options import SHORT_OPTIONS
from hyperopt_app.support.wording import front

__all__ = ["header_faults", "launch", "script", "sharing_of", "stock_faults"]

_log = logging.getLogger(__name__)

# The fields that are ours, not sbatch's.
_OWN = {
    *("detach", "gpus_per_trial", "grace_s", "isolation", "max_resubmissions", "node_check", "signals"),
    *("workers_per_gpu", "max_num_timeout", "python", "submitit_folder", "_recursive_"),
}
# What the launcher itself sets.
_TAKEN = {"array", "a", "wrap", "output", "o", "error", "e", "parsable", "test-only", "input", "i"}
# What submitit writes of a field; given once more, the workers would not be where we count on them.
_FIELDS = {
    "time": "timeout_min",
    "t": "timeout_min",
    "nodes": "nodes",
    "N": "nodes",
    "ntasks-per-node": "tasks_per_node",
    "ntasks": "tasks_per_node",
    "n": "tasks_per_node",
    "job-name": "name",
    "J": "name",
    "gpus-per-node": "gpus_per_node",
    "gpus-per-task": "gpus_per_task",
    "cpus-per-task": "cpus_per_task",
    "c": "cpus_per_task",
    "signal": "signal_delay_s",
}
_DEFAULT_MAX_ARRAY = 1001
# Seconds by which Slurm's signal comes early: it looks at a job's time every half minute, and half a minute ahead.
_EARLY_S = 30


def launch(
    context: HydraContext,
    config: DictConfig,
    task_function: Callable[[Any], Any],
    job_overrides: Sequence[Sequence[str]],
    settings: Mapping[str, Any],
) -> list[JobReturn]:
    """Submit the workers of a sweep, or attach to those that still wait or run; see `SlurmWorkersLauncher.launch`.

    Raises:
        ConfigError: A value cannot be passed to sbatch.
        SubmissionError: sbatch is not there, or refuses.
        KeyboardInterrupt: The user pressed Ctrl-C; what happens to the jobs was asked.
    """
    plan = plan_of(task_function, "slurm_workers", "submitit_slurm")
    prepare(context, config)

    def submit() -> list[str]:
        return _submit_all(context, config, task_function, job_overrides, settings)

    logs = _folder_of(settings)
    return attach_or_submit(plan, "slurm", ["scancel"], submit, logs=logs, detach=bool(settings["detach"]))


def _submit_all(
    context: HydraContext,
    config: DictConfig,
    task_function: Any,
    job_overrides: Sequence[Sequence[str]],
    settings: Mapping[str, Any],
) -> list[str]:
    study_dir = task_function.plan.study_dir
    sharing = sharing_of(settings)
    per_job = sharing.workers_per_job()
    count = -(-len(job_overrides) // per_job)
    place = new_place(study_dir)
    # The script is made first: a fault of the header is told before anything is written.
    make = _executors(settings, place / "payload.pkl", count, _max_array_size())
    frozen = {"sharing": vars(sharing), "max_resubmissions": settings["max_resubmissions"]}
    freeze(place, context, config, task_function, job_overrides, frozen)
    jobs = []
    for executor in make:
        jobs.append(executor.submit_workers())
        remember_jobs(study_dir, "slurm", jobs, count)
    _log.info("Submitted %d worker(s) in %d job(s): %s", len(job_overrides), count, ", ".join(jobs))
    return jobs


def script(settings: Mapping[str, Any], payload: Path, count: int) -> str:
    """The exact script that would be submitted for `count` jobs.

    Raises:
        ConfigError: A value cannot be passed to sbatch.
    """
    return "\n".join(one.text() for one in _executors(settings, payload, count, _DEFAULT_MAX_ARRAY))


def sharing_of(settings: Mapping[str, Any]) -> Sharing:
    """The slots that the fields ask for."""
    own = gpus_in(settings.get("gres")) + int(settings.get("gpus_per_node") or 0)
    return Sharing(
        nodes=int(settings["nodes"] or 1),
        tasks_per_node=int(settings["tasks_per_node"] or 1),
        gpus_per_node=own,
        gpus_per_task=int(settings.get("gpus_per_task") or 0),
        workers_per_gpu=int(settings["workers_per_gpu"]),
        gpus_per_trial=int(settings["gpus_per_trial"]),
    )


def header_faults(settings: Mapping[str, Any]) -> list[str]:
    """What in the fields cannot be a value of sbatch; pure."""
    faults, where = list[str](), "hydra.launcher.additional_parameters"
    extra = settings.get("additional_parameters") or {}
    flat = {name: value for name, value in settings.items() if name not in {"setup", "additional_parameters"}}
    faults += control_characters(flat | {f"additional_parameters.{key}": value for key, value in extra.items()})
    for key in extra:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", str(key)):
            faults.append(f"{where}.{key!r}: this is no option's name; write it as sbatch does")
        elif str(key).replace("_", "-") in _TAKEN:
            faults.append(f"{where}.{key}: the launcher sets this option itself; remove it")
        elif (field := _FIELDS.get(str(key).replace("_", "-"))) is not None:
            faults.append(f"{where}.{key}: the launcher has a field for it; write hydra.launcher.{field}")
        elif len(str(key)) == 1 and key not in SHORT_OPTIONS:
            faults.append(f"{where}.{key}: this short option is not known; write the long one")
    if (limit_s := _limit_s(settings)) > 0:
        faults += grace_faults(settings, limit_s, f"timeout_min={settings['timeout_min']}")
    if not settings["use_srun"] and (int(settings["nodes"] or 1) > 1 or int(settings["tasks_per_node"] or 1) > 1):
        faults.append(
            "hydra.launcher.use_srun: false starts one task; set nodes and tasks_per_node to 1, or use_srun to true"
        )
    return faults


def stock_faults(settings: Mapping[str, Any]) -> list[str]:
    """What in the fields of the stock launcher would end its jobs at their start; pure."""
    wanted, limit_s = int(settings.get("signal_delay_s") or 0), _limit_s(settings)
    if limit_s <= 0 or wanted < limit_s:
        return []
    asks = f"Slurm asks a job of {limit_s} s (timeout_min={settings['timeout_min']}) to end {wanted} s before its end"
    return [
        f"hydra.launcher.signal_delay_s: {asks}, so at its very start; set at most {limit_s // 2}, or a longer limit"
    ]


def _limit_s(settings: Mapping[str, Any]) -> int:
    """Seconds that a job may take; 0 for no limit."""
    return 60 * int(settings.get("timeout_min") or 0)


def _signal_delay_s(settings: Mapping[str, Any]) -> int:
    """Seconds before its end at which Slurm asks a job to end: of a short job within the second half.

    Slurm takes any delay, and asks a job that is shorter at its very start. Its workers know their end by themselves.
    """
    wanted, limit_s = int(settings["signal_delay_s"]), _limit_s(settings)
    if limit_s <= 0 or wanted <= limit_s // 2:
        return wanted
    used = max(1, limit_s // 2 - _EARLY_S)
    _log.warning(
        "hydra.launcher.signal_delay_s: Slurm would ask a job of %d s (timeout_min=%s) to end %d s before its end, so "
        "at its very start; it is told to ask %d s before. Set at most %d, or a longer limit.",
        *(limit_s, settings["timeout_min"], wanted, used, limit_s // 2),
    )
    return used


class _Executor(submitit.SlurmExecutor):
    """submitit's executor, with our command in the place of its own."""

    def __init__(self, folder: Path, python: str, payload: Path) -> None:
        super().__init__(folder, max_num_timeout=0, python=python)
        self.command = worker_command(python, payload)

    @classmethod
    def affinity(cls) -> int:
        return 2  # a script can be shown where there is no Slurm

    def text(self) -> str:
        return self._make_submission_file_text(self.command, "")

    def submit_workers(self) -> str:
        """Submit the array and return its number."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return str(self._submit_command(self.command).job_id).partition("_")[0]
        except FileNotFoundError as error:
            where = f"give the command where Slurm is{front().without_scheduler}"
            raise SubmissionError(f"{front().launcher}: sbatch is not here; {where}") from error
        except (FailedJobError, FailedSubmissionError, subprocess.SubprocessError, OSError) as error:
            raise SubmissionError(
                f"sbatch refused the workers: {_reason(error)}\n"
                f"Nothing is lost: mend it and give the same command again{front().without_scheduler}."
            ) from error


def _executors(settings: Mapping[str, Any], payload: Path, count: int, max_array: int) -> list[_Executor]:
    faults = header_faults(settings)
    if faults:
        raise ConfigError(faults)
    folder = _folder_of(settings)
    python = python_words(settings)
    parameters = _parameters(settings, python, payload)
    made = []
    for first in range(0, count, max_array - 1):
        executor = _Executor(folder, python, payload)
        executor.update_parameters(**executor._convert_parameters(parameters))
        executor.parameters["map_count"] = min(max_array - 1, count - first)
        made.append(executor)
    return made


def _folder_of(settings: Mapping[str, Any]) -> Path:
    return Path(str(settings["submitit_folder"]).replace("/%j", "").replace("%j", "jobs")).absolute()


def _parameters(settings: Mapping[str, Any], python: str, payload: Path) -> dict[str, Any]:
    """Submitit's parameters from our fields."""
    kept = {name: value for name, value in settings.items() if name not in _OWN and name != "_target_"}
    # submitit would convert a None as if it were a number.
    found = {name: value for name, value in kept.items() if value is not None}
    extra = found.get("additional_parameters") or {}
    long = {SHORT_OPTIONS.get(str(key), str(key)): value for key, value in extra.items() if value not in (None, False)}
    found["additional_parameters"] = long
    found["signal_delay_s"] = _signal_delay_s(settings)
    found["setup"] = [*(settings.get("setup") or []), *_end_lines(int(settings["timeout_min"]))]
    after = worker_command(python, payload, "--after-job")
    found["teardown"] = ["hyperopt_status=$?", after, 'exit "$hyperopt_status"']
    return found


def _end_lines(minutes: int) -> list[str]:
    """Shell lines that tell the workers when the job ends: as Slurm says, else as was asked for."""
    # The number of the last task is the array's, too: by that Slurm would answer for all tasks.
    task = '"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"'
    return [
        f"hyperopt_end=$(squeue --noheader --states all --jobs {task} --format %e 2>/dev/null | head -n 1)",
        f'HYPEROPT_END=$(date --date "${{hyperopt_end:-+{minutes} minutes}}" +%s 2>/dev/null)',
        "export HYPEROPT_END",
    ]


def _max_array_size() -> int:
    """The site's largest array; Slurm's default if it does not say."""
    try:
        text = CommandFunction(["scontrol", "show", "config"], verbose=False)()
    except (OSError, FailedJobError):
        return _DEFAULT_MAX_ARRAY
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", text, re.MULTILINE)
    return max(2, int(found[1])) if found else _DEFAULT_MAX_ARRAY


def _reason(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "sbatch:" in line or "error" in line.lower()]
    return " ".join((told or lines)[-3:]) or type(error).__name__
