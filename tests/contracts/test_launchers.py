# SPDX-License-Identifier: MIT
"""What every launcher must do for our workers, and what Hydra asks of every launcher, ours included."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite, LauncherTestSuite

from hydra_plugins.hyperopt_app.launchers import LocalWorkersLauncher
from hydra_plugins.hyperopt_app.sweeper import AsyncOptunaSweeper
from tests._releases import IS_1_4
from tests.end_to_end._studies import APPS, assert_exact

RunScript = Callable[..., subprocess.CompletedProcess[str]]

RESULTS = ("best.yaml", "multirun.yaml", "optimization_results.yaml", "trials.csv")


def test_hydra_discovers_the_sweeper_and_the_launcher() -> None:
    """Whoever installs the package has `hydra/sweeper: async_optuna` and `hydra/launcher: local_workers`."""
    # By name: Hydra 1.3 loads the modules of plugins itself, so that their classes may be there twice.
    assert AsyncOptunaSweeper.__name__ in [plugin.__name__ for plugin in Plugins.instance().discover(Sweeper)]
    assert LocalWorkersLauncher.__name__ in [plugin.__name__ for plugin in Plugins.instance().discover(Launcher)]


@pytest.mark.parametrize(("launcher_name", "overrides"), [("local_workers", [])], ids=["local_workers"])
@pytest.mark.filterwarnings("ignore:Future Hydra versions:UserWarning")
class TestLocalWorkersAsHydraWants(LauncherTestSuite):
    """Hydra's own tests of a launcher; those of 1.3 are for its old ways."""

    @pytest.fixture(autouse=True)
    def _old_ways(self) -> None:
        if not IS_1_4:
            hydra.version.VersionBase.instance().setbase(hydra.version.Version("1.1"))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"),
    [({}, ["--multirun", "hydra/launcher=local_workers"])],
    ids=["local_workers"],
)
class TestLocalWorkersInPrograms(IntegrationTestSuite):
    """Hydra's own tests of a launcher in programs of their own."""


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local", "local_workers"])
def test_every_launcher_carries_workers(launcher: str, run_script: RunScript) -> None:
    """Whichever launcher is configured, the budget is exact and every trial leaves its files."""
    if launcher == "joblib":
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    ended = run_script(APPS / "paraboloid" / "app.py", "--multirun", f"hydra/launcher={launcher}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    study_dir = Path("study").absolute()
    for trial in assert_exact(study_dir, 12):
        directory = study_dir / "trials" / str(trial.number)
        assert trial.user_attrs["directory"] == str(directory)
        assert (directory / ".hydra" / "overrides.yaml").is_file()
        assert [path.name for path in directory.glob("*.log")] == ["app.log"]
    assert {path.name for path in study_dir.iterdir()} >= {"journal.log", *RESULTS}


# The fields that public projects set, with `local` for what needs a cluster.
AS_WRITTEN = {
    "joblib": (
        "hydra/launcher=joblib",
        *(f"hydra.launcher.{field}" for field in ("n_jobs=${hydra.sweeper.n_jobs}", "prefer=processes", "verbose=1")),
        *(f"hydra.launcher.{field}" for field in ("pre_dispatch=2*n_jobs", "batch_size=1", "backend=null")),
        *(f"hydra.launcher.{field}" for field in ("require=null", "timeout=null", "temp_folder=null")),
        *(f"hydra.launcher.{field}" for field in ("max_nbytes=null", "mmap_mode=r")),
    ),
    "submitit_local": (
        "hydra/launcher=submitit_local",
        *(f"hydra.launcher.{field}" for field in ("timeout_min=6000", "cpus_per_task=2", "tasks_per_node=1")),
        *(f"hydra.launcher.{field}" for field in ("mem_gb=6", "nodes=1", "name=${hydra.job.name}")),
        "hydra.launcher.submitit_folder=${hydra.sweep.dir}/.submitit/%j",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("words", AS_WRITTEN.values(), ids=AS_WRITTEN.keys())
def test_stock_launchers_as_public_files_set_them(words: tuple[str, ...], run_script: RunScript) -> None:
    """Fields that people give to a launcher of Hydra's are taken as they are."""
    if words[0].endswith("joblib"):
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    ended = run_script(APPS / "paraboloid" / "app.py", "--multirun", *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_exact(Path("study"), 12)


def test_workers_share_the_gpus_that_the_user_lists(run_script: RunScript) -> None:
    """With gpus=[0,1] and workers_per_gpu=2, four workers run at a time and two of them see each device."""
    pinned = ("hydra.launcher.gpus=[0,1]", "hydra.launcher.workers_per_gpu=2")
    ended = run_script(APPS / "rendezvous" / "app.py", "--multirun", "workers=4", *pinned)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen: dict[int, Any] = {
        trial.user_attrs["claim"]["number"]: trial.user_attrs["metrics"]["gpu"]
        for trial in assert_exact(Path("study"), 4)
    }
    assert seen == {0: 0.0, 1: 1.0, 2: 0.0, 3: 1.0}
