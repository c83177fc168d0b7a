# SPDX-License-Identifier: MIT
"""How a bad input has ended, in one word; and the process that tries them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests._releases import IS_1_4
from tests.bad_inputs.running import WOULD_START

__all__ = ["Try", "trying", "verdict"]

REPO = Path(__file__).resolve().parents[2]


class Try(Protocol):
    """Try a command line."""

    def __call__(self, words: Sequence[str]) -> dict[str, Any]:
        """Exit code, text, and what was written."""


@contextmanager
def trying() -> Iterator[Try]:
    """One process for any number of command lines."""
    inherited = os.environ.get("PYTHONPATH")
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.bad_inputs.running"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(REPO), inherited]))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    source, sink = program.stdout, program.stdin

    def one(words: Sequence[str]) -> dict[str, Any]:
        sink.write(json.dumps(list(words)) + "\n")
        sink.flush()
        outcome: dict[str, Any] = json.loads(source.readline())
        return outcome

    try:
        yield one
    finally:
        sink.close()
        program.wait(60)
        source.close()


def verdict(outcome: dict[str, Any], key: str) -> str:
    """`clear`, `accepted`, or what is wrong with it.

    Args:
        outcome: What `Try` has returned.
        key: What a clear error names.
    """
    code, text, written = outcome["code"], outcome["text"], outcome["written"]
    if code is None:
        return "hangs"
    if "Traceback (most recent call last)" in text:
        return "a traceback"
    if code == WOULD_START:
        return f"accepted, but wrote {written[:3]}" if written else "accepted"
    if code == 0:
        return "accepted"
    if written:
        return f"refused, but wrote {written[:3]}"
    is_named = key in text or "hydra.sweeper.sampler:" in text or "hydra.sweeper.pruner:" in text
    # Hydra 1.3 resolves the node before it is ours, and OmegaConf 2.3 does not say which of its keys was wrong.
    is_early = not IS_1_4 and text.startswith("hydra.sweeper: ") and "interpolation" in text.lower()
    return "clear" if is_named or is_early else f"does not name {key}: {text[:300]}"
