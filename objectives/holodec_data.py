# SPDX-License-Identifier: MIT
"""Simulate windows of holograms with their labels, or load them from NCAR's files.

Everything here is torch on the CPU (the optics may use a GPU); nothing knows the network or Lightning.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from objectives.holodec_tiles import Tiles, cache_directory, cached
from objectives.holograms import Optics, holograms

__all__ = ["TASKS", "Batches", "Simulation", "load_tiles", "simulate"]

_log = logging.getLogger(__name__)

TASKS = ("x", "y", "z", "d", "binary")

_LEAST_FREQUENCIES = 4  # on each side of zero, for a hologram that is more than a grey spot


@dataclass(frozen=True)
class Simulation:
    """Everything that determines a simulated data set.

    Attributes:
        optics: The instrument.
        count: Number of windows.
        seed: Of the particles and the noise.
        z_um: Lowest and highest distance to the sensor.
        diameter_um: Smallest and largest diameter.
        with_particle: Share of the windows that hold their particle, in [0, 1]; in the others the particle
            lies in the margin just outside, and only its fringes are seen.
        noise: Standard deviation of the detector's noise per image pixel; the undisturbed beam is 1.
    """

    optics: Optics
    count: int
    seed: int
    z_um: tuple[float, float]
    diameter_um: tuple[float, float]
    with_particle: float
    noise: float


class Batches:
    """Batches of tiles in a new order each epoch that depends on the seed and the epoch alone.

    Lightning takes it for a data loader. Slicing whole tensors is much quicker than torch's DataLoader, which
    collects a batch of single items.

    Args:
        tiles: The data.
        size: Tiles in a batch; the last one may be smaller.
        shuffle_seed: None keeps the order.
    """

    def __init__(self, tiles: Tiles, size: int, shuffle_seed: int | None = None) -> None:
        self._tiles, self._size, self._seed = tiles, size, shuffle_seed
        self._epoch = 0
        if shuffle_seed is not None:
            # Where Lightning looks for `set_epoch`; it takes a loader that has it for a shuffled one.
            self.sampler = self

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning calls it before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return math.ceil(len(self._tiles) / self._size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.arange(len(self._tiles))
        if self._seed is not None:
            generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
            order = order[torch.randperm(len(order), generator=generator)]
        for chosen in torch.split(order, self._size):
            yield self._tiles.images[chosen], self._tiles.targets[chosen]


def load_tiles(data: Mapping[str, Any], device: torch.device) -> tuple[Tiles, Tiles]:
    """Training and validation tiles for the configuration's section `data`, from the cache or made now.

    Args:
        data: See `conf/hparams/holodec.yaml`.
        device: Where simulated holograms are computed; what is returned lies on the CPU.
    """
    n_train, n_valid = int(data["n_train"]), int(data["n_valid"])
    optics = Optics(
        wavelength=float(data["wavelength_nm"]) * 1e-9,
        pixel=float(data["pixel_um"]) * 1e-6,
        window=int(data["window"]),
        margin=int(data["margin"]),
        binning=int(data["binning"]),
    )
    z_um = _ends("data.z_mm", data["z_mm"], scale=1000.0)
    diameter_um = _ends("data.diameter_um", data["diameter_um"])
    directory = cache_directory(data["cache"])
    if data["path"] is not None:
        from objectives.ncar import load_files

        return load_files(data, optics, z_um, diameter_um, directory)
    simulation = Simulation(
        optics=optics,
        count=n_train + n_valid,
        seed=int(data["seed"]),
        z_um=z_um,
        diameter_um=diameter_um,
        with_particle=float(data["with_particle"]),
        noise=float(data["noise"]),
    )
    _check_reach(simulation)
    tiles = cached(asdict(simulation), directory, lambda: simulate(simulation, device))
    return tiles[:n_train], tiles[n_train:]


def _ends(key: str, values: Any, scale: float = 1.0) -> tuple[float, float]:
    low, high = (float(value) * scale for value in values)
    if not 0 < low < high:
        raise ValueError(f"{key}: {list(values)} must be two numbers, 0 < lowest < highest")
    return low, high


def _check_reach(simulation: Simulation) -> None:
    """Refuse a grid on which the band limit would leave next to nothing of the farthest particle's light."""
    optics, farthest = simulation.optics, simulation.z_um[1] * 1e-6
    frequencies = (optics.grid * optics.pixel) ** 2 / (2 * optics.wavelength * farthest)
    if frequencies < _LEAST_FREQUENCIES:
        least = math.ceil(math.sqrt(_LEAST_FREQUENCIES * 2 * optics.wavelength * farthest) / optics.pixel)
        raise ValueError(
            f"data.window: {optics.grid} sensor pixels (window + 2 x margin) are too few to see a particle at "
            f"{farthest * 1e3:g} mm; give at least {least}, or lower data.z_mm"
        )


def simulate(simulation: Simulation, device: torch.device) -> Tiles:
    """Draw the particles, compute their holograms on `device` and add the noise; the result lies on the CPU."""
    generator = torch.Generator().manual_seed(simulation.seed)
    particles, inside = _draw(simulation, generator)
    images = holograms(particles[:, None].to(device), simulation.optics).cpu() - 1
    images += simulation.noise * torch.randn(images.shape, generator=generator)
    return Tiles(images[:, None], _targets(particles, inside, simulation))


def _draw(simulation: Simulation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Particles `(n, 4)` in micrometres, as `holograms` wants them, and which of them lie in the window."""
    optics = simulation.optics
    uniform = torch.rand(simulation.count, 6, generator=generator, dtype=torch.float64)
    inside = uniform[:, 4] < simulation.with_particle
    place = 2 * uniform[:, :2] - 1  # in half windows from the centre
    # Outside: the same direction, but a larger coordinate between the window's edge and the margin's.
    reach = 1 + uniform[:, 5:] * 2 * optics.margin / optics.window
    place = torch.where(inside[:, None], place, place / place.abs().amax(dim=1, keepdim=True) * reach)
    xy = place * optics.window * optics.pixel * 1e6 / 2
    (z_low, z_high), (d_low, d_high) = simulation.z_um, simulation.diameter_um
    low, high = torch.tensor([z_low, d_low]), torch.tensor([z_high, d_high])
    return torch.cat([xy, low + (high - low) * uniform[:, 2:4]], dim=1), inside


def _targets(particles: Tensor, inside: Tensor, simulation: Simulation) -> Tensor:
    half = simulation.optics.window * simulation.optics.pixel * 1e6 / 2
    (z_low, z_high), (d_low, d_high) = simulation.z_um, simulation.diameter_um
    low = torch.tensor([-half, -half, z_low, d_low])
    high = torch.tensor([half, half, z_high, d_high])
    scaled = (particles - low) / (high - low)
    return torch.cat([scaled * inside[:, None], inside[:, None]], dim=1).float()
