# SPDX-License-Identifier: MIT
"""What is said of one trial."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hyperopt_app.looking.curves import sparkline
from hyperopt_app.looking.log_files import logs_of_workers, tail
from hyperopt_app.looking.one_trial import changes_of, described_trial, trial_lines
from hyperopt_app.looking.tables.rows import row_of
from hyperopt_app.looking.view import View, read_view
from hyperopt_app.study.records.trial_records import directory_of
from hyperopt_app.study.trial_directory import place_now
from tests.unit._made_studies import ended, mixed, two_objectives, viewed
from tests.unit._made_trials import START


@pytest.fixture
def view(tmp_path: Path) -> View:
    """A study with trials of all kinds."""
    return read_view(mixed(tmp_path / "s"), tmp_path / "s")


def _text(view: View, number: int) -> str:
    return "\n".join(trial_lines(view, view.trial(number)))


def test_a_complete_trial_is_described(view: View) -> None:
    """Its place, its value, its parameters and its curve."""
    lines = trial_lines(view, view.trial(2))
    assert lines[0] == "trial 2 of s: complete, loss 0.125 (place 1 of 3)"
    assert lines[1] == "  began    2026-11-23 12:00:10, took 10 s, worker 0 on here"
    assert "  params   lr         0.001" in lines
    assert "  curve    █▂▁  0.5 -> 0.125 in 3 reports, the last at step 3" in lines


def test_a_failed_trial_shows_why(view: View) -> None:
    """Kind, error, the end of the traceback, and the end of its log without what a terminal obeys."""
    text = _text(view, 4)
    assert "  failure  bug: TypeError: no" in text
    assert "| TypeError: no" in text
    assert "app.log" in text
    assert "| epoch 2\\x1b[2J" in text
    assert "hunter2" not in _text(view, 5)
    assert "***" in _text(view, 5)


def test_other_states_are_described(view: View, tmp_path: Path) -> None:
    """Pruned, waiting, set aside; and with two objectives whether it is on the front."""
    assert trial_lines(view, view.trial(3))[0] == "trial 3 of s: pruned"
    assert trial_lines(view, view.trial(7)) == ["trial 7 of s: waiting", "  began    not yet"]
    assert "set aside: discarded by the user" in _text(view, 6)
    two = read_view(two_objectives(tmp_path / "two"), tmp_path / "two")
    assert "loss 0.1, accuracy 0.6 (on the Pareto front of 2)" in _text(two, 1)
    assert "(not on the Pareto front of 2)" in _text(two, 0)


def test_the_attempts_of_an_interrupted_trial_are_listed(tmp_path: Path) -> None:
    """With the workers that were lost."""
    moment = START.timestamp()
    earlier = [{"worker": "w7", "begun": moment - 100, "ended": moment - 70}]
    losses = [{"worker": "w7", "node": "gpu1", "cause": "the job has ended"}]
    view = viewed(tmp_path / "s", [ended(ended_attempts=earlier, losses=losses)])
    text = _text(view, 0)
    assert "took 40 s" in text
    assert "30 s, worker w7" in text
    assert "lost with worker w7: the job has ended" in text
    described = described_trial(view, view.trial(0))
    assert [attempt["worker"] for attempt in described["attempts_made"]] == ["w7", "w0"]
    assert described["duration_s"] == 40.0


def test_the_config_of_a_trial_is_compared_with_the_default(view: View, tmp_path: Path) -> None:
    """Hydra's record of the trial with that of the last command; passwords are hidden."""
    study_dir = tmp_path / "s"
    assert changes_of(view, view.trial(4)) == []
    (study_dir / "multirun.yaml").write_text("lr: 0.1\nurl: x\nhydra: {a: 1}\n")
    inner = study_dir / "trials" / "4" / ".hydra"
    inner.mkdir()
    (inner / "config.yaml").write_text("lr: 0.5\nurl: mysql://a:hunter2@b/c\n")
    assert changes_of(view, view.trial(4)) == ["lr: 0.1 -> 0.5", "url: x -> mysql://a:***@b/c"]
    (inner / "config.yaml").write_text("[1, 2")
    assert changes_of(view, view.trial(4)) == []


def test_a_copied_study_has_its_directories_where_it_lies(view: View, tmp_path: Path) -> None:
    """The stored path is another machine's."""
    (tmp_path / "s").rename(tmp_path / "copy")
    assert place_now(directory_of(view.trial(4)), tmp_path / "copy") == tmp_path / "copy" / "trials" / "4"
    assert place_now(directory_of(view.trial(4)), tmp_path / "nowhere") is None
    assert place_now(directory_of(view.trial(0)), tmp_path / "copy") is None


def test_what_lies_in_a_copied_studys_old_place_is_not_its_own(view: View, tmp_path: Path) -> None:
    """Another study may go on there; tables name the trial's place now."""
    shutil.copytree(tmp_path / "s", tmp_path / "copy")
    moved = replace(view, directory=tmp_path / "copy")
    assert place_now(directory_of(moved.trial(4)), moved.directory) == tmp_path / "copy" / "trials" / "4"
    assert row_of(moved, moved.trial(4))["directory"] == str(tmp_path / "copy" / "trials" / "4")


def test_the_logs_of_workers_are_in_their_order(tmp_path: Path) -> None:
    """By number; a file that cannot be read has no lines."""
    (tmp_path / "workers").mkdir()
    for name in ("10.log", "2.log", "w.json", "0.err"):
        (tmp_path / "workers" / name).write_text("a\nb\nc\n")
    assert [path.name for path in logs_of_workers(tmp_path)] == ["0.err", "2.log", "10.log"]
    assert list(tail(tmp_path / "workers" / "2.log", 2)) == ["b", "c"]
    assert list(tail(tmp_path / "gone.log", 2)) == []


def test_a_sparkline_goes_from_the_least_to_the_greatest() -> None:
    """Of many values some are drawn, the first and the last always; what is not finite is a dot."""
    assert sparkline([0.0, 1.0]) == "▁█"
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([0.0, float("nan"), float("inf"), 1.0]) == "▁··█"
    assert sparkline([]) == ""
    long = sparkline([float(number) for number in range(1000)], width=10)
    assert (len(long), long[0], long[-1]) == (10, "▁", "█")
