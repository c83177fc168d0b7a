# SPDX-License-Identifier: MIT
"""Searches of `tests/apps/template`: how they are started and harmed, and what must be true of them at the end."""

import os
import shlex
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, assert_exact, in_state, trials_of, yaml_of

Start = Callable[..., subprocess.Popen[str]]

PROGRAM = APPS / "template" / "src" / "train.py"
STUDY = Path("logs", "search")
EPOCHS = 5
SEARCH = (
    "--multirun",
    "experiment=spirals",
    "hparams_search=spirals_optuna",
    f"hydra.sweep.dir={STUDY}",
    f"trainer.max_epochs={EPOCHS}",
)


def search(start: Start, *overrides: str) -> subprocess.Popen[str]:
    """The command, running; what is typed once more goes on with the same study."""
    return start(PROGRAM, *SEARCH, *overrides)


def kill_a_worker() -> FrozenTrial | None:
    """Kill the worker of a trial that has reported twice, and so has a checkpoint; None if there is none."""
    for seen in in_state(STUDY, TrialState.RUNNING):
        claim = seen.user_attrs.get("claim")
        if claim is None or not 2 <= len(seen.intermediate_values) < EPOCHS:
            continue
        # Stopped first: so the trial cannot end between the look and the kill.
        with suppress(ProcessLookupError):
            os.kill(claim["pid"], signal.SIGSTOP)
            now = trials_of(STUDY)[seen.number]
            is_in_mid_trial = now.state == TrialState.RUNNING and now.user_attrs.get("claim") == claim
            os.kill(claim["pid"], signal.SIGKILL if is_in_mid_trial else signal.SIGCONT)
            if is_in_mid_trial:
                return now
    return None


def assert_whole(n_trials: int) -> list[FrozenTrial]:
    """Exactly the budget, some of it pruned, every trial with its loggers' files, and no epoch trained for nothing."""
    trials = list(assert_exact(STUDY, n_trials))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    for trial in trials:
        place = STUDY.absolute() / str(trial.number)
        assert trial.user_attrs["directory"] == str(place)
        assert yaml_of(place / "resolved.yaml")["paths"]["output_dir"] == str(place)
        assert "val/acc" in (place / "train.log").read_text(encoding="utf-8")
        assert list(place.glob("tensorboard/version_*/events.out.tfevents.*"))
        _assert_trained(trial, place)
    best = yaml_of(STUDY / "best.yaml")
    assert best["value"] == max(trial.values[0] for trial in trials if trial.state == TrialState.COMPLETE)
    return trials


def assert_went_on(trial: FrozenTrial, victim: FrozenTrial) -> None:
    """A trial whose worker was killed has gone on from its checkpoint, with its parameters, in other hands."""
    assert trial.params == victim.params
    assert trial.user_attrs["claim"]["worker"] != victim.user_attrs["claim"]["worker"]
    epochs = (STUDY / str(trial.number) / "epochs.txt").read_text(encoding="utf-8").split()
    assert epochs.count("0") == 1, f"it began anew: {epochs}"


def _assert_trained(trial: FrozenTrial, place: Path) -> None:
    """Every epoch was begun; one that was in the making at one of the two interruptions, once more."""
    counts = Counter((place / "epochs.txt").read_text(encoding="utf-8").split())
    done = EPOCHS if trial.state == TrialState.COMPLETE else len(trial.intermediate_values)
    assert sorted(counts) == [str(epoch) for epoch in range(done)], f"trial {trial.number}: {counts}"
    assert sum(counts.values()) - done <= 2, f"trial {trial.number}: {counts}"
    if trial.state == TrialState.COMPLETE:
        logged = "".join(path.read_text(encoding="utf-8") for path in sorted(place.glob("csv/version_*/metrics.csv")))
        assert "val/acc_best" in logged
        assert list((place / "checkpoints").glob("epoch_*.ckpt"))
        assert trial.values == [max(trial.intermediate_values.values())]


def retrain(run_script: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Type the command that best.yaml gives; it trains the same network."""
    best = yaml_of(STUDY / "best.yaml")
    program, *words = shlex.split(best["retrain"].removeprefix(f"HYPEROPT_SEED={best['seed']} "))[1:]
    ended = run_script(program, *words, "hydra.run.dir=again")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    again, first = (yaml_of(Path(place, "resolved.yaml")) for place in ("again", best["directory"]))
    assert again["model"]["optimizer"] == first["model"]["optimizer"]
    assert again["data"] == first["data"]
