# SPDX-License-Identifier: MIT
"""IBM Spectrum LSF 10.1: submit workers as one job array, query jobs, and requeue them with brequeue.

Values from YAML are written to `#BSUB` lines, which no shell interprets; only the lines of `setup` are commands. This
module was written from LSF's documentation and has not been tried on an LSF cluster.
"""

import logging
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hyperopt_app.errors import ConfigError
from hyperopt_app.schedulers.gpu_slots import Sharing
from hyperopt_app.schedulers.place import UNKNOWN, Place, Variables, Verdict, is_number
from hyperopt_app.schedulers.roster import CANCELLED, COMPLETED, JobState, Phase
from hyperopt_app.schedulers.script import (
    Batch,
    control_characters,
    grace_faults,
    python_words,
    refused,
    submitted,
    worker_command,
)
from hyperopt_app.support.wording import Wording

__all__ = ["Lsf", "LsfQueue", "header_faults", "parse_jobs", "script"]

_log = logging.getLogger(__name__)

_INTERVAL_S = 10.0
_TIMEOUT_S = 30.0
# -a: jobs that have ended too, for CLEAN_PERIOD (an hour by default). The last field may hold anything.
_QUESTION = ("bjobs", "-a", "-noheader", "-o", "jobid jobindex stat exit_reason pend_reason delimiter='|'")
# What bjobs says without a matching job, with its own exit status.
_NO_JOB = re.compile(r"no (unfinished |matching )?job found|is not found", re.IGNORECASE)
_PHASES: dict[str, Phase] = {
    **dict.fromkeys(("PEND", "PSUSP", "PROV", "WAIT"), "waits"),
    **dict.fromkeys(("RUN", "SSUSP", "USUSP", "UNKWN"), "runs"),
    **dict.fromkeys(("DONE", "EXIT"), "ended"),
}
# LSF's reasons of an end in the words that all schedulers share; the others stay as they are.
_ENDS = {"TERM_OWNER": CANCELLED, "TERM_FORCE_OWNER": CANCELLED, "TERM_MEMLIMIT": "OUT_OF_MEMORY"}

# The fields that become one option each, and the options that a directive would set once more, with their field.
_OPTIONS = {"queue": "-q", "project": "-P"}
_TAKEN = {
    **{option: name for name, option in _OPTIONS.items()},
    "-J": "name",
    "-n": "ncpus",
    "-gpu": "gpu",
    "-M": "mem",
    "-W": "timeout_min",
    **dict.fromkeys(("-o", "-oo", "-e", "-eo", "-r", "-rn", "-i", "-is", "-I", "-Ip", "-Is", "-K", "-Zs"), ""),
}
# An array's name may hold letters, digits and . - _ alone. With `-gpu -` the site's own properties count.
_NAME, _WORD = r"[A-Za-z0-9_.-]+", r"[A-Za-z0-9_.@:/-]+"
_GPU = r"-|[a-z_]+=[A-Za-z0-9_.,/!-]+(:[a-z_]+=[A-Za-z0-9_.,/!-]+)*"
_LARGEST_ARRAY = 1000


class _Job(NamedTuple):
    """A job, or an element of an array, as bjobs prints it."""

    number: str
    stat: str
    exit_reason: str
    pend_reason: str

    @property
    def state(self) -> str:
        """Return how the job ended, in the words that all schedulers share; otherwise its current state."""
        ended = COMPLETED if self.stat == "DONE" else self.exit_reason or self.stat
        return _ENDS.get(ended, ended) if self.phase == "ended" else self.stat

    @property
    def phase(self) -> Phase:
        """Return the job's phase; `leaves` for ZOMBI and for states of a newer LSF."""
        return _PHASES.get(self.stat, "leaves")


def parse_jobs(answer: str) -> dict[str, _Job]:
    """Parse bjobs' output by job, `7` or `7[3]`; other lines are skipped.

    Raises:
        ValueError: There are lines, but no job could be read: this is not the answer to our question.
    """
    lines = [line for line in answer.splitlines() if line.strip()]
    jobs = {}
    for line in lines:
        words = [*(word.strip() for word in line.split("|", 4)), "", "", "", ""]
        number, index, stat = words[0].partition("[")[0], words[1], words[2]  # some sites have it show 7[3]
        if is_number(number) and re.fullmatch(r"[A-Z]+", stat):
            name = f"{number}[{index}]" if is_number(index) and int(index) else number
            reasons = ("" if word == "-" else word for word in (words[3].partition(":")[0], words[4].strip(" ;")))
            jobs[name] = _Job(number, stat, *reasons)
    if lines and not jobs and not _NO_JOB.search(answer):
        raise ValueError(f"it wrote {lines[0].strip()[:80]!r}")
    return jobs


class LsfQueue:
    """Asks bjobs about all jobs of this user, at most every 10 seconds.

    Args:
        run: Runs a command and returns what it has written; may raise OSError and subprocess.SubprocessError.
        clock: Monotonic seconds.
    """

    def __init__(
        self, run: Callable[[Sequence[str]], str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._run = run or _answer_of
        self._clock = clock
        self._due_at = float("-inf")
        self._known: dict[str, _Job] | None = None
        self._asked_for: set[str] = set()

    def alive(self, jobs: Sequence[str]) -> set[str] | None:
        """Return which of these jobs (an array by its one number) still wait or run; None if LSF cannot say now."""
        known = self._answer(set(jobs))
        if known is None:
            return None
        return {job.number for job in known.values() if job.phase != "ended"} & set(jobs)

    def jobs(self, jobs: Sequence[str]) -> list[JobState] | None:
        """Return the states of these jobs, of an array element by element; None if LSF cannot say now."""
        known = self._answer(set(jobs))
        if known is None:
            return None
        ours = {name: job for name, job in known.items() if job.number in jobs}
        return [JobState(name, job.phase, job.state, job.pend_reason) for name, job in ours.items()]

    def ends(self, jobs: Sequence[str]) -> dict[str, tuple[str, int | None]] | None:
        """Return how those jobs ended that bjobs still knows; None if LSF cannot say now.

        It names the owner of a job, who is this user, or an administrator, for whom it has a reason of its own.
        """
        known = self._answer(set(jobs))
        if known is None:
            return None
        ended = {name: known[name].state for name in jobs if name in known and known[name].phase == "ended"}
        return {name: (state, os.geteuid() if state == CANCELLED else None) for name, state in ended.items()}

    def verdict(self, claim: Mapping[str, Any]) -> Verdict:
        """Return what LSF says of the job in which a claim was made.

        A job keeps its number when it goes back into the queue, so an answer counts only if it is younger than the
        claim.
        """
        place = Place.of_claim(claim)
        known = self._answer({f"{place.job} of {claim.get('worker')}"}) if place.scheduler == "lsf" else None
        job = None if known is None else known.get(place.job)
        if job is None or job.stat == "UNKWN" or job.phase in ("waits", "leaves"):
            return UNKNOWN
        return Verdict(job.phase == "runs", job.state)

    def _answer(self, wanted: set[str]) -> dict[str, _Job] | None:
        # What was not asked for before may be younger than the last answer.
        if self._clock() >= self._due_at or not self._asked_for.issuperset(wanted):
            self._refresh()
            self._asked_for |= wanted
        return self._known

    def _refresh(self) -> None:
        self._due_at = self._clock() + _INTERVAL_S
        try:
            self._known = parse_jobs(self._run(_QUESTION))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            level = logging.WARNING if self._known is not None else logging.DEBUG
            _log.log(level, "bjobs failed (%s); which jobs run is not known until it works again", error)
            self._known = None


def _answer_of(words: Sequence[str]) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    options: dict[str, Any] = {"env": environment, "stdin": subprocess.DEVNULL, "timeout": _TIMEOUT_S}
    done = subprocess.run(words, **options, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode and not _NO_JOB.search(done.stderr):
        raise subprocess.CalledProcessError(done.returncode, words, done.stdout, done.stderr)
    return str(done.stdout)


def header_faults(settings: Mapping[str, Any]) -> list[str]:
    """Find values in the fields that bsub cannot accept."""
    kept = {name: value for name, value in settings.items() if name != "setup" and not name.startswith("_")}
    faults = control_characters(kept)
    faults += [
        f"hydra.launcher.{name}: {settings[name]!r} is not allowed; write {what}"
        for name, pattern, what in (
            ("name", _NAME, "letters, digits and . _ - alone"),
            ("queue", _WORD, "letters, digits and . _ - : / @ alone"),
            ("project", _WORD, "letters, digits and . _ - : / @ alone"),
            ("gpu", _GPU, "it as after bsub's -gpu, e.g. num=2:mode=shared"),
        )
        if settings.get(name) and not re.fullmatch(pattern, str(settings[name]))
    ]
    if re.fullmatch(r"\d+W?", str(settings.get("mem") or ""), re.IGNORECASE):
        unit = "without KB, MB, GB or TB its unit is the site's"
        faults.append(f"hydra.launcher.mem: {settings['mem']!r} is not allowed; {unit}: write e.g. 32GB")
    faults += [fault for words in settings.get("directives") or [] for fault in _directive_faults(str(words))]
    limit_s = _limit_s(settings)
    return [*faults, *grace_faults(settings, limit_s, f"timeout_min={settings['timeout_min']}")]


def _directive_faults(words: str) -> list[str]:
    where, option = f"hydra.launcher.directives: {words!r}", words.split(" ", 1)[0]
    if not re.fullmatch(r"-[A-Za-z_]+", option):
        return [f"{where} is not allowed; begin it with an option of bsub, e.g. `-app dl`, and a blank after it"]
    if option not in _TAKEN:
        return []
    way = f"write hydra.launcher.{_TAKEN[option]}" if _TAKEN[option] else "remove it"
    return [f"{where}: the launcher sets {option} itself; {way}"]


def _limit_s(settings: Mapping[str, Any]) -> int:
    return 60 * int(settings["timeout_min"])


def _directives(settings: Mapping[str, Any], jobs: int) -> list[str]:
    """Return the options of bsub, in the order of the script."""
    gpu = settings.get("gpu") or (f"num={settings['ngpus']}" if settings["ngpus"] else "")
    mem = str(settings.get("mem") or "").upper()
    return [
        f'-J "{settings["name"]}[1-{jobs}]"',
        *(f"{option} {settings[name]}" for name, option in _OPTIONS.items() if settings.get(name)),
        f"-n {settings['ncpus']}",
        '-R "span[hosts=1]"',
        *([f'-gpu "{gpu}"'] if gpu else []),
        *([f"-M {mem}", f'-R "rusage[mem={mem}]"'] if mem else []),
        f"-W {settings['timeout_min']}",
        "-r",
        "-o /dev/null",
        *(settings.get("directives") or []),
    ]


def script(settings: Mapping[str, Any], payload: Path, first: int, jobs: int) -> str:
    """Write the exact script of an array.

    Args:
        settings: The launcher's fields.
        payload: What the workers run.
        first: The number of the array's first job in its launch, from 0; LSF counts the elements of each from 1.
        jobs: How many elements.

    Raises:
        ConfigError: A value cannot be passed to bsub.
    """
    if faults := header_faults(settings):
        raise ConfigError(faults)
    python, folder = python_words(settings), shlex.quote(str(Path(settings["folder"]).absolute()))
    lines = [
        "#!/bin/bash",
        *(f"#BSUB {words}" for words in _directives(settings, jobs)),
        "",
        "# The workers heed signals; this shell lives on, for what comes after them. The first signal says why the job",
        "# ends: bkill begins with INT, the run limit with USR2.",
        *(f"trap 'HYPEROPT_SIGNAL=${{HYPEROPT_SIGNAL:-{name}}}' {name}" for name in ("INT", "TERM", "USR1", "USR2")),
        "export HYPEROPT_BEGIN=$(date +%s)",
        f"export HYPEROPT_END=$(( HYPEROPT_BEGIN + {_limit_s(settings)} ))",
        f"export HYPEROPT_WORKER=$(( LSB_JOBINDEX - 1 + {first} ))",
        'export HYPEROPT_JOB="${LSB_JOBID}[${LSB_JOBINDEX}]"',
        "# With -o LSF would show the output after the job's end only.",
        f'exec >>{folder}/worker-"$HYPEROPT_WORKER"."$LSB_JOBID".log 2>&1',
        *(settings.get("setup") or []),
        worker_command(python, payload),
        "hyperopt_status=$?",
        "export HYPEROPT_SIGNAL",
        "# brequeue ends this job by signals.",
        "trap '' INT TERM USR1 USR2",
        worker_command(python, payload, "--after-job"),
        'exit "$hyperopt_status"',
    ]
    return "\n".join(lines) + "\n"


class Lsf:
    """The scheduler IBM Spectrum LSF; see `registry.Scheduler`."""

    name = "lsf"
    launcher = "lsf_workers"
    stock_launcher = "local_workers"
    submit_program = "bsub"
    status_program = "bjobs"
    cancel: tuple[str, ...] = ("bkill",)
    variables = Variables(array_index=("LSB_JOBINDEX",))
    tells_ends = True
    keeps_number = True
    default_batch = _LARGEST_ARRAY

    def place(self, environment: Mapping[str, str], host: str) -> Place | None:
        """Return the place of a process in a job, with the host as its node."""
        job = self.job_of(environment)
        return Place("lsf", job=job, raw_job=job, node=host.partition(".")[0]) if job else None

    def job_of(self, environment: Mapping[str, str]) -> str:
        """Return the job, or the element of an array; outside of an array the index is 0."""
        number, index = environment.get("LSB_JOBID", ""), environment.get("LSB_JOBINDEX", "0")
        return f"{number}[{index}]" if number and index != "0" else number

    def queue(self) -> LsfQueue:
        """Return the object that asks bjobs."""
        return LsfQueue()

    def faults(self, settings: Mapping[str, Any]) -> list[str]:
        """See `header_faults`."""
        return header_faults(settings)

    def sharing(self, settings: Mapping[str, Any]) -> Sharing:
        """Return the slots of a job, from `gpu` or `ngpus`."""
        match = re.search(r"(?:^|:)num=(\d+)", str(settings.get("gpu") or f"num={settings['ngpus']}"))
        return Sharing(
            gpus_per_node=int(match[1]) if match else 1,  # LSF's default where only other properties are given
            workers_per_gpu=int(settings["workers_per_gpu"]),
            gpus_per_trial=int(settings["gpus_per_trial"]),
        )

    def limit_s(self, settings: Mapping[str, Any]) -> float:
        """Return the run limit in seconds."""
        return _limit_s(settings)

    def with_limit(self, settings: Mapping[str, Any], limit_s: int) -> dict[str, Any]:
        """Return the fields with another time limit."""
        return {**settings, "timeout_min": -(-limit_s // 60)}

    def logs(self, settings: Mapping[str, Any]) -> Path:
        """Return the folder for the jobs' output."""
        return Path(settings["folder"]).absolute()

    def largest_batch(self) -> int:
        """Return the site's limit for arrays, or LSF's default if the site sets none."""
        try:
            answer = _answer_of(["bparams", "-a"])
        except (OSError, subprocess.SubprocessError):
            return _LARGEST_ARRAY
        match = re.search(r"\bMAX_JOB_ARRAY_SIZE\s*=\s*(\d+)", answer)
        return max(1, int(match[1])) if match else _LARGEST_ARRAY

    def batch(self, settings: Mapping[str, Any], payload: Path, first: int, jobs: int) -> Batch:
        """Return one array."""
        text = script(settings, payload, first, jobs)

        def submit(wording: Wording) -> str:
            self.logs(settings).mkdir(parents=True, exist_ok=True)
            (payload.parent / f"workers-{first}.lsf").write_text(text)
            return _bsub(text, wording)

        return Batch(text, jobs, submit)

    def obstacle(self, environment: Mapping[str, str], run: Callable[..., str], *, by_limit: bool) -> str:
        """A job that bkill has ended stays away, however near its limit; until it has ended LSF shows it as RUN."""
        if (signal := environment.get("HYPEROPT_SIGNAL")) in ("INT", "TERM"):
            return f"it received SIG{signal}, as bkill sends it"
        stat = run(["bjobs", "-noheader", "-o", "stat", self._job(environment)]).strip()
        return "" if stat == "RUN" else f"its state is {stat or 'unknown'}"

    def put_back(self, environment: Mapping[str, str], run: Callable[..., str]) -> str:
        """Requeue the job by brequeue; it keeps its number."""
        run(["brequeue", self._job(environment)])
        return ""

    def _job(self, environment: Mapping[str, str]) -> str:
        return environment.get("HYPEROPT_JOB") or self.job_of(environment)


def _bsub(text: str, wording: Wording) -> str:
    answer = submitted(["bsub"], "LSF", wording, script=text)
    if match := re.search(r"Job <(\d+)>", answer):
        return match[1]
    raise refused("bsub", f"it wrote {' '.join(answer.split())[:200]!r}", wording)
