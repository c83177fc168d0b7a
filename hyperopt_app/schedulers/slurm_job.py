# SPDX-License-Identifier: MIT
"""Write and submit the script of a Slurm job array; submitit writes the header and calls sbatch.

The jobs run `worker_process` with a serialised payload. Every value from YAML reaches sbatch as a value; only the
lines of `setup` can become commands.
"""

import logging
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from hyperopt_app.schedulers.script import not_there, python_words, refused, worker_command
from hyperopt_app.support.wording import Wording

__all__ = ["WorkersExecutor"]

_log = logging.getLogger(__name__)

# The fields that are ours, not sbatch's.
_OWN = {
    *("detach", "gpus_per_trial", "grace_s", "isolation", "max_resubmissions", "node_check", "signals"),
    *("nodes_per_trial", "ranks_per_node", "workers_per_gpu", "max_num_timeout", "python"),
    *("submitit_folder", "_recursive_"),
}
# Seconds by which Slurm's signal comes early: it looks at a job's time every half minute, and half a minute ahead.
_EARLY_S = 30


class WorkersExecutor(submitit.SlurmExecutor):
    """submitit's executor with our command instead of its own.

    Args:
        folder: Of the scripts and the output.
        settings: The launcher's fields, of `additional_parameters` the long names.
        payload: What the workers run.
        count: How many jobs.
        limit_s: The time limit of a job, seconds; 0 for none.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], payload: Path, count: int, *, limit_s: int) -> None:
        python = python_words(settings)
        super().__init__(folder, max_num_timeout=0, python=python)
        self.command = worker_command(python, payload)
        parameters = _parameters(settings, python, payload, limit_s)
        self.update_parameters(**self._convert_parameters(parameters))
        self.parameters["map_count"] = count

    @classmethod
    def affinity(cls) -> int:
        """Whether submitit may choose this executor."""
        return 2  # a script can be shown without Slurm

    def text(self) -> str:
        """Return the exact script."""
        return self._make_submission_file_text(self.command, "")

    def submit_workers(self, wording: Wording) -> str:
        """Submit the array and return its number; errors use the words of the user's command."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return str(self._submit_command(self.command).job_id).partition("_")[0]
        except FileNotFoundError as error:
            raise not_there("sbatch", "Slurm", wording) from error
        except (FailedJobError, FailedSubmissionError, subprocess.SubprocessError, OSError) as error:
            raise refused("sbatch", _sbatch_reason(error), wording) from error


def _parameters(settings: Mapping[str, Any], python: str, payload: Path, limit_s: int) -> dict[str, Any]:
    """Convert our fields to submitit's parameters."""
    kept = {name: value for name, value in settings.items() if name not in _OWN and name != "_target_"}
    # submitit would convert a None as if it were a number.
    parameters = {name: value for name, value in kept.items() if value is not None}
    parameters["signal_delay_s"] = _signal_delay_s(settings, limit_s)
    parameters["setup"] = [*(settings.get("setup") or []), *_time_lines(int(settings["timeout_min"]))]
    after = worker_command(python, payload, "--after-job")
    parameters["teardown"] = ["hyperopt_status=$?", after, 'exit "$hyperopt_status"']
    return parameters


def _time_lines(minutes: int) -> list[str]:
    """Return shell lines that tell the workers when the job began and when it ends.

    From Slurm; if it does not answer, from the present and the requested limit.
    """
    # The number of the last task is the array's, too: by that Slurm would answer for all tasks.
    task = '"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"'
    return [
        f'hyperopt_times=$(squeue --noheader --states all --jobs {task} --format "%S %e" 2>/dev/null | head -n 1)',
        'read -r hyperopt_begin hyperopt_end <<<"$hyperopt_times"',
        'HYPEROPT_BEGIN=$(date --date "${hyperopt_begin:-now}" +%s 2>/dev/null || date +%s)',
        f'HYPEROPT_END=$(date --date "${{hyperopt_end:-+{minutes} minutes}}" +%s 2>/dev/null)',
        "export HYPEROPT_BEGIN HYPEROPT_END",
    ]


def _signal_delay_s(settings: Mapping[str, Any], limit_s: int) -> int:
    """Return the seconds before the limit at which Slurm signals a job; for a short job, at most half of it.

    Slurm takes any delay, and asks a job that is shorter at its very start. Its workers know their end by themselves.
    """
    wanted = int(settings["signal_delay_s"])
    if limit_s <= 0 or wanted <= limit_s // 2:
        return wanted
    used = max(1, limit_s // 2 - _EARLY_S)
    _log.warning(
        "hydra.launcher.signal_delay_s: Slurm would ask a job of %d s (timeout_min=%s) to end %d s before its end, so "
        "at its very start; it will ask %d s before. Set at most %d, or a longer limit.",
        *(limit_s, settings["timeout_min"], wanted, used, limit_s // 2),
    )
    return used


def _sbatch_reason(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    relevant = [line for line in lines if "sbatch:" in line or "error" in line.lower()]
    return " ".join((relevant or lines)[-3:]) or type(error).__name__
