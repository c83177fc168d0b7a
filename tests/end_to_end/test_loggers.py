# SPDX-License-Identifier: MIT
"""A trial with loggers: preempted, it goes on in the same run of each, which the tool's own reader opens."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from hyperopt_app.loggers.kept import ended_runs, known_runs
from tests.end_to_end._signals import APP, STUDY, TRIAL, assert_waits, assert_went_on, processes_at_work, trial_at_work
from tests.end_to_end._studies import APPS, trials_of, wait_for
from tests.unit.loggers._readers import READERS, needs

REPO = Path(__file__).resolve().parents[2]
OWN = """
import json
from pathlib import Path

import hydra
from omegaconf import OmegaConf


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    directory = Path(hydra.core.hydra_config.HydraConfig.get().runtime.output_dir)
    (directory / "logger.json").write_text(json.dumps(OmegaConf.to_container(cfg.logger, resolve=True)))
    return cfg.x


if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, search, {override hydra/sweeper: async_optuna}, {override hydra/launcher: local_workers}]
x: 0.0
hydra:
  sweep: {dir: study, subdir: 'trials/${hydra.job.num}'}
  sweeper: {n_trials: 2, n_jobs: 1, params: {x: 'interval(0.0, 1.0)'}}
"""
PROMOTED = """
defaults:
  - _self_
  - override hydra/sweeper: async_optuna
  - override hydra/sweeper/sampler: random
  - override hydra/sweeper/pruner: promote
  - override hydra/sweeper/logger: csv
  - override hydra/launcher: local_workers
x: 0.0
epochs: 11
epoch_s: 0.01
spread: 0.0
meet: 0
hydra:
  sweep: {dir: study, subdir: 'trials/${hydra.job.num}'}
  sweeper: {n_trials: 6, n_jobs: 1, seed: 3, params: {x: 'interval(-1.0, 1.0)'}}
"""

Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("chosen", [("csv", "tensorboard"), ("mlflow",), ("wandb",)], ids="+".join)
def test_a_preempted_trial_goes_on_in_the_same_runs(
    start_script: Start, run_script: Run, chosen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM to all processes of its worker, those of the loggers too; then the same command again."""
    for name in chosen:
        needs(name)
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    words = ("--multirun", "kind=default", f"hydra/sweeper/logger=[{','.join(chosen)}]")
    driver = start_script(APP, *words)
    begun = trial_at_work()
    os.kill(driver.pid, signal.SIGSTOP)  # it would start another worker at once
    everyone = processes_at_work(begun.user_attrs["claim"]["pid"])
    subprocess.run(["/bin/kill", "-TERM", *map(str, everyone)], check=True)
    (trial,) = wait_for("the end of the trial", lambda: [t for t in trials_of(STUDY) if t.state != TrialState.RUNNING])
    assert_waits(trial)
    os.killpg(driver.pid, signal.SIGKILL)
    before = known_runs(TRIAL)
    assert sorted(before) == sorted(chosen)
    assert ended_runs(TRIAL) == {}
    again = run_script(APP, *words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert_went_on(trial)
    assert known_runs(TRIAL) == before
    assert ended_runs(TRIAL) == dict.fromkeys(chosen, "complete")
    (done,) = trials_of(STUDY)
    for name in chosen:
        (run,) = READERS[name](STUDY.absolute(), "value")
        assert run.curve == done.intermediate_values, name
        assert run.params == {"kind": "default", "x": pytest.approx(done.params["x"])}, name
        assert (run.state, run.final) == ("complete", {"value": 1.0}), name


@pytest.mark.slow
def test_trials_that_waited_and_were_given_up_have_ended_runs(run_script: Run) -> None:
    """With the pruner `promote`, over all trials: a run ends as its trial does."""
    Path("search.yaml").write_text(PROMOTED)
    app = APPS / "epochs" / "app.py"
    done = run_script(app, f"--config-path={Path.cwd()}", "--config-name=search", "--multirun")
    assert done.returncode == 0, done.stdout + done.stderr
    states = {trial.number: trial.state.name.lower() for trial in trials_of(STUDY)}
    assert set(states.values()) == {"complete", "pruned"}
    runs = {int(run.name.rpartition("-")[2]): run.state for run in READERS["csv"](STUDY.absolute(), "value")}
    assert runs == states


def test_a_missing_package_is_one_line(run_script: Run, tmp_path: Path) -> None:
    """Before anything starts; the directory of the study is not made."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'wandb' else find(name, *more)\n"
    )
    path = os.pathsep.join([str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    done = run_script(APP, "--multirun", "hydra/sweeper/logger=wandb", env={"PYTHONPATH": path})
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if "hydra.sweeper.logger" in line]
    assert len(lines) == 1
    assert "hydra.sweeper.logger.wandb: the package wandb is not installed; `pip install wandb`" in lines[0]
    assert "Traceback" not in done.stderr
    assert not STUDY.exists()


def test_an_apps_own_loggers_know_trial_and_study(run_script: Run) -> None:
    """With the lines of docs/loggers.md in the file of a search."""
    page = (REPO / "docs" / "loggers.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(# @package _global_\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    for name, text in (("train.py", OWN), ("config.yaml", CONFIG), ("search.yaml", block)):
        Path(name).write_text(text)
    done = run_script(Path("train.py"), "--multirun")
    assert done.returncode == 0, done.stdout + done.stderr
    for number in (0, 1):
        directory = Path("study/trials") / str(number)
        own = json.loads((directory / "logger.json").read_text())
        assert own["wandb"] == {"group": "mine", "name": f"mine-{number}", "id": f"mine-{number}", "resume": "allow"}
        assert own["tensorboard"] == {"save_dir": str(directory.absolute()), "name": "mine", "version": number}
        assert own["mlflow"] == {"experiment_name": "mine", "run_name": f"mine-{number}"}
