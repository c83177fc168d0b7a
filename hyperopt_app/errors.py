# SPDX-License-Identifier: MIT
"""The errors that this package raises for users. Imports no other module of the package."""

from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "ConfigError",
    "DescendantError",
    "HyperoptError",
    "MetricError",
    "PayloadError",
    "RanksError",
    "ResultsError",
    "SpaceError",
    "StorageError",
    "StudyMismatchError",
    "StudyStoppedError",
    "SubmissionError",
    "WorkersCancelledError",
    "WorkersEndedError",
]


class HyperoptError(Exception):
    """Base of all errors meant for users; the text is complete without a traceback.

    Attributes:
        exit_code: With which a command ends for it: 1 if nothing was started, 2 if a run ended early.
    """

    exit_code: ClassVar[int] = 1


class SpaceError(HyperoptError, ValueError):
    """A search range, choice or override text is invalid or empty."""


class ConfigError(HyperoptError, ValueError):
    """All errors in a configuration, found before any worker starts.

    Attributes:
        faults: One line per fault: where, what came, what is allowed, what to do.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        count = len(self.faults)
        title = "1 fault in the configuration" if count == 1 else f"{count} faults in the configuration"
        lines = "\n".join("  - " + fault.replace("\n", "\n    ") for fault in self.faults)
        super().__init__(f"{title}; nothing was started:\n{lines}")


class StorageError(HyperoptError, RuntimeError):
    """The storage of the study cannot be opened or must not be used."""


class StudyMismatchError(HyperoptError, ValueError):
    """The stored study has another space or direction than the command requests."""


class MetricError(HyperoptError, KeyError):
    """The objective did not return a metric that the sweeper optimises."""

    def __str__(self) -> str:
        # KeyError would show the repr of the text, with quotes and escaped line ends.
        return str(self.args[0])


class DescendantError(HyperoptError, RuntimeError):
    """A process that an objective forked or spawned used the trial, which only the first process may."""


class PayloadError(HyperoptError, RuntimeError):
    """This release cannot use the job's payload; the job ends without touching any trial."""


class RanksError(HyperoptError, RuntimeError):
    """A rank of a training was started where a trial cannot have several, or would be a second driver of a study."""


class ResultsError(HyperoptError, OSError):
    """Result files could not be written; the study is complete, and they can be written again at any time."""

    exit_code = 2


class StudyStoppedError(HyperoptError, RuntimeError):
    """Failures ended this run early; the same command continues once they are fixed."""

    exit_code = 2


class SubmissionError(HyperoptError, RuntimeError):
    """The scheduler refused the workers; the study is unchanged."""


class WorkersCancelledError(HyperoptError, RuntimeError):
    """The user cancelled all jobs of a study, which is a stop; this command submits nothing again."""


class WorkersEndedError(HyperoptError, RuntimeError):
    """Workers of a scheduler's jobs ended before the study; the text contains one worker's last words."""
