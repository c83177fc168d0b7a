# SPDX-License-Identifier: MIT
"""Values as JSON in a page."""

import base64
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.page.plain import Texts, brief, packed, plain_number, script_json

TEXTS = st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(TEXTS)
def test_json_in_a_script_says_the_same_and_ends_nothing(data: object) -> None:
    """Whatever the texts hold: no tag, no comment, no end of a line that a script would see."""
    text = script_json(data)
    assert json.loads(text) == data
    assert not set(text) & set("<>&\u2028\u2029\n")


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    """The page would not open."""
    with pytest.raises(ValueError, match="JSON"):
        script_json({"value": float("nan")})


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (0.25, 0.25),
        (3, 3),
        (math.nan, None),
        (math.inf, "inf"),
        (float("-inf"), "-inf"),
        (True, None),
        ("a", None),
    ],
)
def test_numbers_are_numbers_texts_or_nothing(value: object, plain: object) -> None:
    """Infinity is a text, NaN is nothing, and what is no number is nothing."""
    assert plain_number(value) == plain


def test_texts_are_kept_once() -> None:
    """The empty text stands first."""
    texts = Texts()
    assert texts.places(["", "a", "b", "a", ""]) == [0, 1, 2, 1, 0]
    assert texts.all == ["", "a", "b"]


def test_arrays_are_packed_in_the_order_that_browsers_read() -> None:
    """Least significant byte first."""
    assert struct.unpack("<3f", base64.b64decode(packed([1.0, -2.5, 0.0], "f4"))) == (1.0, -2.5, 0.0)
    assert struct.unpack("<2i", base64.b64decode(packed([7, -7], "i4"))) == (7, -7)


def test_drawn_numbers_are_short() -> None:
    """Four significant digits, whatever the size."""
    assert [brief(value) for value in (0.000123456, 12345.678, 0.0)] == [0.0001235, 12350.0, 0.0]
