# SPDX-License-Identifier: MIT
"""Hyperparameter optimisation of neural networks on GPU clusters, as a Hydra application."""

from hyperopt_app.objective.base import Objective
from hyperopt_app.objective.task_hooks import TaskHooks
from hyperopt_app.objective.trial import Trial, checkpointed, current_seed, current_trial, report

__all__ = [
    "Objective",
    "TaskHooks",
    "Trial",
    "__version__",
    "checkpointed",
    "current_seed",
    "current_trial",
    "report",
]

__version__ = "0.1.0"
