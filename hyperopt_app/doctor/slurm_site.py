# SPDX-License-Identifier: MIT
"""Read what Slurm's own programs say of a site: a tested submission, partitions, preemption, nodes, accounting."""

import os
import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Answer", "ask", "nodes_elsewhere", "partition_fields", "preemption_mode", "seconds_of"]

_LONGEST_S = 60.0
_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")
_HERE = {"localhost", "127.0.0.1", "::1"}


class Answer(NamedTuple):
    """What a program has written, its errors where it has failed, and its exit status; 127 where it is not installed.

    `sbatch --test-only` writes its answer where errors go, and nothing else.
    """

    text: str
    status: int


def ask(words: Sequence[str], script: str = "") -> Answer:
    """Run one of Slurm's programs, for at most a minute.

    Args:
        words: The command.
        script: What it reads from its standard input.
    """
    # A user's formats and filters would change the answers.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SACCT_", "SINFO_"))}
    environment["LC_ALL"] = "C"
    try:
        done = subprocess.run(
            words, input=script, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    except OSError as error:
        return Answer(f"{words[0]}: {error.strerror}", 127)
    except subprocess.TimeoutExpired:
        return Answer(f"{words[0]} did not answer within {_LONGEST_S:g} s", 124)
    texts = (done.stderr, done.stdout) if done.returncode else (done.stdout, done.stderr)
    return Answer(next(filter(None, map(str.strip, texts)), ""), done.returncode)


def partition_fields(text: str) -> dict[str, str]:
    """Read the line of `scontrol --oneliner show partition NAME`."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def preemption_mode(partition: Mapping[str, str], config: str) -> str:
    """Return the preemption mode of a partition's jobs, `OFF` where nothing is preempted.

    Args:
        partition: From `partition_fields`.
        config: The text of `scontrol show config`.
    """
    kind = re.search(r"^PreemptType\s*=\s*(?:preempt/|\(null\))?(\S*)", config, re.MULTILINE)
    if kind is None or kind[1] in ("", "none"):
        return "OFF"
    site = re.search(r"^PreemptMode\s*=\s*(\S+)", config, re.MULTILINE)
    return partition.get("PreemptMode") or (site[1] if site else "OFF")


def seconds_of(time: str) -> float | None:
    """Return the seconds of a time of Slurm's, `[DAYS-]HOURS:MINUTES:SECONDS`; None for no limit."""
    match = _TIME.fullmatch(time)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds


def nodes_elsewhere(text: str, host: str | None = None) -> bool:
    """Whether a node is on another machine.

    Args:
        text: The lines of `sinfo --format "%o"`: addresses of nodes.
        host: The name of this machine; by default its own.
    """
    own = host or socket.gethostname()
    here = {*_HERE, own, own.partition(".")[0]}
    return any(line.strip() and line.strip() not in here for line in text.splitlines())
