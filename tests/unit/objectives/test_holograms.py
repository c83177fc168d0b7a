# SPDX-License-Identifier: MIT
"""The optics against closed forms and against an independent quadrature."""
# ruff: noqa: E402 - torch is an extra: what needs it is imported once it is known to be there.

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from objectives.holograms import Optics, disc_spectrum, holograms, propagate

WAVELENGTH = 355e-9
PIXEL = 2.96e-6
SENSOR = Optics(window=256, margin=128, binning=1)


def image(optics: Optics, *particle_um: float) -> Any:
    """The hologram of one particle: x, y, z, diameter in micrometres."""
    return holograms(torch.tensor([[particle_um]], dtype=torch.float64), optics)[0]


def fresnel_intensity(radius: Any, z: float, disc: float) -> Any:
    """Intensity behind an opaque disc by the Fresnel integral in polar coordinates, with the trapezium rule.

    U(r) = 1 - 2 pi / (i lambda z) exp(i pi r^2 / (lambda z))
               int_0^a exp(i pi s^2 / (lambda z)) J0(2 pi r s / (lambda z)) s ds
    """
    s = torch.linspace(0, disc, 4001, dtype=torch.float64)
    scale = WAVELENGTH * z
    bessel = torch.special.bessel_j0(2 * torch.pi * radius[:, None] * s / scale)
    integral = torch.trapezoid(torch.exp(1j * torch.pi * s.square() / scale) * bessel * s, s, dim=1)
    field = 1 - 2 * torch.pi / (1j * scale) * torch.exp(1j * torch.pi * radius.square() / scale) * integral
    return field.abs().square()


@pytest.mark.parametrize(("z_um", "diameter_um"), [(14e3, 30), (14e3, 100), (60e3, 100), (158e3, 150)])
def test_poissons_spot_is_as_bright_as_the_beam(z_um: float, diameter_um: float) -> None:
    """On the axis behind an opaque disc the intensity is that of the undisturbed beam (1, for a much less than z)."""
    spot = image(SENSOR, PIXEL * 0.5e6, PIXEL * 0.5e6, z_um, diameter_um)[128, 128]
    assert float(spot) == pytest.approx(1.0, abs=0.015)


@pytest.mark.parametrize(("z_um", "diameter_um"), [(20e3, 10), (20e3, 120), (80e3, 60), (150e3, 150)])
def test_fringes_follow_the_fresnel_integral(z_um: float, diameter_um: float) -> None:
    """Along a radius of 100 pixels the hologram is that of the Fresnel integral, which shares no code with it."""
    row = image(SENSOR, PIXEL * 0.5e6, PIXEL * 0.5e6, z_um, diameter_um)[128, 128:228]
    radius = torch.arange(100, dtype=torch.float64) * PIXEL
    expected = fresnel_intensity(radius, z_um * 1e-6, diameter_um * 0.5e-6)
    assert (expected - 1).abs().max() > 0.02
    assert (row - expected).abs().max() < 0.01


def test_gaussian_beam_spreads_by_its_closed_form() -> None:
    """After one Rayleigh length a Gaussian beam is wider by the square root of two and half as bright."""
    waist, size = 60e-6, 256
    place = (torch.arange(size, dtype=torch.float64) - size / 2) * PIXEL
    squared = place[:, None].square() + place[None, :].square()
    rayleigh = math.pi * waist**2 / WAVELENGTH
    start = torch.exp(-squared / waist**2).to(torch.complex128)
    end = propagate(start, rayleigh, pixel=PIXEL, wavelength=WAVELENGTH)
    expected = 0.5 * torch.exp(-squared / waist**2)
    assert torch.allclose(end.abs().square(), expected, atol=1e-5)


def test_aperture_is_dark_and_bright_on_its_axis_by_turns() -> None:
    """Behind a circular aperture the intensity on the axis is 4 sin^2(pi a^2 / (2 lambda z))."""
    size, a = 512, 120e-6
    place = (torch.arange(size, dtype=torch.float64) - size / 2) * PIXEL / 2
    aperture = (place[:, None].square() + place[None, :].square() <= a**2).to(torch.complex128)
    for zones in (1.0, 2.0, 3.0):
        z = a**2 / (WAVELENGTH * zones)
        field = propagate(aperture, z, pixel=PIXEL / 2, wavelength=WAVELENGTH)[size // 2, size // 2]
        assert float(field.abs().square()) == pytest.approx(4 * math.sin(math.pi * zones / 2) ** 2, abs=0.15)


def test_free_space_loses_no_energy() -> None:
    """What the band limit lets through keeps its energy exactly."""
    place = torch.linspace(-4, 4, 128, dtype=torch.float64)
    start = torch.exp(-place[:, None].square() - place[None, :].square()).to(torch.complex128)
    end = propagate(start, 5e-3, pixel=PIXEL, wavelength=WAVELENGTH)
    assert float(end.abs().square().sum()) == pytest.approx(float(start.abs().square().sum()), rel=1e-9)


def test_two_half_ways_are_one_whole_way() -> None:
    """Propagation over z1 and then z2 equals propagation over z1 + z2."""
    place = torch.linspace(-4, 4, 128, dtype=torch.float64)
    start = torch.exp(-place[:, None].square() - place[None, :].square()).to(torch.complex128)
    twice = propagate(
        propagate(start, 2e-3, pixel=PIXEL, wavelength=WAVELENGTH), 3e-3, pixel=PIXEL, wavelength=WAVELENGTH
    )
    once = propagate(start, 5e-3, pixel=PIXEL, wavelength=WAVELENGTH)
    assert torch.allclose(twice, once, atol=1e-9)


def test_disc_spectrum_at_zero_is_the_area_and_vanishes_at_the_first_zero_of_j1() -> None:
    """D(0) = pi a^2, and D = 0 where 2 pi a f = 3.8317."""
    radius = torch.tensor(50e-6, dtype=torch.float64)
    at = disc_spectrum(radius, torch.tensor([0.0, 3.8317 / (2 * math.pi * 50e-6)], dtype=torch.float64))
    assert float(at[0]) == pytest.approx(math.pi * 50e-6**2)
    assert abs(float(at[1])) < 1e-4 * float(at[0])


def test_x_runs_along_the_first_axis_and_y_along_the_second() -> None:
    """A particle that moves by whole pixels takes its fringes along."""
    still = image(SENSOR, 0.0, 0.0, 20e3, 50)
    moved = image(SENSOR, 10 * PIXEL * 1e6, -20 * PIXEL * 1e6, 20e3, 50)
    assert torch.allclose(moved[110:170, 60:120], still[100:160, 80:140], atol=2e-3)


def test_no_particle_leaves_the_beam_alone() -> None:
    """A diameter of 0 means no particle, alone or beside another one."""
    assert torch.equal(image(SENSOR, 30.0, 0.0, 50e3, 0.0), torch.ones(256, 256))
    pair = torch.tensor([[[9.0, 5.0, 30e3, 80.0], [0.0, 0.0, 50e3, 0.0]]], dtype=torch.float64)
    assert torch.equal(holograms(pair, SENSOR)[0], image(SENSOR, 9.0, 5.0, 30e3, 80.0))


@pytest.mark.parametrize("z_um", [14e3, 80e3, 158e3])
def test_a_wider_margin_changes_little(z_um: float) -> None:
    """With a margin of half the window, the FFT's periodic copies stay out of the window."""
    particle = (-200.0, 150.0, z_um, 100.0)
    usual, wide = image(Optics(), *particle), image(Optics(margin=288), *particle)
    assert (usual - wide).abs().max() < 0.03


def test_binning_averages_sensor_pixels() -> None:
    """An image pixel is the mean of binning x binning sensor pixels."""
    fine = image(Optics(window=192, margin=96, binning=1), 20.0, 30.0, 40e3, 90.0)
    coarse = image(Optics(window=192, margin=96, binning=3), 20.0, 30.0, 40e3, 90.0)
    assert coarse.shape == (64, 64)
    assert torch.allclose(fine[30:33, 60:63].mean(), coarse[10, 20], atol=1e-6)


@pytest.mark.parametrize("wrong", [{"window": 0}, {"pixel": -1.0}, {"margin": -1}, {"window": 100, "binning": 3}])
def test_an_impossible_instrument_is_refused(wrong: dict[str, float]) -> None:
    """Sizes must be positive, and a window must hold whole bins."""
    with pytest.raises(ValueError, match=r"binn(ed|ing)"):
        Optics(**wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.gpu
def test_a_gpu_computes_the_same_hologram() -> None:
    """The device makes no difference beyond rounding."""
    particle = torch.tensor([[[9.0, 5.0, 30e3, 80.0]]], dtype=torch.float64)
    assert torch.allclose(holograms(particle.cuda(), SENSOR).cpu(), holograms(particle, SENSOR), atol=1e-4)
