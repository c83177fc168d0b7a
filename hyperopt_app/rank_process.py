# SPDX-License-Identifier: MIT
"""Join a running trial as one of its ranks: the program that Lightning starts for each further rank of a trial.

Lightning starts `python -m` with the module that `__main__` names, the words of the command and overrides for Hydra. In
a trial that is this module, and none of the words matters: the trial's own process sends what to run. A process that an
objective spawns imports this module as `__mp_main__`, and finds there what the user's script defines.
"""

import atexit
import contextlib
import os
import pickle
import signal
import sys
import threading
import time
from typing import Any

from hyperopt_app.processes.streams import spelling_out
from hyperopt_app.ranks.environment import ADDRESS

__all__ = ["main"]

_WATCH_S = 0.2


def main() -> int:
    """Run the objective as a rank of the trial; the exit status is 0 unless this rank has failed."""
    from hyperopt_app.errors import RanksError
    from hyperopt_app.ranks.link import ask_once, own_rank

    rank = own_rank()
    if not rank or ADDRESS not in os.environ:
        sys.stderr.write("This program is a rank of a trial; the trial itself starts it.\n")
        return 1
    threading.Thread(target=_end_with_the_trial, args=(os.getppid(),), name="trial watch", daemon=True).start()
    try:
        path, task, order = ask_once("task")
    except RanksError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.path[:] = path
    with spelling_out():
        return _run_objective(rank, task, order)


def _run_objective(rank: int, task: bytes, order: bytes) -> int:
    from hyperopt_app.config.seeding import seed_libraries
    from hyperopt_app.errors import HyperoptError
    from hyperopt_app.objective.outcomes import Completed, Outcome
    from hyperopt_app.objective.trial import active_trial, of_rank
    from hyperopt_app.ranks.failures import reason_of_outcome
    from hyperopt_app.ranks.link import RankLink
    from hyperopt_app.ranks.reasons import leave_reason
    from hyperopt_app.study.repeated_warnings import each_warning_once
    from hyperopt_app.support.hydra_state import unpacked
    from hyperopt_app.worker.attempt import attempt
    from hyperopt_app.worker.interruption import Where
    from hyperopt_app.worker.interrupts import Interrupts

    jobs, hydra = unpacked(task)
    hydra.restore()
    # The trial's own process has it from its worker, whose own bytes it is.
    wanted = pickle.loads(order)  # noqa: S301
    link, interrupts = RankLink(rank, from_start=True), Interrupts([])
    _leave_signals_to_the_worker(wanted.signals)
    os.chdir(wanted.origin)
    seed_libraries(wanted.seed)

    def objective() -> Completed:
        with active_trial(of_rank(link)), interrupts.objective():
            jobs.run(wanted.config, rank)
        return Completed(())

    outcome: Outcome | HyperoptError
    with each_warning_once(wanted.study_dir):
        try:
            outcome = attempt(objective, interrupts, Where.TRIAL_PROCESS)
        except HyperoptError as error:
            outcome = error
    reason = reason_of_outcome(rank, outcome, wanted.config.directory)
    if reason is not None:
        leave_reason(wanted.config.directory, reason)
    link.end(reason)
    return 0 if reason is None else 1


def _leave_signals_to_the_worker(names: Any) -> None:
    """A scheduler sends its signals to every process of a job: the worker decides what they mean for the trial."""
    for name in {"SIGINT", *names}:
        signal.signal(signal.Signals[name], lambda _number, _frame: None)


def _end_with_the_trial(trial_pid: int) -> None:
    """End this process when the trial's own process is gone."""
    while os.getppid() == trial_pid:
        time.sleep(_WATCH_S)
    os._exit(1)


def _begin_spawned() -> None:
    """Prepare a process that an objective has spawned.

    What the user's script defines is defined here too, since it may be sent by name.
    """
    from hyperopt_app.processes.helpers import calm_forked_processes, obey_the_parent_alone
    from hyperopt_app.ranks.joining import let_ranks_join
    from hyperopt_app.ranks.link import ask_once

    obey_the_parent_alone()
    calm_forked_processes()  # this process may be a server (`forkserver`), whose children have not its threads
    let_ranks_join()
    with contextlib.suppress(Exception):  # then what needs it says so
        script = ask_once("script")
        for name, value in pickle.loads(script).items() if script else ():  # noqa: S301 - as above
            globals().setdefault(name, value)


def _exit() -> None:
    """Exit at once when all exit handlers have run; torch's own end takes seconds, for which the trial would wait."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(_status)


# Of this program, once it has ended.
_status = 1

if __name__ == "__main__":
    atexit.register(_exit)  # the first that is registered is the last that is called
    _status = main()
if __name__ == "__mp_main__":
    _begin_spawned()
