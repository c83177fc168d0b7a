# SPDX-License-Identifier: MIT
"""Configurations with several seeds, by whole commands: interrupted, killed, raced, continued."""

import csv
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.study.records.trial_records import repeats_of
from tests.end_to_end._studies import assert_exact, ended, in_state, trials_of, wait_for

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

STUDY = Path("study")
CLI = "from hyperopt_app.cli import main; main()"
# Says what it trains, and from which epoch on: a line for each begin, appended in one write.
APP = """
import json
import os
import random
import time

import hydra

from hyperopt_app import checkpointed, current_trial, report


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    trial = current_trial()
    begun = json.loads(trial.resumed_from.read_text()) if trial.resumed_from else 0
    with open("../begun.txt" if cfg.inside else cfg.begun, "a") as file:
        file.write(f"{trial.number} {trial.directory.name} {cfg.seed} {begun}\\n")
    for epoch in range(begun, cfg.epochs):
        time.sleep(cfg.sleep)
        value = (cfg.x - 0.3) ** 2 + random.Random(cfg.seed * 100 + epoch + int(1000 * cfg.x)).gauss(0, cfg.noise)
        report(value, epoch)
        aside = trial.checkpoint.with_suffix(".part")
        aside.write_text(json.dumps(epoch + 1))
        os.replace(aside, trial.checkpoint)
        if epoch + 1 < cfg.epochs:
            checkpointed()
    return {"loss": value, "twice": 2 * value}


if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/launcher: local_workers}]
x: 0.0
seed: 7
epochs: 3
sleep: 0.0
noise: 0.02
inside: false
begun: BEGUN
hydra:
  sweep: {dir: study, subdir: 'trials/${hydra.job.num}'}
  sweeper:
    n_trials: 4
    n_jobs: 1
    seed: 1
    metric: loss
    sampler: {_target_: optuna.samplers.RandomSampler}
    pruner: {_target_: optuna.pruners.NopPruner}
    repeats: {n: 3}
    params: {x: 'interval(0.0, 1.0)'}
"""


@pytest.fixture
def app() -> Path:
    """The script of an app whose trainings are noisy and go on from checkpoints."""
    Path("train.py").write_text(APP)
    Path("config.yaml").write_text(CONFIG.replace("BEGUN", str(Path("begun.txt").absolute())))
    return Path("train.py").absolute()


def _begins() -> list[tuple[int, int, int, int]]:
    """Trial, repeat, seed and first epoch of each time that a training has begun."""
    lines = Path("begun.txt").read_text().splitlines() if Path("begun.txt").exists() else []
    return [tuple(map(int, line.split())) for line in lines]  # type: ignore[misc]


def _values(trials: list[FrozenTrial] | Any) -> dict[int, tuple[float, list[list[float]]]]:
    return {t.number: (t.values[0], [record["values"] for record in repeats_of(t)]) for t in trials}


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CLI, *words], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
def test_each_configuration_is_trained_with_the_same_seeds(app: Path, run_script: Run) -> None:
    """In directories of their own; the files, `show` and the command that trains again know of them."""
    done = run_script(app, "--multirun", "hydra.sweeper.n_trials=2")
    assert done.returncode == 0, done.stdout + done.stderr
    trials = assert_exact(STUDY, 2)
    begins = _begins()
    assert [(trial, repeat) for trial, repeat, _, _ in begins] == [(t, k) for t in (0, 1) for k in (0, 1, 2)]
    seeds = [seed for _, _, seed, _ in begins]
    assert seeds[:3] == seeds[3:]
    assert len(set(seeds)) == 3
    for trial in trials:
        values = [record["values"][0] for record in repeats_of(trial)]
        assert trial.values[0] == pytest.approx(sum(values) / 3)
        assert trial.user_attrs["metrics"]["twice"] == pytest.approx(2 * trial.values[0])
    rows = list(csv.DictReader((STUDY / "trials.csv").read_text().splitlines()))
    assert [float(rows[0][f"repeat_{k}"]) for k in range(3)] == [r["values"][0] for r in repeats_of(trials[0])]
    best = yaml.safe_load((STUDY / "best.yaml").read_text())
    chosen = best["repeats"][best["best_repeat"]]
    assert chosen["values"][0] == min(entry["values"][0] for entry in best["repeats"])
    assert best["checkpoint"] == str(Path(chosen["directory"], "last.ckpt"))
    assert (best["seed"], Path(chosen["directory"], ".hydra", "config.yaml").is_file()) == (chosen["seed"], True)
    assert f"seed={chosen['seed']}" in best["retrain"].split()
    shown = _command("show", "study", str(best["trial"])).stdout
    assert "3 of 3 with mean, spread" in shown
    assert f"seed {chosen['seed']}" in shown
    assert "seed: " not in shown, "the first repeat's is not what the trial changes"
    other = run_script(app, "--multirun", "hydra.sweeper.n_trials=3", "hydra.sweeper.repeats.n=4")
    assert other.returncode == 1
    assert "repeats: 3 with mean -> 4 with mean" in other.stderr


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_a_worker_that_is_asked_to_end_in_mid_repeat_loses_nothing(
    isolation: str, app: Path, start_script: Start, run_script: Run
) -> None:
    """The repeat goes on from its own checkpoint, finished ones are not trained again, and the values are the same."""
    options = ("--multirun", "hydra.sweeper.n_trials=1", f"hydra.launcher.isolation={isolation}")
    driver = start_script(app, *options, "sleep=0.4")
    wait_for("the second repeat", lambda: any(repeat == 1 for _, repeat, _, _ in _begins()))
    wait_for("its first checkpoint", lambda: Path("study/trials/0/repeats/1/last.ckpt").exists())
    driver.send_signal(signal.SIGINT)
    driver.communicate()
    assert [trial.state for trial in trials_of(STUDY)] == [TrialState.WAITING]
    assert len(repeats_of(trials_of(STUDY)[0])) == 1
    done = run_script(app, *options, "sleep=0.0", "hydra.sweeper.accept_changes=true")
    assert done.returncode == 0, done.stdout + done.stderr
    begins = _begins()
    assert Counter(repeat for _, repeat, _, _ in begins) == {0: 1, 1: 2, 2: 1}
    assert begins[2][3] >= 1
    interrupted = _values(assert_exact(STUDY, 1))
    whole = run_script(app, *options, "hydra.sweep.dir=whole")
    assert whole.returncode == 0
    assert interrupted == _values(assert_exact(Path("whole"), 1))
    curve = repeats_of(trials_of(STUDY)[0])[1]["curve"]
    assert curve == repeats_of(trials_of(Path("whole"))[0])[1]["curve"]


def _kill_in_mid_repeat(victims: set[tuple[int, int]]) -> tuple[int, int] | None:
    """Kill a worker in the middle of a later repeat; return trial and repeat, None if none was caught there."""
    for seen in in_state(STUDY, TrialState.RUNNING):
        claim, finished = seen.user_attrs.get("claim"), len(repeats_of(seen))
        where = (seen.number, finished)
        place = Path(f"study/trials/{seen.number}/repeats/{finished}/last.ckpt")
        if claim is None or where in victims or not 1 <= finished < 3 or not place.exists():
            continue
        # Stopped first: so the repeat cannot end between the look and the kill.
        with suppress(ProcessLookupError):
            os.kill(claim["pid"], signal.SIGSTOP)
            now = trials_of(STUDY)[seen.number]
            is_there = len(repeats_of(now)) == finished and now.user_attrs.get("claim") == claim
            os.kill(claim["pid"], signal.SIGKILL if is_there else signal.SIGCONT)
            if is_there:
                return where
    return None


@pytest.mark.nightly
def test_workers_that_are_killed_in_mid_repeat_cost_no_training(
    app: Path, start_script: Start, run_script: Run
) -> None:
    """Exactly the budget, n values each, no finished repeat trained again, and the values of an uninterrupted search.

    A race would depend on the order in which configurations end, so there is none.
    """
    options = ("--multirun", "hydra.sweeper.n_trials=6")
    driver = start_script(app, *options, "hydra.sweeper.n_jobs=2", "sleep=0.25")
    victims: set[tuple[int, int]] = set()
    for _ in range(3):
        victims.add(wait_for("a worker in mid-repeat", lambda: _kill_in_mid_repeat(victims)))
    output, errors = driver.communicate()
    assert driver.returncode == 0, output + errors
    trials = assert_exact(STUDY, 6)
    assert {len(repeats_of(trial)) for trial in trials} == {3}
    begins = _begins()
    counts = Counter((trial, repeat) for trial, repeat, _, _ in begins)
    assert counts == {(trial, repeat): 1 + ((trial, repeat) in victims) for trial in range(6) for repeat in range(3)}
    again = [begin for begin in begins if begin[:2] in victims]
    assert all(max(first for t, k, _, first in again if (t, k) == victim) >= 1 for victim in victims)
    whole = run_script(app, *options, "hydra.sweep.dir=whole", "begun=/dev/null")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert _values(trials) == _values(assert_exact(Path("whole"), 6))


@pytest.mark.slow
def test_a_race_ends_hopeless_configurations_early_within_the_budget(app: Path, run_script: Run) -> None:
    """They are pruned with their values, the budget counts configurations, and trainings are counted one by one."""
    options = ("hydra.sweeper.repeats={n: 4, race: true}", "hydra.sweeper.n_trials=12", "epochs=1")
    done = run_script(app, "--multirun", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = assert_exact(STUDY, 12)
    lost = [trial for trial in trials if trial.state == TrialState.PRUNED]
    assert lost
    assert {len(repeats_of(trial)) for trial in trials if trial.state == TrialState.COMPLETE} == {4}
    assert all(1 <= len(repeats_of(trial)) < 4 for trial in lost)
    assert len(_begins()) == sum(len(repeats_of(trial)) for trial in trials)
    shown = _command("show", "study", str(lost[0].number)).stdout
    assert "pruned, lost the race to trial" in shown
    assert len(ended(STUDY)) == 12
