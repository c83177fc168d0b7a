# SPDX-License-Identifier: MIT
"""Files that others may read meanwhile, or may want to swap: written whole, and read only where they are one's own.

A study's directory often belongs to a group: its members can rename what lies in it and put links in its place. So a
file is written beside its name and renamed, which replaces a link instead of following it, and what is executed as code
is read only if nobody else can have written it.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

__all__ = ["NotOwnError", "read_file", "read_own", "replacing"]

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class NotOwnError(Exception):
    """Somebody else may have written a file; the text says why it is not read."""


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """A new empty file beside `path`; at the end of the block it takes the place of `path`, after an error it goes.

    Args:
        path: What is written, as a whole. A symbolic link of this name is replaced, not followed.
        mode: Permissions of the file, less the process's umask.

    Raises:
        OSError: No such directory, no permission, no space.
    """
    aside = path.with_name(f".{path.name}.{uuid4().hex[:12]}")
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def read_file(path: Path) -> bytes:
    """The content of a file, also through links. A pipe or a device, which might keep a reader for ever, is none.

    Raises:
        OSError: It is not there, no file, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "This is no file", str(path))
    with os.fdopen(descriptor, "rb") as content:
        return content.read()


def read_own(path: Path) -> bytes:
    """The content of a file that only this user can have written; opened once, and judged by what was opened.

    The file and its folder must belong to this user, be no links, and grant others no writing.

    Raises:
        NotOwnError: One of these does not hold.
        OSError: It cannot be read.
    """
    folder = _opened(path.parent, os.O_DIRECTORY, None)
    try:
        file = _opened(path, 0, folder)
    finally:
        os.close(folder)
    with os.fdopen(file, "rb") as content:
        return content.read()


def _opened(path: Path, flags: int, folder: int | None) -> int:
    """A descriptor of a file in an open folder, or of a folder, that is this user's own."""
    if path.is_symlink():
        raise NotOwnError(f"{path} is a symbolic link")
    name = path if folder is None else path.name
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | flags, dir_fd=folder)
    fault = _fault(path, os.fstat(descriptor), is_folder=folder is None)
    if fault:
        os.close(descriptor)
        raise NotOwnError(fault)
    return descriptor


def _fault(path: Path, found: os.stat_result, *, is_folder: bool) -> str:
    """Why a file or folder is not this user's own; an empty text if it is. Pure but for the user's number."""
    if found.st_uid != os.geteuid():
        return f"{path} belongs to user {found.st_uid}, and this process runs as user {os.geteuid()}"
    if found.st_mode & _WRITABLE_BY_OTHERS:
        return f"{path} may be written by other users (mode {stat.S_IMODE(found.st_mode):o})"
    if not is_folder and not stat.S_ISREG(found.st_mode):
        return f"{path} is not a file"
    return ""
