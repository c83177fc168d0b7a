# SPDX-License-Identifier: MIT
"""What is known of a trial when its runs are opened and when they end, and what each tool's run can do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

__all__ = ["FINAL", "RunEnd", "RunFacts", "RunLogger", "new_folder"]

# What stands before the name of a returned metric, so that it is none of the curve's points.
FINAL = "final/"


@dataclass(frozen=True)
class RunFacts:
    """A trial as a logger's run shows it.

    Attributes:
        study: The study's name.
        study_id: Its own id, which differs between studies of the same name.
        study_dir: Its directory, absolute.
        number: The trial's number.
        directory: The trial's directory, absolute.
        params: What was chosen for it, and what the command line fixes in place of a range.
        curve: The name of what it reports.
        seed: The seed of its training; None if it is not known.
    """

    study: str
    study_id: str
    study_dir: Path
    number: int
    directory: Path
    params: Mapping[str, Any]
    curve: str = "value"
    seed: int | None = None

    @property
    def name(self) -> str:
        """The name of its runs."""
        return f"{self.study}-{self.number}"

    @property
    def about(self) -> dict[str, str]:
        """What else is known of it, by name."""
        seed = {} if self.seed is None else {"seed": str(self.seed)}
        return {"study": self.study, "trial": str(self.number), "directory": str(self.directory), **seed}


@dataclass(frozen=True)
class RunEnd:
    """How a trial has ended.

    Attributes:
        state: `complete`, `pruned` or `failed`.
        metrics: The values that count and all metrics that the objective returned, by name.
        error: Why it has failed, one line.
    """

    state: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


class RunLogger(Protocol):
    """The run of one trial in one tool; it is open from the time when it is made.

    What is made with a known id continues that run. Any method may raise what its tool raises.

    Attributes:
        run_id: What finds the run again, also in another process.
    """

    run_id: str

    def has(self, step: int, /) -> bool:
        """Whether the run has the point of this step."""

    def report(self, value: float, step: int, /) -> None:
        """Add a point to the curve."""

    def end(self, end: RunEnd, /) -> None:
        """Write how the trial has ended, and close the run."""

    def pause(self) -> None:
        """Close the run of a trial that will be continued, perhaps elsewhere."""


def new_folder(base: Path, facts: RunFacts) -> str:
    """Make the folder of a trial's run, which nobody else uses.

    Args:
        base: Where the folders of the studies lie.
        facts: The trial.

    Returns:
        Its path below `base`: the study's name and the trial's number, with a suffix if another study has that.

    Raises:
        OSError: It cannot be made.
    """
    study = "/".join(re.sub(r"[^\w .+=@-]", "_", part) for part in facts.study.split("/"))
    taken = 0
    while True:
        name = f"{study}/{facts.number}{f'_{taken}' if taken else ''}"
        try:
            (base / name).mkdir(parents=True)
        except FileExistsError:
            taken += 1
        else:
            return name
