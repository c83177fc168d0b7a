# SPDX-License-Identifier: MIT
"""A lock file that names its holder, so that the lock of a dead process is broken at once."""

import errno
import functools
import hashlib
import logging
import os
import socket
import stat
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from hyperopt_app.processes.entries import lives, process_entry

__all__ = ["GRACE_S", "HolderLock", "renew_held"]

_log = logging.getLogger(__name__)

GRACE_S = 30.0  # Optuna's own locks wait as long before they break one

_FIRST_PAUSE_S = 0.001
# A working process never holds a lock this long; after that the holder is logged.
_LOG_AFTER_S = 3.0
_LONGEST_PAUSE_S = 0.05
_WORDS = 5  # in a lock's line


class HolderLock(AbstractContextManager["HolderLock"]):
    """The lock `PATH.lock`: one holder at a time, on all machines that share the filesystem.

    It is a file made by exclusive creation, which is atomic on local disks, NFS 3 and later and the parallel
    filesystems. Its one line says who holds it: host, machine, process, when that process started, and a
    random word. If that process is gone from this machine, the lock is broken at once. Any other lock (of
    another machine, of Optuna's symlink and open locks, which use the same name and respect this one) is
    broken when the same holding has been in the way for `grace_s`.

    Not reentrant. May be pickled while it is not held.

    Args:
        path: What is protected, usually a file; it need not exist, its directory must.
        grace_s: Seconds after which a holder that cannot be judged is taken for dead.
        clock: Monotonic seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        grace_s: float = GRACE_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = f"{Path(path).absolute()}.lock"
        self._grace_s = grace_s
        self._clock = clock
        self._sleep = sleep
        self._fd: int | None = None

    def __enter__(self) -> "HolderLock":
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> bool:
        """Wait for the lock.

        Returns:
            True, as Optuna's locks do.

        Raises:
            OSError: The lock file cannot be made: no such directory, no permission, a directory in its place, which
                nobody will ever release.
        """
        try:
            self._wait()
        except BaseException:
            self.release()
            raise
        return True

    def try_acquire(self) -> bool:
        """Take the lock if it is free; never wait and never break a lock."""
        try:
            self._fd = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        _HELD.add(self)
        # On a full disk the lock holds as well, only without a name.
        with suppress(OSError):
            os.write(self._fd, _own_line())
        return True

    def renew(self) -> None:
        """Refresh the lock, so that it is not broken while its holder waits for something else."""
        if self._fd is not None:
            with suppress(OSError):
                os.utime(self._fd, ns=(time.time_ns(),) * 2)  # finer than the kernel's own clock of files

    def release(self) -> None:
        """Free the lock; do nothing if it is not held, or if it was broken and has a new holder."""
        fd, self._fd = self._fd, None
        _HELD.discard(self)
        if fd is None:
            return
        # The open descriptor keeps the inode from being given to another's lock file. It is closed before the
        # file goes, because NFS renames what is removed while open.
        mine = os.fstat(fd)
        try:
            status: os.stat_result | None = os.lstat(self._path)
        except FileNotFoundError:
            status = None
        os.close(fd)
        if status is not None and os.path.samestat(status, mine):
            with suppress(FileNotFoundError):
                Path(self._path).unlink()
        else:
            _log.warning("%s: this process held the lock for so long that another one broke it", self._path)

    def _wait(self) -> None:
        pause_s, seen, since, reported = _FIRST_PAUSE_S, None, self._clock(), None
        while not self.try_acquire():
            sight = _look(self._path)
            if sight is None:
                continue
            if sight.is_directory:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self._path)
            now = self._clock()
            if sight != seen:
                seen, since = sight, now
            waited_s = now - since
            if (waited_s > self._grace_s or _is_dead(sight.line)) and self._break(sight, waited_s):
                pause_s = _FIRST_PAUSE_S
                continue
            if waited_s > _LOG_AFTER_S and reported != seen:
                reported, end = seen, f"it is broken after {self._grace_s:g} s"
                _log.warning("%s: waiting for this lock, which %s holds; %s", self._path, sight.holder(), end)
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _break(self, sight: "_Sight", waited_s: float) -> bool:
        """Remove the lock that was observed, and no other.

        The marker's name belongs to this very holding: whoever makes it is the only one to remove this lock.
        So none of two breakers can remove what a third has taken since. A breaker that died is waited for as
        long again.
        """
        marker = f"{self._path}.{sight.digest()}"
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            if waited_s <= 2 * self._grace_s:
                return False
        try:
            if _look(self._path) != sight:
                return False
            Path(self._path).replace(marker)
            if _look(marker) != sight:
                # Optuna's own lock breaks without asking, so it may have come between the two lines above.
                with suppress(OSError):
                    os.link(marker, self._path, follow_symlinks=False)
                return False
        except FileNotFoundError:
            return False
        finally:
            with suppress(FileNotFoundError):
                Path(marker).unlink()
        _log.warning("%s: broke the lock that %s left behind", self._path, sight.holder())
        return True


_HELD: set[HolderLock] = set()


def renew_held() -> None:
    """Renew the locks that this process holds, during a long wait such as for an unreachable server."""
    for lock in tuple(_HELD):
        lock.renew()


@dataclass(frozen=True)
class _Sight:
    """One observation of a lock; equal observations mean that the same process still holds it."""

    inode: int
    written_ns: int
    line: str
    is_directory: bool = False

    def holder(self) -> str:
        words = self.line.split()
        return f"process {words[2]} on {words[0]}" if len(words) == _WORDS else "another program"

    def digest(self) -> str:
        return hashlib.blake2s(repr(self).encode(), digest_size=6).hexdigest()


def _look(path: str) -> _Sight | None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    line = ""
    if stat.S_ISREG(status.st_mode):
        with suppress(OSError):
            line = Path(path).read_text(encoding="ascii", errors="replace").strip()
    return _Sight(status.st_ino, status.st_mtime_ns, line, stat.S_ISDIR(status.st_mode))


def _own_line() -> bytes:
    return f"{_name_of(os.getpid())} {uuid.uuid4().hex}\n".encode("ascii", errors="replace")


@functools.lru_cache(maxsize=1)
def _name_of(own_pid: int) -> str:
    process = process_entry(own_pid)
    started = process.started if process else "unknown"
    return f"{socket.gethostname()} {_machine() or 'unknown'} {own_pid} {started}"


def _is_dead(line: str) -> bool:
    """Whether the named holder is known to be gone; False if that is unknown."""
    words = line.split()
    if len(words) != _WORDS or words[1] != _machine():
        return False
    return not lives(int(words[2]), words[3])


@functools.cache
def _machine() -> str | None:
    """Identify this boot of this machine and its process table (containers have their own); None if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return None
