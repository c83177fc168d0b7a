# SPDX-License-Identifier: MIT
"""Tell whether a path is on a filesystem that other machines may write to as well."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["is_network_filesystem", "nearest_existing"]

# As the third word of a line of /proc/self/mounts.
_NETWORK_FILESYSTEMS = {
    "afs", "beegfs", "ceph", "cifs", "dvs", "fhgfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
    "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs", "wekafs",
}  # fmt: skip
_NETWORK_FUSE = {
    "beegfs", "blobfuse2", "ceph", "ceph-fuse", "davfs", "gcsfuse", "glusterfs", "goofys", "juicefs",
    "lizardfs", "mfs", "moosefs", "quobyte", "rclone", "s3fs", "sshfs",
}  # fmt: skip


def is_network_filesystem(path: Path, read_mounts: Callable[[], str] | None = None) -> str | None:
    """Return the type of a path's filesystem if other machines may write to it; otherwise None.

    Args:
        path: Need not exist; links are followed.
        read_mounts: Returns the text of `/proc/self/mounts`; by default that file's, or nothing if it is missing.

    Returns:
        The type's name, such as `nfs4` or `lustre`; None for a local disk.
    """
    target = Path(os.path.realpath(path))
    nearest_existing(target)  # looking at it makes an automounter mount it
    best, kind = Path(), ""
    for line in (read_mounts or _read_mounts)().splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        mounted = Path(_unescape(fields[1]))
        # A later line covers an earlier one on the same directory.
        if target.is_relative_to(mounted) and len(mounted.parts) >= len(best.parts):
            best, kind = mounted, fields[2]
    is_network = kind in _NETWORK_FILESYSTEMS or kind.removeprefix("fuse.") in _NETWORK_FUSE
    return kind if is_network else None


def nearest_existing(path: Path) -> Path:
    """Return the path, or the nearest of its parents that exists."""
    return next(folder for folder in (path, *path.parents, Path("/")) if os.access(folder, os.F_OK))


def _read_mounts() -> str:
    with suppress(OSError):
        return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    return ""


def _unescape(field: str) -> str:
    # fstab(5): blank, tab, line end and backslash are written as three octal digits.
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
