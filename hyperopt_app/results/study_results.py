# SPDX-License-Identifier: MIT
"""Write a study's result files as its plan says: once, or by a worker after each of its trials."""

from collections.abc import Callable
from functools import partial
from typing import Any

import optuna
from omegaconf import DictConfig

from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.results.files import ThrottledResults, write_results
from hyperopt_app.results.retrain import further_results, retrain_command
from hyperopt_app.study.plan import Plan

__all__ = ["results_of_worker", "write_study_results"]


def write_study_results(
    study: optuna.Study, plan: Plan, config: DictConfig, task_function: Callable[[Any], Any]
) -> None:
    """Write the result files, and those that the task function writes itself.

    Raises:
        ResultsError: One could not be written; the others have been.
        OSError: The study's directory cannot be written.
    """
    further = partial(further_results, task_function, config, plan.study_dir)
    write_results(study, plan.study_dir, partial(retrain_command, plan), further=further)


def results_of_worker(
    tickets: Tickets, plan: Plan, config: DictConfig, task_function: Callable[[Any], Any]
) -> ThrottledResults:
    """The result files in the hands of a worker, which updates them after each of its trials."""

    def write() -> None:
        # Asked for at each write: a worker opens its study anew after it has lost a trial.
        write_study_results(tickets.study, plan, config, task_function)

    return ThrottledResults(write)
