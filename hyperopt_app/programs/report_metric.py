# SPDX-License-Identifier: MIT
"""`hyperopt-app report-metric`: append a line to the metrics file of the trial for which this program runs.

Imports next to nothing, because a shell script starts it once for each value.
"""

import json
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

# As in `environment`, which imports more than this needs.
_METRICS = "HYPEROPT_METRICS"

_HELP = """usage: hyperopt-app report-metric NAME=NUMBER ... [step=NUMBER] [checkpointed=true]

Report metrics from a program that a trial runs (objective: {_target_: hyperopt_app.Command, command: [...]}).

  hyperopt-app report-metric loss=0.3 accuracy=0.9 step=4
  hyperopt-app report-metric step=4 loss=0.3 checkpointed=true   and a checkpoint of this step has been written

The line is appended to the file that the environment variable HYPEROPT_METRICS names. Without step= the reports are
counted from 1.
"""


def main(words: Sequence[str]) -> int:
    """Append one line of JSON; return the exit code.

    Args:
        words: `NAME=NUMBER`, among them perhaps `step=` and `checkpointed=true`.
    """
    if not words or {"-h", "--help"} & {*words}:
        sys.stdout.write(_HELP)
        return 0
    line: dict[str, float | bool] = {}
    for word in words:
        name, equals, text = word.partition("=")
        value = _reported_value(name, text)
        if not (name and equals) or value is None:
            return _refused_report(f"{word!r} is not of the form NAME=NUMBER; write for example loss=0.3 step=4")
        line[name] = value
    place = os.environ.get(_METRICS)
    if not place:
        return _refused_report(
            f"{_METRICS} is not set: this command works in a program that a trial runs, see hyperopt-app report-metric "
            "--help"
        )
    try:
        _append_line(place, f"{json.dumps(line)}\n")
    except OSError as error:
        return _refused_report(f"{place} cannot be written: {error.strerror}")
    return 0


def _reported_value(name: str, text: str) -> float | bool | None:
    """Parse a value; None if it is not allowed."""
    if name == "checkpointed":
        return {"true": True, "false": False}.get(text.lower())
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return None if name == "step" else float(text)
    except ValueError:
        return None


def _append_line(place: str, line: str) -> None:
    # Written at once, so that lines of several processes do not mix.
    descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _refused_report(text: str) -> int:
    sys.stderr.write(f"hyperopt-app report-metric: {text}\n")
    return 1
