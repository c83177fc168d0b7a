# SPDX-License-Identifier: MIT
"""Objectives that fork and spawn, and the interpreter of programs of forks; what descendants met goes into files.

A module beside the script, since a spawned process imports what it is to call.
"""

import copy
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import optuna
from hydra.experimental.callback import Callback

import hyperopt_app


class Ends(Callback):
    """A callback that counts the jobs that have ended, in a file beside the study."""

    def on_job_end(self, config: Any, job_return: Any, **_more: Any) -> None:
        """Add a letter."""
        _note(Path(str(config.hydra.sweep.dir), "ends"), f"{job_return.status.name}\n")


class BackError(Exception):
    """A descendant goes back to where the objective was called from, and returns there."""


def _note(path: Path, text: str) -> None:
    with path.open("a") as file:  # one write, at the end of the file, whoever else writes to it
        file.write(text)


def met(trial: hyperopt_app.Trial) -> list[str]:
    """What the descendants of a trial met at each of their calls."""
    path = trial.directory / "met"
    return path.read_text().splitlines() if path.exists() else []


def tried(trial: hyperopt_app.Trial, what: str, call: Callable[[], object]) -> None:
    """Call something in a descendant, and note what came of it."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        _note(trial.directory / "met", f"{what}: {type(error).__name__}: {' '.join(str(error).split())}\n")
    else:
        _note(trial.directory / "met", f"{what}: took effect\n")


def child(body: Callable[[], object]) -> int:
    """Fork a process that runs the body and goes back; its process id."""
    pid = os.fork()
    if pid == 0:
        body()
        raise BackError
    return pid


def wait_for(pid: int) -> int:
    """The exit code of a child."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# The programs of the law: lists of actions, as JSON has them.


def run(trial: hyperopt_app.Trial, actions: Sequence[Any], *, is_first: bool, steps: list[int]) -> None:
    """Do the actions; in the first process each call must do what it says, in a descendant it is noted."""
    left = []
    for name, *rest in actions:
        if name == "fork":
            left.append(_forked(trial, *rest, steps=steps))
        elif name == "leave":  # nobody waits for it
            _forked(trial, *rest, steps=steps)
        elif name == "pause":
            time.sleep(0.02)
        elif name == "wait":
            while left:
                os.waitpid(left.pop(), 0)
        elif is_first:
            _first(trial, name, rest, steps)
        else:
            _descendant(trial, name, rest)
    for pid in left:
        os.waitpid(pid, 0)


def _forked(trial: hyperopt_app.Trial, actions: Sequence[Any], ending: str, *, steps: list[int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    run(trial, actions, is_first=False, steps=steps)
    ENDINGS[ending]()
    raise AssertionError(ending)


def _raise(error: BaseException) -> NoReturn:
    raise error


ENDINGS: dict[str, Callable[[], object]] = {
    "return": lambda: _raise(BackError()),
    "raise": lambda: _raise(ValueError("of a helper")),
    "prune": lambda: _raise(optuna.TrialPruned()),
    "interrupt": lambda: _raise(KeyboardInterrupt()),
    "exit": lambda: sys.exit(0),
    "exit 3": lambda: sys.exit(3),
    "os exit": lambda: os._exit(0),
}


def _first(trial: hyperopt_app.Trial, name: str, rest: Sequence[Any], steps: list[int]) -> None:
    if name == "report":
        steps.append(len(steps))
        trial.report(rest[0], len(steps))
    elif name == "attribute":
        trial.set_user_attr(*rest)
    elif name == "ask":
        answer = trial.should_prune()
        assert answer is False, f"should_prune() answered {answer!r}"


def _descendant(trial: hyperopt_app.Trial, name: str, rest: Sequence[Any]) -> None:
    if name == "report":
        step = 1000 + os.getpid()
        tried(trial, f"report {step}", lambda: trial.report(rest[0], step))
    elif name == "attribute":
        key = f"of {os.getpid()}"
        tried(trial, f"attribute {key}", lambda: trial.set_user_attr(key, rest[1]))
    elif name == "ask":
        tried(trial, "ask", trial.should_prune)


def program(trial: hyperopt_app.Trial, actions: Sequence[Any]) -> float:
    """Run a program of forks; the first process returns how often it has reported, whatever the others do."""
    steps: list[int] = []
    run(trial, actions, is_first=True, steps=steps)
    return 1000.0 + len(steps)


# The objectives of the single cases.


def returns(trial: hyperopt_app.Trial) -> float:
    """A helper returns from the objective while its parent works; both have something in their buffers."""
    print(f"before the fork of trial {trial.number}")  # noqa: T201 - into the buffer
    pid = child(lambda: print(f"in the helper of trial {trial.number}"))  # noqa: T201 - the same
    assert wait_for(pid) == 0
    return 1.0


def raises(trial: hyperopt_app.Trial) -> float:
    """Helpers raise and exit while their parent works; their exit codes are those of a Python program."""
    codes = []
    for ending in ("raise", "exit", "exit 3", "prune"):
        codes.append(wait_for(child(ENDINGS[ending])))
        trial.report(1.0, len(codes))
    assert codes == [1, 0, 3, 1], codes
    return 1.0


def talks(trial: hyperopt_app.Trial) -> float:
    """A helper sets attributes while its parent reports and asks."""

    def helper() -> None:
        for _ in range(300):
            tried(trial, "set_user_attr", lambda: trial.set_user_attr("helper", 1))

    pid = child(helper)
    for step in range(300):
        trial.report(1.0, step)
        answer = trial.should_prune()
        assert answer is False, f"should_prune() answered {answer!r}"
    wait_for(pid)
    return 1.0


def ranks(trial: hyperopt_app.Trial) -> float:
    """Two forked ranks report the same steps; the parent waits for them, and reports what they handed over."""

    def rank() -> None:
        for step in range(100):
            tried(trial, "report", lambda step=step: hyperopt_app.report(2.0, step))  # type: ignore[misc]

    for pid in [child(rank), child(rank)]:
        wait_for(pid)
    trial.report(1.0, 100)
    return 1.0


def grandchild(trial: hyperopt_app.Trial) -> float:
    """A helper of a helper, whose own parent has left, speaks and goes back."""
    read, write = os.pipe()

    def helper() -> None:
        def orphan() -> None:
            os.close(read)
            tried(trial, "checkpointed", trial.checkpointed)
            tried(trial, "checkpointed", hyperopt_app.checkpointed)
            tried(trial, "study", lambda: trial.study)
            tried(trial, "suggest", lambda: trial.suggest_float("own", 0, 1))

        child(orphan)

    wait_for(child(helper))
    os.close(write)
    assert os.read(read, 1) == b""  # the end of the last descendant
    return 1.0


def _speak(trial: hyperopt_app.Trial | None, directory: str) -> None:
    """What a process of multiprocessing's tries: with the trial that it was given, and by the public functions."""

    class Place:
        """Where to note."""

    place: Any = Place()
    place.directory = Path(directory)
    if trial is not None:
        assert trial.directory == place.directory
        assert trial.params["what"] in trial.params.values()
        tried(place, "report", lambda: trial.report(99.0, 1))
        tried(place, "set_user_attr", lambda: trial.set_user_attr("helper", 1))
        tried(place, "should_prune", trial.should_prune)
        tried(place, "checkpointed", trial.checkpointed)
        tried(place, "suggest", lambda: trial.suggest_float("own", 0, 1))
    tried(place, "report", lambda: hyperopt_app.report(99.0, 1))
    tried(place, "checkpointed", hyperopt_app.checkpointed)


def spawned(trial: hyperopt_app.Trial, method: str) -> float:
    """A process of multiprocessing's speaks."""
    context: Any = multiprocessing.get_context(method)
    process = context.Process(target=_speak, args=(trial, str(trial.directory)))
    process.start()
    process.join()
    assert process.exitcode == 0
    return 1.0


def threads(trial: hyperopt_app.Trial) -> float:
    """Threads of the first process report, set and ask, as they may; also by a copy of the trial."""
    wrong = []
    own = copy.deepcopy(trial)

    def work(number: int) -> None:
        for step in range(50):
            own.report(1.0, number * 50 + step)
            trial.set_user_attr(f"thread {number}", step)
            answer = trial.should_prune()
            if answer is not False:
                wrong.append(answer)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong, wrong
    return 1.0


def before_a_program(trial: hyperopt_app.Trial) -> float:
    """What subprocess runs between fork and exec speaks."""
    subprocess.run(["/bin/true"], check=True, preexec_fn=lambda: tried(trial, "report", lambda: trial.report(99.0, 1)))
    return 1.0


def a_program(trial: hyperopt_app.Trial) -> float:
    """A program of its own, which uses the same functions, trains alone and is told so."""
    words = [sys.executable, "-c", "import hyperopt_app as h; h.report(99.0, 1); h.checkpointed(); h.report(99.0, 2)"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stderr
    trial.set_user_attr("told", told)
    return 1.0


WHAT: dict[str, Callable[..., float]] = {
    "returns": returns,
    "raises": raises,
    "talks": talks,
    "ranks": ranks,
    "grandchild": grandchild,
    "fork": lambda trial: spawned(trial, "fork"),
    "spawn": lambda trial: spawned(trial, "spawn"),
    "forkserver": lambda trial: spawned(trial, "forkserver"),
    "threads": threads,
    "before_a_program": before_a_program,
    "a_program": a_program,
}


def work(trial: hyperopt_app.Trial, what: str) -> float:
    """Do it; a descendant that goes back returns 99."""
    try:
        if what.startswith("program "):
            value = program(trial, json.loads(Path("programs.json").read_text())[int(what.split()[1])])
        else:
            value = WHAT[what](trial)
    except BackError:
        return 99.0
    if value == 1.0:
        trial.set_user_attr("met", met(trial))
    return value
