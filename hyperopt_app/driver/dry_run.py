# SPDX-License-Identifier: MIT
"""Compose the three sampled configs that `hydra.sweeper.dry_run=true` shows. Starts nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.sampling.feasible import feasible
from hyperopt_app.sampling.samplers import sampler_factory
from hyperopt_app.space.override_text import override_text
from hyperopt_app.space.space import Space, suggest_all
from hyperopt_app.support.moment import moment_of
from hyperopt_app.support.passwords import mask_password, masked
from hyperopt_app.support.shown_config import shown_config, value_changes
from hyperopt_app.worker.trial_job import TrialJobs

__all__ = ["sampled"]

_SAMPLES = 3
_MOST_DIFFERENCES = 30


def sampled(
    context: HydraContext,
    config: DictConfig,
    space: Space,
    sampler: Mapping[str, Any],
    directions: Sequence[str],
    seed: int,
    points: Sequence[Mapping[str, Any]],
) -> str:
    """Compose three configs as the first trials of the study would get them, with their overrides.

    The first is shown whole, the others by what differs from it: real configs have a hundred lines.

    Args:
        context: Hydra's context of the sweep.
        config: Its composed config.
        space: What is searched and fixed.
        sampler: The sampler's config node.
        directions: Of the objectives.
        seed: The study's seed.
        points: The first tickets' points.
    """
    study = optuna.create_study(directions=list(directions))  # type: ignore[arg-type]  # checked before
    for point in points[:_SAMPLES]:
        study.enqueue_trial(dict(point))
    jobs = TrialJobs(context, config, lambda _config: None, moment_of(config))
    factory = feasible(sampler_factory(sampler, seed), space, seed)
    parts: list[str] = []
    first: dict[str, Any] = {}
    for number in range(_SAMPLES):
        study.sampler = factory(number)
        trial = study.ask()
        suggest_all(trial, space)
        overrides = [override_text(key, value) for key, value in space.values(trial.params).items()]
        composed = jobs.compose(space.fixed, overrides, number)
        words = " ".join(mask_password(word, is_prose=False) for word in composed.overrides)
        parts.append(f"# configuration {number + 1} of {_SAMPLES}: {words}\n{_text(composed.task, first)}\n")
        first = first or _as_written(composed.task)
    return "\n".join(parts)


def _text(config: DictConfig, first: Mapping[str, Any]) -> str:
    """The whole config if no other has been shown, else its differences from that."""
    if not first:
        return shown_config(config).rstrip()
    changes = value_changes(first, _as_written(config), (), most=_MOST_DIFFERENCES)
    return "\n".join(f"#   {line}" for line in ["against configuration 1:", *changes])


def _as_written(config: DictConfig) -> dict[str, Any]:
    plain: Any = masked(OmegaConf.to_container(config, resolve=False, enum_to_str=True))
    return dict(plain)
