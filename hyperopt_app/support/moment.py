# SPDX-License-Identifier: MIT
"""Fix the time that `${now:...}` gives, so that all trials of a command see the same."""

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime

from omegaconf import DictConfig, OmegaConf
from omegaconf.basecontainer import BaseContainer

from hyperopt_app.hydra_compat import register_resolver

__all__ = ["at_moment", "moment_of"]


def moment_of(config: DictConfig) -> datetime:
    """The time of the command: what `${now:...}` has already given in this config, else the current time.

    Hydra caches the text for each format. The directory of a sweep has date and time of day in two of them.

    Args:
        config: The composed config of the sweep.
    """
    patterns, texts, known = list[str](), list[str](), set[str]()
    for (pattern,), text in OmegaConf.get_cache(config).get("now", {}).items():
        codes = set(re.findall("%.", pattern))
        if not codes & known:  # strptime takes each once
            patterns.append(pattern)
            texts.append(text)
            known |= codes
    if {"%Y", "%m", "%d", "%H", "%M", "%S"} <= known:
        with contextlib.suppress(ValueError):
            return datetime.strptime("\n".join(texts), "\n".join(patterns))  # noqa: DTZ007 - local, as Hydra's
    return datetime.now()  # noqa: DTZ005 - local, as Hydra's


@contextlib.contextmanager
def at_moment(moment: datetime) -> Iterator[None]:
    """Let `${now:...}` give this time while the body runs, whenever that is."""
    before = BaseContainer._resolvers.get("now")

    def now(pattern: str) -> str:
        return moment.strftime(pattern)

    register_resolver("now", now)
    try:
        yield
    finally:
        if before is None:
            OmegaConf.clear_resolver("now")
        else:
            BaseContainer._resolvers["now"] = before
