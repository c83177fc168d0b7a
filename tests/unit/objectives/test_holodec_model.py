# SPDX-License-Identifier: MIT
"""The network's shapes and its loss, and how the configuration's short keys become lists."""
# ruff: noqa: E402 - torch is an extra: what needs it is imported once it is known to be there.

import math
from typing import Any

import pytest
from omegaconf import OmegaConf

torch = pytest.importorskip("torch")

from objectives.holodec import network_settings
from objectives.holodec_data import TASKS
from objectives.holodec_model import HologramVAE, kl_divergence, relative_errors

MODEL = OmegaConf.create(
    {
        "image_channels": 1,
        "hidden_dims": [8, 16],
        "z_dim": 5,
        "dense_hidden_dims": [32, 16],
        "dense_dropouts": [0.1, 0.2],
        "tasks": list(TASKS),
        "width": None,
        "num_dense": None,
        "dropout": None,
    }
)


def settings(**changes: Any) -> dict[str, Any]:
    return network_settings(OmegaConf.merge(MODEL, changes))


def test_the_readmes_network_can_be_built_and_run() -> None:
    """The original project's hidden dimensions make a network whose output has the image's shape and five tasks."""
    network = HologramVAE(
        image_size=64,
        hidden_dims=[3, 94, 141, 471, 425, 1122],
        z_dim=1277,
        dense_hidden_dims=[1000],
        dense_dropouts=[0.0],
    )
    output = network(torch.zeros(2, 1, 64, 64))
    assert output.image.shape == (2, 1, 64, 64)
    assert output.mean.shape == output.log_variance.shape == (2, 1277)
    assert output.tasks.shape == (2, 5)


def test_only_the_tasks_of_the_config_have_heads() -> None:
    """One column a task, in the order of the config."""
    network = HologramVAE(image_size=16, hidden_dims=[4], tasks=["d", "x"])
    assert list(network.heads) == ["d", "x"]
    assert network(torch.zeros(3, 1, 16, 16)).tasks.shape == (3, 2)


def test_evaluation_is_without_noise() -> None:
    """In evaluation the latent vector is the mean: two runs agree; in training they do not."""
    network = HologramVAE(image_size=16, hidden_dims=[4])
    images = torch.rand(4, 1, 16, 16)
    assert not torch.equal(network(images).tasks, network(images).tasks)
    network.eval()
    assert torch.equal(network(images).tasks, network(images).tasks)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden_dims": [4, 4, 4, 4, 4]}, r"model\.hidden_dims: .* 16 pixels 5 times; give between 1 and 4 numbers"),
        ({"hidden_dims": []}, r"model\.hidden_dims"),
        ({"tasks": ["x", "q"]}, r"model\.tasks: \['x', 'q'\]; allowed .* x, y, z, d, binary"),
        ({"dense_hidden_dims": [3]}, r"model\.dense_dropouts: \[\]"),
    ],
    ids=["too_deep", "no_layer", "unknown_task", "no_dropout"],
)
def test_a_config_that_describes_no_network_names_the_key(wrong: dict[str, Any], message: str) -> None:
    """Each message names the key and what is allowed."""
    with pytest.raises(ValueError, match=message):
        HologramVAE(image_size=16, **{"hidden_dims": [4], **wrong})


def test_a_guess_costs_one_and_the_truth_nothing() -> None:
    """Always saying one half costs 1 on uniform targets; the truth costs 0."""
    targets = torch.rand(20000, 5)
    targets[:, 4] = 1
    guess = torch.full((20000, 5), 0.5)
    assert relative_errors(guess, targets, TASKS)[:4].tolist() == pytest.approx([1] * 4, abs=0.03)
    assert relative_errors(targets, targets, TASKS)[:4].tolist() == [0] * 4
    coin = relative_errors(torch.zeros(4, 1), torch.tensor([[0.0] * 4 + [b] for b in (0, 1, 0, 1)]), ["binary"])
    assert float(coin) == pytest.approx(1)


def test_windows_without_a_particle_do_not_count_for_its_properties() -> None:
    """What the network says of x, y, z and d where there is no particle costs nothing."""
    targets = torch.tensor([[0.5, 0.5, 0.5, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    predicted = torch.tensor([[0.6, 0.5, 0.5, 0.5, 9.0], [77.0, 77.0, 77.0, 77.0, -9.0]])
    errors = relative_errors(predicted, targets, TASKS)
    assert errors[:4].tolist() == pytest.approx([0.01 * 12, 0, 0, 0], abs=1e-5)
    assert relative_errors(predicted[1:], targets[1:], TASKS)[:4].tolist() == [0] * 4


def test_the_divergence_is_that_of_two_normal_distributions() -> None:
    """KL(N(m, s^2) || N(0, 1)) = (m^2 + s^2 - 1 - ln s^2) / 2, summed over the latent vector."""
    mean, log_variance = torch.tensor([[2.0, 0.0]]), torch.tensor([[math.log(4.0), 0.0]])
    assert float(kl_divergence(mean, log_variance)) == pytest.approx((4 + 4 - 1 - math.log(4)) / 2)


def test_lists_stay_when_the_short_keys_are_null() -> None:
    """Null leaves the README's lists alone."""
    kept = settings()
    assert kept["hidden_dims"] == [8, 16]
    assert kept["dense_hidden_dims"] == [32, 16]
    assert kept["dense_dropouts"] == [0.1, 0.2]


def test_num_dense_repeats_the_first_layer() -> None:
    """As the original custom_updates does; 0 leaves a head without hidden layers."""
    assert settings(num_dense=3)["dense_hidden_dims"] == [32, 32, 32]
    assert settings(num_dense=3)["dense_dropouts"] == [0.1, 0.1, 0.1]
    assert settings(num_dense=0)["dense_hidden_dims"] == []


def test_dropout_and_width_reach_every_layer() -> None:
    """`dropout` replaces every dropout, also of repeated layers; `width` multiplies every hidden dimension."""
    assert settings(num_dense=3, dropout=0.4)["dense_dropouts"] == [0.4] * 3
    assert settings(width=1.5)["hidden_dims"] == [12, 24]
    assert settings(width=0.01)["hidden_dims"] == [1, 1]


@pytest.mark.parametrize(
    ("wrong", "key"),
    [({"image_channels": 3}, "image_channels"), ({"dense_hidden_dims": [], "num_dense": 2}, "num_dense")],
    ids=["channels", "nothing_to_repeat"],
)
def test_impossible_settings_name_their_key(wrong: dict[str, Any], key: str) -> None:
    """The message begins with the key."""
    with pytest.raises(ValueError, match=rf"^model\.{key}: "):
        settings(**wrong)
