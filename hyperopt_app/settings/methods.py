# SPDX-License-Identifier: MIT
"""Resolve the sampler and the pruner of a command and fit their settings to their classes. Runs in the driver."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from hyperopt_app.config.command_line import hydra_words
from hyperopt_app.config.store import replacing_old_sampler, stored_nodes
from hyperopt_app.sampling.automatic import choose
from hyperopt_app.sampling.fitting import Below, fit
from hyperopt_app.settings.reading import Settings

__all__ = ["with_automatic_methods", "with_methods"]

_KEPT = "the study has begun so"
# Where a node names no class but has fields; and what a study has that began before there was a choice.
_DEFAULTS: tuple[tuple[str, str, type], ...] = (("sampler", "async_tpe", BaseSampler), ("pruner", "nop", BasePruner))


def with_methods(
    settings: Settings, config: DictConfig, recompose: Callable[[list[str]], DictConfig]
) -> tuple[Settings, list[str]]:
    """Return the settings with a sampler and a pruner that workers can build, and the errors.

    Where the choice is ours, `Settings.automatic` says so, and a default stands in until the space is known.

    Args:
        settings: As composed.
        config: The sweep's config, which knows the groups that were chosen.
        recompose: The config of the same command with other overrides of Hydra's own.
    """
    faults: list[str] = []
    changes: dict[str, Any] = {}
    automatic: set[str] = set()
    for name, default, base in _DEFAULTS:
        group = f"hydra/sweeper/{name}"
        nodes = stored_nodes(group)
        written_node, below = getattr(settings, name), _below(config, group, nodes, recompose)
        if name == "sampler":
            chosen = str(config.hydra.runtime.choices.get(group))
            written_node, below = _of_today(written_node, below, chosen)
        if _is_ours_to_choose(written_node):
            automatic.add(name)
            written_node = {"seed": (written_node or {}).get("seed")} if name == "sampler" else {}
        node, method_faults = fit(written_node, below, nodes[default], base, f"hydra.sweeper.{name}")
        faults += method_faults
        changes[name] = nodes[default] if method_faults else node  # the other checks need some method
    return replace(settings, **changes, automatic=frozenset(automatic)), faults


def _is_ours_to_choose(node: Any) -> bool:
    """Whether the user has named no class and written no field but a seed: that of the default group names one."""
    if node is None:
        return True
    written = {key: value for key, value in node.items() if value != MISSING} if isinstance(node, Mapping) else node
    return isinstance(written, Mapping) and written.keys() <= {"seed"}


def with_automatic_methods(
    settings: Settings, space: Mapping[str, BaseDistribution], kept: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings with what we choose where the choice is ours.

    Args:
        settings: With what the user has chosen.
        space: The parameters of the study.
        kept: What the study has had so far, group to option; None for a new study.
    """
    if not settings.automatic:
        return settings
    chosen = {name: None if name in settings.automatic else getattr(settings, name) for name in ("sampler", "pruner")}
    choice = choose(chosen["sampler"], chosen["pruner"], space, len(settings.directions))
    options = {name: option for name in sorted(settings.automatic) if (option := getattr(choice, name)) is not None}
    reason = choice.reason
    if kept is not None:
        options, reason = {name: kept.get(name, default) for name, default, _ in _DEFAULTS if name in options}, _KEPT
    seed = {"seed": settings.sampler.get("seed")} if "sampler" in options else {}
    nodes: dict[str, Any] = {name: stored_nodes(f"hydra/sweeper/{name}")[option] for name, option in options.items()}
    if "sampler" in nodes:
        nodes["sampler"] = {**nodes["sampler"], **seed}
    return replace(settings, **nodes, options=options, reason=reason)


def _of_today(given: Any, below: Below, choice: str) -> tuple[Any, Below]:
    """Replace an old hydra-optuna-sweeper's fields in the sampler's node by ours; the user's values stay."""
    ours, old = replacing_old_sampler(choice), below.node
    if ours is None or not isinstance(given, Mapping) or not old.keys() <= given.keys():  # or it is the user's own file
        return given, below
    written = {
        key: value for key, value in given.items() if key not in old or value != old[key] or below.is_written(key)
    }
    return {**ours, **written}, replace(below, node=ours)


def _below(
    config: DictConfig,
    group: str,
    nodes: Mapping[str, Mapping[str, Any]],
    recompose: Callable[[list[str]], DictConfig],
) -> Below:
    @cache
    def written() -> Mapping[str, Any] | None:
        """Return the command's node without the group; None if that cannot be composed."""
        kept = [word for word in hydra_words(config) if not word.startswith(f"{group}=")]
        try:
            alone = recompose([*kept, f"~{group}"])
            node = OmegaConf.to_container(alone.hydra.sweeper).get(group.rsplit("/", 1)[1])  # type: ignore[union-attr]
        except Exception:  # noqa: BLE001 - Hydra may raise anything here, and it is not a fault of the user's
            return None
        return node if isinstance(node, dict) else {}

    def is_written(key: str) -> bool:
        node = written()
        return node is None or key in node

    choice = config.hydra.runtime.choices.get(group)
    return Below(nodes.get(str(choice), {}), tuple(nodes.values()), is_written)
