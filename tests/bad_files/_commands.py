# SPDX-License-Identifier: MIT
"""Run many `hyperopt-app` commands at the price of one start: a server imports everything once and forks for each.

As a program this is the server. It reads one JSON object a line and answers with one; what a command writes goes
through pipes to files, so that a command that hangs can be ended with all that it has started.
"""

import ctypes
import errno
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

__all__ = ["Answer", "Commands"]

_POLL_S = 0.01
_LATE = "late"
_TO_BE_QUICKER = ("hyperopt_app.driver.sweep", "hyperopt_app.storage.database", "objectives.sphere", "scipy.stats")


@dataclass(frozen=True)
class Answer:
    """What a command has said: its exit code, and both streams as one text and apart."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything that a user sees."""
        return self.out + self.err


class Commands:
    """The client of one server.

    Args:
        folder: Where what the commands write is kept until it is read.
        environment: That of the server, and so of the commands.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment},
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, cwd: Path, deadline_s: float, **options: Any) -> Answer | None:
        """Run a command; None if it had not ended at its deadline, and was ended.

        Args:
            words: Those behind `hyperopt-app`.
            cwd: Its working directory.
            deadline_s: Seconds.
            options: `encoding` of its streams; `is_plain_user`: whether root's right to pass over permissions is
                given up; `full`: the name of a file for which the disk is full.
        """
        out, err = self._folder / "out", self._folder / "err"
        asked = {"words": words, "cwd": str(cwd), "deadline_s": deadline_s, "out": str(out), "err": str(err), **options}
        pipe_in, pipe_out = self._pipes()
        pipe_in.write(json.dumps(asked) + "\n")
        pipe_in.flush()
        code = json.loads(pipe_out.readline())
        if code == _LATE:
            return None
        return Answer(int(code), *(path.read_bytes().decode("utf-8", "backslashreplace") for path in (out, err)))

    def end(self) -> None:
        """End the server."""
        pipe_in, pipe_out = self._pipes()
        pipe_in.close()
        self._server.wait()
        pipe_out.close()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        return self._server.stdin, self._server.stdout


def _serve() -> None:
    import hydra  # noqa: F401
    import optuna  # noqa: F401
    import rich.live  # noqa: F401
    from hydra.core.plugins import Plugins

    import hyperopt_app.__main__
    import hyperopt_app.cli  # noqa: F401

    for name in _TO_BE_QUICKER:
        with suppress(ImportError):
            importlib.import_module(name)
    Plugins.instance()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_forked(asked)), file=answers, flush=True)


def _forked(asked: Mapping[str, Any]) -> int | str:
    pid = os.fork()
    if pid == 0:
        _command(asked)
    until = time.monotonic() + asked["deadline_s"]
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return _LATE
        time.sleep(_POLL_S)


def _command(asked: Mapping[str, Any]) -> NoReturn:
    """The forked process: become the command, and end as Python would."""
    os.setsid()
    for name, descriptor in (("out", 1), ("err", 2)):
        file = os.open(asked[name], os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(file, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    encoding = asked.get("encoding", "utf-8")
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding=encoding)  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(  # as Python's own
        open(2, "wb", closefd=False),  # noqa: SIM115
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=True,
    )
    os.chdir(asked["cwd"])
    if asked.get("is_plain_user"):
        give_up_roots_rights()
    if "full" in asked:
        _fill_up(asked["full"])
    code = _run(asked["words"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _fill_up(name: str) -> None:
    """Answer as a full disk does when a file is to take this name."""
    replace = os.replace

    def refuse(source: Any, target: Any, **more: Any) -> None:
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        replace(source, target, **more)

    os.replace = refuse  # type: ignore[assignment]


def _run(words: Sequence[str]) -> int:
    from hyperopt_app.cli import main

    sys.argv = ["hyperopt-app", *words]
    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - what Python does at its end
        traceback.print_exc()
        return 1
    return 0


class _Head(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Rights(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def give_up_roots_rights() -> None:
    """Obey permissions as any user does, also as root: without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    if os.geteuid() != 0:
        return
    libc, head, rights = ctypes.CDLL(None, use_errno=True), _Head(0x20080522, 0), (_Rights * 2)()
    if libc.capget(ctypes.byref(head), rights) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for name, _ in _Rights._fields_:
        setattr(rights[0], name, getattr(rights[0], name) & ~0b110)
    if libc.capset(ctypes.byref(head), rights) != 0:
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    _serve()
