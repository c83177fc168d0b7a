# SPDX-License-Identifier: MIT
"""Columns of what trials have: JSON texts, moments and learning curves, each cell decoded when it is asked for.

A column is a few NumPy arrays, so that a hundred thousand trials are read in a moment and lie in little memory. No
array holds Python objects: NumPy would read those by unpickling, which lets a file run code.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curves", "DamagedColumnsError", "Moments", "Texts", "compact_json"]

Arrays = Mapping[str, NDArray[Any]]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_NO_MOMENT = np.iinfo(np.int64).min
_decode = json.JSONDecoder().decode
compact_json = json.JSONEncoder(separators=(",", ":")).encode


class DamagedColumnsError(Exception):
    """Arrays do not belong together, or not here; the text says which."""


class Texts:
    """A column of JSON texts."""

    def __init__(self, arrays: Arrays, name: str) -> None:
        """Take the column of that name.

        Raises:
            DamagedColumnsError: Its cells do not fit its text.
        """
        text, ends = arrays[name], arrays[f"{name}_ends"]
        _check_ends(name, ends, len(text))
        self._text: bytes = text.tobytes()
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: int) -> Any:
        begin = self._ends[place - 1] if place else 0
        return _decode(self._text[begin : self._ends[place]].decode("ascii"))

    @staticmethod
    def packed(texts: Iterable[str], name: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of a column with these JSON texts, which are ASCII as `compact_json` makes them."""
        cells = [text.encode("ascii") for text in texts]
        return {name: np.frombuffer(b"".join(cells), np.uint8), f"{name}_ends": _ends(cells)}


class Moments:
    """A column of moments, kept in UTC; as cells they are local times without a zone, as Optuna stamps its trials.

    Local times of the hour that comes twice when the clocks go back are ambiguous: such a column goes with the zone.
    """

    def __init__(self, arrays: Arrays, name: str) -> None:
        """Take the column of that name.

        Raises:
            DamagedColumnsError: It was written in another time zone, where that matters.
        """
        zone = json.loads(arrays[f"{name}_zone"].tobytes())
        if zone and zone != _own_zone():
            raise DamagedColumnsError(f"{name}: written in the time zone {zone}, with ambiguous times")
        self._microseconds = arrays[name]

    def __len__(self) -> int:
        return len(self._microseconds)

    def __getitem__(self, place: int) -> datetime | None:
        microseconds = int(self._microseconds[place])
        if microseconds == _NO_MOMENT:
            return None
        return (_EPOCH + timedelta(microseconds=microseconds)).astimezone().replace(tzinfo=None)

    @staticmethod
    def packed(moments: Iterable[datetime | None], name: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of a column with these local times."""
        cells, is_ambiguous = [], False
        for moment in moments:
            if moment is None:
                cells.append(_NO_MOMENT)
                continue
            stamp = moment.astimezone(timezone.utc)
            cells.append((stamp - _EPOCH) // _MICROSECOND)
            is_ambiguous = is_ambiguous or moment.replace(fold=1).astimezone(timezone.utc) != stamp
        return {name: np.array(cells, np.int64), f"{name}_zone": _bytes_of(_own_zone() if is_ambiguous else None)}


class Curves:
    """A column of learning curves: values by steps, in the order of the reports.

    The values of all curves lie in one array, and equal sequences of steps are kept once. A curve that holds anything
    but floats is kept as a JSON text.
    """

    def __init__(self, arrays: Arrays) -> None:
        """Take the column.

        Raises:
            DamagedColumnsError: Its cells do not fit its values.
        """
        self._values, self._ends, self._which = arrays["curve_values"], arrays["curve_ends"], arrays["curve_steps"]
        _check_ends("curves", self._ends, len(self._values))
        tables = json.loads(arrays["curve_tables"].tobytes())
        self._steps: list[list[int]] = tables["steps"]
        self._odd = {int(place): dict(pairs) for place, pairs in tables["odd"].items()}

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: int) -> dict[int, Any]:
        if place in self._odd:
            return dict(self._odd[place])
        values = self._values[self._ends[place - 1] if place else 0 : self._ends[place]].tolist()
        return dict(zip(self._steps[self._which[place]], values, strict=True))

    @staticmethod
    def packed(curves: Sequence[Mapping[int, Any]]) -> dict[str, NDArray[Any]]:
        """Return the arrays of a column with these curves."""
        odd = {
            place: list(curve.items())
            for place, curve in enumerate(curves)
            if any(type(value) is not float for value in curve.values())
        }
        plain = [{} if place in odd else curve for place, curve in enumerate(curves)]
        steps: dict[tuple[int, ...], int] = {}
        which = [steps.setdefault(tuple(curve), len(steps)) for curve in plain]
        return {
            "curve_values": np.array([value for curve in plain for value in curve.values()], np.float64),
            "curve_ends": _ends(plain),
            "curve_steps": np.array(which, np.int32),
            "curve_tables": _bytes_of({"steps": list(steps), "odd": odd}),
        }


def _own_zone() -> list[Any]:
    return [time.timezone, time.altzone, *time.tzname]


def _bytes_of(data: Any) -> NDArray[Any]:
    return np.frombuffer(compact_json(data).encode("ascii"), np.uint8)


def _ends(cells: Sequence[Any]) -> NDArray[Any]:
    return np.cumsum([len(cell) for cell in cells], dtype=np.int64)


def _check_ends(name: str, ends: NDArray[Any], length: int) -> None:
    last = int(ends[-1]) if len(ends) else 0
    if last != length or (len(ends) and int(ends[0]) < 0) or bool((np.diff(ends) < 0).any()):
        raise DamagedColumnsError(f"{name}: {length} entries do not end at {last}")
