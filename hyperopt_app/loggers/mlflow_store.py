# SPDX-License-Identifier: MIT
"""A trial as an MLflow run: parameters, metrics, tags; needs the package mlflow or mlflow-skinny, and no server."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hyperopt_app.loggers.run import FINAL, RunEnd, RunFacts
from hyperopt_app.study.opening import study_lock

__all__ = ["MlflowRun"]

_TAG = "hyperopt."
# What tells MLflow 3 that files are wanted although it has better stores.
_ALLOW = "MLFLOW_ALLOW_FILE_STORE"
_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


class MlflowRun:
    """A run of the experiment that is called as the study is.

    Args:
        settings: `tracking_uri` and `experiment`, or None for the default of each.
        facts: The trial.
        known: The run's id, of an earlier attempt; None for a new run.
    """

    def __init__(self, settings: Mapping[str, Any], facts: RunFacts, known: str | None) -> None:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        default = (facts.study_dir / "mlflow").as_uri()
        with _files_allowed():
            uri = settings["tracking_uri"] or os.environ.get("MLFLOW_TRACKING_URI") or default
            self._client = MlflowClient(tracking_uri=uri)
        self._facts, self._curve = facts, _mlflow_name(facts.curve)
        self._steps = set[int]()
        if known is not None:
            # Somebody may have removed the run, or the whole store.
            with contextlib.suppress(MlflowException):
                self._client.update_run(known, status="RUNNING")
                self._steps = {point.step for point in self._client.get_metric_history(known, self._curve)}
                self.run_id = known
                return
        self.run_id = self._new_run(settings["experiment"] or facts.study)

    def has(self, step: int, /) -> bool:
        """Whether the metric has a value at this step."""
        return step in self._steps

    def report(self, value: float, step: int, /) -> None:
        """Log a value of the metric."""
        self._client.log_metric(self.run_id, self._curve, float(value), step=step)
        self._steps.add(step)

    def end(self, end: RunEnd, /) -> None:
        """Log the metrics, and the state as a tag and as the run's status."""
        last = max(self._steps, default=0)
        for name, value in end.metrics.items():
            self._client.log_metric(self.run_id, _mlflow_name(f"{FINAL}{name}"), float(value), step=last)
        self._client.set_tag(self.run_id, f"{_TAG}state", end.state)
        if end.error:
            self._client.set_tag(self.run_id, f"{_TAG}error", end.error)
        self._client.set_terminated(self.run_id, status=_STATUS[end.state])

    def pause(self) -> None:
        """Say that the run will go on later."""
        self._client.update_run(self.run_id, status="SCHEDULED")

    def _new_run(self, experiment: str) -> str:
        from mlflow.entities import Param

        facts = self._facts
        tags = {f"{_TAG}{name}": text for name, text in facts.about.items()}
        run = self._client.create_run(self._experiment(experiment), tags=tags, run_name=facts.name)
        params = [Param(_mlflow_name(name), str(value)) for name, value in facts.params.items()]
        self._client.log_batch(run.info.run_id, params=params)
        return str(run.info.run_id)

    def _experiment(self, name: str) -> str:
        """Return the id of the experiment, which is made if it is missing."""
        present = self._client.get_experiment_by_name(name)
        if present is None:
            with study_lock(self._facts.study_dir):  # files would take a second experiment of this name
                present = self._client.get_experiment_by_name(name)
                if present is None:
                    return str(self._client.create_experiment(name))
        return str(present.experiment_id)


def _mlflow_name(name: str) -> str:
    """Replace the characters that MLflow does not take in a name."""
    return re.sub(r"[^\w. :/-]", "_", name, flags=re.ASCII)


@contextlib.contextmanager
def _files_allowed() -> Iterator[None]:
    """Let MLflow make a store of files; its other stores want a server, or a database that many workers would lock."""
    if _ALLOW in os.environ:
        yield
        return
    os.environ[_ALLOW] = "true"
    try:
        yield
    finally:
        del os.environ[_ALLOW]
