# SPDX-License-Identifier: MIT
"""Hydra callbacks for two mistakes that are made before our sweeper exists: no `--multirun`, and a bad interpolation.

The plugin that adds them also adds what depends on the command line and on the app's folders.
"""

import logging
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.experimental.callback import Callback
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hyperopt_app.config.callbacks import RESOLVER
from hyperopt_app.config.command_line import hydra_words
from hyperopt_app.config.store import register_beside_stock, register_callbacks, register_run_note
from hyperopt_app.errors import ConfigError
from hyperopt_app.hydra_compat import is_restricted, register_resolver

__all__ = ["InterpolationCheck", "RunNote", "RunNotePlugin"]

_log = logging.getLogger(__name__)


class RunNote(Callback):
    """Logs the one line; part of a run only where the command line calls for it."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Log which settings have no effect."""
        words = [word for word in hydra_words(config) if _is_sweepers(word)]
        _log.warning(
            "Without --multirun (-m) this is one run and nothing is searched: %s has no effect.", " ".join(words)
        )


class InterpolationCheck(Callback):
    """Ends a search, in one line, whose command line sets the sweeper or launcher to what cannot be resolved.

    Hydra resolves both when it makes the sweeper, and in a program of its own it would show a traceback.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Resolve both as Hydra will.

        Raises:
            SystemExit: With what cannot be resolved; of a callback's errors Hydra lets only this one through.
        """
        for node in (config.hydra.sweeper, config.hydra.launcher):
            try:
                OmegaConf.to_container(node, resolve=True)
            except OmegaConfBaseException as error:
                reason = (error.msg or str(error)).splitlines()[0]
                sys.exit(f"{error.full_key}: {reason}; nothing was started")


class RunNotePlugin(SearchPathPlugin):
    """Inspects the command line before Hydra composes; Hydra calls no other kind of plugin then."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Have our sweeper's config bring the callback, if this command needs it; the search path stays as it is.

        This is also where a program that knows nothing of ours takes the seed that best.yaml's command gives it, and
        where the groups of samplers are completed, since Hydra has discovered all plugins by now.
        """
        _seed()
        register_beside_stock()
        register_callbacks([place.path for place in search_path.get_path()])
        called_for = RunNote if is_needed(sys.argv[1:]) else InterpolationCheck if refers(sys.argv[1:]) else None
        if called_for is not None and not is_restricted():
            register_run_note(f"{called_for.__module__}.{called_for.__name__}")
            # Hydra 1.4 warns of every callback that a config names.
            warnings.filterwarnings("ignore", message=rf".*_target_='{re.escape(__name__)}\.")


def _resume_path(fit: str | None = None) -> str | None:
    """Return the checkpoint from which the running trial goes on; asked when the config is read, in the trial."""
    from hyperopt_app.callbacks.lightning import resume_path

    return resume_path(fit=fit)


def _seed() -> None:
    if "HYPEROPT_SEED" not in os.environ:
        return
    from hyperopt_app.config.seeding import seed_libraries, seed_of_environment

    try:
        seed = seed_of_environment()
    except ConfigError as error:
        _log.warning("%s", error)
        return
    if seed is not None:
        seed_libraries(seed)


def is_needed(words: Sequence[str]) -> bool:
    """Whether a command line sets the sweeper but does not request a sweep."""
    is_multirun = any(re.fullmatch(r"-[a-z]*m[a-z]*|--multirun|hydra\.mode=.*", word) for word in words)
    return not is_multirun and any(_is_sweepers(word) for word in words)


def refers(words: Sequence[str]) -> bool:
    """Whether a command line sets the sweeper or the launcher to an interpolation."""
    return any(re.match(r"[+~]*hydra[./](sweeper|launcher)[./=].*\$\{", word) is not None for word in words)


def _is_sweepers(word: str) -> bool:
    return re.match(r"[+~]*hydra[./]sweeper[./=]", word) is not None


register_resolver(RESOLVER, _resume_path, use_cache=False)  # it changes with each fit
