# SPDX-License-Identifier: MIT
"""Write a trial's parameters as the overrides from which its config is composed."""

from collections.abc import Mapping
from typing import Any, Protocol

from hyperopt_app.space.override_text import override_text, quoted_text
from hyperopt_app.space.space import Space

__all__ = ["Searched", "chooses_seed", "trial_overrides"]


class Searched(Protocol):
    """What a study searches; both as in `study.plan.Plan`."""

    @property
    def space(self) -> Space: ...  # noqa: D102
    @property
    def custom_search_space(self) -> str | None: ...  # noqa: D102


def trial_overrides(plan: Searched, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the overrides that set a trial's parameters; those of a custom search space are plain values.

    What the objective has suggested by itself is not a key of the config.
    """
    searched = tuple(override_text(key, value) for key, value in plan.space.values(params).items())
    if not plan.custom_search_space:
        return searched
    known = {*plan.space.parameters, *plan.space.pinned}
    return searched + tuple(f"{key}={quoted_text(value)}" for key, value in params.items() if key not in known)


def chooses_seed(plan: Searched, params: Mapping[str, Any]) -> bool:
    """Whether the user searches or fixes the config's top-level `seed`."""
    suggested = params if plan.custom_search_space else ()
    return any(key.lstrip("+") == "seed" for key in (*plan.space.distributions, *plan.space.pinned, *suggested))
