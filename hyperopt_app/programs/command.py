# SPDX-License-Identifier: MIT
"""The objective `hyperopt_app.Command`: a trial is one run of a program, which reports by lines of JSON in a file."""

import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar

from hyperopt_app.config.seeding import key_seed
from hyperopt_app.errors import HyperoptError, MetricError
from hyperopt_app.hydra_compat import job_directories
from hyperopt_app.objective.base import Objective
from hyperopt_app.objective.trial import Trial, current_seed
from hyperopt_app.processes.groups import end_marked
from hyperopt_app.programs.block import faults_of_block, refuse_over_ranks, warn_of_missing_program, word_text
from hyperopt_app.programs.curve import Curve
from hyperopt_app.programs.environment import environment_of
from hyperopt_app.programs.metrics_file import MetricsFile
from hyperopt_app.programs.program import Program
from hyperopt_app.ranks.reasons import Reason, leave_reason
from hyperopt_app.ranks.surroundings import for_program
from hyperopt_app.ranks.switchboard import spoken_here

__all__ = ["Command"]

# Seconds between two looks at the metrics file.
_POLL_S = 0.1
# Seconds for which a signal that has ended the program may still come to this process: a scheduler sends it to both.
_SIGNAL_WITHIN_S = 1.0
# What `torchrun` writes of a process of its own that a signal has ended.
_RANK_DIED = re.compile(r"failed \(exitcode: (?P<code>-\d+)\) local_rank: (?P<rank>\d+) ")
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class Command(Objective):
    """Runs a program once per trial; the program reports by appending lines of JSON to a file.

    The program gets its trial's number, directory, seed, checkpoint path and metrics file in its environment. It runs
    in a process group of its own, in the directory where the user typed the command (with `hydra.job.chdir`, in the
    trial's). Each line of the metrics file such as `{"step": 4, "loss": 0.3}` is a point of the learning curve, at
    which the pruner may end the trial. The outcome is the last value of each metric. An exit code other than 0 is a
    failed trial. Where a trial ends before its program does, the program's group gets SIGTERM and, after the grace
    time, SIGKILL. See docs/command.md.

    Args:
        command: The program and its arguments, a list of words; no shell reads them.
        metrics: Path of the metrics file, below the trial's directory if it is relative.
        grace_s: Seconds between SIGTERM and SIGKILL, from 0.
    """

    fields: ClassVar[Sequence[str]] = ("command", "metrics", "grace_s")

    def __init__(self, command: Sequence[Any], metrics: str = "metrics.jsonl", grace_s: float = 10.0) -> None:
        self._words = [word_text(word) for word in command]
        self._metrics = metrics
        self._grace_s = float(grace_s)

    @classmethod
    def check(cls, conf: Any) -> Sequence[str]:
        """Return what is wrong with the config's node `objective`; log a warning if this host lacks the program."""
        faults = faults_of_block(conf, cls.fields)
        if not faults and conf.get("hydra") is not None:  # the driver, once for all trials
            warn_of_missing_program(word_text(conf.objective.command[0]))
        return faults

    def train(self, trial: Trial | None, conf: Any) -> Mapping[str, float]:
        """Run the program to its end and return the last value of each metric.

        Raises:
            optuna.TrialPruned: The pruner has ended the trial.
            ProgramError: The program has failed, in a trial.
            HyperoptError: The program cannot be started, has left no metrics, or has failed in a training alone.
        """
        refuse_over_ranks(os.environ)
        start, output = job_directories()
        directory = output if trial is None else trial.directory
        metrics = MetricsFile(directory / self._metrics)
        curve = Curve(trial)
        if trial is not None and trial.resumed:
            end_marked(str(directory))  # of a worker that was killed with its trial's process
        goes_on = trial is not None and trial.resumed_from is not None
        metrics.prepare(goes_on=goes_on)
        for line in metrics.new_lines():
            curve.take_earlier(line)
        seed = current_seed(_own_seed(conf)) if trial is None else trial.seed
        environment = environment_of(trial, directory, metrics.place, seed, for_program())
        logs = None if trial is None else directory
        program = Program(self._words, environment, start, directory, self._grace_s, logs)
        self._run(program, metrics, curve, trial)
        return _reported_value(trial) | curve.values or _no_metrics(metrics, trial)

    def _run(self, program: Program, metrics: MetricsFile, curve: Curve, trial: Trial | None) -> None:
        try:
            with _ending_alone(is_alone=trial is None):
                program.start()
                code = _follow(program, metrics, curve, self._grace_s)
        finally:
            program.end()
            curve.is_pruned |= spoken_here().is_pruned
            if curve.is_pruned and trial is not None and trial.checkpoint.is_file():
                trial.checkpoint.unlink()  # nobody goes on with it, and it may be large
        if curve.is_pruned:
            from optuna import TrialPruned

            raise TrialPruned
        if not code:
            return
        if trial is None:
            raise HyperoptError(f"objective.command: {program.failure(code)}")
        if -code in _ENDING or code - 128 in _ENDING:
            time.sleep(_SIGNAL_WITHIN_S)  # interrupted here if the signal is meant for this trial
        failure = program.failure(code)
        if death := _RANK_DIED.search(failure.story):
            leave_reason(trial.directory, Reason(int(death["rank"]), exit_code=int(death["code"])))
        raise failure


def _reported_value(trial: Trial | None) -> dict[str, float]:
    """The last value that the program has reported by a call of `report`, under the metric's name."""
    value = spoken_here().value
    if trial is None or value is None:
        return {}
    return {next(iter(trial.metric_names), "value"): value}


def _follow(program: Program, metrics: MetricsFile, curve: Curve, grace_s: float) -> int | None:
    """Take the lines of a running program; return its exit code.

    None if its value diverged before it ended, or it did not end when it was pruned.
    """
    code, pruned_at = None, math.inf
    while code is None:
        code = program.wait(_POLL_S)
        for line in metrics.new_lines(is_over=code is not None):
            curve.take(line)
            if curve.is_diverged:
                return None
        if spoken_here().is_pruned:
            # Its ranks know it; those that hear nothing of it must not go on for ever.
            pruned_at = min(pruned_at, time.monotonic())
            if time.monotonic() > pruned_at + grace_s:
                return None
    return code


def _own_seed(conf: Any) -> int | None:
    own = key_seed(conf)
    return own if isinstance(own, int) and not isinstance(own, bool) and own >= 0 else None


def _no_metrics(metrics: MetricsFile, trial: Trial | None) -> Mapping[str, float]:
    name = "loss" if trial is None else next(iter(trial.metric_names), "loss")
    if not metrics.place.exists():
        came = "this file is not there"
    elif metrics.unusable:
        came = f"none of its {metrics.lines} lines is an object of JSON"
    else:
        came = "it has no line with a metric"
    raise MetricError(
        f"objective.metrics: the program ended with exit code 0 and left no metrics in {metrics.place}: {came}. Let it "
        f'append lines as {{"step": 4, "{name}": 0.3}} to the file that the environment variable HYPEROPT_METRICS '
        f"names, or call hyperopt-app report-metric {name}=0.3 step=4, or set objective.metrics to the file that it "
        "writes"
    )


@contextmanager
def _ending_alone(*, is_alone: bool) -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a training alone by an exception, so that its program does not outlive it."""
    if not is_alone or threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, _exit_by_signal)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _exit_by_signal(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
