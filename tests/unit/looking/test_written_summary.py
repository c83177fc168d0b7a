# SPDX-License-Identifier: MIT
"""summary.txt, which the driver leaves at the end of a search, and the last worker of a detached study."""

import json
from pathlib import Path

import pytest

from hyperopt_app.looking import summary
from hyperopt_app.study.heartbeat import this_worker
from hyperopt_app.study.stopping import Stop, write_stop
from tests.unit._made_studies import ended, kept


def test_the_summary_is_shown_and_written(tmp_path: Path) -> None:
    """Both are the same lines."""
    lines = summary.write_summary(kept(tmp_path / "s", [ended()]), tmp_path / "s")
    assert lines[0].startswith("s: 1 of 1 trial in 10 s")
    assert (tmp_path / "s" / "summary.txt").read_text() == "\n".join(lines) + "\n"


def test_a_summary_ends_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that cannot be written, or a fault of ours, is logged in one line."""
    study = kept(tmp_path / "s", [ended()])
    (tmp_path / "s" / "summary.txt").mkdir()
    assert summary.write_summary(study, tmp_path / "s") == []
    assert "summary.txt could not be written: Is a directory" in caplog.text

    def wrong(_view: object) -> list[str]:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr(summary, "summary_of", wrong)
    assert summary.write_summary(study, tmp_path / "s") == []
    assert "The study could not be summarised: ZeroDivisionError" in caplog.text


def test_the_last_worker_writes_it(tmp_path: Path) -> None:
    """Not while trials are left or run, nor while another worker lives; a study that was stopped has one too."""
    study, path = kept(tmp_path / "s", [ended()], n_trials=2), tmp_path / "s" / "summary.txt"
    assert summary.write_summary_of_last(study, tmp_path / "s") == []
    running = study.ask()
    write_stop(study, Stop("enough", is_fault=False))
    assert summary.write_summary_of_last(study, tmp_path / "s") == []
    study.tell(running, 0.5)
    other = this_worker(1, tmp_path / "s")
    Path(other.beat).parent.mkdir()
    Path(other.beat).write_text(json.dumps(other.as_claim()), encoding="utf-8")
    assert summary.write_summary_of_last(study, tmp_path / "s") == []
    assert not path.exists()
    Path(other.beat).unlink()
    assert summary.write_summary_of_last(study, tmp_path / "s")[0].startswith("s: 2 of 2 trials")
    assert path.exists()
