# SPDX-License-Identifier: MIT
"""Trials on several processes: what they come to in the study, and that a rank never becomes a driver."""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, Family, trials_of, wait_for

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., "subprocess.Popen[str]"]
APP = APPS / "ranks" / "app.py"


NIGHTLY = (pytest.mark.nightly, pytest.mark.slow)


@pytest.mark.parametrize(
    "variable", ["LOCAL_RANK", pytest.param("RANK", marks=NIGHTLY), pytest.param("SLURM_PROCID", marks=NIGHTLY)]
)
def test_a_rank_above_zero_opens_no_study(run_script: Run, variable: str) -> None:
    """Started with the driver's own command it says so in one line; nothing is written."""
    ended = run_script(APP, "--multirun", env={variable: "1"})
    assert ended.returncode == 1
    assert "opens no study" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not Path("study").exists()


@pytest.mark.parametrize(
    "where", ["hydra/launcher=basic", pytest.param("hydra.launcher.isolation=none", marks=NIGHTLY)]
)
def test_trials_inside_their_worker_have_no_ranks(run_script: Run, where: str) -> None:
    """The rank is not even started; the study stops with the reason, and the trial's ticket is not spent."""
    ended = run_script(APP, "--multirun", "how=program", where)
    written = ended.stdout + ended.stderr
    assert ended.returncode == 2, written
    assert "needs a process of its own" in written
    assert "Traceback" not in ended.stderr
    assert "1 of 2" not in written
    assert "2 of 2 trials are left" in written


def _noted(trial: FrozenTrial) -> list[list[dict[str, Any]]]:
    """What each rank of a trial has noted."""
    paths = [Path(f"study/trials/{trial.number}/rank{rank}.jsonl") for rank in range(2)]
    return [[json.loads(line) for line in path.read_text().splitlines()] for path in paths]


def _right(x: float, epochs: int, metrics: Mapping[str, float]) -> float:
    """The loss after training: with Lightning two steps an epoch and the gradient 2(w - 1), else one with w - 1."""
    factor, steps = (1 - 2 * x, 2) if "weight" in metrics else (1 - x, 1)
    return float(factor ** (2 * steps * epochs))


def assert_trained_together(trials: Sequence[FrozenTrial], epochs: int) -> None:
    """The first trial was pruned after its first epoch, the second complete; both ranks were of the same trial."""
    pruned, complete = trials
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert sorted(pruned.intermediate_values) == [1]
    assert sorted(complete.intermediate_values) == list(range(1, epochs + 1))
    assert complete.value == pytest.approx(
        _right(complete.params["x"], epochs, complete.user_attrs["metrics"]), rel=1e-3
    )
    for trial in trials:
        ranks = _noted(trial)
        assert len({line["pid"] for lines in ranks for line in lines}) == 2
        same = ("number", "seed", "directory", "world", "x", "epoch")
        assert [[line[name] for name in same] for line in ranks[0]] == [
            [line[name] for name in same] for line in ranks[1]
        ]
        assert ranks[0][0]["x"] == trial.params["x"]
    assert {line["seed"] for line in _noted(pruned)[0]} != {line["seed"] for line in _noted(complete)[0]}


def prunes_first(how: str) -> Sequence[str]:
    """Overrides by which the first of the two trials is pruned, at its first report."""
    upper = 0.05 if how.startswith("ddp") else 0.5
    return (f"how={how}", "hydra/sweeper/pruner=threshold", f"hydra.sweeper.pruner.upper={upper}")


def assert_nothing_is_left(family: Family) -> None:
    """No process of the command, its workers, trials and ranks."""
    wait_for("the end of all processes", family.is_gone)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_trial_on_two_ranks_of_ddp(run_script: Run, family: Family) -> None:
    """Lightning starts the second rank; one curve, pruned together, no process is left and the values differ."""
    ended = run_script(APP, "--multirun", *prunes_first("ddp"), timeout=100)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_trained_together(trials_of(Path("study")), epochs=3)
    assert Path("study/trials/1/app.rank1.log").exists()
    assert not Path("study/trials/0/last.ckpt").exists(), "a pruned trial keeps no checkpoint"
    assert_nothing_is_left(family)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_killed_rank_fails_its_trial_alone(run_script: Run, family: Family) -> None:
    """Of a segmentation fault here, by its own kind; the worker goes on with the next trial."""
    more = ("hydra.sweeper.n_trials=2", "what=crash_in_the_first", "epochs=2")
    ended = run_script(APP, "--multirun", "how=launch_ranks", *more, timeout=100)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    crashed, complete = trials_of(Path("study"))
    assert crashed.user_attrs["failure"]["kind"] == "bug"
    assert crashed.user_attrs["failure"]["error"] == "rank 1: the trial's process died of SIGSEGV"
    assert complete.state == TrialState.COMPLETE
    assert {trial.user_attrs["claim"]["worker"] for trial in (crashed, complete)} == {
        crashed.user_attrs["claim"]["worker"]
    }
    assert len({line["port"] for lines in _noted(complete) for line in lines}) == 1
    assert_nothing_is_left(family)


IN_PROCESS = ("ddp", "ddp_spawn", "ddp_fork", "launch_ranks", "spawn")
WAYS = (*IN_PROCESS, "torchrun")
TIMES = 20


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("time", range(TIMES))
@pytest.mark.parametrize("how", WAYS)
def test_each_way_to_start_ranks(run_script: Run, family: Family, how: str, time: int) -> None:
    """One curve for both ranks, pruned together, and values that differ."""
    ended = run_script(APP, "--multirun", *prunes_first(how), timeout=150)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_trained_together(trials_of(Path("study")), epochs=3)
    assert_nothing_is_left(family)


KINDS = {
    "oom": ("oom", "rank 1: "),
    "bug": ("bug", "rank 1: "),
    "crash": ("bug", "rank 1: the trial's process died of SIGSEGV"),
    "kill": (
        "infrastructure",
        "lost 3 times; last cause: rank 1: the trial's process was killed from outside (SIGKILL)",
    ),
}
# Each kind once, the crash TIMES times.
DEATHS = [*((what, 0) for what in KINDS), *(("crash", time) for time in range(1, TIMES))]


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("what", "time"), DEATHS)
@pytest.mark.parametrize("how", WAYS)
def test_each_death_of_a_rank(run_script: Run, family: Family, how: str, what: str, time: int) -> None:
    """The trial fails with the kind of the rank that died, on all ranks, and no process is left."""
    ended = run_script(APP, "--multirun", f"how={how}", f"what={what}", "hydra.sweeper.n_trials=1", timeout=200)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    (trial,) = trials_of(Path("study"))
    failure = trial.user_attrs["failure"]
    assert (failure["kind"], failure["error"].startswith(KINDS[what][1])) == (KINDS[what][0], True), failure
    assert_nothing_is_left(family)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("time", range(TIMES))
@pytest.mark.parametrize("whom", ["driver", "everybody"])
@pytest.mark.parametrize("how", WAYS)
def test_all_ranks_leave_at_a_checkpoint(
    start_script: Start, run_script: Run, family: Family, how: str, whom: str, time: int
) -> None:
    """And the trial goes on from there with as many ranks: no epoch is trained twice, none is left out.

    As the user ends it, and as a scheduler does, whose SIGTERM reaches every process.
    """
    words = ("--multirun", f"how={how}", "what=slow", "epochs=10", "hydra.sweeper.n_trials=1")
    first = start_script(APP, *words)
    wait_for("three epochs", lambda: _lines(0, 1) >= 3, patience_s=60.0)
    for pid in family.alive() if whom == "everybody" else [first.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    first.communicate(timeout=30)
    assert_nothing_is_left(family)
    (waiting,) = trials_of(Path("study"))
    assert waiting.state == TrialState.WAITING
    # torchrun obeys a signal at once, so that the epoch in the making begins anew.
    repeats = int(how == "torchrun" and whom == "everybody")
    assert abs(_lines(0, 0) - _lines(0, 1)) <= repeats
    assert _lines(0, 0) < 10
    ended = run_script(APP, *words, timeout=100)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (trial,) = trials_of(Path("study"))
    for lines in _noted(trial):
        assert sorted({line["epoch"] for line in lines}) == list(range(10))
        assert len(lines) <= 10 + repeats
    assert sorted(trial.intermediate_values) == list(range(1, 11))


def _lines(number: int, rank: int) -> int:
    path = Path(f"study/trials/{number}/rank{rank}.jsonl")
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", IN_PROCESS)
def test_each_way_is_refused_inside_a_worker(run_script: Run, how: str) -> None:
    """In one line, whatever starts the ranks; no ticket is spent."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29571"}  # which no trial sets here
    ended = run_script(APP, "--multirun", f"how={how}", "hydra/launcher=basic", timeout=100, env=meeting)
    written = ended.stdout + ended.stderr
    assert ended.returncode == 2, written
    assert "needs a process of its own" in written or "may speak for the trial" in written
    assert "2 of 2 trials are left" in written


PAGE = Path(__file__).resolve().parents[2] / "docs" / "ranks.md"


def _block(language: str, containing: str) -> str:
    """The code block of the page that has this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [text for text in blocks if containing in text]
    return str(block)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_example_with_lightning(run_script: Run, family: Family) -> None:
    """As the page says: the trial with the small learning rate is pruned on both ranks, the other completes."""
    Path("train.py").write_text(_block("python", "class Net"))
    Path("search.yaml").write_text(_block("yaml", "two_ranks"))
    ended = run_script("train.py", "--multirun", timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pruned, complete = sorted(trials_of(Path("studies/two_ranks")), key=lambda trial: trial.params["lr"])
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert (sorted(pruned.intermediate_values), sorted(complete.intermediate_values)) == ([1], [1, 2, 3, 4])
    assert Path(f"studies/two_ranks/trials/{pruned.number}/train.rank1.log").exists()
    assert_nothing_is_left(family)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_example_with_torchrun(run_app: Run, family: Family) -> None:
    """As the page says: both ranks of the trial with the small learning rate end, each trial has one curve."""
    Path("conf").mkdir()
    Path("ranks.py").write_text(_block("python", "import argparse"))
    Path("conf/torchrun.yaml").write_text(_block("yaml", "torchrun,"))
    ended = run_app("--config-dir", "conf", "--config-name", "torchrun", "--multirun", timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pruned, complete = sorted(trials_of(Path("studies/torchrun")), key=lambda trial: trial.params["lr"])
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert (sorted(pruned.intermediate_values), sorted(complete.intermediate_values)) == ([0], list(range(5)))
    assert complete.value == pytest.approx(0.9**10, rel=1e-4)
    errors = Path(f"studies/torchrun/trials/{pruned.number}/stderr.log").read_text()
    assert errors.count("pruned at step 0") == 2, errors
    assert not Path(f"studies/torchrun/trials/{pruned.number}/last.ckpt").exists()
    assert_nothing_is_left(family)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_example_with_torch(run_script: Run, family: Family) -> None:
    """With the search of the other one, as a function of an app."""
    decorator = '@hydra.main(version_base=None, config_path=".", config_name="search")'
    app = f'{decorator}\ndef main(cfg):\n    return objective(cfg)\n\n\nif __name__ == "__main__":\n    main()\n'
    Path("train.py").write_text(f"import hydra\n{_block('python', 'def objective')}\n\n{app}")
    Path("search.yaml").write_text(_block("yaml", "two_ranks").replace("upper: 1.5", "upper: 0.9"))
    ended = run_script("train.py", "--multirun", timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pruned, complete = sorted(trials_of(Path("studies/two_ranks")), key=lambda trial: trial.params["lr"])
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert complete.value == pytest.approx(0.9**10, rel=1e-4)
    assert_nothing_is_left(family)
