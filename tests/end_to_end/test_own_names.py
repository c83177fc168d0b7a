# SPDX-License-Identifier: MIT
"""Files of the user's that have names of Python's own modules, in the directory where a command is typed."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

Run = Callable[..., subprocess.CompletedProcess[str]]

# Modules of Python's own: some that every program imports at once, some that are imported late.
NAMES = (
    "types",
    "random",
    "enum",
    "socket",
    "signal",
    "selectors",
    "tempfile",
    "struct",
    "queue",
    "statistics",
    "code",
)
APP = """
import hydra
import beside


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    import code, queue, statistics, types

    assert all(hasattr(module, "__doc__") and module.__doc__ for module in (code, queue, statistics, types))
    return beside.loss(cfg.x)


if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/launcher: local_workers}]
x: 0.0
hydra:
  sweep: {dir: study, subdir: 'trials/${hydra.job.num}'}
  sweeper: {n_trials: 2, n_jobs: 1, params: {x: 'interval(0.0, 1.0)'}}
"""


@pytest.fixture
def app() -> Path:
    """An app in a folder, with a module beside it, and files of those names where the command is typed."""
    for name in NAMES:
        Path(f"{name}.py").write_text("MINE = True\n")
    folder = Path("app")
    folder.mkdir()
    (folder / "train.py").write_text(APP)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "beside.py").write_text("def loss(x):\n    return x * x\n")
    return folder / "train.py"


def states(study_dir: str = "study") -> list[str]:
    """Those of the trials, as plain Optuna reads them."""
    storage = JournalStorage(JournalFileBackend(f"{study_dir}/journal.log"))
    return [trial.state.name for trial in optuna.load_study(study_name=None, storage=storage).get_trials()]


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_workers_and_trials_import_pythons_own(app: Path, isolation: str, run_script: Run) -> None:
    """The app's own folder is found there as in the command, and no file of the current directory is taken."""
    done = run_script(app, "--multirun", f"hydra.launcher.isolation={isolation}")
    logs = "".join(path.read_text() for path in Path("study/workers").glob("*.log"))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    assert states() == ["COMPLETE"] * 2
    assert "server of the trials' processes has ended" not in logs


def test_a_worker_by_hand_imports_pythons_own(app: Path, run_script: Run) -> None:
    """The printed command, which a job's script has too, works in that directory."""
    done = run_script(app, "--multirun", "hydra/launcher=by_hand")
    found = re.search(r"^ +(\S.*worker_process.*)$", done.stdout + done.stderr, re.MULTILINE)
    assert found is not None, done.stdout + done.stderr
    Path("worker.py").write_text(f"import subprocess, sys\nsys.exit(subprocess.call({shlex.split(found[1])!r}))\n")
    Path("elsewhere").mkdir()
    Path("worker.py").rename("elsewhere/worker.py")
    done = run_script("elsewhere/worker.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert states() == ["COMPLETE"] * 2


def test_the_console_script_imports_pythons_own(app: Path, run_script: Run) -> None:
    """`hyperopt-app` finds an objective where it is typed, and its workers too, but behind Python's own modules."""
    Path("bin").mkdir()
    Path("bin/hyperopt-app.py").write_text("from hyperopt_app.cli import main\n\nmain()\n")
    Path("mine.py").write_text(
        "import hyperopt_app\n\n\nclass Mine(hyperopt_app.Objective):\n"
        "    def train(self, trial, conf):\n        import code\n\n        assert code.__doc__\n        return conf.x\n"
    )
    words = ("hparams=sphere", "objective._target_=mine.Mine")
    done = run_script("bin/hyperopt-app.py", "--multirun", *words, "hydra.sweeper.n_trials=2", "hydra.sweep.dir=study")
    assert done.returncode == 0, done.stdout + done.stderr
    assert states() == ["COMPLETE"] * 2
