# SPDX-License-Identifier: MIT
"""Turn values into what JSON can hold and an HTML page may carry."""

import base64
import json
import math
from collections.abc import Iterable
from typing import Any

__all__ = ["Texts", "brief", "packed", "plain_number", "script_json"]


def plain_number(value: Any) -> float | str | None:
    """Return a number as it is; infinity as a text, and None for NaN and for anything but a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else "inf" if value > 0 else "-inf"


def brief(value: float, digits: int = 4) -> float:
    """Round to so many significant digits, which a drawing does not show, so that a large page stays small."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else value


def script_json(data: Any) -> str:
    """Format data as JSON that can stand inside `<script>`: nothing in it ends the element or begins a comment.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def packed(values: Any, kind: str) -> str:
    """Return an array's bytes as base64, least significant byte first.

    Args:
        values: An array of NumPy, or a sequence of numbers.
        kind: `f4` for 32-bit floats, `i4` for 32-bit integers.
    """
    import numpy as np

    return base64.b64encode(np.asarray(values, dtype=f"<{kind}").tobytes()).decode("ascii")


class Texts:
    """A list of different texts, so that one that occurs a thousand times is written once.

    Attributes:
        all: The texts; a place in this list stands for each.
    """

    def __init__(self) -> None:
        self.all: list[str] = [""]
        self._places = {"": 0}

    def place(self, text: str) -> int:
        """Return the place of a text, which is added if it is new; 0 is the empty text."""
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(text)
        return self._places[text]

    def places(self, texts: Iterable[str]) -> list[int]:
        """Return the places of several texts."""
        return [self.place(text) for text in texts]
