# SPDX-License-Identifier: MIT
"""Workers that race and are killed while a user tries trials again, discards some and adds others; judges nothing."""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from hyperopt_app.budget.counting import read_counting
from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.driver.steering import added, discarded, retried
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome
from hyperopt_app.results.files import ThrottledResults
from hyperopt_app.space.space import Space
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.heartbeat import beating, this_worker
from hyperopt_app.study.identity import Identity, keep_identity
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.opening import study_lock
from hyperopt_app.study.stopping import Limits
from hyperopt_app.worker.loop import Worker
from tests.unit._made_workers import Evaluating

NAME = "contract"
WORKERS = 8
DONE = "the-user-is-done"
KINDS = ("grow", "discard", "retry", "add")
NO_LIMITS = Limits(max_consecutive_failures=None)
SPACE = Space({"x": FloatDistribution(-5, 5)})


class Study:
    """Where the study is; each process opens it for itself."""

    def __init__(self, storage: str, study_dir: str, n_trials: int) -> None:
        self.folder = Path(study_dir)
        self.n_trials = n_trials
        self._storage = None if storage == "null" else storage

    def open(self) -> optuna.Study:
        """The study."""
        return optuna.load_study(study_name=NAME, storage=open_storage(self._storage, self.folder))

    def begin(self) -> None:
        """What a driver does."""
        study = optuna.create_study(study_name=NAME, storage=open_storage(self._storage, self.folder))
        keep_identity(study, Identity(("minimize",), (), SPACE, 0))
        keep_budget(study, self.n_trials)
        issue(study, self.n_trials)

    def die_nameless(self) -> None:
        """Leave a running trial without a claim, as who is killed between the two writes of taking or freeing one."""
        study = self.open()
        ticket = next(trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.WAITING)
        assert study._storage.set_trial_state_values(ticket._trial_id, TrialState.RUNNING)

    def labour(self, number: int, lease_s: float = 120.0) -> int:
        """One worker, again and again until the user is done; every fifth or so of its trials fails."""
        identity, chance = this_worker(number, self.folder), random.Random(os.getpid())

        def evaluate(trial: optuna.Trial) -> Outcome:
            x = trial.suggest_float("x", -5, 5)
            time.sleep(0.02)
            return Failed("oom", "no memory") if chance.random() < 0.2 else Completed((x**2,))

        with beating(identity):
            lock = partial(study_lock, self.folder)
            tickets = Tickets(
                self.open(), identity, self.n_trials, observer=Observer(lease_s), lock=lock, reopen=self.open
            )
            worker = Worker(
                tickets, NO_LIMITS, frozenset(), RandomSampler, Evaluating(evaluate), ThrottledResults(lambda: None)
            )
            finished = len(worker.work().finished)
            while not (self.folder / DONE).exists():
                time.sleep(0.05)
                finished += len(worker.work().finished)
        return finished

    def step(self, which: int) -> list[Any]:
        """What a user does, by the commands' own functions; a point, and whether that was done or refused."""
        study, chance, kind = self.open(), random.Random(which), KINDS[which % len(KINDS)]
        point = round(-5 + which / 50, 4)
        try:
            if kind == "retry":
                retried(study, self.folder, [], ["oom"], lambda *_: None)
            elif kind == "discard":
                ended = [trial.number for trial in read_counting(study) if trial.state == TrialState.COMPLETE]
                discarded(study, self.folder, chance.sample(ended, min(2, len(ended))) or [0], lambda *_: None)
            else:
                added(study, self.folder, [f"x={point}"], grows=kind == "grow")
        except StudyMismatchError:
            return [kind, point, "refused"]
        return [kind, point, "done"]


def steer(child: Any, storage: str, study_dir: str, n_trials: str, steps: str) -> list[Any]:
    """Workers, and a user's steps one after the other, of all of which some are killed; what the steps came to.

    Args:
        child: Runs a function in a forked process.
        storage: Of the study, `null` for a journal.
        study_dir: Of the study.
        n_trials: The budget.
        steps: How many the user takes.
    """
    study, chance = Study(storage, study_dir, int(n_trials)), random.Random(0)
    child(study.begin).result()
    child(study.die_nameless).result()
    workers, answers = [child(partial(study.labour, number)) for number in range(WORKERS)], []
    for which in range(int(steps)):
        user, victim = child(partial(study.step, which)), chance.randrange(2 * WORKERS)
        time.sleep(chance.random() / 5)
        if victim < WORKERS:
            os.kill(workers[victim].pid, signal.SIGKILL)
            workers[victim].result()
            workers[victim] = child(partial(study.labour, WORKERS + which))
        elif victim < WORKERS + 2:
            os.kill(user.pid, signal.SIGKILL)  # nobody has waited for it yet, so the number is no other's
        answers.append(user.result())
    (study.folder / DONE).touch()
    for worker in workers:
        worker.result()
    # All have ended, some in the middle of a trial. One that has no name on it is freed when a lease has passed, and
    # that it has passed is given here.
    child(partial(study.labour, 1000, lease_s=0.0)).result()
    return answers
