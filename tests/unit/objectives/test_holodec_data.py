# SPDX-License-Identifier: MIT
"""Simulated windows, their targets and batches, and the cache of data sets."""
# ruff: noqa: E402 - torch is an extra: what needs it is imported once it is known to be there.

import logging
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from objectives.holodec_data import TASKS, Batches, Simulation, load_tiles, simulate
from objectives.holodec_tiles import Tiles, cached
from objectives.holograms import Optics

CPU = torch.device("cpu")
SIMULATION = Simulation(
    optics=Optics(window=48, margin=24, binning=3),
    count=200,
    seed=3,
    z_um=(2e3, 10e3),
    diameter_um=(10.0, 150.0),
    with_particle=0.75,
    noise=0.0,
)
DATA: dict[str, Any] = {
    "path": None,
    "valid_path": None,
    "cache": None,
    "seed": 0,
    "n_train": 6,
    "n_valid": 4,
    "window": 48,
    "binning": 3,
    "margin": 24,
    "wavelength_nm": 355.0,
    "pixel_um": 2.96,
    "z_mm": [2.0, 10.0],
    "diameter_um": [10.0, 150.0],
    "with_particle": 0.75,
    "noise": 0.01,
}


def some_tiles(count: int = 10) -> Tiles:
    """Tiles whose images hold their own number."""
    numbers = torch.arange(count, dtype=torch.float32)
    return Tiles(numbers.reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2), numbers.reshape(-1, 1).expand(-1, 5))


def test_targets_are_shares_of_their_ranges() -> None:
    """x, y, z and d of the windows with a particle fill 0 to 1; about three quarters have one."""
    tiles = simulate(SIMULATION, CPU)
    present = tiles.targets[:, TASKS.index("binary")] == 1
    assert tiles.images.shape == (200, 1, 16, 16)
    assert 0.65 < float(present.float().mean()) < 0.85
    values = tiles.targets[present][:, :4]
    assert float(values.min()) >= 0
    assert float(values.max()) <= 1
    assert ((values.mean(dim=0) - 0.5).abs() < 0.1).all()


def test_a_window_without_a_particle_still_shows_fringes() -> None:
    """Where binary is 0 the particle lies just outside: the window is not empty, so the task is not trivial."""
    tiles = simulate(SIMULATION, CPU)
    absent = tiles.targets[:, TASKS.index("binary")] == 0
    assert (tiles.images[absent].std(dim=(1, 2, 3)) > 1e-4).float().mean() > 0.9
    assert (tiles.targets[absent] == 0).all()


def test_the_dark_middle_of_a_hologram_is_where_the_targets_say() -> None:
    """For a large, near particle the darkest pixel lies within its disc around (x, y)."""
    near = Simulation(
        optics=Optics(window=96, margin=48, binning=3),
        count=20,
        seed=1,
        z_um=(1.0, 1000.0),
        diameter_um=(100.0, 150.0),
        with_particle=1.0,
        noise=0.0,
    )
    tiles = simulate(near, CPU)
    darkest = tiles.images.flatten(start_dim=1).argmin(dim=1)
    found = torch.stack([darkest // 32, darkest % 32], dim=1) + 0.5
    wanted = tiles.targets[:, :2] * 32
    assert ((found - wanted).norm(dim=1) * 3 * 2.96 < 80).all()


def test_the_same_seed_gives_the_same_data() -> None:
    """Data depend on the simulation alone; another seed gives others."""
    again, other = simulate(SIMULATION, CPU), simulate(Simulation(**{**vars(SIMULATION), "seed": 4}), CPU)
    assert torch.equal(simulate(SIMULATION, CPU).images, again.images)
    assert not torch.equal(again.images, other.images)


def test_batches_hold_each_tile_once_in_an_order_of_the_epoch() -> None:
    """An epoch visits each tile once; its order depends on seed and epoch alone."""
    batches = Batches(some_tiles(), 4, shuffle_seed=5)
    orders = []
    for epoch in (0, 1, 0):
        batches.set_epoch(epoch)
        orders.append([float(number) for images, _ in batches for number in images[:, 0, 0, 0]])
    assert len(batches) == 3
    assert sorted(orders[0]) == list(range(10))
    assert orders[0] == orders[2]
    assert orders[0] != orders[1]


def test_batches_without_a_seed_keep_the_order() -> None:
    """Validation batches come in the order of the tiles."""
    assert [float(targets[0, 0]) for _, targets in Batches(some_tiles(), 4)] == [0, 4, 8]


def test_the_cache_makes_data_once(tmp_path: Path) -> None:
    """The second call reads the file, and gets exactly what the first one got."""
    calls: list[int] = []

    def make() -> Tiles:
        calls.append(1)
        return Tiles(torch.rand(3, 1, 4, 4), torch.rand(3, 5))

    first = cached({"n": 1}, tmp_path / "new" / "folder", make)
    second = cached({"n": 1}, tmp_path / "new" / "folder", make)
    assert len(calls) == 1
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.targets, second.targets)
    assert [path.suffix for path in (tmp_path / "new" / "folder").iterdir()] == [".pt"]


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_the_cache_is_where_the_user_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """`auto` is below XDG_CACHE_HOME, or below ~/.cache if that is unset or empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv(variable, str(tmp_path))
    load_tiles({**DATA, "cache": "auto"}, CPU)
    base = tmp_path if variable == "XDG_CACHE_HOME" else tmp_path / ".cache"
    assert len(list((base / "hyperopt_app" / "holograms").iterdir())) == 1


def test_every_setting_is_part_of_the_key(tmp_path: Path) -> None:
    """Changing any number of the generation makes another file; batches and the split do not count."""
    changes: dict[str, Any] = {
        "seed": 1,
        "window": 96,
        "binning": 2,
        "margin": 12,
        "wavelength_nm": 500.0,
        "pixel_um": 3.0,
    }
    changes |= {"z_mm": [3.0, 8.0], "diameter_um": [20.0, 30.0], "with_particle": 0.5, "noise": 0.5, "n_train": 7}
    for number, change in enumerate([{}, *({key: value} for key, value in changes.items())]):
        load_tiles({**DATA, "cache": str(tmp_path), **change}, CPU)
        assert len(list(tmp_path.iterdir())) == number + 1
    load_tiles({**DATA, "cache": str(tmp_path), "n_train": 5, "n_valid": 5}, CPU)
    assert len(list(tmp_path.iterdir())) == len(changes) + 1


def test_a_torn_cache_file_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that cannot be read is reported and replaced."""
    load_tiles({**DATA, "cache": str(tmp_path)}, CPU)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    train, valid = load_tiles({**DATA, "cache": str(tmp_path)}, CPU)
    assert (len(train), len(valid)) == (6, 4)
    assert "cannot be read" in caplog.text
    assert path.read_bytes() == whole


def test_a_directory_that_cannot_be_written_only_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a cache the data are made each time, and the user is told."""
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        train, _ = load_tiles({**DATA, "cache": str(blocked)}, CPU)
    assert len(train) == 6
    assert "data.cache" in caplog.text


def test_a_window_too_small_for_the_distance_is_refused() -> None:
    """The message says how many sensor pixels it takes."""
    with pytest.raises(ValueError, match=r"data\.window: 96 sensor pixels .* at 158 mm; give at least 227"):
        load_tiles({**DATA, "z_mm": [14.0, 158.0]}, CPU)


def test_ranges_the_wrong_way_round_are_refused() -> None:
    """The lowest value comes first."""
    with pytest.raises(ValueError, match=r"data.z_mm: \[158.0, 14.0\]"):
        load_tiles({**DATA, "z_mm": [158.0, 14.0]}, CPU)
