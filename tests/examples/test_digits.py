# SPDX-License-Identifier: MIT
"""The plain torch loop, two epochs on the CPU."""

from pathlib import Path

import optuna
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from hyperopt_app.objective.trial import active_trial
from objectives.digits import Digits
from tests.examples._trials import Always, a_trial, composed, curve

SHORT = ("hparams=digits", "epochs=2", "learning_rate=0.01", "hidden=32")


@pytest.mark.usefixtures("threads_kept")
def test_two_epochs_teach_it_most_digits() -> None:
    """Outside a sweep it returns both metrics; most digits are right after two epochs."""
    metrics = Digits().train(None, composed(*SHORT))
    assert set(metrics) == {"val_accuracy", "val_loss"}
    assert metrics["val_accuracy"] > 0.8


@pytest.mark.usefixtures("threads_kept")
def test_it_reports_each_epoch_by_hand(tmp_path: Path) -> None:
    """In a trial the accuracy of each epoch is in the study; the trial's seed makes it repeatable."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        metrics = Digits().train(trial, composed(*SHORT))
        repeated = Digits().train(trial, composed(*SHORT))
    assert list(curve(trial)) == [1, 2]
    assert curve(trial)[2] == metrics["val_accuracy"]
    assert repeated == metrics


@pytest.mark.usefixtures("threads_kept")
def test_it_can_be_pruned(tmp_path: Path) -> None:
    """The pruner ends it after its first epoch."""
    trial = a_trial(tmp_path, Always())
    with active_trial(trial), pytest.raises(optuna.TrialPruned):
        Digits().train(trial, composed(*SHORT))
    assert list(curve(trial)) == [1]
