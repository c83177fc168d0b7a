# SPDX-License-Identifier: MIT
"""The exact budget on the test cluster: trials of very different lengths, and a site without accounting."""

import heapq
import os
import random
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.cluster._sweeps import claimed_trials
from tests.cluster.slurm import Cluster, temporary_cluster
from tests.end_to_end._studies import APPS, assert_exact, end_of, ended

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(240)]

APP = APPS / "epochs" / "app.py"
STUDY = Path("study")
# The workers of one node know nothing of the processes of the other, as on a real cluster.
MACHINES = f"hydra.launcher.python='{shlex.join([sys.executable, str(Path(__file__).with_name('_own_machine.py'))])}'"

RunScript = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def plain_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster of this test's own without accounting, found by Slurm's programs."""
    with temporary_cluster(accounting=False) as cluster:
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
        yield cluster


def _sweep(run_script: RunScript, *words: object) -> str:
    """Run the command of a sweep to its end, and return what it has written."""
    done = run_script(APP, "--multirun", *words, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _node_of(trial: FrozenTrial) -> str:
    return str(trial.user_attrs["claim"]["place"]["node"])


def _logs_of_workers() -> str:
    return "\n".join(path.read_text() for path in sorted(STUDY.glob("workers/slurm/*.out")))


def test_trials_of_very_different_lengths_are_exactly_the_budget(slurm_cluster: Cluster, run_script: RunScript) -> None:
    """Of 32 trials on four GPU slots each ends once, none is left running, and all four workers take part."""
    # The workers wait for one another in their first trials, however slowly they start.
    lengths = ("epochs=2", "epoch_s=0.1", "spread=1.0", "meet=4")
    _sweep(run_script, *lengths, "hydra.sweeper.n_trials=32")
    trials = assert_exact(STUDY, 32)
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    runs = [Path(trial.user_attrs["directory"], "runs.txt").read_text().split() for trial in trials]
    assert [words[1::3] for words in runs] == [["begins", "trained", "saved", "trained", "saved", "ends"]] * 32
    claims = [trial.user_attrs["claim"] for trial in trials]
    assert {claim["number"] for claim in claims} == {0, 1, 2, 3}
    assert len({claim["worker"] for claim in claims}) == 4


@pytest.mark.nightly
def test_four_slots_are_kept_busy(slurm_cluster: Cluster, run_script: RunScript) -> None:
    """From when all four workers are at work, 32 trials take no longer than the greedy bound over 0.95."""
    _sweep(run_script, "epochs=1", "epoch_s=2.4", "spread=1.0", "meet=4", "hydra.sweeper.n_trials=32")
    trials = assert_exact(STUDY, 32)
    # Not from their claims: until then their programs import, and wait for one another.
    begun = max(path.stat().st_mtime for path in (STUDY / "hall").iterdir())
    span_s = max(map(end_of, trials)).timestamp() - begun
    free_at = [0.0] * 4
    for number in range(32):  # whoever is free first takes the next, and nothing but the trials takes time
        length_s = 2.4 * random.Random(number).lognormvariate(0.0, 1.0)
        heapq.heappush(free_at, heapq.heappop(free_at) + length_s)
    assert max(free_at) / span_s >= 0.95, f"{max(free_at):.2f} s of {span_s:.2f} s"


@pytest.mark.nightly
def test_without_accounting_a_dead_workers_trial_is_taken_over(plain_cluster: Cluster, run_script: RunScript) -> None:
    """Slurm's queue alone tells that its job has ended; the log says why the trial goes on, the budget stays exact."""
    words = ("epoch_s=0.6", MACHINES)
    _sweep(run_script, *words, "hydra.launcher.detach=true")
    running = plain_cluster.wait_until(lambda: claimed_trials(4))
    # Every worker of one node, so that nobody is left who could ask its process table.
    lost = [trial for trial in running if _node_of(trial) == "n1"]
    for trial in lost:
        os.kill(trial.user_attrs["claim"]["pid"], signal.SIGKILL)
    output = _sweep(run_script, *words)
    assert "are there already" in output
    trials, told = assert_exact(STUDY, 12), output + _logs_of_workers()
    for trial in lost:
        after = trials[trial.number].user_attrs
        assert [loss["worker"] for loss in after["losses"]] == [trial.user_attrs["claim"]["worker"]]
        assert after["claim"]["worker"] != trial.user_attrs["claim"]["worker"]
        assert f"trial {trial.number}: its worker died (FAILED); the trial will be continued by another" in told


def test_without_accounting_nothing_is_guessed(plain_cluster: Cluster, run_script: RunScript) -> None:
    """While nobody can tell whether the workers live, the same command says so and submits none; then it attaches."""
    _sweep(run_script, "epoch_s=1.5", "hydra.launcher.detach=true")
    (job,) = {name.partition("_")[0] for name in plain_cluster.squeue()}
    plain_cluster.wait_until(
        lambda: claimed_trials(4)
    )  # a Slurm that restarts fails jobs whose steps it has not made yet
    plain_cluster.stop_slurmctld()
    asked = run_script(APP, "--multirun", "epoch_s=1.5")
    assert asked.returncode != 0
    assert f"Whether jobs {job} of this study still run is unknown: squeue does not answer." in asked.stderr
    assert "Traceback" not in asked.stderr
    plain_cluster.restart_slurmctld()
    assert f"Workers of this study are there already: {job}" in _sweep(run_script, "epoch_s=1.5")
    assert_exact(STUDY, 12)
    assert len(ended(STUDY)) == 12
