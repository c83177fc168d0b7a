# SPDX-License-Identifier: MIT
"""What the Keras callback saves after each epoch, and from where the next attempt goes on."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from hyperopt_app.callbacks.keras import HyperoptCallback
from hyperopt_app.objective.trial import Trial, active_trial
from tests.unit._made_objectives import a_trial, always
from tests.unit.callbacks._keras_trainings import INPUTS, WANTED, keras


class Leaves(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training at the beginning of its third epoch, as an interruption would."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Leave."""
        if epoch == 2:
            raise KeyboardInterrupt


def _trained(*callbacks: Any, epochs: int = 4, units: int = 4) -> tuple[Any, Any]:
    """A model with dropout, momentum and shuffled data, and its history."""
    model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dropout(0.3), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    options = {"validation_split": 0.25, "batch_size": 4, "verbose": 0, "epochs": epochs}
    return model, model.fit(INPUTS, WANTED, callbacks=[*callbacks], **options).history


def _weights(model: Any) -> list[Any]:
    return [weight.value.detach().numpy().tolist() for weight in model.weights]


def _again(trial: Trial) -> Trial:
    """The trial as a second attempt sees it."""
    steps = trial.study.get_trials()[trial.number].intermediate_values
    options: dict[str, Any] = {"seed": 1, "resumed": True, "metric_names": ("val_loss",), "reported": tuple(steps)}
    return Trial(trial._trial, directory=trial.directory, **options)


def _interrupted(trial: Trial, *callbacks: Any) -> None:
    with active_trial(trial), pytest.raises(KeyboardInterrupt):
        _trained(*(callbacks or (HyperoptCallback(),)), Leaves())


def test_an_interrupted_training_ends_as_one_that_never_was(tmp_path: Path) -> None:
    """With the same weights and the history of all epochs, whatever state the second process begins in."""
    keras.utils.set_random_seed(1)
    whole, history = _trained(HyperoptCallback("val_loss"))
    keras.utils.set_random_seed(1)
    trial = a_trial(tmp_path)
    _interrupted(trial)
    keras.utils.set_random_seed(2)
    with active_trial(_again(trial)):
        resumed, again = _trained(HyperoptCallback())
    assert again == history
    assert _weights(resumed) == _weights(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_the_worker_hears_of_each_epoch_but_the_last(tmp_path: Path) -> None:
    """A trial may end at each of them, and completes after the last."""
    heard: list[int] = []
    trial = a_trial(tmp_path)
    trial._on_checkpoint = lambda: heard.append(len(heard))
    with active_trial(trial):
        _trained(HyperoptCallback(), epochs=3)
    assert len(heard) == 2


def test_a_pruned_trial_leaves_no_checkpoint(tmp_path: Path) -> None:
    """Nobody goes on with it."""
    (tmp_path / "last.ckpt").touch()
    with active_trial(a_trial(tmp_path, always)), pytest.raises(optuna.TrialPruned):
        _trained(HyperoptCallback())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "reason"), [("torn", "cannot be read"), ("units", "other shapes"), ("fit", "fit 1 of this trial")]
)
def test_what_does_not_fit_is_left_alone(
    change: str, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says why, and the training has all its epochs."""
    trial, path = a_trial(tmp_path), tmp_path / "last.ckpt"
    _interrupted(trial)
    if change == "torn":
        path.write_bytes(path.read_bytes()[:200])
    again = _again(trial)
    with active_trial(again):
        if change == "fit":
            _trained(HyperoptCallback(directory=tmp_path), epochs=0)
        history = _trained(HyperoptCallback(), epochs=3, units=5 if change == "units" else 4)[1]
    assert len(history["loss"]) == 3
    assert reason in caplog.text
    assert f"{path} is not used" in caplog.text


def test_fits_with_names_go_on_from_their_own(tmp_path: Path) -> None:
    """The first is complete, the second is in its third epoch."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        _trained(HyperoptCallback("val_loss", fit="a"), epochs=2)
    _interrupted(trial, HyperoptCallback("val_loss", fit="b"))
    begun: list[int] = []
    notes = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _logs: begun.append(epoch))
    with active_trial(_again(trial)):
        _trained(HyperoptCallback("val_loss", fit="a"), notes, epochs=2)
        assert begun == []
        _trained(HyperoptCallback("val_loss", fit="b"), notes)
    assert begun == [2, 3]


def test_alone_it_writes_where_it_is_asked_to(tmp_path: Path) -> None:
    """And nowhere else; the next fit of the same model begins with its first epoch."""
    model, _ = _trained(HyperoptCallback("loss"), epochs=1)
    assert not list(Path.cwd().iterdir())
    _trained(HyperoptCallback("loss", directory=tmp_path / "new"), epochs=1)
    assert (tmp_path / "new" / "last.ckpt").exists()
    callback = HyperoptCallback("loss", directory=tmp_path / "again")
    for _ in range(2):
        assert len(model.fit(INPUTS, WANTED, callbacks=[callback], verbose=0, epochs=2).history["loss"]) == 2
    with pytest.raises(ValueError, match="part of a file's name"):
        HyperoptCallback(fit="a/b")
