# SPDX-License-Identifier: MIT
"""What each tool's own reader finds in the runs of a study, in one form; no test stands here."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Seen:
    """A run as it was read; numbers stay numbers where the tool keeps them as such."""

    name: str
    group: str
    params: Mapping[str, Any]
    curve: Mapping[int, float]
    final: Mapping[str, float]
    state: str
    status: str = ""


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _final(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix("final/"): value for name, value in metrics.items() if name.startswith("final/")}


def read_csv(study: Path, curve: str) -> list[Seen]:
    """With Python's own reader."""
    seen = []
    for path in sorted((study / "csv").rglob("run.csv")):
        rows = list(csv.DictReader(path.read_text().splitlines()))
        kinds: dict[str, dict[str, str]] = {}
        for row in rows:
            kinds.setdefault(row["kind"], {})[row["name"]] = row["value"]
        points = csv.DictReader(path.with_name("curve.csv").read_text().splitlines())
        params = {name: _number(text) for name, text in kinds.get("parameter", {}).items()}
        final = _final({name: float(text) for name, text in kinds.get("metric", {}).items()})
        steps = {int(row["step"]): float(row[curve]) for row in points}
        about = kinds["about"]
        name, state = f"{about['study']}-{about['trial']}", kinds["state"]["state"]
        seen.append(Seen(name, about["study"], params, steps, final, state))
    return seen


def read_tensorboard(study: Path, curve: str) -> list[Seen]:
    """With TensorBoard's accumulator, and its hparams plugin's own parsers."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.util import tensor_util

    seen = []
    folders = {path.parent for path in (study / "tensorboard").rglob("events.out.tfevents.*")}
    for folder in sorted(folders):
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
        plugin = events.PluginTagToContent("hparams")
        start = metadata.parse_session_start_info_plugin_data(plugin[metadata.SESSION_START_INFO_TAG])
        params = {name: getattr(value, str(value.WhichOneof("kind"))) for name, value in start.hparams.items()}
        scalars = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
        points = [(event.step, event.value) for event in scalars.get(curve, [])]
        assert len(points) == len(dict(points)), "a point is there twice"
        state, status = "", ""
        if metadata.SESSION_END_INFO_TAG in plugin:
            end = metadata.parse_session_end_info_plugin_data(plugin[metadata.SESSION_END_INFO_TAG])
            status = api_pb2.Status.Name(end.status)
            state = tensor_util.make_ndarray(events.Tensors("state")[0].tensor_proto)[0].decode()
        final = _final({tag: values[-1].value for tag, values in scalars.items()})
        group = str(folder.parent.relative_to(study / "tensorboard"))
        seen.append(Seen(f"{group}-{folder.name}", group, params, dict(points), final, state, status))
    return seen


def read_mlflow(study: Path, curve: str) -> list[Seen]:
    """With MLflow's client."""
    from mlflow.tracking import MlflowClient

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = MlflowClient(tracking_uri=(study / "mlflow").as_uri())
    seen = []
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"]):
            points = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, curve)]
            assert len(points) == len(dict(points)), "a point is there twice"
            params = {name: _number(text) for name, text in run.data.params.items()}
            state, status = run.data.tags.get("hyperopt.state", ""), run.info.status
            final = _final(run.data.metrics)
            seen.append(Seen(run.info.run_name, experiment.name, params, dict(points), final, state, status))
    return seen


def read_wandb(study: Path, curve: str) -> list[Seen]:
    """With `wandb leet inspect`; of several folders of one run the last one counts, as where it is uploaded."""
    last = {path.name: path for path in sorted((study / "wandb").glob("offline-run-*/run-*.wandb"))}
    return [_wandb_run(path, curve) for path in last.values()]


def _records(path: Path) -> list[dict[str, Any]]:
    """The records of a run that has ended; wandb's own process writes the last ones a moment after `finish`."""
    words = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", "--follow", "--idle-timeout=10s", str(path)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _wandb_run(path: Path, curve: str) -> Seen:
    run: dict[str, Any] = {}
    points, summary, status = dict[int, float](), dict[str, Any](), ""
    for record in _records(path):
        kind = record["type"]
        if kind == "run":
            run = record["run"]
        elif kind == "history":
            row = record["history"]["item"]
            points[row["step"]] = row[curve]
        elif kind == "summary":
            summary |= record["summary"].get("update", {})
        elif kind == "exit":
            status = str(record["exit"].get("exit_code", 0))
    params = {name: value for name, value in run["config"]["update"].items() if name not in ("_wandb", "hyperopt")}
    assert run["config"]["update"]["hyperopt"]["study"] == run["run_group"]
    state = summary.get("state", "")
    return Seen(run["display_name"], run["run_group"], params, points, _final(summary), state, status)


READERS: dict[str, Callable[[Path, str], list[Seen]]] = {
    "csv": read_csv,
    "mlflow": read_mlflow,
    "tensorboard": read_tensorboard,
    "wandb": read_wandb,
}


def needs(logger: str) -> None:
    """Skip a test where the logger's package is missing."""
    if logger != "csv":
        pytest.importorskip(logger, reason=f"the package {logger} is not installed (extra: loggers)")
