# SPDX-License-Identifier: MIT
"""The holodec objective on the CPU at a tiny size, through Lightning's Trainer."""
# ruff: noqa: E402 - torch is an extra: what needs it is imported once it is known to be there.

from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.hydra_config import HydraConfig

torch = pytest.importorskip("torch")
pytest.importorskip("pytorch_optimizer")
# Imported here and not in a test: at its first import it leaves an environment variable behind.
pytest.importorskip("pytorch_lightning")

from hyperopt_app.objective.trial import Trial, active_trial
from objectives.holodec import Holodec, network_settings
from objectives.holodec_lightning import HolodecModule
from objectives.holodec_model import HologramVAE, kl_divergence
from tests.examples._trials import Always, a_trial, again, composed, curve

pytestmark = pytest.mark.usefixtures("threads_kept")

TINY = (
    "hparams=holodec",
    "data.n_train=24",
    "data.n_valid=8",
    "data.batch_size=8",
    "data.window=48",
    "data.margin=24",
    "data.z_mm=[2.0,10.0]",
    "model.hidden_dims=[4,6]",
    "model.z_dim=4",
    "model.dense_hidden_dims=[8]",
    "trainer.epochs=1",
    "trainer.accelerator=cpu",
)
METRICS = {"val_loss", "val_x", "val_y", "val_z", "val_d", "val_binary"}
METRICS |= {"val_accuracy", "val_reconstruction", "val_kl", "train_loss"}


class InterruptionError(Exception):
    """Stands for whatever ends a worker in the middle of a trial."""


@pytest.fixture
def tiny(tmp_path: Path) -> Any:
    """`tiny("key=value", ...)`: the composed config at a tiny size, with a cache of its own."""

    def conf(*overrides: str) -> Any:
        return composed(*TINY, f"data.cache={tmp_path / 'cache'}", *overrides)

    return conf


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A trial's directory."""
    path = tmp_path / "trial"
    path.mkdir()
    return path


def train(trial: Trial, conf: Any) -> dict[str, float]:
    with active_trial(trial):
        return dict(Holodec().train(trial, conf))


def test_one_training_outside_a_sweep(tiny: Any, tmp_path: Path) -> None:
    """It returns a metric per task and their mean, and leaves weights and a checkpoint in path_save."""
    metrics = Holodec().train(None, tiny(f"trainer.path_save={tmp_path / 'out'}"))
    assert set(metrics) == METRICS
    tasks = [metrics[f"val_{task}"] for task in ("x", "y", "z", "d", "binary")]
    assert metrics["val_loss"] == pytest.approx(sum(tasks) / 5, rel=1e-5)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".last.ckpt.finished",
        "last.ckpt",
        "weights.pt",
    ]


def test_without_path_save_files_go_where_the_command_was_given() -> None:
    """Outside Hydra and outside a sweep that is the working directory."""
    assert not HydraConfig.initialized()
    Holodec().train(None, composed(*TINY, "data.cache=null"))
    assert sorted(path.name for path in Path.cwd().iterdir()) == [".last.ckpt.finished", "last.ckpt", "weights.pt"]


def test_a_trial_reports_and_keeps_its_files(tiny: Any, directory: Path) -> None:
    """Each epoch is a step; weights and checkpoint lie in the trial's directory, and the weights can be loaded."""
    trial, conf = a_trial(directory), tiny("trainer.epochs=2")
    metrics = train(trial, conf)
    assert list(curve(trial)) == [1, 2]
    assert curve(trial)[2] == metrics["val_loss"]
    assert sorted(path.name for path in directory.iterdir()) == [".last.ckpt.finished", "last.ckpt", "weights.pt"]
    network = HologramVAE(**network_settings(conf.model), image_size=16)
    network.load_state_dict(torch.load(directory / "weights.pt", weights_only=True))


def test_a_trial_can_be_pruned(tiny: Any, directory: Path) -> None:
    """The pruner ends it after its first epoch."""
    trial = a_trial(directory, Always())
    with pytest.raises(optuna.TrialPruned):
        train(trial, tiny("trainer.epochs=3"))
    assert list(curve(trial)) == [1]


def test_the_trials_seed_makes_it_repeatable(tiny: Any, tmp_path: Path) -> None:
    """Two workers that train the same trial get the same numbers."""
    results = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        results.append(train(a_trial(tmp_path / name), tiny()))
    assert results[0] == results[1]


@pytest.mark.parametrize("optimizer", ["adamw", "lookahead-diffgrad"])
def test_an_interrupted_trial_ends_as_if_undisturbed(
    tiny: Any, tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str
) -> None:
    """Another worker goes on from the checkpoint, repeats no epoch, and gets the very same metrics."""
    conf = tiny("trainer.epochs=4", f"optimizer.type={optimizer}")
    (tmp_path / "undisturbed").mkdir()
    wanted = train(a_trial(tmp_path / "undisturbed"), conf)

    trial, record = a_trial(directory), Trial.report

    def report(self: Trial, value: float, step: int) -> None:
        if step == 3:
            raise InterruptionError
        record(self, value, step)

    with monkeypatch.context() as patch:
        patch.setattr(Trial, "report", report)
        with pytest.raises(InterruptionError):
            train(trial, conf)
    assert list(curve(trial)) == [1, 2]
    assert train(again(trial.study, trial._trial, directory), conf) == wanted
    assert list(curve(trial)) == [1, 2, 3, 4]


def test_a_trial_that_had_only_to_return_returns_its_metrics(tiny: Any, directory: Path) -> None:
    """If the worker died after its fit had ended, the trial trains again, to the same metrics."""
    trial = a_trial(directory)
    first = train(trial, tiny())
    second = train(again(trial.study, trial._trial, directory), tiny())
    assert second == {name: pytest.approx(value) for name, value in first.items()}


def test_start_epoch_goes_on_from_path_save(tiny: Any, tmp_path: Path) -> None:
    """Two epochs, and two more from epoch 2, are four epochs."""
    save = f"trainer.path_save={tmp_path / 'saved'}"
    Holodec().train(None, tiny(save, "trainer.epochs=2"))
    went_on = Holodec().train(None, tiny(save, "trainer.start_epoch=2", "trainer.epochs=4"))
    assert went_on == Holodec().train(None, tiny(f"trainer.path_save={tmp_path / 'other'}", "trainer.epochs=4"))


def test_start_epoch_counts_epochs_without_a_checkpoint(tiny: Any, directory: Path) -> None:
    """From epoch 2 of 3 there is one epoch to train."""
    trial = a_trial(directory)
    train(trial, tiny("trainer.start_epoch=2", "trainer.epochs=3"))
    assert list(curve(trial)) == [1]


def test_trials_do_not_share_path_save(tiny: Any, directory: Path, tmp_path: Path) -> None:
    """In a sweep each trial has a folder of its own in path_save."""
    train(a_trial(directory), tiny(f"trainer.path_save={tmp_path / 'all'}"))
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["trial_0"]


def test_clip_bounds_each_gradient(tiny: Any, directory: Path) -> None:
    """With plain gradient descent no weight moves by more than steps x learning rate x clip."""
    conf = tiny("optimizer.type=sgd", "optimizer.learning_rate=1.0", "trainer.clip=1e-4")
    before = HolodecModule(
        {**network_settings(conf.model), "image_size": 16}, conf.optimizer, alpha=1.0, beta=0.1, seed=7
    ).network.state_dict()
    train(a_trial(directory), conf)
    after = torch.load(directory / "weights.pt", weights_only=True)
    moved = [(after[name] - value).abs().max() for name, value in before.items() if name.endswith(("weight", "bias"))]
    assert 0 < max(moved) <= 3 * 1e-4 * 1.01


def test_alpha_and_beta_weigh_the_two_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    """loss = tasks + alpha x reconstruction + beta x KL / pixels."""
    monkeypatch.setattr(HolodecModule, "log", lambda *_args, **_options: None)
    images, targets = torch.rand(4, 1, 16, 16), torch.rand(4, 5).round()

    def module(alpha: float, beta: float) -> HolodecModule:
        network = {"image_size": 16, "hidden_dims": [4]}
        made = HolodecModule(network, {}, alpha=alpha, beta=beta, seed=3)
        torch.manual_seed(1)
        return made

    output = module(0, 0).network(images)
    reconstruction = (output.image - images).square().mean().item()
    divergence = kl_divergence(output.mean, output.log_variance).item() / 256
    plain, alpha, beta = (module(*each).training_step((images, targets), 0).item() for each in [(0, 0), (2, 0), (0, 3)])
    assert alpha - plain == pytest.approx(2 * reconstruction, rel=1e-3)
    assert beta - plain == pytest.approx(3 * divergence, rel=1e-3)


@pytest.mark.gpu
def test_it_trains_on_a_gpu(tiny: Any, directory: Path) -> None:
    """The same objective runs with accelerator=cuda."""
    assert train(a_trial(directory), tiny("trainer.accelerator=cuda"))["val_loss"] > 0
