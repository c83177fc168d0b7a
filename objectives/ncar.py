# SPDX-License-Identifier: MIT
"""Read hologram files in the NetCDF layout of NCAR's holodec-ml.

Layout (https://github.com/NCAR/holodec-ml, holodecml/propagation.py and holodecml/vae/data_loader.py):

- `image (hologram_number, xsize, ysize)`: the holograms, 0 to 255, x along the first axis of an image;
- `x`, `y`, `z`, `d`, one value per particle, in micrometres, x and y from the image's centre, which
  is pixel number Nx / 2 and Ny / 2;
- `hid`, one per particle: the number of its hologram, counted from 1;
- attributes `dx`, `dy`: pitch of the pixels in metres.

Each hologram is cut into windows without overlap. A window with the centres of several particles in it is
labelled with the largest of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from objectives.holodec_tiles import Tiles, cached
from objectives.holograms import Optics

__all__ = ["load_files"]

_VARIABLES = ("image", "x", "y", "z", "d", "hid")


def load_files(
    data: Mapping[str, Any],
    optics: Optics,
    z_um: tuple[float, float],
    diameter_um: tuple[float, float],
    cache: Path | None,
) -> tuple[Tiles, Tiles]:
    """Training and validation tiles from `data.path` and `data.valid_path`.

    Args:
        data: The configuration's section; `path` and `valid_path` are a file or a list of files. Without
            `valid_path`, the windows that follow the first `n_train` are the validation set.
        optics: Of it, window and binning are used, and the pixel where a file has no `dx`.
        z_um: The distances that become 0 and 1.
        diameter_um: The diameters that become 0 and 1.
        cache: See `cached`; the files' sizes and dates are part of the key.

    Raises:
        FileNotFoundError: A file is missing.
        ModuleNotFoundError: xarray or netCDF4 is not installed.
        ValueError: A file lacks a variable, or the files hold too few windows.
    """
    n_train, n_valid = int(data["n_train"]), int(data["n_valid"])

    def tiles(key: str, count: int) -> Tiles:
        paths = _paths(data[key], key)
        identity = {
            "files": [[str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in paths],
            "optics": asdict(optics),
            "ranges": [z_um, diameter_um],
            "count": count,
        }
        return cached(identity, cache, lambda: _cut(paths, key, count, optics, z_um, diameter_um))

    if data["valid_path"] is not None:
        return tiles("path", n_train), tiles("valid_path", n_valid)
    both = tiles("path", n_train + n_valid)
    return both[:n_train], both[n_train:]


def _paths(value: Any, key: str) -> list[Path]:
    paths = [Path(str(each)).expanduser() for each in ([value] if isinstance(value, str) else value)]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"data.{key}: no such file: {', '.join(missing)}")
    return paths


def _cut(
    paths: Sequence[Path],
    key: str,
    count: int,
    optics: Optics,
    z_um: tuple[float, float],
    diameter_um: tuple[float, float],
) -> Tiles:
    images: list[Tensor] = []
    targets: list[Tensor] = []
    for image, particles, pitch_um in _holograms(paths, optics):
        if len(images) >= count:
            break
        for corner in _corners(image.shape, optics.window):
            images.append(_tile(image, corner, optics))
            targets.append(_target(image.shape, particles, corner, optics.window, pitch_um, z_um, diameter_um))
    if len(images) < count:
        raise ValueError(
            f"data.{key}: the files hold {len(images)} windows of {optics.window} x {optics.window} pixels, but "
            f"{count} are wanted; lower data.n_train and data.n_valid, or data.window"
        )
    return Tiles(torch.stack(images[:count]), torch.stack(targets[:count]))


def _holograms(paths: Sequence[Path], optics: Optics) -> Iterator[tuple[Tensor, Tensor, tuple[float, float]]]:
    """Each hologram relative to its background, its particles `(p, 4)`, and its pitch along x and y."""
    try:
        import netCDF4  # noqa: F401  # xarray's engine; imported here to name both packages in one message
        import xarray
    except ImportError as error:
        raise ModuleNotFoundError(
            f"data.path: reading NetCDF files needs the packages xarray and netCDF4 ({error}); "
            "install them with `pip install 'hyperopt-app[netcdf]'`."
        ) from error
    for path in paths:
        with xarray.open_dataset(path) as file:
            missing = [name for name in _VARIABLES if name not in file.variables]
            if missing:
                raise ValueError(f"data.path: {path} has no variable {', '.join(missing)}; see objectives/ncar.py")
            pitch = tuple(float(file.attrs.get(name, optics.pixel)) * 1e6 for name in ("dx", "dy"))
            table = torch.stack([torch.as_tensor(file[name].values, dtype=torch.float64) for name in "xyzd"], dim=1)
            owner = torch.as_tensor(file["hid"].values).round()
            for number in range(file["image"].shape[0]):
                image = torch.as_tensor(file["image"][number].values).float()
                yield image / image.median().clamp(min=1e-6), table[owner == number + 1], (pitch[0], pitch[1])


def _corners(shape: Sequence[int], window: int) -> Iterator[tuple[int, int]]:
    for row in range(0, shape[0] - window + 1, window):
        for column in range(0, shape[1] - window + 1, window):
            yield row, column


def _tile(image: Tensor, corner: tuple[int, int], optics: Optics) -> Tensor:
    row, column = corner
    window = image[row : row + optics.window, column : column + optics.window]
    return functional.avg_pool2d(window[None], optics.binning) - 1


def _target(
    shape: Sequence[int],
    particles: Tensor,
    corner: tuple[int, int],
    window: int,
    pitch_um: tuple[float, float],
    z_um: tuple[float, float],
    diameter_um: tuple[float, float],
) -> Tensor:
    """Row of `Tiles.targets` for the window at `corner`."""
    centre = torch.tensor(shape, dtype=torch.float64) / 2
    # From pixel numbers to shares of the window, whose edges lie half a pixel outside of the pixels' centres.
    pixels = particles[:, :2] / torch.tensor(pitch_um, dtype=torch.float64) + centre
    shares = (pixels + 0.5 - torch.tensor(corner)) / window
    within = ((shares >= 0) & (shares < 1)).all(dim=1)
    if not within.any():
        return torch.zeros(5)
    largest = torch.where(within, particles[:, 3], -1.0).argmax()
    z = (particles[largest, 2] - z_um[0]) / (z_um[1] - z_um[0])
    d = (particles[largest, 3] - diameter_um[0]) / (diameter_um[1] - diameter_um[0])
    return torch.stack([*shares[largest], z, d, torch.ones_like(z)]).float()
