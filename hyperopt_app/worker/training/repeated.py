# SPDX-License-Identifier: MIT
"""Train a trial once with each of its seeds, each time with a config and a directory of its own."""

from functools import partial

import optuna

from hyperopt_app.objective.outcomes import Outcome
from hyperopt_app.repeats.settings import Repeats
from hyperopt_app.repeats.training import Repeat, Trainings
from hyperopt_app.sampling.seeds import repeat_seed
from hyperopt_app.space.trial_overrides import trial_overrides
from hyperopt_app.study.plan import Plan
from hyperopt_app.worker.attempt import attempt
from hyperopt_app.worker.idle_pruner import unwatched
from hyperopt_app.worker.interruption import Ending
from hyperopt_app.worker.training.trainer import Trainer, Training

__all__ = ["seed_of_repeat", "train_repeatedly"]


def seed_of_repeat(plan: Plan, chosen: int | None, number: int) -> int:
    """Return the seed of a repeat: the same in each trial, so that trials can be compared.

    Args:
        plan: What the driver decided.
        chosen: The seed that the user has searched or fixed; None for the study's own.
        number: Of the repeat, from 0.
    """
    return repeat_seed(plan.seed, number) if chosen is None else chosen + number


def train_repeatedly(
    trainer: Trainer, repeats: Repeats, first: Training, optuna_trial: optuna.Trial, chosen: int | None
) -> Outcome:
    """Train a trial once with each seed, and return what the whole came to.

    Args:
        trainer: Calls the objective.
        repeats: How many seeds, and what becomes of their values.
        first: The training of the first repeat, in the trial's directory.
        optuna_trial: Optuna's trial.
        chosen: The seed that the user has searched or fixed; None for the study's own.
    """
    plan, jobs, interrupts = trainer.plan, trainer.jobs, trainer.interrupts
    searched = trial_overrides(plan, first.params)
    has_key = chosen is not None or plan.seed_key

    def train(repeat: Repeat) -> Outcome:
        # Composed anew, since an objective may change its config.
        key = (f"seed={repeat.seed}",) if has_key else ()
        config = jobs.compose(plan.space.fixed, (*searched, *key), optuna_trial.number)
        training = Training(
            trial=repeat.trial,
            params=first.params,
            config=config.moved(repeat.directory, jobs.origin),
            seed=repeat.seed,
            resumed=repeat.resumed,
            reported=repeat.reported,
        )
        # What is raised in this process becomes an outcome here, so that a failure can name its repeat.
        train_once = partial(trainer.train, training)
        outcome = attempt(train_once, interrupts, trainer.where) if trainer.isolation is None else train_once()
        trainer.pace.mark()
        return outcome

    def counts(outcome: Outcome) -> bool:
        return not Ending(outcome, where=trainer.where).was_interrupted(asked_to_end=interrupts.asked_to_end)

    return Trainings(
        repeats,
        trial=unwatched(optuna_trial),
        own=first.trial,
        directory=first.config.directory,
        seed_of=partial(seed_of_repeat, plan, chosen),
        curve=first.reported,
        train=train,
        counts=counts,
        asked_to_end=lambda: interrupts.asked_to_end,
    ).run()
