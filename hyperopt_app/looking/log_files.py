# SPDX-License-Identifier: MIT
"""Find the logs of a trial and of the workers, show the ends of them, and what is written to them from then on."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.study.records.trial_records import directory_of
from hyperopt_app.study.trial_directory import place_now, repeat_directory
from hyperopt_app.support.display_text import visible

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["follow", "last_lines", "logs_of_trial", "logs_of_workers", "tail"]

# Of a file's end, in bytes: lines of a log are seldom longer than a few hundred.
_TAIL_BYTES = 64 * 1024
_INTERVAL_S = 0.5
# Of one reading, in bytes: a file that grows faster is read in several.
_AT_ONCE = 1024 * 1024


def logs_of_trial(trial: "FrozenTrial", study_dir: Path) -> list[Path]:
    """Return the log files of a trial, by their names; empty if it has none that this host sees."""
    directory = place_now(directory_of(trial), study_dir)
    if directory is None:
        return []
    of_repeats = repeat_directory(directory, 0).parent.glob("*/*.log")
    return sorted(path for path in (*directory.glob("*.log"), *of_repeats) if path.is_file())


def logs_of_workers(study_dir: Path) -> list[Path]:
    """Return the files with the output of the workers, those of the lowest numbers first."""
    workers = study_dir / "workers"
    files = [path for path in (*workers.glob("*"), *workers.glob("*/*")) if path.suffix in (".log", ".out", ".err")]
    return sorted((path for path in files if path.is_file()), key=lambda path: (len(path.name), path.name))


def tail(path: Path, lines: int) -> Iterator[str]:
    """Yield the last lines of a file, without what controls a terminal; empty if it cannot be read."""
    try:
        with path.open("rb") as content:
            content.seek(0, 2)
            content.seek(max(content.tell() - _TAIL_BYTES, 0))
            text = content.read().decode("utf-8", errors="backslashreplace")
    except OSError:
        return
    for line in text.splitlines()[-lines:]:
        yield visible(line)


def last_lines(paths: Sequence[Path], lines: int) -> list[str]:
    """Return the last lines of each file, below its name where there are several files."""
    shown: list[str] = []
    for path in paths:
        shown += [f"==> {visible(str(path))} <=="] if len(paths) > 1 else []
        shown += tail(path, lines)
    return shown


def follow(
    find: Callable[[], Sequence[Path]],
    is_over: Callable[[], bool],
    show: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show what is appended to files until nothing more can come.

    Args:
        find: The files as they are now; new ones are shown from their beginning.
        is_over: Whether nothing more is written; then the files are read once more.
        show: Takes a line.
        sleep: Waits, seconds.
    """
    places = {path: path.stat().st_size for path in find()}
    last: Path | None = None
    while True:
        over, grown = is_over(), False
        for path in find():
            text, places[path] = _appended(path, places.get(path, 0))
            if text and path != last and len(places) > 1:
                show(f"==> {visible(str(path))} <==")
            last, grown = (path, True) if text else (last, grown)
            for line in text.splitlines():
                show(visible(line))
        if over and not grown:
            return
        if not over:
            sleep(_INTERVAL_S)


def _appended(path: Path, place: int) -> tuple[str, int]:
    """Return the whole lines behind a place in a file, and where the next ones begin; a shorter file begins anew."""
    try:
        with path.open("rb") as content:
            size = content.seek(0, 2)
            content.seek(place if place <= size else 0)
            start, data = content.tell(), content.read(_AT_ONCE)
    except OSError:
        return "", place
    whole = data[: data.rfind(b"\n") + 1] or (data if len(data) == _AT_ONCE else b"")
    return whole.decode("utf-8", errors="backslashreplace"), start + len(whole)
