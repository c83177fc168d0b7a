# SPDX-License-Identifier: MIT
"""What a health check says: a word for its subject, the reason and the remedy."""

from typing import NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """A fault of a study, in words.

    Attributes:
        word: What it is about, one word of at most eight letters.
        reason: What was seen, with its numbers.
        remedy: What to do about it.
    """

    word: str
    reason: str
    remedy: str

    @property
    def text(self) -> str:
        """Return reason and remedy as one sentence."""
        return f"{self.reason}: {self.remedy}"
