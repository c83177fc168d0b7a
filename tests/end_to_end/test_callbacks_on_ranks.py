# SPDX-License-Identifier: MIT
"""Lightning's `ddp` with Lightning's own checkpoints and early stopping beside our callback, as configs name them."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._ranks_matrix import STUDY, line_count, loss_after, noted, open_gate, open_road
from tests.end_to_end._studies import APPS, Family, trials_of, wait_for

torch = pytest.importorskip("torch", reason="torch is not installed")

APP = APPS / "ranks" / "app.py"
Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., "subprocess.Popen[str]"]

EPOCHS = 12
# The first two wait at a gate in the third epoch. The loss of the second is 0 from its first epoch on.
POINTS = "[{what:gate,x:0.2},{what:gate,x:0.5},{what:train,x:0.1}]"
WORDS = (
    *("--config-name", "with_callbacks", "--multirun", "callbacks=[default,hyperopt_app]", "how=ddp"),
    *("what=choice(gate,train)", f"epochs={EPOCHS}", f"hydra.sweeper.enqueue={POINTS}", "hydra.sweeper.n_trials=3"),
    *("hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.upper=0.35", "hydra.launcher.grace_s=60"),
)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_two_ranks_with_callbacks_that_monitor(start_script: Start, run_script: Run, family: Family) -> None:
    """What they remember survives a preemption: the best checkpoints, and how long nothing has become better."""
    first = start_script(APP, *WORDS, "hydra.sweeper.n_jobs=2")
    wait_for("three epochs", lambda: _are_at_the_gate() or first.poll() is not None, 400)
    first.terminate()
    open_gate()
    output, errors = first.communicate(timeout=100)
    assert first.returncode == 130, output + errors
    wait_for("the end of all processes", family.is_gone)
    better, equal, waiting = trials_of(STUDY)
    assert {trial.state for trial in (better, equal, waiting)} == {TrialState.WAITING}
    begun = [line_count(trial.number, 0) for trial in (better, equal)]
    assert [sorted(trial.intermediate_values) for trial in (better, equal)] == [list(range(1, n + 1)) for n in begun]
    assert {Path(path).name for path in _state(better, "ModelCheckpoint")["best_k_models"]} == {
        f"epoch={begun[0] - 2}.ckpt",
        f"epoch={begun[0] - 1}.ckpt",
    }
    assert _state(equal, "EarlyStopping")["wait_count"] == begun[1] - 1
    open_road()
    ended = run_script(APP, *WORDS, "hydra.sweeper.n_jobs=1", timeout=400)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    better, equal, pruned = trials_of(STUDY)
    assert [trial.state for trial in (better, equal, pruned)] == [
        *(TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED)
    ]
    _assert_epochs(better, EPOCHS)
    _assert_epochs(equal, 7)  # the first, and six that were not better
    _assert_epochs(pruned, 1)
    assert _checkpoints(better) == {f"epoch={EPOCHS - 2}.ckpt", f"epoch={EPOCHS - 1}.ckpt"}, "older ones were forgotten"
    assert _checkpoints(equal) == {"epoch=0.ckpt", "epoch=1.ckpt"}
    assert not (STUDY / f"trials/{pruned.number}/last.ckpt").exists()
    wait_for("the end of all processes", family.is_gone)


def _are_at_the_gate() -> bool:
    return all(line_count(number, rank) == 3 for number in range(2) for rank in range(2))


def _assert_epochs(trial: FrozenTrial, epochs: int) -> None:
    """Both ranks have trained each epoch once, and each has its loss in the curve."""
    assert trial.intermediate_values == {
        step: loss_after("ddp", trial.params["x"], step) for step in range(1, epochs + 1)
    }
    for lines in noted(trial):
        assert [line["epoch"] for line in lines] == list(range(epochs))


def _state(trial: FrozenTrial, name: str) -> dict[str, Any]:
    """What a callback of Lightning's remembers in the trial's last checkpoint."""
    checkpoint = torch.load(STUDY / f"trials/{trial.number}/last.ckpt", weights_only=False)
    (state,) = [state for key, state in checkpoint["callbacks"].items() if key.startswith(name)]
    return dict(state)


def _checkpoints(trial: FrozenTrial) -> set[str]:
    return {path.name for path in (STUDY / f"trials/{trial.number}/checkpoints").iterdir()}
