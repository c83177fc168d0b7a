# SPDX-License-Identifier: MIT
"""Check the study's directory: that files can be written there, its filesystem, and the free space."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hyperopt_app.doctor.check_result import CheckResult, ok
from hyperopt_app.storage.network_filesystems import is_network_filesystem, nearest_existing
from hyperopt_app.support.files import replace_text

__all__ = ["folder_results", "scratch_folder"]

_GB = 1e9
# Below the first nothing works for long; the second holds some checkpoints of small networks.
_LEAST_GB = 0.1
_FEW_GB = 1.0


@contextlib.contextmanager
def scratch_folder(directory: Path) -> Iterator[Path]:
    """Make a hidden folder in a directory, or in the nearest one above it that exists, and remove it afterwards.

    Raises:
        OSError: It cannot be made.
    """
    folder = Path(tempfile.mkdtemp(prefix=".hyperopt-doctor-", dir=nearest_existing(directory)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def folder_results(directory: Path, scratch: Path) -> list[CheckResult]:
    """Check a study's directory by writing a file as a search would.

    Args:
        directory: Absolute; need not exist.
        scratch: A folder on the same filesystem.
    """
    try:
        replace_text(scratch / "written", "yes\n")
        replace_text(scratch / "written", "again\n")
    except OSError as error:
        reason = f"{directory}: a file cannot be written and renamed there ({error.strerror})"
        return [CheckResult("directory", "fault", reason, "set hydra.sweep.dir to another directory")]
    kind = is_network_filesystem(directory)
    where = f"the network filesystem {kind}" if kind else "a disk of this machine"
    return [ok("directory", f"{directory} can be written; it is on {where}"), _space(directory, scratch)]


def _space(directory: Path, scratch: Path) -> CheckResult:
    free = shutil.disk_usage(scratch).free / _GB
    text = f"{free:.1f} GB are free for {directory}"
    remedy = "free space, or set hydra.sweep.dir to a directory on another disk"
    if free < _LEAST_GB:
        return CheckResult("space", "fault", f"only {text}", remedy)
    if free < _FEW_GB:
        return CheckResult("space", "warning", f"only {text}, and checkpoints may fill them", remedy)
    return ok("space", text)
