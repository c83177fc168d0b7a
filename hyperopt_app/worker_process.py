# SPDX-License-Identifier: MIT
"""Run the workers of one task of a scheduler's job, or one by hand: `python -m hyperopt_app.worker_process PAYLOAD`.

A task with one slot is itself a worker. With several slots it starts one process for each, so that a failing worker
leaves the others running, and it ends with the last of them.
"""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import PayloadError
from hyperopt_app.launchers.payload import load_payload
from hyperopt_app.processes.python_start import module_words
from hyperopt_app.processes.streams import spelling_out
from hyperopt_app.schedulers.gpu_slots import (
    GPUS_PER_TRIAL,
    NODES_PER_TRIAL,
    RANKS_PER_NODE,
    WORKERS_HERE,
    WORKERS_PER_GPU,
    Sharing,
    slots_of_task,
    visible_gpus,
)
from hyperopt_app.schedulers.place import Variables
from hyperopt_app.schedulers.registry import values_of

if TYPE_CHECKING:
    from hyperopt_app.study.plan import Plan

__all__ = ["main", "worker_number"]

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the workers of this task; the exit status is 0 unless one of them died."""
    parser = argparse.ArgumentParser("hyperopt_app.worker_process", description=__doc__)
    parser.add_argument("payload", type=Path, help="the payload.pkl of a launch, in the study's directory")
    parser.add_argument("--slot", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--after-job", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.after_job:
        return _after_job(options.payload)
    try:
        payload = load_payload(options.payload)
    except PayloadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sharing = Sharing(**payload["settings"]["sharing"])
    slots = slots_of_task(visible_gpus(os.environ), sharing, _local_task(os.environ))
    if options.slot is None and len(slots) > 1:
        return _supervise(options.payload, len(slots))
    slot = options.slot or 0
    numbers = {WORKERS_HERE: len(slots), GPUS_PER_TRIAL: sharing.gpus_per_trial}
    numbers |= {NODES_PER_TRIAL: sharing.nodes_per_trial, RANKS_PER_NODE: sharing.ranks_per_node}
    os.environ.update({name: str(number) for name, number in numbers.items() if number > 1})
    if slots[slot]:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(slots[slot])
        os.environ[WORKERS_PER_GPU] = str(slots.count(slots[slot]))
    with spelling_out(), _noting_deletion(options.payload, payload["settings"]):
        first = int(payload["settings"].get("first_worker", 0))
        return _work(payload, options.payload, first + worker_number(os.environ, len(slots), slot))


def _after_job(payload: Path) -> int:
    from hyperopt_app.cost.worker_times import note_end_of_job
    from hyperopt_app.launchers.jobs import study_of_launch
    from hyperopt_app.launchers.resubmission import after_job

    # A job that goes back into the queue is ended there and then, so this comes first.
    note_end_of_job(study_of_launch(payload.parent), os.environ)
    return after_job(payload, os.environ)


def worker_number(environment: Mapping[str, str], slots: int, slot: int) -> int:
    """Return the worker's number among all workers of a launch, from 0.

    Args:
        environment: That of the task.
        slots: Workers in each task.
        slot: The worker's place in its task.
    """
    own = environment.get("HYPEROPT_WORKER", "")
    job = int(own) if own.isdigit() else _number_in(environment, lambda variables: variables.array_index)
    tasks = _number_in(environment, lambda variables: variables.tasks) or 1
    return (job * tasks + _number_in(environment, lambda variables: variables.task)) * slots + slot


def _local_task(environment: Mapping[str, str]) -> int:
    return _number_in(environment, lambda variables: variables.local_task)


def _number_in(environment: Mapping[str, str], names: Callable[[Variables], Sequence[str]]) -> int:
    return next((int(text) for text in values_of(environment, names) if text.isdigit()), 0)


def _supervise(payload: Path, slots: int) -> int:
    """Start a worker for each slot and wait for all; the scheduler's signals reach them directly."""
    from hyperopt_app.worker.interrupts import END_SIGNALS, Interrupts

    command = [sys.executable, *module_words("hyperopt_app.worker_process"), str(payload), "--slot"]
    with Interrupts(END_SIGNALS, insist=False).listening():
        workers = [subprocess.Popen([*command, str(slot)]) for slot in range(slots)]
        codes = [worker.wait() for worker in workers]
    for slot, code in enumerate(codes):
        if code:
            sys.stderr.write(f"worker of slot {slot} ended with exit code {code}\n")
    return max((abs(code) for code in codes), default=0)


@contextlib.contextmanager
def _noting_deletion(path: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    """Note a SIGTERM at once, also while the worker still starts; a worker at work handles it as it handles others."""
    from hyperopt_app.launchers.resubmission import note_deletion

    ours, is_noted = os.getpid(), False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_noted
        if os.getpid() == ours:  # not a forked child, which its worker may end for other reasons
            is_noted = True
            note_deletion(path, settings, os.environ)
        raise KeyboardInterrupt  # what a worker at work takes every such signal for

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield
    except KeyboardInterrupt:
        if is_noted:
            sys.exit(128 + signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _work(payload: Mapping[str, Any], path: Path, number: int) -> int:
    from hyperopt_app.launchers.local_process import run_job_of
    from hyperopt_app.launchers.resubmission import note_end
    from hyperopt_app.support.hydra_state import unpacked

    job, hydra = unpacked(payload["job"])
    job["number"] = number
    job["overrides"] = job["overrides"][number % len(job["overrides"])]
    job["overrides"] = [word for word in job["overrides"] if not word.startswith("hydra.sweep.subdir=")]
    job["overrides"].append(f"hydra.sweep.subdir=workers/{number}")
    if (n_trials := payload["settings"].get("n_trials")) is not None:  # that of a later command
        job["task_function"].plan = replace(job["task_function"].plan, n_trials=n_trials)
    tally = run_job_of(job, hydra).return_value
    if tally.interrupted or tally.out_of_time:
        note_end(path, os.environ, out_of_time=bool(tally.out_of_time))
    else:
        _summarise(job["task_function"].plan)
    return 0


def _summarise(plan: "Plan") -> None:
    """Write the summary of a study that has ended, if this worker was its last: a detached one has no driver."""
    from hyperopt_app.errors import StorageError
    from hyperopt_app.looking.summary import write_summary_of_last
    from hyperopt_app.storage.patience import giving_up
    from hyperopt_app.storage.snapshots.keeping import keep_snapshot
    from hyperopt_app.study.opening import open_study

    try:
        with giving_up(lambda: True):  # a server that is away holds no job
            study = open_study(plan)
            if write_summary_of_last(study, plan.study_dir):
                keep_snapshot(study, is_over=True)
    except StorageError as error:
        _log.warning("The summary could not be written: %s", error)


if __name__ == "__main__":
    sys.exit(main())
