# SPDX-License-Identifier: MIT
"""The Lightning callback in real Trainers of both packages."""

import contextlib
import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from hyperopt_app.callbacks.lightning import HyperoptCallback, resume_path
from hyperopt_app.errors import MetricError
from hyperopt_app.objective.trial import active_trial, current_trial
from tests.unit.callbacks._lightning_trainings import (
    BATCHES,
    LIGHTNINGS,
    PACKAGES,
    Always,
    InterruptionError,
    a_module,
    a_trial,
    again,
    curve,
    epochs_of,
    loader,
    torch,
    train,
)

# Advice on a machine with Slurm, which no test is about.
pytestmark = pytest.mark.filterwarnings("ignore:The `srun` command is available on your system but is not used")


@pytest.fixture(params=PACKAGES)
def pl(request: pytest.FixtureRequest) -> Any:
    """Each of the two packages."""
    return LIGHTNINGS[request.param]


@pytest.fixture
def one_pl() -> Any:
    """One package, for what does not depend on which."""
    return LIGHTNINGS["pytorch_lightning"]


def test_a_trainer_of_either_package_reports_each_validation(pl: Any, tmp_path: Path) -> None:
    """Three epochs give the steps 1, 2, 3 with falling loss, and a checkpoint; the check before training counts not."""
    trial = a_trial(tmp_path)
    callback = HyperoptCallback()
    with active_trial(trial):
        train(pl, a_module(pl), callback, num_sanity_val_steps=1)
    values = curve(trial)
    assert isinstance(callback, pl.Callback)
    assert list(values) == [1, 2, 3]
    assert values[3] < values[2] < values[1] < 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".last.ckpt.finished", "last.ckpt"]


def test_the_pruner_ends_the_training(pl: Any, tmp_path: Path) -> None:
    """TrialPruned leaves `fit` after the first validation, and Lightning lets it pass."""
    module = a_module(pl)
    with active_trial(a_trial(tmp_path, Always())), pytest.raises(optuna.TrialPruned):
        train(pl, module, HyperoptCallback())
    assert epochs_of(module) == [0]


def test_a_pruned_trial_keeps_no_checkpoint(one_pl: Any, tmp_path: Path) -> None:
    """Nobody goes on with it, and checkpoints may be large; what has not been pruned keeps its own."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        train(one_pl, a_module(one_pl), HyperoptCallback(), epochs=1)
        assert trial.checkpoint.exists()
        trial.study.pruner = Always()
        with pytest.raises(optuna.TrialPruned):
            train(one_pl, a_module(one_pl), HyperoptCallback(), epochs=2)
    assert not trial.checkpoint.exists()


def test_a_resumed_training_repeats_no_epoch(pl: Any, tmp_path: Path) -> None:
    """Interrupted in its fourth epoch, a trial goes on with the fourth; steps and weights are as if undisturbed."""
    undisturbed, first, second = a_module(pl), a_module(pl, interrupt_at=(3, 2)), a_module(pl)
    train(pl, undisturbed, HyperoptCallback(), epochs=5)
    trial = a_trial(tmp_path)
    with active_trial(trial), pytest.raises(InterruptionError):
        train(pl, first, HyperoptCallback(), epochs=5)
    with active_trial(again(trial.study, trial._trial, tmp_path, resumed=True)):
        assert resume_path() == str(tmp_path / "last.ckpt")
        trainer = train(pl, second, HyperoptCallback(), epochs=5)
    assert epochs_of(first) == [0, 1, 2, 3]
    assert second.trained == [(epoch, batch) for epoch in (3, 4) for batch in range(BATCHES)]
    assert list(curve(trial)) == [1, 2, 3, 4, 5]
    assert trainer.current_epoch == 5
    assert trainer.global_step == 5 * BATCHES
    assert torch.equal(undisturbed.weight, second.weight)


# Lightning's own advice for such a checkpoint, when the loader cannot say where it was.
@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch ended")
def test_a_validation_in_mid_epoch_is_a_step_and_a_checkpoint(pl: Any, tmp_path: Path) -> None:
    """With two validations an epoch, a resumed training goes on in the middle of one."""
    trial, second = a_trial(tmp_path), a_module(pl)
    with active_trial(trial), pytest.raises(InterruptionError):
        train(pl, a_module(pl, interrupt_at=(1, 3)), HyperoptCallback(), epochs=2, val_check_interval=0.5)
    with active_trial(again(trial.study, trial._trial, tmp_path)):
        train(pl, second, HyperoptCallback(), epochs=2, val_check_interval=0.5)
    assert list(curve(trial)) == [1, 2, 3, 4]
    assert second.trained == [(1, 2), (1, 3)]


def test_without_a_validation_loop_epochs_are_reported(one_pl: Any, tmp_path: Path) -> None:
    """A metric that the training logs is reported at the end of each epoch."""
    trial = a_trial(tmp_path, metric_names=("train_loss",))
    with active_trial(trial):
        train(one_pl, a_module(one_pl), HyperoptCallback(), limit_val_batches=0)
    assert list(curve(trial)) == [1, 2, 3]


def test_a_separate_validation_is_not_reported(one_pl: Any, tmp_path: Path) -> None:
    """`trainer.validate` after the training leaves the learning curve alone."""
    trial, module = a_trial(tmp_path), a_module(one_pl)
    with active_trial(trial):
        train(one_pl, module, HyperoptCallback()).validate(module, loader(1), verbose=False)
    assert list(curve(trial)) == [1, 2, 3]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_stops_the_training(one_pl: Any, tmp_path: Path, value: float) -> None:
    """It is reported, and no further epoch is trained."""
    trial, module = a_trial(tmp_path), a_module(one_pl, value=value)
    with active_trial(trial):
        train(one_pl, module, HyperoptCallback())
    assert epochs_of(module) == [0]
    assert list(curve(trial)) == [1]


def test_several_objectives_have_no_curve(one_pl: Any, tmp_path: Path) -> None:
    """Nothing is recorded or pruned with two directions, but the checkpoint is written."""
    names = ("val_loss", "val_accuracy")
    trial = a_trial(tmp_path, Always(), directions=["minimize", "maximize"], metric_names=names)
    with active_trial(trial):
        train(one_pl, a_module(one_pl), HyperoptCallback())
    assert curve(trial) == {}
    assert trial.checkpoint.exists()


def test_the_given_monitor_comes_before_the_sweepers_metric(one_pl: Any, tmp_path: Path) -> None:
    """`monitor` names what is reported."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        train(one_pl, a_module(one_pl), HyperoptCallback(monitor="val_accuracy"))
    assert set(curve(trial).values()) == {0.5}


def test_a_metric_that_is_not_logged_is_told_with_those_that_are(pl: Any, tmp_path: Path) -> None:
    """At the first validation: where it was asked for, what the module logs, and what to do."""
    module = a_module(pl)
    with active_trial(a_trial(tmp_path, metric_names=("val_los",))), pytest.raises(MetricError) as caught:
        train(pl, module, HyperoptCallback())
    assert epochs_of(module) == [0]
    for part in ("monitor='val_los'", "val_accuracy, val_loss", "hydra.sweeper.metric", "self.log('val_los'"):
        assert part in str(caught.value)


def test_no_metric_at_all_is_told(one_pl: Any, tmp_path: Path) -> None:
    """Without monitor and hydra.sweeper.metric a study could not prune, in silence; so it is said."""
    trial = a_trial(tmp_path, metric_names=())
    with active_trial(trial), pytest.raises(MetricError, match=r"hydra\.sweeper\.metric.*val_accuracy, val_loss"):
        train(one_pl, a_module(one_pl), HyperoptCallback())


def test_outside_a_sweep_it_does_nothing(one_pl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No trial, no directory: no report and no file."""
    monkeypatch.chdir(tmp_path)
    train(one_pl, a_module(one_pl), HyperoptCallback())
    assert list(tmp_path.iterdir()) == []
    assert resume_path() is None


def test_outside_a_sweep_checkpoints_go_where_they_are_told_to(one_pl: Any, tmp_path: Path) -> None:
    """The directory is made, and `resume_path` finds the checkpoint in it."""
    directory = tmp_path / "new" / "folder"
    assert resume_path(directory) is None
    callback = HyperoptCallback("val_loss", directory, fit="a")
    with pytest.raises(InterruptionError):
        train(one_pl, a_module(one_pl, interrupt_at=(1, 0)), callback)
    assert resume_path(directory, fit="a") == str(directory / "last-a.ckpt")
    assert resume_path(directory) is None


def test_a_save_that_fails_leaves_the_last_checkpoint_whole(one_pl: Any, tmp_path: Path) -> None:
    """The file is written aside: what stands under its name is always a whole one."""

    class Breaking(dict[str, int]):
        def __reduce__(self) -> Any:
            raise InterruptionError

    trial = a_trial(tmp_path)
    with active_trial(trial):
        interrupted(one_pl, a_module(one_pl, interrupt_at=(1, 0)))
        whole = trial.checkpoint.read_bytes()
    with active_trial(again(trial.study, trial._trial, tmp_path)):
        interrupted(one_pl, a_module(one_pl, user_object=Breaking()))
        assert trial.checkpoint.read_bytes() == whole
    with active_trial(again(trial.study, trial._trial, tmp_path)):
        assert resume_path() is not None


def interrupted(pl: Any, module: Any, **options: Any) -> None:
    """A fit that is interrupted where the module says."""
    with pytest.raises(InterruptionError):
        train(pl, module, HyperoptCallback(), **{"epochs": 3, **options})


def spoil_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def spoil_all(path: Path) -> None:
    path.write_text("no checkpoint", encoding="utf-8")


def replace_by_weights(path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, path)


def replace_by_anothers(path: Path) -> None:
    content = torch.load(path)
    content["callbacks"]["HyperoptCallback"]["params"] = {"x": 2.0}
    torch.save(content, path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_half, "cannot be read"),
        (spoil_a_byte, "torn|cannot be read"),
        (spoil_all, "cannot be read"),
        (replace_by_weights, "not a checkpoint of a Lightning training"),
        (replace_by_anothers, "other parameters"),
    ],
    ids=["half", "one_byte", "text", "weights", "another_trial"],
)
def test_a_useless_checkpoint_is_reported_and_ignored(
    one_pl: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], None], said: str
) -> None:
    """The training starts from its beginning, and the log says why."""
    trial, module = a_trial(tmp_path), a_module(one_pl)
    with active_trial(trial):
        interrupted(one_pl, a_module(one_pl, interrupt_at=(1, 0)))
        spoil(trial.checkpoint)
    with active_trial(again(trial.study, trial._trial, tmp_path)):
        assert resume_path() is None
        train(one_pl, module, HyperoptCallback(), epochs=1)
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"][:1]
    assert re.search(said, record.getMessage())
    assert epochs_of(module) == [0]


def test_a_checkpoint_with_objects_of_the_users_own_is_used(one_pl: Any, tmp_path: Path) -> None:
    """Whether such a file may be unpickled is for Lightning to decide, not for us."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        interrupted(one_pl, a_module(one_pl, user_object=SimpleNamespace(n=1), interrupt_at=(1, 0)))
    with active_trial(again(trial.study, trial._trial, tmp_path)):
        assert resume_path() == str(tmp_path / "last.ckpt")


@pytest.mark.parametrize(("options", "told"), [({}, 2), ({"epochs": 10, "max_steps": 2 * BATCHES}, 1)])
def test_the_last_epoch_is_let_finish(one_pl: Any, tmp_path: Path, options: dict[str, int], told: int) -> None:
    """A trial that is to end does so after each epoch but the last, after which there is nothing to go on with."""
    calls: list[int] = []
    module = a_module(one_pl)
    trial = a_trial(tmp_path, on_checkpoint=lambda: calls.append(len(epochs_of(module))))
    with active_trial(trial):
        train(one_pl, module, HyperoptCallback(), **options)
    assert calls == list(range(1, told + 1))


@pytest.mark.parametrize(("mode", "direction"), [("max", "minimize"), ("min", "maximize")])
def test_a_mode_against_the_study_is_refused(one_pl: Any, tmp_path: Path, mode: str, direction: str) -> None:
    """Before an epoch is trained: the pruner would end the best trials."""
    module = a_module(one_pl)
    with (
        active_trial(a_trial(tmp_path, direction_names=[direction])),
        pytest.raises(MetricError, match=f"direction is {direction}"),
    ):
        train(one_pl, module, HyperoptCallback(mode=mode))
    assert module.trained == []


def test_a_mode_that_fits_changes_nothing(one_pl: Any, tmp_path: Path) -> None:
    """Neither in a trial nor without one."""
    trial = a_trial(tmp_path, direction_names=["minimize"])
    with active_trial(trial):
        train(one_pl, a_module(one_pl), HyperoptCallback("val_loss", mode="min"), epochs=1)
    assert list(curve(trial)) == [1]
    train(one_pl, a_module(one_pl), HyperoptCallback("val_loss", mode="max"), epochs=1)


@pytest.mark.parametrize("options", [{"mode": "minimize"}, {"every_n_epochs": 0}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    """When the callback is made."""
    with pytest.raises(ValueError, match=f"{next(iter(options))}="):
        HyperoptCallback("val_loss", **options)


def test_only_every_second_epoch_is_reported(one_pl: Any, tmp_path: Path) -> None:
    """And the last one; steps are as if all were, and a resumed training goes on after the last checkpoint."""
    trial, second = a_trial(tmp_path), a_module(one_pl)
    callback = HyperoptCallback(every_n_epochs=2)
    with active_trial(trial), pytest.raises(InterruptionError):
        train(one_pl, a_module(one_pl, interrupt_at=(3, 2)), callback, epochs=5)
    assert list(curve(trial)) == [2]
    with active_trial(again(trial.study, trial._trial, tmp_path, resumed=True)):
        train(one_pl, second, HyperoptCallback(every_n_epochs=2), epochs=5)
    assert epochs_of(second) == [2, 3, 4]
    assert list(curve(trial)) == [2, 4, 5]


def test_lightning_answers_no_signals_in_a_trial(one_pl: Any, tmp_path: Path) -> None:
    """Outside one it does; the handlers that were there before are there in the training and after it."""
    seen = dict[str, Any]()

    class Looks(one_pl.Callback):  # type: ignore[misc]  # of whichever package
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            seen["trial" if current_trial() else "alone"] = signal.getsignal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    for trial in (None, a_trial(tmp_path)):
        with contextlib.nullcontext() if trial is None else active_trial(trial):
            trainer = train(one_pl, a_module(one_pl), HyperoptCallback("val_loss"), epochs=1, callbacks=[Looks()])
            assert trainer.current_epoch == 1
    assert (seen["trial"], signal.getsignal(signal.SIGTERM)) == (before, before)
    assert seen["alone"] != before
