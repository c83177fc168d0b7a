# SPDX-License-Identifier: MIT
"""Represent windows of holograms with their labels, and cache generated ones in files."""

import contextlib
import hashlib
import json
import logging
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ["Tiles", "cache_directory", "cached"]

_log = logging.getLogger(__name__)

_FORMAT = 1  # part of every cache key; raise it when the code makes other data from the same settings


@dataclass(frozen=True)
class Tiles:
    """Windows of holograms and what is to be learnt of them.

    Attributes:
        images: `(n, 1, side, side)`, float32: intensity relative to the undisturbed beam, minus 1.
        targets: `(n, 5)`, float32, a column per name of TASKS. x and y run from 0 to 1 across the window, z
            and d across their ranges; binary is 1 if a particle's centre lies in the window. Where it is 0
            the other columns mean nothing.
    """

    images: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice) -> "Tiles":
        return Tiles(self.images[index], self.targets[index])


def cache_directory(cache: str | None) -> Path | None:
    """The directory that `data.cache` means, None for no cache."""
    if cache is None:
        return None
    if cache == "auto":
        # A variable that is set but empty counts as unset, says the XDG Base Directory Specification.
        cache = str(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "hyperopt_app" / "holograms")
    return Path(cache).expanduser()


def cached(key: Mapping[str, Any], directory: Path | None, make: Callable[[], Tiles]) -> Tiles:
    """The tiles that `make` gives for `key`, made once and then read from a file in `directory`.

    The file is written aside and renamed: several workers that start at once may each make the data, but none
    reads half a file. Images are kept as float16, also in what the first caller gets, so that all callers get
    the same.

    Args:
        key: Everything that determines the data, as JSON can write it.
        directory: None makes the data anew each time.
        make: Called if the file is missing or cannot be read.
    """
    digest = hashlib.sha256(json.dumps({"format": _FORMAT, **key}, sort_keys=True).encode()).hexdigest()[:16]
    path = None if directory is None else directory / f"tiles-{digest}.pt"
    if path is not None and path.exists():
        try:
            return _unpacked(torch.load(path, map_location="cpu", weights_only=True))
        except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
            _log.warning("%s cannot be read (%s); the data are made anew.", path, error)
    tiles = make()
    packed = {"images": tiles.images.half(), "targets": tiles.targets}
    if path is not None:
        _write(packed, path)
    return _unpacked(packed)


def _unpacked(packed: Mapping[str, Tensor]) -> Tiles:
    return Tiles(packed["images"].float(), packed["targets"])


def _write(packed: Mapping[str, Tensor], path: Path) -> None:
    aside = path.with_name(f"{path.name}.{os.uname().nodename}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dict(packed), aside)
        aside.replace(path)
    except (OSError, RuntimeError) as error:  # torch.save reports a missing or full directory as RuntimeError
        with contextlib.suppress(OSError):
            aside.unlink()
        _log.warning("data.cache: %s cannot be written (%s); the data are not kept.", path, error)
    else:
        _log.info("%d windows of holograms are kept in %s", len(packed["images"]), path)
