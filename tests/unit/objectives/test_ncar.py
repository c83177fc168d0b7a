# SPDX-License-Identifier: MIT
"""Files in NCAR's NetCDF layout, written here with simulated holograms."""
# ruff: noqa: E402 - torch and netCDF4 are extras: what needs them is imported once they are known to be there.

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
xarray = pytest.importorskip("xarray")
pytest.importorskip("netCDF4")

from objectives.holodec_data import load_tiles
from objectives.holograms import Optics, holograms

PIXEL_UM = 2.96
DATA: dict[str, Any] = {
    "valid_path": None,
    "cache": None,
    "seed": 0,
    "n_train": 6,
    "n_valid": 2,
    "window": 48,
    "binning": 3,
    "margin": 24,
    "wavelength_nm": 355.0,
    "pixel_um": PIXEL_UM,
    "z_mm": [14.0, 158.0],
    "diameter_um": [10.0, 150.0],
}
SENSOR = Optics(window=96, margin=48, binning=1)
CPU = torch.device("cpu")


def write(path: Path, particles: list[tuple[int, float, float, float, float]], size: int = 96) -> Path:
    """A file with two holograms of `size` pixels; particles are (hid, x, y, z, d)."""
    table = np.array(particles)
    optics = Optics(window=size, margin=size // 2, binning=1)
    rows = [torch.tensor(table[table[:, 0] == hid][:, 1:]) for hid in (1, 2)]
    images = torch.stack([holograms(row[None], optics)[0] for row in rows])
    xarray.Dataset(
        {
            "image": (("hologram_number", "xsize", "ysize"), (images * 100).clamp(0, 255).byte().numpy()),
            **{name: (("particle",), table[:, 1 + number]) for number, name in enumerate("xyzd")},
            "hid": (("particle",), table[:, 0]),
        },
        attrs={"dx": PIXEL_UM * 1e-6, "dy": PIXEL_UM * 1e-6, "Nx": size, "Ny": size, "lambda": 355e-9},
    ).to_netcdf(path)
    return path


# Four windows a hologram, 48 pixels = 142 um each: in the first of hologram 1, and in the last of hologram 2 two.
PARTICLES = [(1, -71.04, -35.52, 86e3, 80.0), (2, 71.04, 71.04, 14e3, 45.0), (2, 100.0, 40.0, 158e3, 150.0)]


def test_windows_are_labelled_with_their_largest_particle(tmp_path: Path) -> None:
    """Targets are shares of the window and of the ranges; `hid` counts from 1, x runs along the first axis."""
    train, valid = load_tiles({**DATA, "path": str(write(tmp_path / "a.nc", PARTICLES))}, CPU)
    targets = torch.cat([train.targets, valid.targets])
    assert targets[:, 4].tolist() == [1, 0, 0, 0, 0, 0, 0, 1]
    half = 0.5 / 48  # a pixel's number is its middle's, a window begins half a pixel before
    assert targets[0].tolist() == pytest.approx([0.5 + half, 0.75 + half, 0.5, 0.5, 1], abs=1e-4)
    assert targets[7].tolist() == pytest.approx([0.7038 + half, 0.2815 + half, 1, 1, 1], abs=1e-3)


def test_images_are_relative_to_the_background(tmp_path: Path) -> None:
    """Grey values become intensity - 1 with a background of 0, binned, whatever the camera's scale."""
    train, valid = load_tiles({**DATA, "path": str(write(tmp_path / "a.nc", PARTICLES))}, CPU)
    assert train.images.shape == (6, 1, 16, 16)
    assert valid.images.shape == (2, 1, 16, 16)
    assert abs(float(train.images[1:4].median())) < 0.05
    optics = Optics(window=96, margin=48, binning=3)
    whole = holograms(torch.tensor([[PARTICLES[0][1:]]], dtype=torch.float64), optics)[0]
    background = holograms(torch.tensor([[PARTICLES[0][1:]]], dtype=torch.float64), SENSOR)[0].median()
    assert torch.allclose(train.images[1, 0], whole[:16, 16:] / background - 1, atol=0.02)


def test_validation_may_have_files_of_its_own(tmp_path: Path) -> None:
    """`valid_path` takes the validation windows from another file; a list of files is read in its order."""
    first, second = write(tmp_path / "a.nc", PARTICLES), write(tmp_path / "b.nc", [(2, 0.0, 0.0, 20e3, 40.0)])
    data = {**DATA, "path": [str(first), str(second)], "valid_path": str(second), "n_train": 16, "n_valid": 8}
    train, valid = load_tiles(data, CPU)
    assert torch.equal(train.images[8:], valid.images)
    assert valid.targets[:, 4].tolist() == [0, 0, 0, 0, 0, 0, 0, 1]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """The cache knows files by size and date."""
    path = write(tmp_path / "a.nc", PARTICLES)
    data = {**DATA, "path": str(path), "cache": str(tmp_path / "cache")}
    before, _ = load_tiles(data, CPU)
    write(path, [(1, 0.0, 0.0, 20e3, 40.0), (2, 0.0, 0.0, 20e3, 40.0), (2, 1.0, 0.0, 20e3, 40.0)])
    after, _ = load_tiles(data, CPU)
    assert not torch.equal(before.targets, after.targets)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_too_few_windows_are_told_with_their_number(tmp_path: Path) -> None:
    """The message says how many windows there are, how many are wanted, and what to lower."""
    path = write(tmp_path / "a.nc", PARTICLES)
    with pytest.raises(ValueError, match=r"data\.path: .* 8 windows of 48 x 48 pixels, but 106 .*n_train"):
        load_tiles({**DATA, "path": str(path), "n_train": 104}, CPU)


def test_a_missing_file_and_a_missing_variable_are_named(tmp_path: Path) -> None:
    """Both messages name the file."""
    with pytest.raises(FileNotFoundError, match=r"data\.path: no such file: .*nowhere\.nc"):
        load_tiles({**DATA, "path": str(tmp_path / "nowhere.nc")}, CPU)
    xarray.Dataset({"image": (("h", "x", "y"), np.ones((1, 96, 96)))}).to_netcdf(tmp_path / "b.nc")
    with pytest.raises(ValueError, match=r"b\.nc has no variable x, y, z, d, hid"):
        load_tiles({**DATA, "path": str(tmp_path / "b.nc")}, CPU)


def test_without_xarray_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `netcdf` is named."""
    path, real = write(tmp_path / "a.nc", PARTICLES), builtins.__import__

    def refuse(name: str, *args: Any) -> Any:
        if name == "xarray":
            raise ImportError("No module named 'xarray'")
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ModuleNotFoundError, match=r"hyperopt-app\[netcdf\]"):
        load_tiles({**DATA, "path": str(path)}, CPU)
