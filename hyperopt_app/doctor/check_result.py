# SPDX-License-Identifier: MIT
"""What a check of `hyperopt-app doctor` says: its subject, a verdict, the reason, and the remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hyperopt_app.support.display_text import visible
from hyperopt_app.support.passwords import mask_password

__all__ = ["CheckResult", "Verdict", "has_fault", "ok", "result_of_fault"]

Verdict = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class CheckResult:
    """The answer of one check.

    Attributes:
        check: Its subject, one word.
        verdict: `ok`, `warning` (the search works, but not as it should) or `fault` (it does not work).
        text: What the check has seen, in one line.
        remedy: What to do; empty where all is well.
    """

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """The answer as people read it, without passwords."""
        said = f"{self.text}; {self.remedy}" if self.remedy else self.text
        return f"{self.verdict:8}{self.check:11}{visible(mask_password(' '.join(said.split())))}"


def ok(check: str, text: str) -> CheckResult:
    """Return the answer of a check that has nothing to complain about."""
    return CheckResult(check, "ok", text)


def has_fault(results: Sequence[CheckResult]) -> bool:
    """Whether a search would not work."""
    return any(result.verdict == "fault" for result in results)


# The key with which an error of the preflight begins -> its subject; it begins with the path of a faulty journal.
_SUBJECTS = {
    "objective": "objective",
    "hydra.sweep.": "directory",
    "/": "storage",
    "storage": "storage",
    "hydra.sweeper.storage": "storage",
    "hydra.launcher": "launcher",
    "hydra/launcher": "launcher",
}


def result_of_fault(fault: str) -> CheckResult:
    """Convert an error of the preflight, which ends in its remedy, to the answer of a check."""
    check = next((check for key, check in _SUBJECTS.items() if fault.startswith(key)), "config")
    text, _, remedy = fault.partition("; ")
    return CheckResult(check, "fault", text, remedy or "correct this")
