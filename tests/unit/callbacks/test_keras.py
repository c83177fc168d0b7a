# SPDX-License-Identifier: MIT
"""The Keras callbacks, ours and the original's, in real trainings of Keras 3."""

import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from hyperopt_app.callbacks import _keras_base
from hyperopt_app.callbacks.keras import HyperoptCallback
from hyperopt_app.errors import MetricError
from hyperopt_app.legacy.objectives.pruning import KerasPruningCallback
from hyperopt_app.legacy.objectives.trial import LegacyTrial, NoTrial
from hyperopt_app.objective.trial import active_trial
from tests.unit._made_objectives import a_trial, always, curve
from tests.unit.callbacks._keras_trainings import fit, keras


def test_every_epoch_is_reported_from_1_on(tmp_path: Path) -> None:
    """The metric is the sweeper's first one, and the step the number of epochs."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        history = fit(HyperoptCallback()).history
    assert curve(trial) == dict(enumerate(history["val_loss"], start=1))


def test_the_pruner_ends_the_training(tmp_path: Path) -> None:
    """TrialPruned passes through `fit`."""
    trial = a_trial(tmp_path, always)
    with active_trial(trial), pytest.raises(optuna.TrialPruned, match="step 1"):
        fit(HyperoptCallback("loss"))
    assert list(curve(trial)) == [1]


def test_epochs_without_a_validation_are_passed_over(tmp_path: Path) -> None:
    """With validation_freq=2 there is a point at every second epoch."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        fit(HyperoptCallback("val_loss"), epochs=4, validation_freq=2)
    assert list(curve(trial)) == [2, 4]


def test_a_metric_that_is_not_finite_stops_the_training(tmp_path: Path) -> None:
    """Nothing better comes after NaN."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        history = fit(HyperoptCallback(), epochs=50, learning_rate=1e30).history
    assert len(history["val_loss"]) < 50


@pytest.mark.parametrize("options", [{}, {"validation_data": None}], ids=["validated", "never validated"])
def test_a_metric_that_is_not_logged_is_a_fault(tmp_path: Path, options: dict[str, Any]) -> None:
    """The message lists what is logged, with and without validation data."""
    name = "val_loss" if options else "val_accuracy"
    with active_trial(a_trial(tmp_path)), pytest.raises(MetricError, match=rf"monitor='{name}'.*have loss"):
        fit(HyperoptCallback(name), **options)


def test_without_any_name_the_logs_are_listed(tmp_path: Path) -> None:
    """Neither the callback nor the sweeper names a metric."""
    with (
        active_trial(a_trial(tmp_path, metric_names=())),
        pytest.raises(MetricError, match=r"no metric.*loss, val_loss"),
    ):
        fit(HyperoptCallback())


def test_outside_a_sweep_nothing_is_reported() -> None:
    """The same training code runs alone."""
    assert len(fit(HyperoptCallback()).history["loss"]) == 3


def test_a_callback_is_one_of_kerass_and_can_be_pickled() -> None:
    """Keras's own checks take it for a Callback, before and after."""
    callback = HyperoptCallback("val_mae")
    again = pickle.loads(pickle.dumps(callback))
    assert isinstance(callback, keras.callbacks.Callback)
    assert isinstance(again, keras.callbacks.Callback)
    assert (again.monitor, type(again)) == ("val_mae", type(callback))


def test_without_keras_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an AttributeError of somebody else's."""
    monkeypatch.setattr(_keras_base, "_PACKAGES", ("no_such_keras", "nor_this"))
    with pytest.raises(ModuleNotFoundError, match=r"hyperopt-app\[keras\]"):
        HyperoptCallback()


def test_importing_the_callback_imports_no_keras(run_script: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Whichever Keras the training code uses, it comes first."""
    program = "import sys, hyperopt_app.callbacks.keras; print('keras' in sys.modules)"
    assert run_script("-c", program).stdout.strip() == "False"


def test_the_originals_callback_prunes_under_todays_keras(tmp_path: Path) -> None:
    """It reports with the epoch from 0, and Keras calls every hook of it."""
    trial = a_trial(tmp_path, always)
    with pytest.raises(optuna.TrialPruned, match="pruned at epoch 0"):
        fit(KerasPruningCallback(LegacyTrial(trial), "val_loss", interval=1))
    assert list(curve(trial)) == [0]


def test_the_originals_callback_asks_at_every_interval(tmp_path: Path) -> None:
    """Each epoch is reported, and the pruner is asked at the second one."""
    trial = a_trial(tmp_path, always)
    with pytest.raises(optuna.TrialPruned, match="epoch 1"):
        fit(KerasPruningCallback(LegacyTrial(trial), "val_loss", 2))
    assert list(curve(trial)) == [0, 1]


def test_the_originals_callback_is_silent_without_a_trial_or_with_several_objectives(tmp_path: Path) -> None:
    """`trial=False`, and a list of metrics."""
    trial = a_trial(tmp_path, always)
    fit(KerasPruningCallback(NoTrial(), "val_loss"))
    fit(KerasPruningCallback(False, "val_loss"))
    fit(KerasPruningCallback(LegacyTrial(trial), ["val_loss", "loss"]))
    assert curve(trial) == {}


def test_the_originals_callback_tells_once_of_a_metric_that_is_not_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The original was silent and never pruned."""
    fit(KerasPruningCallback(LegacyTrial(a_trial(tmp_path)), "val_acc"))
    assert [record.message for record in caplog.records] == [
        "KerasPruningCallback: 'val_acc' is not in the logs, which have loss, val_loss"
    ]


def test_a_training_loop_of_ones_own_may_call_any_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no Keras is in use the callback has all of Keras's methods itself."""
    monkeypatch.setattr(_keras_base, "_PACKAGES", ())
    trial = a_trial(tmp_path)
    callback: Any = KerasPruningCallback(LegacyTrial(trial), "loss")
    callback.set_params({"epochs": 1})
    callback.set_model("a model")
    callback.on_train_begin()
    callback.on_train_batch_end(0, {"loss": 1.0})
    callback.on_epoch_end(0, {"loss": 0.5})
    callback.on_train_end()
    assert (curve(trial), callback.model, callback.params) == ({0: 0.5}, "a model", {"epochs": 1})
