# SPDX-License-Identifier: MIT
"""Several fits in one trial: each trains all its epochs, and an interrupted one goes on from its own checkpoint."""
# ruff: noqa: E402 - torch is an extra: what needs it is imported once it is known to be there.

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from hyperopt_app.callbacks.lightning import HyperoptCallback, resume_path
from hyperopt_app.objective.trial import Trial, active_trial
from tests.unit.callbacks._lightning_trainings import (
    LIGHTNINGS,
    InterruptionError,
    a_module,
    a_trial,
    again,
    epochs_of,
    loader,
)

# Advice on a machine with Slurm, which no test is about.
pytestmark = pytest.mark.filterwarnings("ignore:The `srun` command is available on your system but is not used")
PL: Any = LIGHTNINGS["pytorch_lightning"]


def fit(module: Any, name: str | None = None, callback: Any = None, **options: Any) -> Any:
    """A training as the docs write it; returns the Trainer."""
    trainer = PL.Trainer(
        accelerator="cpu",
        max_epochs=3,
        callbacks=[callback or HyperoptCallback("val_loss", fit=name, **options)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, loader(4), loader(2), ckpt_path=resume_path(options.get("directory"), fit=name))
    return trainer


def trained(*names: str | None, **interrupts: tuple[int, int]) -> list[list[int]]:
    """The epochs that each of these fits trains; `b=(1, 0)` interrupts b before that batch, and what follows."""
    modules = [a_module(PL, interrupt_at=interrupts.get(str(name))) for name in names]
    try:
        for module, name in zip(modules, names, strict=True):
            fit(module, name)
    except InterruptionError:
        pass
    return [epochs_of(module) for module in modules]


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """A trial in its first attempt."""
    return a_trial(tmp_path)


def next_attempt(trial: Trial) -> Trial:
    """The same trial in another worker."""
    return again(trial.study, trial._trial, trial.directory, resumed=True)


ALL = [0, 1, 2]


@pytest.mark.parametrize("names", [(None, None, None), ("a", "b"), ("a", "a")], ids=str)
def test_every_fit_of_a_trial_trains_all_its_epochs(trial: Trial, names: tuple[str | None, ...]) -> None:
    """With the documented lines, with names and without, also with one name twice."""
    with active_trial(trial):
        assert trained(*names) == [ALL] * len(names)


def test_one_callback_for_several_fits(trial: Trial) -> None:
    """It is no other case."""
    callback, modules = HyperoptCallback("val_loss"), [a_module(PL), a_module(PL)]
    with active_trial(trial):
        for module in modules:
            fit(module, callback=callback)
    assert [epochs_of(module) for module in modules] == [ALL, ALL]


def test_an_interrupted_fit_with_a_name_goes_on(trial: Trial) -> None:
    """From its own file; one that had ended trains anew, and one that had not begun begins."""
    with active_trial(trial):
        assert trained("a", "b", "c", b=(1, 0)) == [ALL, [0], []]
    assert {path.name for path in trial.directory.glob("*.ckpt")} == {"last-a.ckpt", "last-b.ckpt"}
    with active_trial(next_attempt(trial)):
        assert [resume_path(fit=name) for name in "abc"] == [None, str(trial.directory / "last-b.ckpt"), None]
        assert trained("a", "b", "c") == [ALL, [1, 2], ALL]


def test_an_interrupted_fit_without_a_name_is_not_gone_on_with_by_another(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    """The first fit does not take up the second one's checkpoint; the log tells the way."""
    with active_trial(trial):
        fit(a_module(PL))
        with pytest.raises(InterruptionError):
            fit(a_module(PL, interrupt_at=(1, 0)))
    with active_trial(next_attempt(trial)):
        assert trained(None, None) == [ALL, ALL]
    assert 'resume_path(fit="fold1")' in caplog.text


def test_a_fit_with_a_name_may_be_tried_again(trial: Trial) -> None:
    """After an error, in the same process."""
    with active_trial(trial):
        assert trained("a", a=(1, 0)) == [[0]]
        assert trained("a", "b") == [[1, 2], ALL]


def test_a_fit_without_a_name_is_not_gone_on_with_by_the_next(trial: Trial) -> None:
    """Whether an error was caught to try again or to go on with the next fold, nobody can tell."""
    with active_trial(trial):
        assert trained(None, **{"None": (1, 0)}) == [[0]]
        assert trained(None) == [ALL]


def test_a_fit_that_was_interrupted_twice_goes_on_twice(trial: Trial) -> None:
    """What it has read from its checkpoint it writes into the next."""
    for epoch in (1, 2):
        with active_trial(next_attempt(trial)):
            assert trained("a", a=(epoch, 0)) == [[epoch - 1]]
    with active_trial(next_attempt(trial)):
        assert trained("a") == [[2]]
    with active_trial(next_attempt(trial)):
        assert resume_path(fit="a") is None


@pytest.mark.parametrize("unreadable", [False, True], ids=["plain", "with objects of the user's own"])
def test_a_fit_that_has_ended_is_known_by_another_worker(trial: Trial, unreadable: bool) -> None:
    """Also where what stands in its checkpoint is not for us to read."""
    options = {"user_object": SimpleNamespace(n=1)} if unreadable else {}
    with active_trial(trial):
        fit(a_module(PL, **options))
    with active_trial(next_attempt(trial)):
        assert resume_path() is None


def test_an_interrupt_at_the_last_checkpoint_keeps_the_metrics(trial: Trial) -> None:
    """Nothing is left to train, and the training code finds what was logged."""

    class Interrupting(HyperoptCallback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            super().on_train_epoch_end(trainer, pl_module)
            if trainer.current_epoch == 2:
                raise InterruptionError

    module, again_module = a_module(PL), a_module(PL)
    with active_trial(trial), pytest.raises(InterruptionError):
        fit(module, callback=Interrupting("val_loss"))
    with active_trial(next_attempt(trial)):
        metrics: Mapping[str, Any] = fit(again_module).callback_metrics
    assert again_module.trained == []
    assert float(metrics["val_loss"]) == trial.study.get_trials()[0].intermediate_values[3]


def test_a_checkpoint_of_the_earlier_release_is_found(trial: Trial) -> None:
    """It knows of no fits: it is the first one's."""
    with active_trial(trial):
        assert trained("a", a=(1, 0)) == [[0]]
    content = torch.load(trial.directory / "last-a.ckpt")
    state = content["callbacks"]["HyperoptCallback"]
    content["callbacks"]["HyperoptCallback"] = {key: state[key] for key in ("validations", "params")}
    torch.save(content, trial.checkpoint)
    with active_trial(next_attempt(trial)):
        assert resume_path() == str(trial.checkpoint)
        assert trained(None, None) == [[1, 2], ALL]


def test_outside_a_sweep_it_is_the_same(tmp_path: Path) -> None:
    """With a directory of the user's."""
    first, second = a_module(PL), a_module(PL)
    fit(first, directory=tmp_path)
    fit(second, directory=tmp_path)
    assert [epochs_of(first), epochs_of(second)] == [ALL, ALL]
    assert resume_path(tmp_path) is None


@pytest.mark.parametrize("name", ["", "a/b", "fold 1"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    """Where it is written."""
    with pytest.raises(ValueError, match="a part of a file's name"):
        HyperoptCallback(fit=name)
    with pytest.raises(ValueError, match="a part of a file's name"):
        resume_path(fit=name)
