# SPDX-License-Identifier: MIT
"""Write files atomically, and read only files that no other user can have replaced.

A study's directory often belongs to a group, whose members can rename its files or put links in their place. So a
file is written under a temporary name and renamed, which replaces a link instead of following it. Files that only
grow are never opened through a link. Files that are executed as code are read only if nobody else can have written
them.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

__all__ = [
    "NotOwnError",
    "appending",
    "beside",
    "links_of_others",
    "open_file",
    "read_file",
    "read_own",
    "replace_text",
    "replacing",
]

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class NotOwnError(Exception):
    """Another user may have written the file; the text says why it is not read."""


@contextmanager
def beside(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Create an empty file next to `path` under an unpredictable name, and remove it after the block.

    Args:
        path: What the file is for.
        mode: Permissions of the file, less the process's umask.

    Raises:
        OSError: No such directory, no permission, no space.
    """
    aside = path.with_name(f".{path.name}.{uuid4().hex[:12]}")
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    try:
        yield aside
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Create an empty file next to `path` that replaces `path` at the end of the block, unless an error occurs.

    Args:
        path: What is written, as a whole. A symbolic link of this name is replaced, not followed.
        mode: Permissions of the file, less the process's umask.

    Raises:
        OSError: No such directory, no permission, no space.
    """
    with beside(path, mode) as aside:
        yield aside
        aside.replace(path)


def replace_text(path: Path, text: str, mode: int = 0o666) -> None:
    """Replace a file's text atomically; do nothing if it already has this text.

    Args:
        path: The file.
        text: What it shall say.
        mode: Permissions of a new one, less the process's umask.
    """
    data = text.encode("utf-8", errors="surrogateescape")
    if path.is_file() and path.read_bytes() == data:
        return
    with replacing(path, mode) as aside:
        aside.write_bytes(data)


def appending(path: Path, mode: int = 0o666) -> BinaryIO:
    """Open a file for appending, creating it if missing; anything of that name but a file is removed first.

    Args:
        path: The file.
        mode: Permissions of a new one, less the process's umask.

    Raises:
        OSError: It cannot be opened, or is a directory.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            path.unlink()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, mode), "ab")


def links_of_others(*places: Path) -> list[Path]:
    """Return the symbolic links of other users among these paths, and directly inside those that are folders.

    What is written below such a link goes where the other user wants. The administrator's links are trusted.
    """
    links = []
    for place in places:
        with suppress(OSError):
            links += [path for path in (place, *place.iterdir()) if _is_anothers_link(path)]
    return list(dict.fromkeys(links))


def _is_anothers_link(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISLNK(status.st_mode) and status.st_uid not in (0, os.geteuid())


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading, following links; refuse pipes and devices, which might block for ever.

    Raises:
        OSError: It is not there, no file, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "This is not a file", str(path))
    return os.fdopen(descriptor, "rb")


def read_file(path: Path) -> bytes:
    """Return a file's content; otherwise as `open_file`."""
    with open_file(path) as content:
        return content.read()


def read_own(path: Path) -> bytes:
    """Return the content of a file that only this user can have written.

    The file and its folder must belong to this user, be no links, and grant others no writing; and no folder on the
    way may be a link of another user's, who could lead to another file of this user's with it.

    Raises:
        NotOwnError: One of these does not hold.
        OSError: It cannot be read.
    """
    for on_the_way in path.absolute().parents:
        if _is_anothers_link(on_the_way):
            raise NotOwnError(f"{on_the_way} is a symbolic link of another user")
    folder = _opened(path.parent, os.O_DIRECTORY, None)
    try:
        file = _opened(path, 0, folder)
    finally:
        os.close(folder)
    with os.fdopen(file, "rb") as content:
        return content.read()


def _opened(path: Path, flags: int, folder: int | None) -> int:
    """Open a file in an open folder, or a folder, and check that it is this user's own."""
    if path.is_symlink():
        raise NotOwnError(f"{path} is a symbolic link")
    name = path if folder is None else path.name
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | flags, dir_fd=folder)
    fault = _fault(path, os.fstat(descriptor), is_folder=folder is None)
    if fault:
        os.close(descriptor)
        raise NotOwnError(fault)
    return descriptor


def _fault(path: Path, status: os.stat_result, *, is_folder: bool) -> str:
    """Say why a file or folder is not this user's own; an empty text if it is."""
    if status.st_uid != os.geteuid():
        return f"{path} belongs to user {status.st_uid}, and this process runs as user {os.geteuid()}"
    if status.st_mode & _WRITABLE_BY_OTHERS:
        return f"{path} may be written by other users (mode {stat.S_IMODE(status.st_mode):o})"
    if not is_folder and not stat.S_ISREG(status.st_mode):
        return f"{path} is not a file"
    return ""
