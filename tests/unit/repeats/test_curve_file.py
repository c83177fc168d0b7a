# SPDX-License-Identifier: MIT
"""The learning curve of a later repeat."""

from itertools import pairwise
from pathlib import Path

import optuna

from hyperopt_app.repeats.curve_file import CURVE_FILE, MOST_POINTS, LaterRepeat, read_curve, thinned
from hyperopt_app.study.own_trial import OwnTrial
from hyperopt_app.study.records.forms import RepeatRecord
from hyperopt_app.study.records.trial_records import keep_repeat, unfinished_step


def _later(study: optuna.Study, directory: Path) -> LaterRepeat:
    return LaterRepeat(OwnTrial(study.ask(), lambda: True), directory, 1)


def test_reports_go_to_the_repeats_own_curve(tmp_path: Path) -> None:
    """With all digits; the trial's curve is its first repeat's, and no pruner ends a later one."""
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.0))
    later = _later(study, tmp_path)
    for step, value in enumerate((0.1 + 0.2, float("nan"), -1e-300)):
        later.report(value, step)
        assert not later.should_prune()
    later.set_user_attr("kept", 1)
    (trial,) = study.trials
    assert (trial.intermediate_values, trial.user_attrs) == (
        {},
        {"kept": 1, "unfinished_repeat": {"repeat": 1, "step": 2}},
    )
    curve = read_curve(tmp_path)
    assert (curve[0], curve[2]) == (0.1 + 0.2, -1e-300)
    assert curve[1] != curve[1]  # NaN


def test_the_study_knows_how_far_it_is(tmp_path: Path) -> None:
    """To a tenth, with few writes; whoever continues the repeat goes on from there."""
    study = optuna.create_study()
    later, steps = _later(study, tmp_path), list[int]()
    keep_repeat(later, 0, RepeatRecord(values=[1.0], metrics={}, seed=1, reports=100, curve=[]))
    for step in range(100):
        later.report(0.5, step)
        steps.append(unfinished_step(study.trials[0]) or 0)
        assert (step + 1) / 1.1 <= steps[-1] + 1 <= step + 1
    assert len({*steps}) < 40
    again = LaterRepeat(later, tmp_path, 1)
    again.report(0.5, 100)
    assert unfinished_step(study.trials[0]) == steps[-1]


def test_a_torn_line_is_left_out_and_the_next_one_stands(tmp_path: Path) -> None:
    """A worker that is killed in mid-line loses that point alone; digits are not lost unseen."""
    later = _later(optuna.create_study(), tmp_path)
    later.report(0.5, 1)
    path = tmp_path / CURVE_FILE
    whole = path.read_bytes()
    later.report(0.125, 2)
    for length in range(len(whole), path.stat().st_size):
        path.write_bytes(path.read_bytes()[:length] if length == len(whole) else (whole + b"\n2,0.125;")[:length])
        assert read_curve(tmp_path) == {1: 0.5}
        later.report(0.25, 3)
        assert read_curve(tmp_path) == {1: 0.5, 3: 0.25}


def test_no_file_is_no_curve(tmp_path: Path) -> None:
    """A repeat that has not reported, or whose directory is gone; and what another program has left there."""
    assert read_curve(tmp_path / "gone") == {}
    (tmp_path / CURVE_FILE).write_bytes(b"\xff\xfe\nstep,value\n1,2,3;\n4,x;\n;\n5,0.5;")
    assert read_curve(tmp_path) == {5: 0.5}


def test_a_long_curve_is_thinned() -> None:
    """Evenly, with its ends; a short one is whole, in the order of its steps."""
    assert thinned({3: 0.3, 1: 0.1}) == [(1, 0.1), (3, 0.3)]
    points = thinned({step: float(step) for step in range(10_000)})
    assert len(points) == MOST_POINTS
    assert (points[0], points[-1]) == ((0, 0.0), (9999, 9999.0))
    gaps = {after[0] - before[0] for before, after in pairwise(points)}
    assert gaps == {101}
