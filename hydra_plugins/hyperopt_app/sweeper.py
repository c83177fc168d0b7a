# SPDX-License-Identifier: MIT
"""The sweeper class that Hydra discovers; its implementation, `driver.sweep`, is imported when a sweep runs."""

import os
import sys
from typing import Any

from hydra.errors import CompactHydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hyperopt_app.config.store import register
from hyperopt_app.errors import HyperoptError
from hyperopt_app.hydra_compat import answering_hydra

__all__ = ["AsyncOptunaSweeper"]


class AsyncOptunaSweeper(Sweeper):
    """Searches with workers that pull trials; `hyperopt_app.config.sweeper.AsyncOptunaConf` has the fields."""

    def __init__(self, **_settings: Any) -> None:
        """The settings are read from the composed config, where they are plain values, not here."""
        self._parts: tuple[HydraContext, DictConfig, TaskFunction] | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra gives."""
        self._parts = (hydra_context, config, task_function)

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep. A user's mistake is shown without a traceback, by Hydra's own way of doing so."""
        if self._parts is None:
            raise RuntimeError("setup() comes before sweep()")
        context, config, task_function = self._parts
        # Set by `hyperopt-app doctor`, for this process alone.
        wishes = os.environ.pop("HYPEROPT_DOCTOR", None)
        try:
            with answering_hydra(config):
                if wishes is not None:
                    from hyperopt_app.doctor.examination import examine_command

                    examine_command(context, config, task_function, arguments, wishes)
                    return
                from hyperopt_app.driver.sweep import sweep

                sweep(context, config, task_function, arguments)
        except HyperoptError as error:
            if error.exit_code == 1:
                raise CompactHydraException(str(error)) from None
            # Hydra ends with 1 for every exception, also in a stranger's script; this one it lets through.
            sys.stderr.write(f"{error}\n")
            raise SystemExit(error.exit_code) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None


register()
