# SPDX-License-Identifier: MIT
"""Numbers and texts as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.support.display_text import counted, value_text, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("red \x1b[31m, bell \x07", "red \\x1b[31m, bell \\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("over\rwritten", "over\\rwritten"),
        ("exe\u202ecod.sh", "exe\\u202ecod.sh"),
        ("two\u2028lines", "two\\u2028lines"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("Größe, 温度 \N{SNOWMAN}", "Größe, 温度 \N{SNOWMAN}"),
    ],
)
def test_what_commands_a_terminal_is_spelled(text: str, shown: str) -> None:
    """And everything else is as it was."""
    assert visible(text) == shown
    assert value_text(text) == shown


@given(st.text())
def test_no_terminal_is_commanded(text: str) -> None:
    """Whatever an objective raises."""
    assert all(one.isprintable() or one in "\t\n" or ord(one) > 0x9F for one in visible(text))


def test_a_number_has_its_noun() -> None:
    """In the singular for one alone."""
    assert [counted(number, "trial") for number in (0, 1, 2)] == ["0 trials", "1 trial", "2 trials"]
    assert counted(2, "child", "children") == "2 children"
