# SPDX-License-Identifier: MIT
"""`hyperopt-app doctor` says nothing of a command that works, and names each of the faults that are planted here."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from hyperopt_app import report
from hyperopt_app.app import train
from hyperopt_app.doctor import examination, locks, storage_speed
from hyperopt_app.doctor.check_result import CheckResult
from hyperopt_app.doctor.composing import SearchCommand
from hyperopt_app.doctor.examination import Wishes, examine
from hyperopt_app.doctor.forecast import forecast_results
from hyperopt_app.driver.sweep import sweep
from hyperopt_app.storage import database, opening
from tests.unit._made_studies import ended, kept
from tests.unit._made_sweeps import made_sweep, write_configs

CONFIG = """
defaults: [_self_, {model: a}, {override hydra/sweeper: async_optuna}]
lr: 0.1
hydra:
  sweep: {dir: study}
  sweeper: {params: {lr: 'interval(0, 1)', model: 'choice(a, b)'}, metric: loss, n_trials: 5, n_jobs: 1}
"""
FILES = {"config": CONFIG, "model/a": "width: 1\n", "model/b": "width: 2\ndepth: 3\n"}
SLURM = ("hydra/launcher=slurm_workers", "hydra.launcher.partition=batch")

# Stand-ins for Slurm's programs, as a cluster of this one machine answers.
PROGRAMS = {
    "sbatch": 'echo "sbatch: Job 7 to start at 2026-11-28T02:00:00 on nodes n1 in partition batch" >&2',
    "scontrol": (
        'case "$*" in\n'
        '*config*) printf "PreemptMode = REQUEUE\\nPreemptType = preempt/partition_prio\\n";;\n'
        "*) echo PartitionName=batch MaxTime=1-00:00:00 PreemptMode=REQUEUE State=UP;;\n"
        "esac"
    ),
    "sacct": "true",
    "sinfo": "hostname",
    # Runs what comes after its own options twice at a time, as on two nodes that share their disks.
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done\n"$@" &\n"$@" && wait $!',
    "nvidia-smi": "true",
}
TORCH = "__version__ = '2.9'\nclass cuda:\n    is_available = staticmethod(lambda: False)\n"


class Place(NamedTuple):
    """Where a fault is planted."""

    configs: Path
    programs: Path
    patch: pytest.MonkeyPatch

    def program(self, name: str, text: str) -> None:
        """Let one of Slurm's programs do something else."""
        path = self.programs / name
        path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        path.chmod(0o755)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A config that works, Slurm's programs and a torch without devices."""
    place = Place(write_configs(tmp_path / "conf", FILES), tmp_path / "bin", monkeypatch)
    place.programs.mkdir()
    for name, text in PROGRAMS.items():
        place.program(name, text)
    (tmp_path / "torch.py").write_text(TORCH, encoding="utf-8")
    monkeypatch.setenv("PATH", f"{place.programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return place


def reporting(config: Any) -> dict[str, float]:
    """An objective that works."""
    report(config.lr, step=1)
    return {"loss": config.lr}


def silent(config: Any) -> dict[str, float]:
    """One that reports nothing."""
    return {"loss": config.lr}


def misnamed(config: Any) -> dict[str, float]:
    """One that returns another metric."""
    return {"val_loss": config.lr}


def raising(_config: Any) -> float:
    """One with a bug."""
    raise TypeError("unsupported operand")


def answers(place: Place, *words: str, task: Callable[[Any], Any] = reporting, **wishes: Any) -> list[CheckResult]:
    """What the checks say of a command."""
    context, config = made_sweep(place.configs, *words)
    return list(examine(SearchCommand(context, config, task, []), Wishes(**wishes)))


@pytest.mark.parametrize("words", [(), ("hydra/launcher=basic",), SLURM], ids=["local", "basic", "slurm"])
def test_a_command_that_works_has_no_fault(place: Place, words: tuple[str, ...]) -> None:
    """With each check that applies; and nothing is left in the study's directory or beside it."""
    wishes: dict[str, Any] = {"nodes": True} if words == SLURM else {"try_s": 30.0} if words else {}
    results = answers(place, *words, **wishes)
    assert [result.line for result in results if result.verdict != "ok"] == []
    checks = {result.check for result in results}
    assert {"config", "objective", "directory", "space", "locks", "storage", "gpus", "cost"} <= checks
    assert ("trial" in checks) == ("try_s" in wishes)
    assert (checks >= {"nodes", "submission", "partition", "preemption", "accounting"}) == (words == SLURM)
    assert list(Path.cwd().iterdir()) == []


def test_a_study_that_is_there_stays_as_it_is(place: Place) -> None:
    """Its earlier trials tell what the others will cost."""
    words = ("hydra/launcher=basic", "hydra.sweeper.progress=none")
    context, config = made_sweep(place.configs, *words, "hydra.sweeper.n_trials=2")
    sweep(context, config, reporting, [])
    before = {path: path.read_bytes() for path in Path("study").rglob("*") if path.is_file()}
    results = answers(place, *words)
    assert {path: path.read_bytes() for path in Path("study").rglob("*") if path.is_file()} == before
    assert [result.line for result in results if result.verdict != "ok"] == []
    (cost,) = [result.text for result in results if result.check == "cost"]
    assert cost.startswith("3 trials will cost")
    assert cost.endswith("judged by 2 earlier trials")


class Fault(NamedTuple):
    """A fault: what plants it, and what the answer must say."""

    check: str
    verdict: str
    says: str
    words: tuple[str, ...] = ()
    plant: Callable[[Place], object] = lambda _place: None
    task: Callable[[Any], Any] = reporting
    wishes: Mapping[str, Any] = MappingProxyType({})


TRY: dict[str, Any] = {"words": ("hydra/launcher=basic",), "wishes": {"try_s": 30.0}}


def _lacks_rows(place: Place) -> None:
    (place.configs / "model" / "b.yaml").write_text("defaults: [nowhere]\n", encoding="utf-8")


def _asks_for_an_option_that_is_not_there(place: Place) -> None:
    text = CONFIG.replace("metric: loss", "metric: loss, when: {model=c: {depth: 'range(3)'}}")
    write_configs(place.configs, {"config": text})


def _fills_the_disk(place: Place) -> None:
    place.patch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10_000_000))


def _gives_each_node_its_own_disk(place: Place) -> None:
    apart = 'while [ "${1#--}" != "$1" ]; do shift; done\nmkdir own; '
    place.program("srun", f'{apart}"$@" && "${{@:1:$#-4}}" own "${{@: -3}}"; rm -r own')
    node_lock_results = partial(locks.node_lock_results, wait_s=0.1)
    place.patch.setattr(examination, "node_lock_results", node_lock_results)


def _hides_the_server(place: Place) -> None:
    place.patch.setattr(database, "SHORT_S", 0.1)


def _puts_all_on_nfs(place: Place) -> None:
    place.patch.setattr(opening, "is_network_filesystem", lambda _path: "nfs4")


def _answers(name: str, text: str) -> Callable[[Place], None]:
    return lambda place: place.program(name, text)


def _partition(fields: str) -> Callable[[Place], None]:
    return _answers("scontrol", PROGRAMS["scontrol"].replace("MaxTime=1-00:00:00 PreemptMode=REQUEUE State=UP", fields))


FAULTS = {
    "a key that the config lacks": Fault(
        "config", "fault", "no key 'rate'", ("+hydra.sweeper.params.rate='range(3)'",)
    ),
    "a range of one option among all": Fault(
        "config", "fault", "no key 'depth'", ("+hydra.sweeper.params.depth='range(3)'",)
    ),
    "a condition on an option that is not there": Fault(
        "config", "fault", "model=c", (), _asks_for_an_option_that_is_not_there
    ),
    "an option that does not compose": Fault("config", "fault", "(with model=b)", (), _lacks_rows),
    "an objective that cannot be imported": Fault(
        "objective", "fault", "nowhere.Net cannot be imported", ("+objective._target_=nowhere.Net",), task=train
    ),
    "another metric than is optimised": Fault("trial", "fault", "loss", task=misnamed, **TRY),
    "an objective with a bug": Fault("trial", "fault", "TypeError: unsupported operand", task=raising, **TRY),
    "a pruner without reports": Fault(
        "reports",
        "warning",
        "HyperbandPruner cannot end",
        (*TRY["words"], "hydra/sweeper/pruner=hyperband"),
        task=silent,
        wishes=TRY["wishes"],
    ),
    "a file in the place of the directory": Fault(
        "directory", "fault", "not a directory", (), lambda _place: Path("study").write_text("")
    ),
    "a full disk": Fault("space", "fault", "only 0.0 GB are free", (), _fills_the_disk),
    "nodes that do not share the directory": Fault(
        "nodes", "fault", "counted to 50 instead of 100", SLURM, _gives_each_node_its_own_disk, wishes={"nodes": True}
    ),
    "nodes and a disk of this machine": Fault(
        "shared", "warning", "nodes are other", SLURM, _answers("sinfo", "echo n7")
    ),
    "a server that is away": Fault(
        "storage",
        "fault",
        "127.0.0.1",
        ("hydra.sweeper.storage='postgresql+psycopg://me:hunter2@127.0.0.1:1/db'",),
        _hides_the_server,
    ),
    "SQLite on a network filesystem": Fault(
        "storage", "fault", "nfs4", ("hydra.sweeper.storage=sqlite:///a.db",), _puts_all_on_nfs
    ),
    "a journal that is none": Fault(
        "storage",
        "fault",
        "not a study's journal",
        ("hydra.sweeper.storage=notes.log",),
        lambda _place: Path("notes.log").write_text("epoch 1: loss 0.5\n"),
    ),
    "a Slurm that does not answer": Fault(
        "submission", "fault", "Unable to contact", SLURM, _answers("scontrol", "echo Unable to contact >&2; exit 1")
    ),
    "a submission that is refused": Fault(
        "submission",
        "fault",
        "invalid partition specified: gpu",
        SLURM,
        _answers("sbatch", "echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1"),
    ),
    "a longer time than is allowed": Fault(
        "partition", "fault", "allows 00:30:00", SLURM, _partition("MaxTime=00:30:00 State=UP")
    ),
    "a partition that is down": Fault(
        "partition", "fault", "is DOWN", SLURM, _partition("MaxTime=UNLIMITED State=DOWN")
    ),
    "preemption that cancels submitted jobs": Fault(
        "preemption",
        "warning",
        "nobody submits workers again",
        (*SLURM, "hydra.launcher.detach=true"),
        _partition("MaxTime=UNLIMITED PreemptMode=CANCEL State=UP"),
    ),
    "accounting out of reach": Fault(
        "accounting", "warning", "Connection refused", SLURM, _answers("sacct", "echo Connection refused >&2; exit 1")
    ),
    "a scheduler that is not there": Fault(
        "submission",
        "fault",
        "bsub was not found",
        ("hydra/launcher=lsf_workers",),
        lambda place: place.patch.setenv("PATH", str(place.programs)),
    ),
    "workers that run one after the other": Fault(
        "command", "warning", "since hydra/launcher is basic", ("hydra/launcher=basic", "hydra.sweeper.n_jobs=2")
    ),
    "a GPU that is not there": Fault(
        "gpus",
        "fault",
        "names the GPU 3",
        ("hydra/launcher=local_workers", "hydra.launcher.gpus=[0,3]"),
    ),
    "a torch that does not see the GPU": Fault(
        "gpus", "warning", "torch 2.9 sees none", (), _answers("nvidia-smi", "echo 'GPU 0: NVIDIA H100'")
    ),
}


@pytest.mark.nightly
def test_a_trial_of_a_job_is_tried_on_this_machine(place: Place) -> None:
    """Also where the user's files set fields of the scheduler's launcher, which no other launcher has."""
    text = CONFIG.replace("async_optuna}", "async_optuna}, {override hydra/launcher: slurm_workers}")
    text += "  launcher: {partition: batch, gpus_per_node: 1}\n"
    write_configs(place.configs, {"config": text})
    results = answers(place, try_s=60.0)
    assert [result.line for result in results if result.verdict != "ok"] == []
    assert any(result.check == "trial" and "reported 1 value" in result.text for result in results)
    results = answers(place, task=raising, try_s=60.0)
    assert any(result.check == "trial" and "TypeError: unsupported operand" in result.text for result in results)


# Each has a relative that is planted every day.
AT_NIGHT = {
    "a range of one option among all",
    "another metric than is optimised",
    "nodes and a disk of this machine",
    "SQLite on a network filesystem",
    "a Slurm that does not answer",
    "accounting out of reach",
    "a scheduler that is not there",
    "workers that run one after the other",
    "a GPU that is not there",
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.nightly] if name in AT_NIGHT else []) for name in FAULTS]
)
def test_a_planted_fault_is_named(place: Place, name: str) -> None:
    """By its subject, with what was seen and what to do, in one line without a password."""
    fault = FAULTS[name]
    fault.plant(place)
    place.patch.setattr(examination, "lock_results", lambda *_: [])  # they are tested above
    results = answers(place, *fault.words, task=fault.task, **fault.wishes)
    named = [result for result in results if result.check == fault.check and result.verdict == fault.verdict]
    assert any(fault.says in result.line for result in named), [result.line for result in results]
    assert all(result.remedy for result in results if result.verdict != "ok")
    assert all("\n" not in result.line and "hunter2" not in result.line for result in results)


def test_a_storage_that_is_slow_is_named() -> None:
    """With the time of a trial."""
    moments = iter((0.0, 40.0, 40.0, 40.5))
    (result,) = storage_speed.storage_results(None, Path("study").absolute(), lambda: next(moments))
    assert (result.verdict, result.check) == ("warning", "storage")
    assert "a trial takes 2000.0 ms" in result.text
    assert not Path("study").exists()


def test_a_budget_below_the_forecast_is_named() -> None:
    """Judged by earlier trials, with the number of trials that the budget suffices for."""
    directory = Path("study").absolute()
    kept(directory, [ended(), ended()], n_trials=10)
    (directory / "workers" / "times").mkdir(parents=True)
    record = {"worker": "w0", "number": 0, "host": "h", "node": "", "job": "", "gpus": 1.0, "begun": 0, "ended": 7200}
    (directory / "workers" / "times" / "w0.json").write_text(json.dumps(record))
    (enough,) = forecast_results(directory, None, "study", 10, {"gpu_hours": 20}, None)
    (result,) = forecast_results(directory, None, "study", 10, {"gpu_hours": 5}, None)
    assert (enough.verdict, result.verdict) == ("ok", "warning")
    assert "8 trials will cost 8 GPU-hours more, judged by 2 earlier trials" in enough.text
    assert "about 3 further trials" in result.remedy
