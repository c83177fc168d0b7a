# SPDX-License-Identifier: MIT
"""A trial as a run of Weights & Biases, online or offline; needs the package wandb."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hyperopt_app.loggers.run import FINAL, RunEnd, RunFacts

__all__ = ["WandbRun"]

_STEP = "step"
# By which wandb's processes find the program that writes for them.
_SERVICE = "WANDB_SERVICE"


class WandbRun:
    """A run in the study's group, with the parameters as its config and the metrics in its summary.

    Offline, each attempt of the trial has a folder of its own, under the same id. The last one has the whole curve, so
    it does not matter which of them are uploaded, as long as the last one is.

    Args:
        settings: The fields of `config.loggers.WandbLoggerConf`.
        facts: The trial.
        known: The run's id, of an earlier attempt; None for a new run.
    """

    def __init__(self, settings: Mapping[str, Any], facts: RunFacts, known: str | None) -> None:
        import wandb

        self.run_id = known or re.sub(r"[^\w-]", "-", f"{facts.study_id}-{facts.number}", flags=re.ASCII)
        directory = Path(settings["directory"] or facts.study_dir)
        directory.mkdir(parents=True, exist_ok=True)
        self._curve = facts.curve
        with _service_kept():
            self._run: Any = wandb.init(
                id=self.run_id,
                project=settings["project"] or os.environ.get("WANDB_PROJECT") or "hyperopt",
                entity=settings["entity"],
                group=facts.study,
                name=facts.name,
                job_type="trial",
                tags=list(settings["tags"] or ()),
                dir=str(directory),
                mode=settings["mode"] or os.environ.get("WANDB_MODE") or "offline",
                config={"hyperopt": facts.about, **facts.params},
                resume="allow",
                reinit="create_new",  # a user's own run in this process stays what it is
                settings=wandb.Settings(console="off", silent=True, x_disable_stats=True),
            )
        self._run.define_metric(self._curve, step_metric=_STEP)
        # The last step that the server has; offline nobody can ask it.
        last = None if known is None or self._run.offline else self._run.summary.get(_STEP)
        self._last = last if isinstance(last, (int, float)) else float("-inf")

    def has(self, step: int, /) -> bool:
        """Whether the run has been given this step or a later one."""
        return step <= self._last

    def report(self, value: float, step: int, /) -> None:
        """Log a value, over the trial's own step."""
        self._run.log({self._curve: float(value), _STEP: step})

    def end(self, end: RunEnd, /) -> None:
        """Write the metrics and the state into the summary; a failed trial's run has failed."""
        summary: dict[str, Any] = {f"{FINAL}{name}": float(value) for name, value in end.metrics.items()}
        summary |= {"state": end.state, **({"error": end.error} if end.error else {})}
        self._run.summary.update(summary)
        self._run.finish(exit_code=1 if end.state == "failed" else 0)

    def pause(self) -> None:
        """Mark the run as preempted."""
        self._run.mark_preempting()
        self._run.finish(exit_code=1)


@contextlib.contextmanager
def _service_kept() -> Iterator[None]:
    """Keep the worker's own service out of the environment, where an objective with runs of its own would find it."""
    before = os.environ.get(_SERVICE)
    try:
        yield
    finally:
        os.environ.pop(_SERVICE, None)
        if before is not None:
            os.environ[_SERVICE] = before
