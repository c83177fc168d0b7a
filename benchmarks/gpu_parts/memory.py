# SPDX-License-Identifier: MIT
"""How much memory of a GPU is in use, by all processes together, as nvidia-smi says.

torch knows only of its own process, and asking it takes memory: hundreds of megabytes for a context.
"""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Peak", "is_given_back", "parsed_mb", "settled_mb", "used_mb", "watched"]

_ASKED = ["nvidia-smi", "--query-gpu=index,memory.used,memory.total", "--format=csv,noheader,nounits"]
_EVERY_S = 0.5
# Below this much more than before, in MB, memory counts as given back: drivers keep some for themselves.
_SLACK_MB = 64.0


def parsed_mb(text: str, gpu: int = 0) -> tuple[float, float] | None:
    """Return the memory in use and in all, in MB, from nvidia-smi's lines `index, used, total`; None without that GPU.

    Args:
        text: What nvidia-smi has printed; `[N/A]` stands where a driver does not know.
        gpu: The number of the GPU.
    """
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 3 and cells[0] == str(gpu) and all(re.fullmatch(r"[\d.]+", cell) for cell in cells[1:]):
            return float(cells[1]), float(cells[2])
    return None


def used_mb(gpu: int = 0) -> float | None:
    """Return the memory in use on a GPU in MB; None where nvidia-smi is missing or does not know."""
    if shutil.which(_ASKED[0]) is None:
        return None
    try:
        done = subprocess.run(_ASKED, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    answer = parsed_mb(done.stdout, gpu)
    return None if answer is None else answer[0]


def is_given_back(before: float | None, now: float | None) -> bool:
    """Whether about as much memory is in use now as before, in MB; unknown figures count as if it were so."""
    return before is None or now is None or now <= before + _SLACK_MB


def settled_mb(
    before: float | None,
    longest_s: float = 20.0,
    ask: Callable[[], float | None] = used_mb,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[float | None, float]:
    """Wait until about as much memory is in use as before; return what is in use, and after how many seconds.

    Args:
        before: In MB; None if unknown, then nothing is waited for.
        longest_s: For how long at most.
        ask: Returns the memory in use.
        sleep: Waits.
    """
    waited = 0.0
    while True:
        now = ask()
        if is_given_back(before, now) or waited >= longest_s:
            return now, waited
        sleep(_EVERY_S)
        waited += _EVERY_S


class Peak:
    """The highest memory in use so far, in MB; None where it is unknown."""

    def __init__(self) -> None:
        self.mb: float | None = None

    def see(self, now: float | None) -> None:
        """Take a measurement into account."""
        if now is not None:
            self.mb = now if self.mb is None else max(self.mb, now)


@contextmanager
def watched(ask: Callable[[], float | None] = used_mb) -> Iterator[Peak]:
    """Measure twice a second, in a thread, while the block runs."""
    peak, is_over = Peak(), threading.Event()

    def look() -> None:
        while True:
            now = ask()
            peak.see(now)
            if now is None or is_over.wait(_EVERY_S):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()
