# SPDX-License-Identifier: MIT
"""A trial as a TensorBoard run: scalars, and a row of the hparams plugin; needs the package tensorboard alone."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperopt_app.loggers.run import FINAL, RunEnd, RunFacts, new_folder

__all__ = ["TensorboardRun"]


class TensorboardRun:
    """A folder of event files, one file for each attempt of the trial.

    They are written record by record and without a thread, so that what was reported is on disk whatever ends the
    worker, and a full disk is an error where it occurs.

    Args:
        settings: `directory`, absolute, or None for `tensorboard` in the study's directory.
        facts: The trial.
        known: The folder below it, of an earlier attempt; None for a new one.
    """

    def __init__(self, settings: Mapping[str, Any], facts: RunFacts, known: str | None) -> None:
        from tensorboard.plugins.hparams import summary_v2

        base = Path(settings["directory"] or facts.study_dir / "tensorboard")
        self.run_id = known or new_folder(base, facts)
        self._facts, folder = facts, base / self.run_id
        folder.mkdir(parents=True, exist_ok=True)
        self._steps = _steps(folder, facts.curve) if known else set[int]()
        self._path = folder / f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._write(file_version="brain.Event:2")
        params = {name: value if isinstance(value, (bool, int, float)) else str(value) for name, value in _some(facts)}
        self._write(summary=summary_v2.hparams_pb(params, trial_id=self.run_id))

    def has(self, step: int, /) -> bool:
        """Whether an event file has the point of this step."""
        return step in self._steps

    def report(self, value: float, step: int, /) -> None:
        """Write a scalar."""
        self._write_scalar(self._facts.curve, value, step)
        self._steps.add(step)

    def end(self, end: RunEnd, /) -> None:
        """Write the metrics as scalars, the state as a text and as the session's status."""
        from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

        last = max(self._steps, default=0)
        for name, value in end.metrics.items():
            self._write_scalar(f"{FINAL}{name}", value, last)
        self._write_text("state", end.state)
        if end.error:
            self._write_text("error", end.error)
        status = api_pb2.STATUS_FAILURE if end.state == "failed" else api_pb2.STATUS_SUCCESS
        info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
        data = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=info))
        self._write_value(metadata.SESSION_END_INFO_TAG, 0, metadata=data, tensor=metadata.NULL_TENSOR)

    def pause(self) -> None:
        """Nothing is open; a session whose end is not written counts as running."""

    def _write_scalar(self, tag: str, value: float, step: int) -> None:
        self._write_value(tag, step, simple_value=float(value))

    def _write_text(self, tag: str, text: str) -> None:
        from tensorboard.plugins.text import metadata
        from tensorboard.util import tensor_util

        tensor = tensor_util.make_tensor_proto([text.encode()], shape=(1,))
        self._write_value(tag, 0, metadata=metadata.create_summary_metadata(tag, ""), tensor=tensor)

    def _write_value(self, tag: str, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._write(step=step, summary=Summary(value=[Summary.Value(tag=tag, **content)]))

    def _write(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._path.open("ab") as file:
            RecordWriter(file).write(Event(wall_time=time.time(), **content).SerializeToString())


def _some(facts: RunFacts) -> list[tuple[str, Any]]:
    """The parameters, or the trial's number: the plugin passes over a session without any."""
    return list(facts.params.items()) or [("trial", facts.number)]


def _steps(folder: Path, tag: str) -> set[int]:
    """The steps that the event files of a folder have."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0}).Reload()
    return {event.step for event in events.Scalars(tag)} if tag in events.Tags()[SCALARS] else set()
