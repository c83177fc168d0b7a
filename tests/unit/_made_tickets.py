# SPDX-License-Identifier: MIT
"""Workers without processes: identities, an observer that is told who died, tickets in memory; no test stands here."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState

from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.study.heartbeat import WorkerIdentity
from hyperopt_app.study.liveness import Observer


def identity(number: int = 0) -> WorkerIdentity:
    """A worker that is named by its number."""
    return WorkerIdentity(f"worker-{number}", number, "host", "machine", 100 + number, 1, "")


class Told(Observer):
    """An observer that knows who is dead because a test says so; nameless holders live unless "nobody" is dead."""

    def __init__(self, *dead: str) -> None:
        super().__init__(60.0)
        self.dead = set(dead)

    def is_dead(self, claim: Mapping[str, Any] | None, key: str) -> bool:
        """Whether the test has named the holder."""
        return ("nobody" if claim is None else str(claim["worker"])) in self.dead


def study_with(n_trials: int, storage: optuna.storages.BaseStorage | None = None) -> optuna.Study:
    """A new study with so many tickets."""
    study = optuna.create_study(study_name="study", storage=storage)
    issue(study, n_trials)
    return study


def hand(
    study: optuna.Study, number: int = 0, n_trials: int | None = None, observer: Observer | None = None
) -> Tickets:
    """A worker's hand on the tickets of a study, by default on those that are there; its storage is opened anew."""
    return Tickets(
        study,
        identity(number),
        len(study.get_trials(deepcopy=False)) if n_trials is None else n_trials,
        observer=observer or Told(),
        lock=contextlib.nullcontext,
        reopen=lambda: optuna.load_study(study_name=study.study_name, storage=study._storage, pruner=study.pruner),
    )


def sampler(_number: int) -> BaseSampler:
    """A sampler for any trial."""
    return RandomSampler(seed=1)


def claimed(tickets: Tickets, sampler_of: Callable[[int], BaseSampler] = sampler) -> optuna.Trial:
    """The next ticket, which there must be."""
    trial = tickets.claim(sampler_of)
    assert trial is not None
    return trial


def numbers(study: optuna.Study, *states: TrialState) -> list[int]:
    """The numbers of the trials in these states, in order."""
    return [trial.number for trial in study.get_trials(deepcopy=False, states=states)]
