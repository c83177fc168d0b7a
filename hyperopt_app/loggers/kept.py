# SPDX-License-Identifier: MIT
"""Keep the ids of a trial's runs in its directory, so that whoever continues the trial continues its runs."""

import json
from collections.abc import Mapping
from pathlib import Path

from hyperopt_app.support.files import read_file, replace_text

__all__ = ["KEPT", "ended_runs", "keep_runs", "known_runs"]

KEPT = ".hyperopt_runs.json"


def known_runs(directory: Path) -> dict[str, str]:
    """Return the ids of a trial's runs, by logger; empty if there are none."""
    return _part(directory, "runs")


def ended_runs(directory: Path) -> dict[str, str]:
    """Return the states with which a trial's runs have ended, by logger."""
    return _part(directory, "ended")


def keep_runs(directory: Path, runs: Mapping[str, str], ended: Mapping[str, str] | None = None) -> None:
    """Write the ids, and how the runs have ended.

    Raises:
        OSError: The directory cannot be written.
    """
    content = {"runs": dict(runs), "ended": dict(ended or {})}
    replace_text(directory / KEPT, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def _part(directory: Path, name: str) -> dict[str, str]:
    try:
        part = json.loads(read_file(directory / KEPT))[name]
        return {str(logger): str(text) for logger, text in part.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
