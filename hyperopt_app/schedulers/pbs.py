# SPDX-License-Identifier: MIT
"""PBS Pro, OpenPBS and Torque: submit one script and one job per worker, or per group of workers that share GPUs.

Each job has its own script, so it can resubmit itself without the array syntax, which differs between these systems.
Values from YAML are written to directives, which no shell interprets; only the lines of `setup` are commands.
"""

import getpass
import logging
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.schedulers.gpu_slots import Sharing
from hyperopt_app.schedulers.place import UNKNOWN, Place, Variables, Verdict
from hyperopt_app.schedulers.roster import JobState
from hyperopt_app.schedulers.script import (
    Batch,
    control_characters,
    grace_faults,
    python_words,
    submitted,
    worker_command,
)
from hyperopt_app.support.wording import Wording

__all__ = ["Pbs", "PbsQueue", "header_faults", "live_numbers", "script", "sharing_of", "states_in", "walltime_s"]

_log = logging.getLogger(__name__)

_INTERVAL_S = 5.0
_TIMEOUT_S = 30.0
# Of PBS Pro's and Torque's states those of a job that has ended.
_ENDED = {"C", "F", "X"}
# Held, queued, moved, on its way, waiting for its time.
_WAITING = {"H": "held", "Q": "queued", "M": "moved", "T": "in transit", "W": "waits for its time"}

Run = Callable[[Sequence[str]], str]

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


def live_numbers(answer: str) -> set[str]:
    """Return the numbers of the jobs in the output of `qstat -u USER` that have not ended."""
    return {number for number, state in states_in(answer).items() if state not in _ENDED}


def states_in(answer: str) -> dict[str, str]:
    """Return the states of the jobs in the output of `qstat -u USER`, by number.

    A line of a job is: id, user, queue, name, session, nodes, tasks, memory, time, state, elapsed time. PBS cuts the
    server off a long id, so the number alone counts.
    """
    lines = [line.split() for line in answer.splitlines()]
    jobs = [words for words in lines if len(words) > 2 and words[0][0].isdigit() and len(words[-2]) == 1]
    return {_job_number(words[0]): words[-2].upper() for words in jobs}


class PbsQueue:
    """Asks `qstat` about all jobs of this user, at most every 5 seconds.

    Args:
        run: Runs a command and returns what it has written; may raise OSError and subprocess.SubprocessError.
        clock: Monotonic seconds.
    """

    def __init__(self, run: Run | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run or _answer_of
        self._clock = clock
        self._due_at = float("-inf")
        self._states: dict[str, str] | None = None
        self._asked_for: set[str] = set()

    def alive(self, jobs: Sequence[str]) -> set[str] | None:
        """Return which of these jobs still wait or run; None if PBS cannot say now.

        Args:
            jobs: As `qsub` has printed them.
        """
        states = self.jobs(jobs)
        return None if states is None else {state.job for state in states if state.phase != "ended"}

    def jobs(self, jobs: Sequence[str]) -> list[JobState] | None:
        """Return the states of those jobs that PBS still knows; None if it cannot say now.

        Args:
            jobs: As `qsub` has printed them.
        """
        # A job that was not asked for before may be younger than the last answer.
        if self._clock() >= self._due_at or not self._asked_for.issuperset(jobs):
            self._refresh()
            self._asked_for |= set(jobs)
        if self._states is None:
            return None
        return [_job_state(job, state) for job in jobs if (state := self._states.get(_job_number(job))) is not None]

    def ends(self, jobs: Sequence[str]) -> dict[str, tuple[str, int | None]] | None:
        """Return nothing, because PBS does not reliably say how a job ended or who deleted it."""
        return None

    def verdict(self, claim: Mapping[str, Any]) -> Verdict:
        """Return UNKNOWN, because PBS lists only live jobs, and an unknown job may not be listed yet."""
        return UNKNOWN

    def _refresh(self) -> None:
        self._due_at = self._clock() + _INTERVAL_S
        try:
            self._states = states_in(self._run(["qstat", "-u", getpass.getuser()]))
        except (OSError, subprocess.SubprocessError) as error:
            level = logging.WARNING if self._states is not None else logging.DEBUG
            _log.log(level, "qstat failed (%s); which jobs run is not known until it works again", error)
            self._states = None


def _job_state(job: str, state: str) -> JobState:
    if state in _ENDED:
        return JobState(job, "ended")
    return JobState(job, "waits", reason=_WAITING[state]) if state in _WAITING else JobState(job, "runs")


def _job_number(job: str) -> str:
    """Return `12` of `12.server` and `12[].server`."""
    return job.partition(".")[0].partition("[")[0]


def _answer_of(words: Sequence[str]) -> str:
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
    )
    return done.stdout


def _script_path(payload: Path, number: int) -> Path:
    return payload.parent / f"worker-{number}.pbs"


def script(settings: Mapping[str, Any], payload: Path, number: int) -> str:
    """Write the exact script of one job.

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
        "export HYPEROPT_BEGIN=$(date +%s)",
        f"export HYPEROPT_END=$(( HYPEROPT_BEGIN + {walltime_s(settings['walltime'])} ))",
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
    lines = [f"{option} {settings[name]}" for name, option in _OPTIONS.items() if settings.get(name)]
    lines.append(f"-l {_resources(settings)}")
    hours, rest = divmod(walltime_s(settings["walltime"]), 3600)
    lines.append(f"-l walltime={hours:02}:{rest // 60:02}:{rest % 60:02}")
    return [*lines, "-r y", "-j oe", "-o /dev/null", *(settings.get("directives") or [])]


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
    """Return the slots of a job."""
    match = re.search(r"(?:^|:)n?gpus=(\d+)", _resources(settings))
    return Sharing(
        gpus_per_node=int(match[1]) if match else 0,
        workers_per_gpu=int(settings["workers_per_gpu"]),
        gpus_per_trial=int(settings["gpus_per_trial"]),
    )


def walltime_s(value: Any) -> int:
    """Convert `HH:MM:SS`, `D:HH:MM:SS` or `MM:SS`, or YAML's number for a bare 12:00:00, to seconds.

    Raises:
        ValueError: It is neither.
    """
    text = str(value).strip()
    if not re.fullmatch(r"\d+(:\d{1,2}){0,3}", text):
        raise ValueError(text)
    return sum(int(part) * unit for part, unit in zip(reversed(text.split(":")), _UNITS_S, strict=False))


def header_faults(settings: Mapping[str, Any]) -> list[str]:
    """Find values in the fields that qsub cannot accept."""
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
    """Find options in a directive that the launcher sets itself."""
    letter, rest = words[1:2], words[2:]
    asked = {part.partition("=")[0].strip() for part in rest.split(",")} if letter == "l" else set()
    options = {f"-l {name}": name for name in sorted(asked & _RESOURCES)}
    if letter in _LETTERS:
        options = {f"-{letter}": _LETTERS[letter]}
    return [
        f"hydra.launcher.directives: {words!r}: the launcher sets {option} itself; "
        + (f"write hydra.launcher.{field}" if field else "remove it")
        for option, field in options.items()
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


class Pbs:
    """The schedulers PBS Pro, OpenPBS and Torque; see `registry.Scheduler`."""

    name = "pbs"
    launcher = "pbs_workers"
    stock_launcher = "local_workers"
    submit_program = "qsub"
    status_program = "qstat"
    cancel: tuple[str, ...] = ("qdel",)
    variables = Variables(array_index=("PBS_ARRAY_INDEX", "PBS_ARRAYID"))
    # It says neither how a job ended for certain, nor who has deleted it.
    tells_ends = False
    # A user may not requeue a job, so that it submits its script again.
    keeps_number = False
    default_batch = 1

    def place(self, environment: Mapping[str, str], host: str) -> Place | None:
        """Return the place of a process in a job, with the host as its node."""
        job = environment.get("PBS_JOBID")
        return Place("pbs", job=job, raw_job=job, node=host.partition(".")[0]) if job else None

    def job_of(self, environment: Mapping[str, str]) -> str:
        """Return nothing: only our own script can resubmit itself, and it exports its job itself."""
        return ""

    def queue(self) -> PbsQueue:
        """Return the object that asks qstat."""
        return PbsQueue()

    def faults(self, settings: Mapping[str, Any]) -> list[str]:
        """See `header_faults`."""
        return header_faults(settings)

    def sharing(self, settings: Mapping[str, Any]) -> Sharing:
        """See `sharing_of`."""
        return sharing_of(settings)

    def limit_s(self, settings: Mapping[str, Any]) -> float:
        """Return the walltime in seconds."""
        return walltime_s(settings["walltime"])

    def with_limit(self, settings: Mapping[str, Any], limit_s: int) -> dict[str, Any]:
        """Return the fields with another time limit."""
        return {**settings, "walltime": limit_s}

    def logs(self, settings: Mapping[str, Any]) -> Path:
        """Return the folder for the scripts' output."""
        return Path(settings["folder"]).absolute()

    def largest_batch(self) -> int:
        """Return 1, because each job has its own script."""
        return 1

    def batch(self, settings: Mapping[str, Any], payload: Path, first: int, jobs: int) -> Batch:
        """Return one job."""
        text = script(settings, payload, first)

        def submit(wording: Wording) -> str:
            self.logs(settings).mkdir(parents=True, exist_ok=True)
            path = _script_path(payload, first)
            path.write_text(text)
            return _qsub(path, wording)

        return Batch(text, jobs, submit)

    def obstacle(self, environment: Mapping[str, str], run: Callable[..., str], *, by_limit: bool) -> str:
        """A job asked to end long before its limit was deleted by somebody; PBS itself does not report that."""
        return "" if by_limit else "it was asked to end long before its time limit"

    def put_back(self, environment: Mapping[str, str], run: Callable[..., str]) -> str:
        """Submit the script again and return the number of its new job."""
        path = Path(environment["HYPEROPT_SCRIPT"])
        # By its name alone: some versions of qsub split a path at blanks.
        return run(["qsub", path.name], path.parent).split()[-1]


def _qsub(path: Path, wording: Wording) -> str:
    # By its name alone: some versions of qsub split a path at blanks.
    return submitted(["qsub", path.name], "PBS", wording, folder=path.parent).split()[-1]
