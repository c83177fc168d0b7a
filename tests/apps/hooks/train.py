# SPDX-License-Identifier: MIT
"""Somebody's program with hooks: an object in the place of the function that hydra.main runs."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra

import hyperopt_app

HEAVY = "heavy"  # a module beside this file


def logged(task: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A decorator of the user's between Hydra and the task."""

    @functools.wraps(task)
    def run(cfg: Any) -> Any:
        return task(cfg)

    return run


class Training(hyperopt_app.TaskHooks):
    """Refuses a missing file, has a module imported beforehand, and writes a file of its own."""

    def __call__(self, cfg: Any) -> float:
        """Tell whether the module was there before the trial began."""
        trial = hyperopt_app.current_trial()
        if trial is not None:
            trial.set_user_attr("was_imported", HEAVY in sys.modules)
        return float((cfg.x - 0.5) ** 2)

    def preflight(self, config: Any) -> Sequence[str]:
        """The file must be there."""
        return [] if Path(config.data).exists() else [f"data: {config.data} is not there; give the file"]

    def preload(self, config: Any) -> Sequence[str]:
        """One module."""
        return [HEAVY]

    def write_results(self, study: Any, study_dir: Path, config: Any) -> None:
        """How many trials there are."""
        (study_dir / "count.txt").write_text(f"{len(study.trials)} trials of {config.data}")


main = hydra.main(version_base=None, config_path=".", config_name="config")(logged(Training()))

if __name__ == "__main__":
    main()
