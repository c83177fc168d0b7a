# SPDX-License-Identifier: MIT
"""Read a study again and again while it runs, for the commands that have `--watch`."""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.errors import StorageError
from hyperopt_app.storage.patience import giving_up
from hyperopt_app.support.passwords import mask_password
from hyperopt_app.support.typed_words import positive_seconds

if TYPE_CHECKING:
    import optuna

    from hyperopt_app.looking.view import View

__all__ = ["watch_argument", "watched"]

# A storage that is busy, or a file server that hangs for a moment, ends no look that lasts for days.
_FAILURES = 5


def watch_argument(parser: argparse.ArgumentParser, text: str, default_s: float) -> None:
    """Add `--watch [SECONDS]`; what it does is `text`, and `default_s` the time between two looks without a number."""
    parser.add_argument(
        "--watch",
        nargs="?",
        type=positive_seconds,
        const=default_s,
        metavar="SECONDS",
        help=f"{text}; with a look every SECONDS, by default {default_s:g}",
    )


def watched(
    study: "optuna.Study", directory: Path, interval_s: float, sleep: Callable[[float], None] = time.sleep
) -> Iterator["View"]:
    """Yield the study as it is now, then after each interval, for the last time when it has ended or was stopped.

    A study whose jobs wait in a queue has not ended: it is looked at until it has.

    Args:
        study: The open study; only read.
        directory: Its directory.
        interval_s: Seconds between two looks.
        sleep: Waits, seconds.

    Raises:
        StorageError: The study could not be read several times in a row.
    """
    failures = 0
    while True:
        try:
            view = _view_now(study, directory)
        except Exception as error:  # a busy storage raises what it likes
            failures += 1
            if failures == _FAILURES:
                text = mask_password(" ".join(str(error).split()))
                raise StorageError(f"{directory}: the study can no longer be read: {text}") from error
        else:
            failures = 0
            yield view
            if view.state in ("done", "stopped"):
                return
        sleep(interval_s)


def _view_now(study: "optuna.Study", directory: Path) -> "View":
    from hyperopt_app.looking.view import read_view

    with giving_up(lambda: True):  # a server that is away is asked again at the next look
        return read_view(study, directory)
