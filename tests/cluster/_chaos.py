# SPDX-License-Identifier: MIT
"""Random faults for a study on the test cluster: `benchmarks/chaos.py` and `test_chaos.py` run it.

A seed gives the same faults in the same order at the same times; whom they strike depends on who works at that moment.
"""

import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.cost.compute import gpu_hours
from hyperopt_app.cost.worker_times import read_worker_times
from hyperopt_app.storage.opening import open_storage
from tests.cluster._chaos_tally import Found, examined, losses_by_cause, read_history, times_told
from tests.cluster._chaos_user import User
from tests.cluster.slurm import NODES, OUTSIDE, Cluster, ClusterError, temporary_cluster

__all__ = ["KINDS", "Fault", "Report", "planned", "run"]

HERE = Path(__file__).resolve().parent

EPOCHS, EPOCHS_OF_PROMOTION = 8, 12
TRIALS_PER_MINUTE = 45
KINDS = ("scancel", "requeue", "node down", "preemption", "kill -9", "time limit")
NOBODY = "nobody was there to be struck"
_POLL_S = 0.5
# Without one more finished trial for so long, the study is stuck.
_PATIENCE_S = 180.0
# In so many seconds a worker's Python has started.
_STARTS_S = 5


class Fault(NamedTuple):
    """One fault: its kind, the seconds since the one before, whom it strikes (0 to 1), how long it lasts in seconds."""

    kind: str
    after_s: float
    victim: float
    lasts_s: float


def planned(seed: int) -> Iterator[Fault]:
    """The faults of a seed, without end: mostly a few seconds apart, now and then a minute; each kind in each round."""
    source = random.Random(seed)
    while True:
        for kind in source.sample(KINDS, len(KINDS)):
            yield Fault(kind, source.lognormvariate(1.0, 1.0), source.random(), source.uniform(2.0, 6.0))


@dataclass
class Report:
    """What a run has come to.

    Attributes:
        faults: By kind, and those that have struck nobody.
        minutes: How long they were thrown.
        commands: The exit status of each command of the user.
        ends: Runs of the workers' jobs by how they ended, as accounting knows them.
        causes: The losses that the study has counted, by cause.
        found: What is left.
        charged_s: The seconds of all runs of the workers' jobs, as accounting knows them; each had one GPU.
        counted_s: The GPU-seconds that the study has counted.
        wrong: What is wrong, one line each.
    """

    faults: Counter[str]
    minutes: float
    commands: list[int | None]
    ends: Counter[str]
    causes: Counter[str]
    found: Found
    charged_s: float
    counted_s: float
    wrong: list[str]


class _Chaos:
    """The faults of one run, and what has to be mended after them."""

    def __init__(self, cluster: Cluster, study_dir: Path, say: Callable[[str], object]) -> None:
        self.struck: Counter[str] = Counter()
        self._cluster = cluster
        self._study_dir = study_dir
        self._study: optuna.Study | None = None
        self._say = say
        self._mends: list[tuple[float, str]] = []
        self._begun = time.monotonic()
        self._by_kind: dict[str, Callable[[Fault], str]] = {
            "scancel": self._scancel,
            "requeue": self._requeue,
            "node down": self._node_down,
            "preemption": self._preempt,
            "kill -9": self._kill,
            "time limit": self._end_early,
        }

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The trials of the study, or those in some states; none while there is no study."""
        if self._study is None:
            if not (self._study_dir / "journal.log").exists():
                return []
            storage = open_storage(None, self._study_dir)
            names = optuna.get_all_study_names(storage)
            if not names:
                return []
            self._study = optuna.load_study(study_name=names[0], storage=storage)
        return self._study.get_trials(deepcopy=False, states=frozenset(states) or None)

    def is_over(self) -> bool:
        """Whether there is a study, and each trial of it has ended."""
        trials = self.trials()
        return bool(trials) and all(trial.state.is_finished() for trial in trials)

    def strike(self, fault: Fault) -> None:
        """Do it, if there is somebody to strike; who is gone by then cannot be struck."""
        try:
            victim = self._by_kind[fault.kind](fault)
        except (ClusterError, OSError):
            victim = ""
        self.struck[fault.kind if victim else NOBODY] += 1
        self._say(f"{time.monotonic() - self._begun:6.1f} s  {fault.kind}: {victim or NOBODY}")

    def _job(self, fault: Fault) -> str:
        running = sorted(name for name, state in self._cluster.squeue().items() if "_" in name and state == "RUNNING")
        return running[int(fault.victim * len(running))] if running else ""

    def _scancel(self, fault: Fault) -> str:
        if job := self._job(fault):
            self._cluster.scancel(job)
        return job

    def _requeue(self, fault: Fault) -> str:
        if job := self._job(fault):
            self._cluster.run("scontrol", "requeue", job)
        return job

    def _end_early(self, fault: Fault) -> str:
        # The worker goes by the limit that it was told at its start. Slurm looks for limits every half minute.
        if job := self._job(fault):
            self._cluster.run("scontrol", "update", f"jobid={job}", "endtime=now+1")
        return job

    def _node_down(self, fault: Fault) -> str:
        node = NODES[int(fault.victim * len(NODES))]
        if self._cluster.nodes()[node].startswith("down"):
            return ""
        self._cluster.set_node(node, "down")
        self._mends.append((time.monotonic() + fault.lasts_s, node))
        return node

    def _preempt(self, fault: Fault) -> str:
        gpus, nodes = (("gpu:1", 1), ("gpu:2", 1), ("gpu:2", 2))[int(fault.victim * 3)]
        wanted = (f"--nodes={nodes}", f"--gres={gpus}", "--output=/dev/null", f"--chdir={self._cluster.folder}")
        return f"by job {self._cluster.submit(f'sleep {fault.lasts_s:.0f}', '--partition=high', *wanted)}"

    def _kill(self, fault: Fault) -> str:
        claims = [claim for trial in self.trials(TrialState.RUNNING) if (claim := trial.user_attrs.get("claim"))]
        if not claims:
            return ""
        pid = int(claims[int(fault.victim * len(claims))]["pid"])
        if b"hyperopt_app.worker_process" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            raise ProcessLookupError(pid)
        os.kill(pid, signal.SIGKILL)
        return f"process {pid}"

    def mend(self, *, all_of_it: bool = False) -> None:
        """Bring nodes back whose time has come."""
        now = time.monotonic()
        due = [node for at, node in self._mends if all_of_it or at <= now]
        self._mends = [(at, node) for at, node in self._mends if node not in due]
        for node in due:
            self._cluster.set_node(node, "resume")


def run(
    minutes: float,
    seed: int,
    say: Callable[[str], object] = lambda _line: None,
    *,
    trials: int | None = None,
    promotes: bool = False,
    keep: Path | None = None,
) -> Report:
    """Run a study on a cluster of its own, throw faults at it, let it end, and look at what is left.

    Args:
        minutes: How long faults are thrown; the study is so large that it lasts a little longer.
        seed: Of the faults, and of the partitions that the user chooses.
        say: Told of each fault.
        trials: The budget, if it does not follow from the minutes.
        promotes: Whether trials wait at rungs, at 3 and 9 of their 12 epochs, and the best of them go on.
        keep: Where a copy of the study's directory is left; must not exist.

    Raises:
        ClusterError: There is no Slurm here, or it does not start.
    """
    with temporary_cluster() as cluster, tempfile.TemporaryDirectory(prefix="hyperopt-chaos-") as name:
        folder, n_trials = Path(name), trials or max(20, round(minutes * TRIALS_PER_MINUTE))
        epochs = EPOCHS_OF_PROMOTION if promotes else EPOCHS
        user = User(folder, _environment(cluster), _words(n_trials, epochs, promotes), random.Random(seed))
        chaos = _Chaos(cluster, folder / "study", say)
        try:
            begun = time.monotonic()
            _harm(chaos, user, begun + 60 * minutes, planned(seed))
            lasted = (time.monotonic() - begun) / 60
            chaos.mend(all_of_it=True)
            wrong = _let_end(chaos, user)
        finally:
            user.leave()
        if keep:
            shutil.copytree(folder / "study", keep)
        return _report(cluster, chaos, user, (n_trials, epochs), lasted, wrong)


def _words(n_trials: int, epochs: int, promotes: bool) -> list[str]:
    python = shlex.join([sys.executable, str(HERE / "_own_machine.py")])
    return [
        *(f"epochs={epochs}", "epoch_s=0.4", "spread=0.5", f"hydra.sweeper.n_trials={n_trials}"),
        *(["hydra/sweeper/pruner=promote"] if promotes else []),
        *(f"hydra.launcher.python='{python}'", "hydra.launcher.timeout_min=1", "hydra.launcher.max_resubmissions=2"),
    ]


def _environment(cluster: Cluster) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(OUTSIDE)}
    path = os.pathsep.join(filter(None, [str(HERE.parents[1]), kept.get("PYTHONPATH")]))
    return kept | cluster.environment | {"PYTHONPATH": path}


def _harm(chaos: _Chaos, user: User, until: float, faults: Iterator[Fault]) -> None:
    """Throw faults until the time is over, or the study."""
    fault, since = next(faults), time.monotonic()
    while time.monotonic() < until and not (user.is_served() and chaos.is_over()):
        user.tend()
        chaos.mend()
        # Before the first claim there is nothing to harm.
        if chaos.trials(TrialState.RUNNING, TrialState.COMPLETE) and time.monotonic() >= since + fault.after_s:
            chaos.strike(fault)
            fault, since = next(faults), time.monotonic()
        time.sleep(_POLL_S)


def _let_end(chaos: _Chaos, user: User) -> list[str]:
    """Wait for the study's end; what is wrong with it."""
    finished, since = -1, time.monotonic()
    while not (user.is_served() and chaos.is_over()):
        user.tend()
        now = sum(trial.state.is_finished() for trial in chaos.trials())
        if now != finished:
            finished, since = now, time.monotonic()
        if time.monotonic() - since > _PATIENCE_S:
            return [f"the study is stuck: {finished} trials have finished, and no more in {_PATIENCE_S:g} s"]
        time.sleep(_POLL_S)
    return []


def _report(
    cluster: Cluster, chaos: _Chaos, user: User, asked: tuple[int, int], minutes: float, wrong: list[str]
) -> Report:
    trials = chaos.trials()
    histories = {
        trial.number: read_history(Path(trial.user_attrs["directory"]))
        for trial in trials
        if "directory" in trial.user_attrs
    }
    numbers = {trial._trial_id: trial.number for trial in trials}
    told = times_told((user.folder / "study" / "journal.log").read_text().splitlines())
    cluster.wait_until(lambda: not cluster.squeue(), timeout_s=60)
    charged = [float(known) for known in _of_workers(cluster, "ElapsedRaw")]
    counted_s = gpu_hours(read_worker_times(user.folder / "study")) * 3600
    found = examined(trials, histories, {numbers[key]: count for key, count in told.items()}, *asked)
    return Report(
        faults=chaos.struck,
        minutes=minutes,
        commands=[command.returncode for command in user.commands],
        ends=_ends(cluster),
        causes=losses_by_cause(trials),
        found=found,
        charged_s=sum(charged),
        counted_s=counted_s,
        wrong=[*wrong, *found.faults, *user.complaints(), *_miscounted(charged, counted_s)],
    )


def _miscounted(charged: Sequence[float], counted_s: float) -> list[str]:
    """Whether the study's GPU-seconds are further than 2 % from those of the runs of its jobs, by accounting.

    A run that ended while Python started has left no record, so the shortest ones may be missing.
    """
    charged_s, least_s = sum(charged), sum(known for known in charged if known > _STARTS_S)
    if 0.98 * least_s <= counted_s <= 1.02 * charged_s:
        return []
    return [f"{counted_s:.0f} GPU-seconds are counted, and the jobs had {charged_s:.0f}"]


def _ends(cluster: Cluster) -> Counter[str]:
    return Counter(state.split()[0] for state in _of_workers(cluster, "State"))


def _of_workers(cluster: Cluster, word: str) -> list[str]:
    """What accounting knows of each run of a worker's job."""
    lines = cluster.run("sacct", "-X", "-D", "-n", "-P", "-S", "now-1day", f"--format=JobID,{word}").splitlines()
    jobs = (line.split("|") for line in lines)
    return [known for job, known in jobs if "_" in job]
