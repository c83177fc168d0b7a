# SPDX-License-Identifier: MIT
"""Hold the names by which messages refer to settings: Hydra's keys, or those of `hyperopt-app legacy`."""

from dataclasses import dataclass

__all__ = ["HYDRA_WORDING", "Wording"]


@dataclass(frozen=True)
class Wording:
    """The names of settings in messages; the defaults are those of a Hydra command.

    A command with options of its own, such as `hyperopt-app legacy`, hands its names to `driver.application`, so that
    its messages never name a key that the user cannot set. It is part of the plan, because launchers log messages too.

    Attributes:
        direction: Where the direction stands.
        another_study: What begins another study.
        accept_changes: What goes on with a changed search.
        points: Where the points stand that are tried first.
        budget: Where the number of trials stands.
        pruner: Where the pruner stands.
        launcher: Where the launcher stands.
        without_scheduler: What else can be done without a scheduler, or if it refuses; half a sentence.
        time: Whose time is over when workers leave because of it.
        is_application: Whether the user typed a Hydra command and wrote the config that the driver got. If not, the
            driver gives no advice about Hydra's overrides.
    """

    direction: str = "hydra.sweeper.direction"
    another_study: str = "hydra.sweep.dir=... (in a database also hydra.sweeper.study_name=...)"
    accept_changes: str = "hydra.sweeper.accept_changes=true"
    points: str = "hydra.sweeper.enqueue"
    budget: str = "hydra.sweeper.n_trials"
    pruner: str = "hydra.sweeper.pruner"
    launcher: str = "hydra/launcher"
    without_scheduler: str = ""
    time: str = "this job"
    is_application: bool = True


HYDRA_WORDING = Wording()
