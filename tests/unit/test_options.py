# SPDX-License-Identifier: MIT
"""An option of the sweeper is declared once, and carried as a part of an object to where it is used."""

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "hyperopt_app"
# The schema, the field that settings and plan share, the check and the use.
MOST = 4
# It composes a command with options as a user types them, and carries none.
TYPES_IT = "doctor/short_trial.py"


def test_an_option_is_spelled_in_few_modules() -> None:
    """`trial_timeout` goes the whole way from the schema to the worker."""
    modules = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        if re.search(r"\btrial_timeout\b", path.read_text(encoding="utf-8"))
    ]
    assert "config/sweeper.py" in modules
    assert len([module for module in modules if module != TYPES_IT]) <= MOST, modules
