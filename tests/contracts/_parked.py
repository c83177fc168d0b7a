# SPDX-License-Identifier: MIT
"""Workers that race for tickets, let trials wait at rungs, promote them, and are killed; judges nothing.

Each trial has two files in the study's directory: its checkpoint, and a line for each step that was trained or saved.
"""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler

from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.objective.outcomes import Completed, Outcome, Parked
from hyperopt_app.sampling.promotion import PromotePruner
from hyperopt_app.study.heartbeat import beating, this_worker
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.opening import study_lock
from tests.contracts._steered import DONE, Study

WORKERS = 3
EPOCHS = 12


class ParkingStudy(Study):
    """A study whose trials wait at the steps 3 and 9, of 12."""

    def open(self) -> optuna.Study:
        """The study, with its pruner."""
        study = super().open()
        study.pruner = PromotePruner()
        return study

    def labour(self, number: int, lease_s: float = 120.0) -> int:
        """One worker, until the user is done, and without a lease until all is; how many trials it has held."""
        identity = this_worker(number, self.folder)
        with beating(identity):
            lock, observer = partial(study_lock, self.folder), Observer(lease_s)
            tickets = Tickets(self.open(), identity, self.n_trials, observer=observer, lock=lock, reopen=self.open)
            held = 0
            while True:
                is_done = (self.folder / DONE).exists()
                while (trial := tickets.claim(RandomSampler)) is not None:
                    tickets.settle(trial, self.trained(tickets, trial))
                    held += 1
                tickets.end_parked()
                if is_done and (lease_s or not tickets.left()):
                    return held
                time.sleep(0.02)

    def trained(self, tickets: Tickets, trial: optuna.Trial) -> Outcome:
        """Train from the checkpoint on; a trial's value is known by its number."""
        trial.suggest_float("x", -5, 5)
        checkpoint, value = self.folder / f"{trial.number}.ckpt", random.Random(trial.number).random()
        begin = int(checkpoint.read_text()) if checkpoint.exists() else 0
        known = trial.study._storage.get_trial(trial._trial_id).intermediate_values
        for step in range(begin + 1, EPOCHS + 1):
            self.note(trial.number, "trained", step)
            time.sleep(0.005)
            if step not in known:
                trial.report(value, step)
            aside = checkpoint.with_suffix(".new")
            aside.write_text(str(step))
            aside.replace(checkpoint)
            self.note(trial.number, "saved", step)
            if step < EPOCHS and tickets.parks(trial):
                return Parked()
        return Completed((value,))

    def note(self, number: int, word: str, step: int) -> None:
        """Add a line to what is known of a trial."""
        with Path(self.folder, f"{number}.txt").open("a") as notes:
            notes.write(f"{word} {step}\n")


def park(child: Any, storage: str, study_dir: str, n_trials: str, kills: str) -> int:
    """Let workers come to the end of a study while some of them are killed; returns how many were.

    Args:
        child: Runs a function in a forked process.
        storage: Of the study, `null` for a journal.
        study_dir: Of the study.
        n_trials: The budget.
        kills: How many workers are killed, if there is so much to do.
    """
    study, chance, killed = ParkingStudy(storage, study_dir, int(n_trials)), random.Random(0), 0
    child(study.begin).result()
    workers = [child(partial(study.labour, number)) for number in range(WORKERS)]
    for which in range(int(kills)):
        time.sleep(chance.uniform(0.05, 0.25))
        victim = chance.randrange(WORKERS)
        os.kill(workers[victim].pid, signal.SIGKILL)
        killed += workers[victim].result() == "failed"
        workers[victim] = child(partial(study.labour, WORKERS + which))
    (study.folder / DONE).touch()
    for worker in workers:
        worker.result()
    # One that was killed while it took a ticket has left no name; its lease has passed.
    child(partial(study.labour, 1000, lease_s=0.0)).result()
    return killed
