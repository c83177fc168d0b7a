# SPDX-License-Identifier: MIT
"""The user of a chaotic run: gives the same command again whenever it has ended before the study."""

import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["User"]

APP = Path(__file__).resolve().parents[1] / "apps" / "epochs" / "app.py"


@dataclass
class User:
    """Somebody who gives the same command again whenever it has ended before the study.

    Attributes:
        folder: Where the command is given; the study's directory and the logs of the commands are made there.
        environment: That of the command.
        words: Of the command, after the app's name.
        source: Chooses the partition.
        commands: Those that were given so far.
    """

    folder: Path
    environment: dict[str, str]
    words: list[str]
    source: random.Random
    commands: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def tend(self) -> None:
        """Give the command, if it does not run."""
        if self.commands and self.commands[-1].poll() is None:
            return
        # Of workers that are there already the partition stays as it is.
        partition = self.source.choice(["low", "lowcancel"])
        command = [sys.executable, str(APP), "--multirun", *self.words, f"hydra.launcher.partition={partition}"]
        with self._log(len(self.commands)).open("wb") as log:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            started = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, start_new_session=True, **streams
            )
        self.commands.append(started)

    def _log(self, number: int) -> Path:
        return self.folder / f"command-{number}.log"

    def is_served(self) -> bool:
        """Whether the last command has ended well; it may have left trials for the next."""
        return bool(self.commands) and self.commands[-1].poll() == 0

    def leave(self) -> None:
        """End a command that still runs."""
        for command in self.commands:
            if command.poll() is None:
                os.killpg(command.pid, signal.SIGKILL)
                command.wait()

    def complaints(self) -> list[str]:
        """Commands that ended as a command never should, with their last lines."""
        found = []
        for number, command in enumerate(self.commands):
            text = self._log(number).read_text(errors="replace")
            if "Traceback" in text:
                found.append(
                    f"command {number} (exit status {command.returncode}) ended with a traceback:\n{text[-3000:]}"
                )
        return found
