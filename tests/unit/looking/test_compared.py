# SPDX-License-Identifier: MIT
"""Studies beside each other."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.compared import best_so_far, check_comparable, differences_of, trial_marks, value_at
from tests.unit._made_studies import POINT, SPACE, ended, viewed


def test_the_best_so_far_counts_ended_trials_and_their_compute(tmp_path: Path) -> None:
    """In the order of their ends, whatever their numbers; pruned and failed trials cost and do not improve."""
    trials = [
        ended(values=3.0, begun_s=0, length_s=100),
        ended(values=5.0, begun_s=0, length_s=10),
        ended("FAIL", begun_s=10, length_s=10),
        ended(values=4.0, begun_s=20, length_s=10),
        ended(values=4.5, begun_s=30, length_s=10),
    ]
    entries = best_so_far(viewed(tmp_path / "s", trials))
    assert entries == [(1, 10.0, 5.0), (3, 30.0, 4.0), (5, 140.0, 3.0)]
    assert [value_at(entries, 0, mark) for mark in (0, 1, 2, 3, 99)] == [None, 5.0, 5.0, 4.0, 3.0]
    assert [value_at(entries, 1, mark) for mark in (9.9, 10.0, 140.0)] == [None, 5.0, 3.0]
    upward = best_so_far(viewed(tmp_path / "up", trials, directions=["maximize"]))
    assert [value for *_, value in upward] == [5.0]


@given(st.integers(1, 10**7))
def test_marks_rise_to_the_most(most: int) -> None:
    """And end there."""
    marks = trial_marks(most)
    assert marks[-1] == most
    assert all(before < after for before, after in pairwise(marks))


def test_only_like_is_compared(tmp_path: Path) -> None:
    """Metrics and directions are the same."""
    down, up = viewed(tmp_path / "a", [ended()]), viewed(tmp_path / "b", [ended()], directions=["maximize"])
    check_comparable([down, down])
    with pytest.raises(StudyMismatchError, match=r"/b optimises maximize value, .*/a minimize value"):
        check_comparable([down, up])


def test_differences_are_those_of_space_method_and_config(tmp_path: Path) -> None:
    """Each as a line; without any the list is empty; searched keys of the configs do not count."""
    wider = {**SPACE, "lr": FloatDistribution(1e-6, 1e-1, log=True)}
    first, other = viewed(tmp_path / "a", [ended()]), viewed(tmp_path / "b", [ended(params=POINT, space=wider)])
    for view, sampler, epochs in ((first, "TPESampler", 5), (other, "RandomSampler", 8)):
        (view.directory / "multirun.yaml").write_text(
            f"hydra: {{sweeper: {{sampler: {{_target_: {sampler}}}, n_jobs: 2}}}}\nepochs: {epochs}\nlr: {epochs}\n"
            "url: mysql://me:hunter2@db/x\n"
        )
    lines = differences_of(first, other)
    assert lines[1:] == ["hydra.sweeper.sampler._target_: TPESampler -> RandomSampler", "epochs: 5 -> 8"]
    assert lines[0].startswith("lr: FloatDistribution(high=0.1")
    assert differences_of(first, first) == []
