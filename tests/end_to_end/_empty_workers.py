# SPDX-License-Identifier: MIT
"""Many real workers with empty trials on one study: python -m tests.end_to_end._empty_workers '{"workers": 64, ...}'.

The program imports once and forks its workers, so that 64 of them fit on a small machine. It opens no storage itself.
The test of many workers and `benchmarks/throughput.py` run it.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.objective.outcomes import Completed, Outcome
from hyperopt_app.results.files import ThrottledResults
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.heartbeat import beating, this_worker
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.opening import create_study, find_study, study_lock
from hyperopt_app.study.stopping import Limits
from hyperopt_app.worker.loop import Worker
from tests.unit._made_workers import EndAsked, Evaluating

NAME = "many-workers"
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "random": lambda seed: RandomSampler(seed=seed),
    "tpe": lambda seed: TPESampler(seed=seed),
}
_FORK = multiprocessing.get_context("fork")


def prepare(storage: str | None, study_dir: Path, finished: int, tickets: int) -> None:
    """Bring the study to so many finished trials at least, and so many waiting ones."""
    opened = open_storage(storage, study_dir)
    study = find_study(opened, NAME) or create_study(opened, NAME, ["minimize"])
    have = study.get_trials(deepcopy=False)
    space: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(-5, 5) for name in "xyz"
    }
    for number in range(len(have), finished):
        point = dict.fromkeys("xyz", number * 37 % 1000 / 100 - 5)
        study.add_trial(create_trial(params=point, distributions=space, value=float(number % 97)))
    waiting = sum(trial.state == TrialState.WAITING for trial in have)
    issue(study, max(len(have), finished) + tickets - waiting)


def labour(task: dict[str, Any], number: int, gate: Any, results: Any) -> None:
    """One worker: opens the study, waits for the others, works for the given seconds, and tells what it did."""
    folder = Path(task["study_dir"])

    def opened() -> optuna.Study:
        return optuna.load_study(study_name=NAME, storage=open_storage(task["storage"], folder))

    study = opened()
    study.get_trials(deepcopy=False)
    gate.wait()
    begun = time.time()
    until = begun + task["seconds"]
    identity = this_worker(number, folder)

    def evaluate(trial: optuna.Trial) -> Outcome:
        return Completed((sum(trial.suggest_float(name, -5, 5) ** 2 for name in "xyz"),))

    with beating(identity):
        worker = Worker(
            Tickets(
                study,
                identity,
                task["n_trials"],
                observer=Observer(120.0),
                lock=lambda: study_lock(folder),
                reopen=opened,
            ),
            Limits(),
            frozenset(),
            SAMPLERS[task["sampler"]],
            Evaluating(evaluate),
            ThrottledResults(lambda: None),
            EndAsked(lambda: time.time() > until),
        )
        tally = worker.work()
    results.put({"finished": tally.finished, "dropped": tally.dropped, "begun": begun, "ended": time.time()})


def main() -> None:
    """Do what the argument says, and print what each worker has done; nothing if they did not start in time."""
    task = json.loads(sys.argv[1])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    place = (task["storage"], Path(task["study_dir"]), task["size"], task["tickets"])
    preparing = _FORK.Process(target=prepare, args=place)
    preparing.start()
    preparing.join()
    if preparing.exitcode:
        sys.exit(1)
    gate, results = _FORK.Barrier(task["workers"] + 1), _FORK.Queue()
    processes = [_FORK.Process(target=labour, args=(task, number, gate, results)) for number in range(task["workers"])]
    for worker in processes:
        worker.start()
    try:
        gate.wait(task["patience_s"])
        tallies = [results.get(timeout=task["seconds"] + task["patience_s"]) for _ in processes]
    except Exception:  # noqa: BLE001 - a broken barrier or an empty queue: not in time
        tallies = []
    sys.stdout.write(json.dumps(tallies))
    for worker in processes:
        if worker.is_alive() and worker.pid:
            os.kill(worker.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
