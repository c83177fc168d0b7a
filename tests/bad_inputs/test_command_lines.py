# SPDX-License-Identifier: MIT
"""Bad command lines end in one clear line, too."""

import shlex

import pytest

from tests.bad_inputs.accepted import ACCEPTED
from tests.bad_inputs.command_lines import COMMAND_LINES
from tests.bad_inputs.judging import trying, verdict


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", [0, *(pytest.param(n, marks=[pytest.mark.slow, pytest.mark.nightly]) for n in (1, 2))])
def test_a_bad_command_line_ends_in_one_clear_line(part: int) -> None:
    """Exit code, no traceback, what is wrong is named, nothing is written; or it is one of `accepted`."""
    found = []
    with trying() as tried:
        for words, key in COMMAND_LINES[part::3]:
            name = shlex.join(words)[-100:]
            came, wanted = verdict(tried(words), key), "accepted" if name in ACCEPTED else "clear"
            if came != wanted:
                found.append(f"{name}: {came}, not {wanted}")
    assert found == []
