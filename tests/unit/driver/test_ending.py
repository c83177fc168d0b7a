# SPDX-License-Identifier: MIT
"""What the driver leaves at the end of a search."""

from pathlib import Path

import pytest

from hyperopt_app.driver import ending
from tests.unit._made_studies import ended, kept
from tests.unit._made_sweeps import made_plan


def test_the_summary_is_shown_and_written(tmp_path: Path) -> None:
    """Both are the same lines."""
    lines = ending.summarised(made_plan(tmp_path / "s"), kept(tmp_path / "s", [ended()]))
    assert lines[0].startswith("s: 1 of 1 trial in 10 s")
    assert (tmp_path / "s" / "summary.txt").read_text() == "\n".join(lines) + "\n"


def test_a_summary_ends_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that cannot be written, or a fault of ours, is logged in one line."""
    study, plan = kept(tmp_path / "s", [ended()]), made_plan(tmp_path / "s")
    (tmp_path / "s" / "summary.txt").mkdir()
    assert ending.summarised(plan, study) == []
    assert "summary.txt could not be written: Is a directory" in caplog.text

    def wrong(_view: object) -> list[str]:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr(ending, "summary_of", wrong)
    assert ending.summarised(plan, study) == []
    assert "The study could not be summarised: ZeroDivisionError" in caplog.text
