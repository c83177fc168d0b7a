# SPDX-License-Identifier: MIT
"""Start a program in a process group of its own, wait for it, and describe how it failed."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from hyperopt_app.errors import ConfigError
from hyperopt_app.objective.failure_kinds import Exit, ProgramError, is_no_room, is_oom_text, verdict_of_exit
from hyperopt_app.objective.trial import starting_program
from hyperopt_app.processes.entries import start_ticks
from hyperopt_app.processes.groups import ProgramGroup
from hyperopt_app.processes.oom_kills import has_killed_since, oom_kills
from hyperopt_app.support.display_text import in_one_line
from hyperopt_app.support.files import appending

__all__ = ["Program", "path_of"]

_STDOUT = "stdout.log"
_STDERR = "stderr.log"
# Of the end of standard error, in bytes: what is kept with a failed trial, and what its one line shows.
_STORY_BYTES = 6000
_SHOWN = 350
# What a shell returns for a command of its own that has died of SIGKILL.
_KILLED_IN_SHELL = 128 + signal.SIGKILL


def path_of(word: str, start: Path, search: str) -> str | None:
    """Return the program that a command's first word names; None if there is none that can be executed.

    Args:
        word: A name that is looked up, or a path.
        start: Directory from which a relative path counts.
        search: The PATH.
    """
    if os.sep in word:
        return shutil.which(str(start / Path(word).expanduser()))
    return shutil.which(word, path=search)


class Program:
    """One run of a program.

    Args:
        words: The program and its arguments; no shell reads them.
        environment: Its environment variables.
        start: Directory from which a relative path of the program counts.
        group_directory: The trial's directory, by which the program's descendants are known.
        grace_s: Seconds between SIGTERM and SIGKILL.
        logs: Folder for `stdout.log` and `stderr.log`; None for this process's own streams.
    """

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        start: Path,
        group_directory: Path,
        grace_s: float,
        logs: Path | None,
    ) -> None:
        self._words = words
        self._environment = environment
        self._start = start
        self._directory = group_directory
        self._grace_s = grace_s
        self._logs = logs
        self._process: subprocess.Popen[bytes] | None = None
        self._group: ProgramGroup | None = None
        self._kills = oom_kills()
        self._stderr_begin = 0

    def start(self) -> None:
        """Start it in this process's working directory, in a session of its own.

        Raises:
            ConfigError: This host has no such program, or the system does not start it.
        """
        executable = path_of(self._words[0], self._start, self._environment["PATH"])
        if executable is None:
            raise ConfigError([f"objective.command: {_missing_program(self._words[0])}"])
        with starting_program() as keep, ExitStack() as files:
            stdout = stderr = None
            if self._logs is not None:
                stdout = files.enter_context(appending(self._logs / _STDOUT))
                stderr = files.enter_context(appending(self._logs / _STDERR))
                self._stderr_begin = (self._logs / _STDERR).stat().st_size
            try:
                self._process = subprocess.Popen(
                    [*self._words],
                    executable=executable,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise ConfigError(
                    [f"objective.command: {executable} cannot be started: {_why_not_started(error)}"]
                ) from None
            pid = self._process.pid
            self._group = ProgramGroup(pid, start_ticks(pid), str(self._directory), self._grace_s)
            keep(self._group)

    def wait(self, patience_s: float) -> int | None:
        """Return the exit code, negative for the number of a signal; None if it still runs after so many seconds."""
        assert self._process is not None  # noqa: S101 - started before
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(patience_s)
        return None

    def end(self) -> None:
        """End the program and all that it has started: SIGTERM, the grace time, SIGKILL."""
        if self._group is None or self._process is None:
            return
        try:
            if self._process.poll() is None:
                self._group.end()
            elif self._process.returncode < 0:
                self._group.kill()  # it could not end what it has started in groups of their own, as torchrun does
            else:
                self._group.end_rest()
        finally:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self._grace_s)

    def failure(self, code: int) -> ProgramError:
        """Describe an exit code that is not 0, with the end of what the program wrote to its standard error."""
        story = self._story()
        kind, text = self._verdict(code, story)
        lines = [line for line in story.splitlines() if line.strip()]
        said = in_one_line(" | ".join(line.strip() for line in lines))
        if said:
            text += f"; the end of its stderr: {said if len(said) <= _SHOWN else f'...{said[-_SHOWN:]}'}"
        elif self._logs is not None:
            text += "; it wrote nothing to its stderr"
        return ProgramError(text, kind, story)

    def _verdict(self, code: int, story: str) -> tuple[str, str]:
        if code < 0 or code == _KILLED_IN_SHELL:
            number = -code if code < 0 else signal.SIGKILL
            kind, text = verdict_of_exit(Exit(-number, has_killed_since(self._kills)), "the program")
        else:
            kind, text = "bug", f"the program ended with exit code {code}"
        if is_no_room(RuntimeError(story)):
            kind = "infrastructure"
        elif kind == "bug" and (is_oom_text(story) or "MemoryError" in story or "bad_alloc" in story):
            kind = "oom"
        return kind, text

    def _story(self) -> str:
        if self._logs is None:
            return ""
        with suppress(OSError), (self._logs / _STDERR).open("rb") as content:
            size = content.seek(0, os.SEEK_END)
            content.seek(max(self._stderr_begin, size - _STORY_BYTES))
            return content.read().decode("utf-8", errors="backslashreplace")
        return ""


def _missing_program(word: str) -> str:
    where = "is not an executable file" if os.sep in word else "is not on the PATH"
    return f"{word} {where} on this host; give the path of a program, or make the file executable"


def _why_not_started(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        hint = "; a script begins with a line as #!/bin/bash" if error.strerror == "Exec format error" else ""
        return f"{error.strerror}{hint}"
    return str(error)
