# SPDX-License-Identifier: MIT
"""A trial as a Hydra job: what it sees and leaves behind is what Hydra's own run_job would."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from hyperopt_app.errors import StorageError
from hyperopt_app.worker import trial_job as job
from hyperopt_app.worker.trial_job import TrialJobs
from tests._releases import IS_1_4
from tests.unit._made_sweeps import NOON, made_sweep, write_configs

# In a variable of the environment Hydra 1.3 cannot refer to the task's own keys.
TOLD = "${x}" if IS_1_4 else "${hydra:job.num}"
CONFIGS = {
    "config": """
        defaults: [{model: small}, {optional data@extra: null}, _self_, {override hydra/sweeper: async_optuna}]
        x: 1
        twice: ${x}
        number: "${hydra:job.num}"
        chosen: "${hydra:runtime.choices.model}"
        where: "${hydra:runtime.output_dir}"
        opt: {lr: 0.1, name: adam, momentum: 0.9}
        layers: [4, 8]
        hydra: {sweep: {dir: studies/s, subdir: "trials/${hydra.job.num}"}}
        """,
    "model/small": "name: small\nwidth: 1\n",
    "model/big": "name: big\nwidth: ${x}\ndepth: 3\n",
    "model/nested/deep": "name: deep\n",
    "data/mnist": "path: m\n",
    "data/cifar": "path: c\n",
}


class Seen:
    """A task function that remembers what it saw."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, conf: DictConfig) -> float:
        """What a user's code could look at."""
        hydra: Any = HydraConfig.get()
        self.calls.append(
            {
                "raw": OmegaConf.to_container(conf, resolve=False),
                "resolved": OmegaConf.to_container(conf, resolve=True),
                "flags": (OmegaConf.is_struct(conf), OmegaConf.is_readonly(conf)),
                "hydra": OmegaConf.to_container(hydra, resolve=True),
                "hydra readonly": OmegaConf.is_readonly(hydra),
                "cwd": str(Path.cwd()),
                "variable": os.environ.get("JOB_VARIABLE"),
            }
        )
        return 0.5


def _left_behind(directory: Path) -> dict[str, str]:
    """The files of a job's `.hydra`."""
    return {path.name: path.read_text(encoding="utf-8") for path in (directory / ".hydra").iterdir()}


def _by_hydra(
    context: HydraContext, config: DictConfig, task: Callable[[Any], Any], overrides: list[str], number: int
) -> Path:
    """Run a job as Hydra's launchers do; its directory."""
    own = context.config_loader.load_sweep_config(config, overrides)
    with open_dict(own):
        own.hydra.job.id = str(number)
        own.hydra.job.num = number
    done = run_job(task, own, "hydra.sweep.dir", "hydra.sweep.subdir", context, configure_logging=False)
    assert done.return_value == 0.5
    return Path(own.hydra.runtime.output_dir)


# Name -> overrides of the command line, fixed overrides, searched overrides.
CASES: dict[str, tuple[list[str], list[str], list[str]]] = {
    "nothing": ([], [], []),
    "plain values": ([], ["opt.name='a b'"], ["x=3", "opt.lr=0.001"]),
    "a group": ([], [], ["model=big", "x=2"]),
    "a group and its value": ([], [], ["model.width=7", "model=big"]),
    "a nested option": ([], [], ["model=nested/deep"]),
    "a package": ([], [], ["+data@extra.train=mnist", "+data@extra.test=cifar"]),
    "an added group": ([], ["+data=mnist"], ["data.path=other", "x=4"]),
    "an added key": ([], ["+new.key=1"], ["+new.other=2", "new.key=5"]),
    "an added or changed key": ([], [], ["++opt.lr=2", "++fresh=3"]),
    "a deleted key": ([], ["~opt.momentum"], ["opt.lr=3"]),
    "a deleted group": ([], ["~model"], ["x=5"]),
    "a list": ([], [], ["layers=[1,2,3]"]),
    "an element of a list": ([], [], ["layers.0=9", "layers[1]=10" if IS_1_4 else "layers.1=10"]),
    "a dictionary": ([], [], ["opt={lr: 5}"]),
    "an interpolation": ([], [], ["twice='${opt.lr}'", "opt.lr=0.25"]),
    "text that is no interpolation": ([], [], [r"opt.name='\${x}'"]),
    "null and booleans": ([], [], ["opt.name=null", "x=true"]),
    "a subdir of a searched value": (
        ["hydra.sweep.subdir='${hydra.job.num}-${x}-${model.name}'"],
        [],
        ["x=3", "model=big"],
    ),
    "a subdir that asks Hydra": (
        ["hydra.sweep.subdir='${hydra:job.num}-${hydra:runtime.choices.model}'"],
        [],
        ["model=big"],
    ),
    "a subdir of all overrides": (
        [f"hydra.sweep.subdir='${{{'hydra_override_dirname:' if IS_1_4 else 'hydra.job.override_dirname'}}}'"],
        ["opt.name=sgd"],
        ["x=3", "+new=1"],
    ),
    "a move into the directory": (["hydra.job.chdir=true"], [], ["x=3"]),
    "environment variables": ([f"+hydra.job.env_set.JOB_VARIABLE='this is {TOLD}'"], [], ["x=3"]),
    "another output folder": (["hydra.output_subdir=.hydra"], [], ["x=3"]),
    "a time stamp": (["hydra.sweep.dir='studies/${now:%Y}'"], [], ["x=3"]),
}


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the configs."""
    return write_configs(tmp_path_factory.mktemp("conf"), CONFIGS)


@pytest.fixture(scope="module")
def plain_sweep(configs: Path) -> tuple[HydraContext, DictConfig]:
    """The sweep that most cases share."""
    return made_sweep(configs)


@pytest.fixture
def sweep(
    plain_sweep: tuple[HydraContext, DictConfig], configs: Path
) -> Callable[..., tuple[HydraContext, DictConfig]]:
    """A sweep started with some overrides; without any it is not composed again."""

    def made(*command: str) -> tuple[HydraContext, DictConfig]:
        if command:
            return made_sweep(configs, *command)
        setup_globals()
        HydraConfig.instance().set_config(plain_sweep[1])
        return plain_sweep

    return made


Sweep = Callable[..., tuple[HydraContext, DictConfig]]


@pytest.mark.parametrize("case", CASES)
def test_a_trial_is_the_job_that_hydra_would_run(case: str, sweep: Sweep) -> None:
    """The same config, files, HydraConfig, directory, environment and working directory."""
    command, fixed, searched = CASES[case]
    context, config = sweep(*command)
    task = Seen()
    jobs = TrialJobs(context, config, task, NOON)
    jobs.compose(fixed, searched, 3)
    trial = jobs.compose(fixed, searched, 5)  # from a config that was composed before
    assert jobs.run(trial) == 0.5
    ours = _left_behind(trial.directory)
    assert _by_hydra(context, config, task, [*fixed, *searched], 5) == trial.directory
    assert ours == _left_behind(trial.directory)
    assert trial.overrides == (*fixed, *searched)
    assert task.calls[0] == task.calls[1]


def test_composing_leaves_nothing_behind(sweep: Sweep) -> None:
    """One trial's values are not the next one's, and the sweep's own config stays as it was."""
    context, config = sweep()
    before = OmegaConf.to_yaml(config)
    jobs = TrialJobs(context, config, Seen(), NOON)
    first = jobs.compose([], ["x=3", "opt.lr=0.5"], 0)
    second = jobs.compose([], ["x=4"], 1)
    assert (first.task.x, first.task.opt.lr) == (3, 0.5)
    assert (second.task.x, second.task.opt.lr) == (4, 0.1)
    assert OmegaConf.to_yaml(config) == before
    assert OmegaConf.is_missing(HydraConfig.get().job, "num")
    assert not first.directory.exists()


def test_a_config_is_composed_once_for_each_choice_of_groups(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain values cost no composition; a searched `+key` does, and those are not kept for ever."""
    context, config = sweep()
    composed: list[list[str]] = []
    load = context.config_loader.load_sweep_config

    def loaded(master: DictConfig, overrides: list[str]) -> DictConfig:
        composed.append(overrides)
        return load(master, overrides)

    monkeypatch.setattr(context.config_loader, "load_sweep_config", loaded)
    jobs = TrialJobs(context, config, Seen(), NOON)
    for number, model in enumerate(["small", "big", "small", "big"]):
        jobs.compose(["opt.lr=1"], [f"x={number}", f"model={model}"], number)
    assert composed == [["opt.lr=1", "model=small"], ["opt.lr=1", "model=big"]]
    monkeypatch.setattr(job, "_MOST_KEPT", 2)
    for number in range(3):
        jobs.compose([], [f"+new={number}"], number)
    assert len(composed) == 5
    assert len(jobs._composed) == 2


def test_no_output_folder_is_made_if_none_is_wanted(sweep: Sweep) -> None:
    """`hydra.output_subdir: null`; the trial's directory is there all the same."""
    context, config = sweep("hydra.output_subdir=null")
    jobs = TrialJobs(context, config, Seen(), NOON)
    trial = jobs.compose([], ["x=3"], 0)
    jobs.run(trial)
    assert [path.name for path in trial.directory.iterdir()] == ["app.log"]


@pytest.mark.parametrize(("name", "is_refused"), [(".hydra", True), ("app.log", True), ("best.ckpt", False)])
def test_nothing_is_written_through_a_link_of_another_user(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_refused: bool
) -> None:
    """Where a trial's config and log go; links that an objective of the group's has left are its own matter."""
    context, config = sweep()
    jobs = TrialJobs(context, config, Seen(), NOON)
    trial = jobs.compose([], ["x=3"], 7)
    trial.directory.mkdir(parents=True)
    (trial.directory / name).symlink_to(tmp_path)
    owner = os.geteuid()
    os.lchown(trial.directory / name, owner or 4321, -1)
    if owner != 0:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(StorageError, match="symbolic link of another user") if is_refused else nullcontext():
        jobs.run(trial)
    assert [*tmp_path.iterdir()] == []
