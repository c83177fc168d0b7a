# SPDX-License-Identifier: MIT
"""Base class of objectives that a YAML file names."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hyperopt_app.objective.trial import Trial

if TYPE_CHECKING:
    import optuna

__all__ = ["Objective"]


class Objective:
    """Base class of the objectives that a YAML file names by `_target_`; derive from it and write `train`.

    The keys beside `_target_` are passed to the constructor.

    Attributes:
        suggested_key: The key by which an objective that suggests parameters itself is given their values outside a
            sweep, as a mapping from names; the command that trains a trial again sets it. None: it takes none.
    """

    suggested_key: ClassVar[str | None] = None

    def train(self, trial: Trial | None, conf: Any) -> Mapping[str, float] | Sequence[float] | float:
        """Train once with `conf` and return the metrics by name, or the value(s) to optimise.

        Args:
            trial: The running trial, None outside a sweep.
            conf: The composed configuration (`omegaconf.DictConfig`) with this trial's values in it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method train(self, trial, conf)")

    @classmethod
    def check(cls, conf: Any) -> Sequence[str]:  # noqa: ARG003 - the base knows no faults
        """What is wrong for this objective, one line each; reported before anything starts. Runs in the driver.

        Override it where a mistake can be seen early, such as a data file that is not there.

        Args:
            conf: The composed configuration of the whole command, with its `hydra` node.
        """
        return ()

    @classmethod
    def preload(cls, conf: Any) -> Sequence[str]:  # noqa: ARG003 - nor modules
        """Return names of modules that are slow to import and that `train` needs. Runs in workers.

        The processes of isolated trials start with them imported; what cannot be imported is tried again in the trial.

        Args:
            conf: As for `check`.
        """
        return ()

    @classmethod
    def write_results(cls, study: "optuna.Study", study_dir: Path, conf: Any) -> None:
        """Write the objective's own result files. Runs in workers after trials, and in the driver at the end.

        One process at a time calls it, seldom if it takes long; the study is only to be read. An exception is logged.

        Args:
            study: The study.
            study_dir: Its directory.
            conf: As for `check`.
        """
