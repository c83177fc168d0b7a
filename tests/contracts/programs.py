# SPDX-License-Identifier: MIT
"""Processes that race, tear and die, for the storage contracts; judges nothing, the tests do.

The script imports everything once, then forks: so many real processes cost little. It reads one call a line from
its standard input, `["name", argument, ...]`, and writes what that program has found, also JSON, also one line.
"""

import functools
import importlib
import json
import logging
import os
import select
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import TrialState

from hyperopt_app.storage import journal
from hyperopt_app.storage.journal import ExactJournalStorage, RepairingJournalBackend
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.storage.snapshots.keeping import keep_snapshot
from hyperopt_app.support.lock_file import HolderLock

optuna.logging.set_verbosity(optuna.logging.WARNING)

VICTIM = -1  # marks the trials of processes that are killed


class Child:
    """A forked process whose function's result comes back as JSON."""

    def __init__(self, run: Callable[[], Any]) -> None:
        readable, writable = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.write(writable, json.dumps(run()).encode())
                status = 0
            except BaseException:  # noqa: BLE001 - whatever it is, the child must not go on as the parent
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(writable)
        self._result = os.fdopen(readable, "rb")

    def result(self) -> Any:
        """Wait for its end; the text `failed` if it raised or was killed."""
        with self._result:
            text = self._result.read()
        os.waitpid(self.pid, 0)
        return json.loads(text) if text else "failed"


class Gate:
    """Something that processes wait for; each calls `enter` once."""

    def __init__(self) -> None:
        self._readable, self._writable = os.pipe()

    def enter(self) -> None:
        """In a child: take the place before the gate."""
        os.close(self._writable)

    def wait(self) -> None:
        """In a child: wait until the gate is open."""
        os.read(self._readable, 1)

    def is_open(self) -> bool:
        """In a child: look, and do not wait."""
        return bool(select.select([self._readable], [], [], 0)[0])

    def open(self) -> None:
        """In the parent: let all go."""
        os.close(self._writable)


def at_once(count: int, run: Callable[[int], Any]) -> list[Any]:
    """The results of `run(0)` to `run(count - 1)`, each in a process, all started together."""
    gate = Gate()

    def held(index: int) -> Callable[[], Any]:
        def body() -> Any:
            gate.enter()
            gate.wait()
            return run(index)

        return body

    children = [Child(held(index)) for index in range(count)]
    gate.open()
    return [child.result() for child in children]


def opened(storage: str, study_dir: str) -> BaseStorage:
    """The storage of a program's first two arguments."""
    return open_storage(None if storage == "null" else storage, Path(study_dir))


def race(storage: str, study_dir: str, processes: str) -> list[list[int]]:
    """Every process tries to claim every ticket; what each has won."""

    def claim(_: int) -> list[int]:
        mine = opened(storage, study_dir)
        study_id = mine.get_study_id_from_name("contract")
        tickets = [trial._trial_id for trial in mine.get_all_trials(study_id, deepcopy=False)]
        return [ticket for ticket in tickets if mine.set_trial_state_values(ticket, TrialState.RUNNING)]

    return at_once(int(processes), claim)


def settle(storage: str, study_dir: str, processes: str) -> list[list[str]]:
    """For every running trial each process either finishes it or gives it back; what each was told."""

    def decide(index: int) -> list[str]:
        mine = opened(storage, study_dir)
        study_id = mine.get_study_id_from_name("contract")
        answers = []
        for trial in mine.get_all_trials(study_id, deepcopy=False):
            state, values = (TrialState.COMPLETE, [float(index)]) if index % 2 else (TrialState.WAITING, None)
            try:
                mine.set_trial_state_values(trial._trial_id, state, values)
            except UpdateFinishedTrialError:
                answers.append("refused")
            else:
                answers.append(state.name)
        return answers

    return at_once(int(processes), decide)


def begin(storage: str, study_dir: str, processes: str) -> list[int]:
    """Every process opens the new storage and makes the same study; how many trials each has added."""

    def create(_: int) -> int:
        mine = opened(storage, study_dir)
        study = optuna.create_study(study_name="contract", storage=mine, load_if_exists=True)
        study.enqueue_trial({})
        return 1

    return at_once(int(processes), create)


def work(storage: str, study_dir: str, processes: str) -> list[list[int]]:
    """Every process claims, reports and finishes tickets until none is left; which ones it has finished."""

    def run(index: int) -> list[int]:
        mine = opened(storage, study_dir)
        numbers = []
        while (ticket := _claim(mine)) is not None:
            numbers.append(_finish(mine, ticket, index))
        return numbers

    return at_once(int(processes), run)


def keep(study_dir: str, processes: str) -> list[list[int]]:
    """As `work` in a journal, but each process keeps a snapshot and opens the study anew after each ticket."""

    def run(index: int) -> list[int]:
        journal._SMALLEST = journal._LEAST_GROWN = 0
        journal._SHARE_GROWN = 0.0
        numbers = []
        while (ticket := _claim(mine := open_storage(None, Path(study_dir)))) is not None:
            numbers.append(_finish(mine, ticket, index))
            keep_snapshot(optuna.load_study(study_name="contract", storage=mine))
        return numbers

    return at_once(int(processes), run)


def _claim(storage: BaseStorage) -> int | None:
    study_id = storage.get_study_id_from_name("contract")
    for trial in storage.get_all_trials(study_id, deepcopy=False, states=(TrialState.WAITING,)):
        try:
            if storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
                return trial._trial_id
        except UpdateFinishedTrialError:
            continue
    return None


def _finish(storage: BaseStorage, ticket: int, index: int) -> int:
    for step in range(3):
        storage.set_trial_intermediate_value(ticket, step, 0.5 * step)
    storage.set_trial_user_attr(ticket, "by", index)
    storage.set_trial_state_values(ticket, TrialState.COMPLETE, [float(ticket)])
    return storage.get_trial(ticket).number


class TearingBackend(RepairingJournalBackend):
    """Once armed, writes a part of a record, says so, and never comes to the rest."""

    part: float | None = None
    pipe: int = -1

    def _write(self, fd: int, data: bytes) -> None:
        if self.part is None:
            super()._write(fd, data)
            return
        super()._write(fd, data[: int(self.part * (len(data) - 1))])
        os.write(self.pipe, b"torn\n")
        time.sleep(3600)


# What a victim is doing when it dies, and how much of its record it has written; 1.0 is all but the line end.
TORN_ACTS = ("claim", "report", "tell")
TORN_PARTS = (0.5, 0.004, 1.0, 0.97)


def tear(study_dir: str, victims: str) -> list[list[int]]:
    """Kill one writer after another in mid-append while two others work; what those two have finished."""
    storage = opened("null", study_dir)
    study = optuna.create_study(study_name="contract", storage=storage)
    gate = Gate()
    steady = [Child(functools.partial(_work_until_open, study_dir, index, gate)) for index in range(2)]
    for victim in range(int(victims)):
        for _ in range(2):
            study.enqueue_trial({})
        act, part = TORN_ACTS[victim % 3], TORN_PARTS[victim % 4]
        # Whether a complete claim came before another worker's, nobody here could tell.
        _kill_in_append(study_dir, act, min(part, 0.97) if act == "claim" else part, storage)
    gate.open()
    return [child.result() for child in steady]


def _work_until_open(study_dir: str, index: int, gate: Gate) -> list[int]:
    """Finish tickets as they come, until the gate is open and none is left."""
    gate.enter()
    storage = opened("null", study_dir)
    numbers: list[int] = []
    while True:
        is_last_look = gate.is_open()
        ticket = _claim(storage)
        if ticket is not None:
            numbers.append(_finish(storage, ticket, index))
        elif is_last_look:
            return numbers


def _kill_in_append(study_dir: str, act: str, part: float, storage: BaseStorage) -> None:
    """Kill a writer in mid-append and give its trial back if it is running."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _die(study_dir, act, part, writable)
        except BaseException:  # noqa: BLE001 - as above
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        ticket, last = pipe.readline(), pipe.readline()
        while last != "torn\n":
            ticket, last = last, pipe.readline()
        os.kill(pid, signal.SIGKILL)
    # The next append meets the lock of a process that is quite gone, in some rounds that of a zombie.
    if part < 1:
        os.waitpid(pid, 0)
    storage.set_study_user_attr(storage.get_study_id_from_name("contract"), "killed", pid)
    # A ticket whose claim was torn is nobody's, or another worker's by now.
    if act != "claim":
        with suppress(UpdateFinishedTrialError):
            storage.set_trial_state_values(int(ticket), TrialState.WAITING)
    if part >= 1:
        os.waitpid(pid, 0)


def _die(study_dir: str, act: str, part: float, pipe: int) -> None:
    backend = TearingBackend(Path(study_dir) / "journal.log")
    backend.pipe = pipe
    storage = ExactJournalStorage(backend)
    study_id = storage.get_study_id_from_name("contract")
    waiting = optuna.trial.create_trial(state=TrialState.WAITING)
    while True:
        backend.part = None
        ticket = storage.create_new_trial(study_id, waiting if act == "claim" else None)
        os.write(pipe, f"{ticket}\n".encode())
        if act == "tell":
            storage.set_trial_user_attr(ticket, "by", VICTIM)
        backend.part = part
        if act == "report":
            storage.set_trial_intermediate_value(ticket, 7, 0.25)
        elif act == "tell":
            storage.set_trial_state_values(ticket, TrialState.COMPLETE, [1.0])
        else:
            # Another worker may be quicker to claim it; then nothing is written and the next one is tried.
            with suppress(UpdateFinishedTrialError):
                storage.set_trial_state_values(ticket, TrialState.RUNNING)


def annotate(storage: str, study_dir: str, processes: str) -> list[int]:
    """Every process writes the same attributes of the study; how many it has written."""

    def write(index: int) -> int:
        mine = opened(storage, study_dir)
        study_id = mine.get_study_id_from_name("contract")
        for number in range(10):
            mine.set_study_user_attr(study_id, "stop", {"by": index, "number": number})
            mine.set_study_user_attr(study_id, f"key {number}", index)
        return 10

    return at_once(int(processes), write)


def storm(folder: str, waves: str) -> dict[str, int]:
    """In every wave six processes take a lock in turn and five die holding it; counts what befell them.

    A holder is `met` if another process holds the lock beside it.
    """
    lock, owner = HolderLock(Path(folder) / "shared"), Path(folder) / "owner"
    owner.write_text("")

    def turns(index: int) -> str:
        for number in range(8):
            with lock:
                other = owner.read_text()
                if other and _lives(int(other)):
                    return "met"
                owner.write_text(str(os.getpid()))
                if number == index + 3:
                    os.kill(os.getpid(), signal.SIGKILL)
                if owner.read_text() != str(os.getpid()):
                    return "met"
                owner.write_text("")
        return "done"

    return dict(Counter(chain.from_iterable(at_once(6, turns) for _ in range(int(waves)))))


def steer(storage: str, study_dir: str, n_trials: str, steps: str) -> list[Any]:
    """What the steps of a user came to, while eight workers race and processes are killed."""
    from tests.contracts import _steered  # which imports what the other programs do not want

    return _steered.steer(Child, storage, study_dir, n_trials, steps)


def park(storage: str, study_dir: str, n_trials: str, kills: str) -> int:
    """How many workers were killed, of those that let trials wait at rungs and promote them."""
    from tests.contracts import _parked  # as above

    return _parked.park(Child, storage, study_dir, n_trials, kills)


def _lives(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def warm_up() -> None:
    """Import and compile, once and before the forks, what every child would need for a database."""
    storage = RDBStorage("sqlite://")
    study = optuna.create_study(storage=storage, study_name="contract")
    study.enqueue_trial({})
    _finish(storage, _claim(storage) or 1, 0)
    storage.remove_session()
    storage.engine.dispose()
    for driver in ("psycopg", "pymysql"):
        with suppress(ImportError):
            importlib.import_module(driver)


if __name__ == "__main__":
    warm_up()
    logging.disable()  # broken locks and torn records are what it is about
    programs = {one.__name__: one for one in (annotate, begin, keep, park, race, settle, steer, storm, tear, work)}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        found = Child(functools.partial(programs[name], *arguments)).result()
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
