# SPDX-License-Identifier: MIT
"""`hydra/launcher: pbs_workers`: a PBS job for each worker, or for as many as its GPUs have room for. In the driver.

Each job has its own script, so that it can submit itself again and no scheduler's dialect of arrays is needed. Values
of the YAML stand in directives, which no shell reads; only the lines of `setup` are commands.
"""

import logging
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.types import HydraContext
from omegaconf import DictConfig

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
from hyperopt_app.launchers.resubmission import near_limit_s
from hyperopt_app.schedulers.gpu_slots import Sharing
from hyperopt_app.support.wording import front

__all__ = ["header_faults", "launch", "script", "sharing_of", "walltime_s"]

_log = logging.getLogger(__name__)

# The fields that become one directive each.
_OPTIONS = {"name": "-N", "account": "-A", "project": "-P", "queue": "-q"}
# PBS splits a directive at blanks and knows no quotes for these.
_WORD = re.compile(r"[A-Za-z0-9_.+@:=,/][A-Za-z0-9_.+@:=,/-]*")
# What a directive would set once more: by its letter, or by the resource after -l; the field for it, if there is one.
_LETTERS = {option[1:]: name for name, option in _OPTIONS.items()} | dict.fromkeys("JtoejrIXCz", "")
_RESOURCES = {"walltime", "select", "nodes"}
_UNITS_S = (1, 60, 3600, 86400)
# Some ten years; of more the shell of a job could not reckon the end.
_MOST_S = 10 * 366 * 86400


def launch(
    context: HydraContext,
    config: DictConfig,
    task_function: Callable[[Any], Any],
    job_overrides: Sequence[Sequence[str]],
    settings: Mapping[str, Any],
) -> list[JobReturn]:
    """Submit the workers of a sweep, or attach to those that still wait or run; see `PbsWorkersLauncher.launch`.

    Raises:
        ConfigError: A value cannot be passed to qsub.
        SubmissionError: qsub is not there, or refuses.
        KeyboardInterrupt: The user pressed Ctrl-C; what happens to the jobs was asked.
    """
    plan = plan_of(task_function, "pbs_workers", "local_workers")
    prepare(context, config)

    def submit() -> list[str]:
        return _submit(context, config, task_function, job_overrides, settings)

    logs = Path(settings["folder"]).absolute()
    return attach_or_submit(plan, "pbs", ["qdel"], submit, logs=logs, detach=bool(settings["detach"]))


def _submit(
    context: HydraContext,
    config: DictConfig,
    task_function: Any,
    job_overrides: Sequence[Sequence[str]],
    settings: Mapping[str, Any],
) -> list[str]:
    study_dir = task_function.plan.study_dir
    sharing = sharing_of(settings)
    place = new_place(study_dir)
    count = -(-len(job_overrides) // sharing.workers_per_job())
    # The scripts are made first: a fault of the header is told before anything is written.
    texts = [script(settings, place / "payload.pkl", number) for number in range(count)]
    frozen = {
        "sharing": vars(sharing),
        "max_resubmissions": settings["max_resubmissions"],
        "near_limit_s": near_limit_s(walltime_s(settings["walltime"]), float(settings["grace_s"])),
    }
    freeze(place, context, config, task_function, job_overrides, frozen)
    Path(settings["folder"]).absolute().mkdir(parents=True, exist_ok=True)
    jobs: list[str] = []
    for number, text in enumerate(texts):
        path = _script_path(place / "payload.pkl", number)
        path.write_text(text)
        try:
            jobs.append(_qsub(path))
        except SubmissionError:
            if not jobs:
                raise
            _log.warning("qsub refused job %d of %d; the study goes on with the others", number + 1, count)
            break
        finally:
            remember_jobs(study_dir, "pbs", jobs, len(jobs))
    _log.info("Submitted %d worker(s) in %d job(s): %s", len(job_overrides), len(jobs), ", ".join(jobs))
    return jobs


def _qsub(path: Path) -> str:
    try:
        # By its name alone: some versions of qsub split a path at blanks.
        done = subprocess.run(["qsub", path.name], cwd=path.parent, capture_output=True, text=True, check=True)  # noqa: S607
    except FileNotFoundError as error:
        where = f"give the command where PBS is{front().without_scheduler}"
        raise SubmissionError(f"{front().launcher}: qsub is not here; {where}") from error
    except (OSError, subprocess.CalledProcessError) as error:
        reason = " ".join(str(getattr(error, "stderr", "") or error).split())
        raise SubmissionError(
            f"qsub refused the workers: {reason}\n"
            f"Nothing is lost: mend it and give the same command again{front().without_scheduler}."
        ) from error
    return done.stdout.split()[-1]


def _script_path(payload: Path, number: int) -> Path:
    return payload.parent / f"worker-{number}.pbs"


def script(settings: Mapping[str, Any], payload: Path, number: int) -> str:
    """The exact script of one job.

    Args:
        settings: The launcher's fields.
        payload: What the workers run.
        number: The job's number in its launch, from 0.

    Raises:
        ConfigError: A value cannot be passed to qsub.
    """
    faults = header_faults(settings)
    if faults:
        raise ConfigError(faults)
    python, folder = python_words(settings), shlex.quote(str(Path(settings["folder"]).absolute()))
    lines = [
        "#!/bin/bash -l",  # qsub passes no environment on: `module` and `conda` are there in a login shell
        *(f"#PBS {words}" for words in _directives(settings)),
        "",
        "# The workers heed signals; this shell lives on, for what comes after them.",
        "trap : TERM INT USR1 USR2",
        f"export HYPEROPT_END=$(( $(date +%s) + {walltime_s(settings['walltime'])} ))",
        f"export HYPEROPT_WORKER={number}",
        f"export HYPEROPT_SCRIPT={shlex.quote(str(_script_path(payload, number)))}",
        'export HYPEROPT_JOB="${PBS_JOBID:-${SLURM_JOB_ID:-$$}}"',
        "# PBS would show the output after the job's end only.",
        f'exec >{folder}/worker-{number}."$HYPEROPT_JOB".log 2>&1',
        "# Torque names the job's GPUs in a file.",
        'if [ -z "${CUDA_VISIBLE_DEVICES:-}" ] && [ -r "${PBS_GPUFILE:-}" ]; then',
        """    CUDA_VISIBLE_DEVICES=$(sed 's/.*gpu//' "$PBS_GPUFILE" | paste -s -d , -)""",
        "    export CUDA_VISIBLE_DEVICES",
        "fi",
        *(settings.get("setup") or []),
        worker_command(python, payload),
        "hyperopt_status=$?",
        worker_command(python, payload, "--after-job"),
        'exit "$hyperopt_status"',
    ]
    return "\n".join(lines) + "\n"


def _directives(settings: Mapping[str, Any]) -> list[str]:
    found = [f"{option} {settings[name]}" for name, option in _OPTIONS.items() if settings.get(name)]
    found.append(f"-l {_resources(settings)}")
    hours, rest = divmod(walltime_s(settings["walltime"]), 3600)
    found.append(f"-l walltime={hours:02}:{rest // 60:02}:{rest % 60:02}")
    return [*found, "-r y", "-j oe", "-o /dev/null", *(settings.get("directives") or [])]


def _resources(settings: Mapping[str, Any]) -> str:
    if settings.get("nodes"):
        return f"nodes={settings['nodes']}"
    if settings.get("select"):
        return f"select={settings['select']}"
    parts = [f"ncpus={settings['ncpus']}"]
    parts += [f"ngpus={settings['ngpus']}"] if settings["ngpus"] else []
    parts += [f"mem={settings['mem']}"] if settings.get("mem") else []
    return ":".join(["select=1", *parts])


def sharing_of(settings: Mapping[str, Any]) -> Sharing:
    """The slots of a job."""
    found = re.search(r"(?:^|:)n?gpus=(\d+)", _resources(settings))
    return Sharing(
        gpus_per_node=int(found[1]) if found else 0,
        workers_per_gpu=int(settings["workers_per_gpu"]),
        gpus_per_trial=int(settings["gpus_per_trial"]),
    )


def walltime_s(value: Any) -> int:
    """Seconds of `HH:MM:SS`, `D:HH:MM:SS` or `MM:SS`, or of a number of seconds, as YAML makes of a bare 12:00:00.

    Raises:
        ValueError: It is neither.
    """
    text = str(value).strip()
    if not re.fullmatch(r"\d+(:\d{1,2}){0,3}", text):
        raise ValueError(text)
    return sum(int(part) * unit for part, unit in zip(reversed(text.split(":")), _UNITS_S, strict=False))


def header_faults(settings: Mapping[str, Any]) -> list[str]:
    """What in the fields cannot be a value of qsub; pure."""
    kept = {name: value for name, value in settings.items() if name != "setup" and not name.startswith("_")}
    faults = control_characters(kept)
    faults += [
        f"hydra.launcher.{name}: {settings[name]!r} is not allowed; write letters, digits and . _ + - alone"
        for name in (*_OPTIONS, "mem", "select", "nodes")
        if settings.get(name) and not _WORD.fullmatch(str(settings[name]))
    ]
    faults += [
        f"hydra.launcher.directives: {words!r} is not allowed; begin it with an option of qsub, e.g. `-l place=excl`"
        for words in settings.get("directives") or []
        if not re.match(r"-[A-Za-z]", str(words))
    ]
    faults += [fault for words in settings.get("directives") or [] for fault in _set_again(str(words))]
    try:
        enough = 0 < walltime_s(settings["walltime"]) < _MOST_S
    except ValueError:
        enough = False
    if not enough:
        faults.append(
            f"hydra.launcher.walltime: {settings['walltime']!r} is not allowed; write HH:MM:SS, or seconds as a number"
        )
    else:
        faults += grace_faults(settings, walltime_s(settings["walltime"]), f"walltime={settings['walltime']}")
    return [*faults, *_faults_of_numbers(settings)]


def _set_again(words: str) -> list[str]:
    """What a directive says that the launcher says itself."""
    letter, rest = words[1:2], words[2:]
    asked = {part.partition("=")[0].strip() for part in rest.split(",")} if letter == "l" else set()
    found = {f"-l {name}": name for name in sorted(asked & _RESOURCES)}
    if letter in _LETTERS:
        found = {f"-{letter}": _LETTERS[letter]}
    return [
        f"hydra.launcher.directives: {words!r}: the launcher sets {option} itself; "
        + (f"write hydra.launcher.{field}" if field else "remove it")
        for option, field in found.items()
    ]


def _faults_of_numbers(settings: Mapping[str, Any]) -> list[str]:
    faults = []
    if settings.get("select") and settings.get("nodes"):
        faults.append("hydra.launcher.select: set it (PBS Pro) or nodes (Torque), not both")
    for name in ("select", "nodes"):
        value = str(settings.get(name) or "1")
        if "+" in value or not re.match(r"(0*1|[A-Za-z].*)(:|$)", value):
            faults.append(
                f"hydra.launcher.{name}: {value!r} asks for several nodes; a job's workers share one. Begin it with 1 "
                "and ask for more workers with hydra.sweeper.n_jobs"
            )
    return faults
