# SPDX-License-Identifier: MIT
"""Write the snapshot of a journal beside it, and read one that fits.

A snapshot is an archive of NumPy's without pickled objects, whose parts have checksums. What it does not fit, or cannot
be read, is as if it were not there: the journal says the same and only takes longer.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from hyperopt_app.storage.snapshots.covered import Covered
from hyperopt_app.storage.snapshots.replays import Reading, covered_by, packed, restored
from hyperopt_app.support.files import open_file, replacing

__all__ = ["read_snapshot", "snapshot_path", "stored_part", "write_snapshot"]

_log = logging.getLogger(__name__)


def snapshot_path(journal: Path) -> Path:
    """Return where the snapshot of a journal lies."""
    return journal.with_name(f"{journal.name}.snapshot")


def read_snapshot(journal: Path) -> Reading | None:
    """Return what the snapshot beside a journal knows; None if there is none that fits. Writes nothing."""
    try:
        with open_file(snapshot_path(journal)) as content, np.load(content, allow_pickle=False) as arrays:
            covered = covered_by(arrays)
            if covered is None or not covered.is_of(journal):
                return None
            return restored({name: arrays[name] for name in arrays.files})
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 -- what a damaged archive raises is not bounded
        _log.debug("%s is not used: %s", snapshot_path(journal), error)
        return None


def stored_part(journal: Path) -> Covered:
    """Return the part of a journal for which its snapshot stands, without a look at the journal; nothing if none."""
    try:
        with open_file(snapshot_path(journal)) as content, np.load(content, allow_pickle=False) as arrays:
            return covered_by(arrays) or Covered()
    except Exception:  # noqa: BLE001 -- as above
        return Covered()


def write_snapshot(journal: Path, reading: Reading) -> None:
    """Write the snapshot of a journal under another name and rename it.

    Raises:
        OSError: It cannot be written.
        Exception: What is to be written does not fit; as of `packed`.
    """
    arrays: dict[str, Any] = packed(reading)
    with replacing(snapshot_path(journal), journal.stat().st_mode & 0o777) as aside, aside.open("wb") as archive:
        np.savez(archive, **arrays)
