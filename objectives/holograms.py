# SPDX-License-Identifier: MIT
"""Simulate in-line holograms of spherical particles by the angular-spectrum method.

A plane wave of unit amplitude meets opaque spheres, each seen as a disc of radius `a` at `(x, y)` in a plane
that lies `z` before the sensor. The sensor records the intensity of what the discs leave of the wave:

    U(r) = 1 - sum_j  F^-1[ D(f; a_j) exp(-2 pi i f . r_j) H(f; z_j) ](r),        I(r) = |U(r)|^2

    D(f; a) = a J1(2 pi a |f|) / |f|                                 spectrum of a disc (pi a^2 at f = 0)
    H(f; z) = exp(2 pi i z (sqrt(1/lambda^2 - |f|^2) - 1/lambda))    free space, without the carrier exp(ikz)

Sources: J. W. Goodman, Introduction to Fourier Optics, 3rd edition, section 3.10 (H, the angular spectrum of
plane waves) and section 2.1 (D, the Fourier-Bessel transform of a circle); 1 - disc is Babinet's principle.
Because D is known in closed form, a disc is never drawn in pixels: a particle of three pixels is as round,
and as well placed, as a large one. Particles shadow the wave independently of each other, as usual for dilute
clouds.

A sampled H is right only while its phase turns by less than pi from one frequency to the next, which on a
grid of side S means |fx|, |fy| <= 1 / (lambda sqrt((2 z / S)^2 + 1)); what lies above is light that leaves
the grid and would come back through the other side, and is cut off (K. Matsushima and T. Shimobaba,
Band-limited angular spectrum method for numerical simulation of free-space propagation in far and near
fields, Optics Express 17 (2009) 19662).

Lengths in this file are metres, except in the particle tables, which are micrometres as in NCAR's files.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Optics", "disc_spectrum", "holograms", "propagate", "transfer"]

_MICRO = 1e-6
_BATCH = 16  # holograms at once: enough for the FFT to be busy, little enough to stay in the cache


@dataclass(frozen=True)
class Optics:
    """A HOLODEC-like instrument.

    Attributes:
        wavelength: In metres, > 0.
        pixel: Pitch of the sensor, in metres, > 0.
        window: Sensor pixels on each side of an image; a multiple of `binning`.
        margin: Sensor pixels computed around the window on every side, so that the FFT's periodic copies stay
            outside; half the window lets every particle in the window light every pixel in it.
        binning: Sensor pixels on each side that are averaged into one pixel of an image.
    """

    wavelength: float = 355e-9
    pixel: float = 2.96e-6
    window: int = 192
    margin: int = 96
    binning: int = 3

    def __post_init__(self) -> None:
        if min(self.wavelength, self.pixel, self.window, self.binning) <= 0 or self.margin < 0:
            raise ValueError(f"{self}: wavelength, pixel, window and binning must be > 0, margin must be >= 0")
        if self.window % self.binning:
            raise ValueError(f"data.window: {self.window} sensor pixels cannot be binned by {self.binning}")

    @property
    def image_size(self) -> int:
        """Pixels on each side of an image."""
        return self.window // self.binning

    @property
    def grid(self) -> int:
        """Sensor pixels on each side of the computed grid."""
        return self.window + 2 * self.margin


def disc_spectrum(radius: Tensor, frequency: Tensor) -> Tensor:
    """Fourier transform of a disc of unit height: a J1(2 pi a f) / f, in square metres.

    Args:
        radius: In metres, >= 0; a radius of 0 gives 0 everywhere.
        frequency: Length of the frequency, in 1/metre, >= 0; broadcasts with `radius`.
    """
    at_zero = torch.pi * radius.square()
    safe = torch.where(frequency > 0, frequency, 1.0)
    elsewhere = radius * torch.special.bessel_j1(2 * torch.pi * radius * safe) / safe
    return torch.where(frequency > 0, elsewhere, at_zero)


def transfer(fx: Tensor, fy: Tensor, z: Tensor, *, wavelength: float, side: float) -> Tensor:
    """Transfer function of free space without its carrier, band-limited for a periodic grid; complex.

    Args:
        fx: Frequencies along x in 1/metre; `fx`, `fy` and `z` broadcast. float64 keeps the phase exact.
        fy: Frequencies along y.
        z: Distances in metres.
        wavelength: In metres.
        side: Side of the periodic grid in metres.
    """
    squared = (wavelength * fx).square() + (wavelength * fy).square()
    # sqrt(1 - s) - 1 without the loss of digits that the difference suffers for small s
    path = -squared / (1 + (1 - squared).clamp(min=0).sqrt())
    limit = 1 / (wavelength * ((2 * z / side).square() + 1).sqrt())
    passes = (fx.abs() <= limit) & (fy.abs() <= limit) & (squared < 1)
    turns = torch.frac(path * z / wavelength)  # whole turns dropped, so that float32 suffices for the rest
    return torch.polar(passes.to(turns.dtype), 2 * torch.pi * turns)


def propagate(field: Tensor, z: float, *, pixel: float, wavelength: float) -> Tensor:
    """The field after a distance `z` of free space, without the carrier exp(ikz).

    Args:
        field: Complex amplitudes `(..., n, n)` on a square periodic grid.
        z: Distance in metres, >= 0.
        pixel: Pitch of the grid in metres.
        wavelength: In metres.
    """
    size = field.shape[-1]
    frequency = torch.fft.fftfreq(size, pixel, dtype=torch.float64, device=field.device)
    distance = torch.tensor(z, dtype=torch.float64, device=field.device)
    free_space = transfer(frequency[:, None], frequency[None, :], distance, wavelength=wavelength, side=size * pixel)
    propagated: Tensor = torch.fft.ifft2(torch.fft.fft2(field) * free_space)
    return propagated


def holograms(particles: Tensor, optics: Optics) -> Tensor:
    """Intensities of the holograms of some particles, relative to the undisturbed beam (which is 1).

    Args:
        particles: `(n, p, 4)`, float64: x, y, z and diameter in micrometres of the p particles of each of n
            holograms; x runs along an image's first axis and y along its second, both from the window's
            centre. A diameter of 0 means no particle. Particles outside the window light it too.
        optics: The instrument.

    Returns:
        `(n, side, side)` float32 with `side = optics.image_size`, on the particles' device.
    """
    batches = [_intensity(batch, optics) for batch in torch.split(particles, _BATCH)]
    side = optics.image_size
    return torch.cat(batches) if batches else particles.new_zeros((0, side, side), dtype=torch.float32)


def _intensity(particles: Tensor, optics: Optics) -> Tensor:
    size = (len(particles), optics.grid, optics.grid)
    spectrum = torch.zeros(size, dtype=torch.complex64, device=particles.device)
    for particle in particles.unbind(dim=1):
        spectrum += _scattered(particle, optics)
    window = slice(optics.margin, optics.margin + optics.window)
    # The same as ifft2 and a crop, but half of the transforms are done for the window's columns alone.
    field = 1 - torch.fft.ifft(torch.fft.ifft(spectrum, dim=2)[:, :, window], dim=1)[:, window]
    intensity = field.real.square() + field.imag.square()
    return torch.nn.functional.avg_pool2d(intensity, optics.binning)


def _scattered(particle: Tensor, optics: Optics) -> Tensor:
    """Spectrum `(n, grid, grid)`, complex64, of what one particle per hologram takes out of the wave."""
    size = optics.grid
    x, y, z, diameter = (particle * _MICRO).unbind(dim=1)
    # The spectrum of a centred disc is even in fx and in fy, so a quarter of it is computed and mirrored.
    quarter = torch.arange(size // 2 + 1, dtype=torch.float64, device=particle.device) / (size * optics.pixel)
    fx, fy = quarter[:, None], quarter[None, :]
    free_space = transfer(fx, fy, z[:, None, None], wavelength=optics.wavelength, side=size * optics.pixel).to(
        torch.complex64
    )
    disc = disc_spectrum((diameter / 2)[:, None, None].float(), torch.hypot(fx, fy).float()) / optics.pixel**2
    index = torch.arange(size, device=particle.device)
    mirror = torch.minimum(index, size - index)
    centred = (free_space * disc)[:, mirror][:, :, mirror]
    return centred * _shift(x, optics)[:, :, None] * _shift(y, optics)[:, None, :]


def _shift(position: Tensor, optics: Optics) -> Tensor:
    """Phase `(n, grid)` that moves a disc from the grid's first pixel to `position` from the window's centre.

    The centre of an image lies between its two middle pixels, half a pixel before pixel number grid / 2.
    """
    frequency = torch.fft.fftfreq(optics.grid, optics.pixel, dtype=torch.float64, device=position.device)
    place = position + (optics.grid - 1) / 2 * optics.pixel
    turns = torch.frac(frequency * place[:, None])
    return torch.polar(torch.ones_like(turns), -2 * torch.pi * turns).to(torch.complex64)
