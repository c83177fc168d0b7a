# SPDX-License-Identifier: MIT
"""What is seen of any study agrees with what Optuna says of it, and nothing that is in a study ends a look at it."""

import math
import tempfile
from pathlib import Path
from typing import Any

import optuna
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.looking.health.checks import health
from hyperopt_app.looking.one_trial import described_trial, trial_lines
from hyperopt_app.looking.summary import summary_data, summary_of
from hyperopt_app.looking.tables.listing import Wanted, selected, text_table, usual_columns
from hyperopt_app.looking.time_spent import time_spent
from hyperopt_app.looking.view import View, read_view
from tests.unit._made_studies import POINT, SPACE, ended, failure

_VALUES = st.floats(allow_nan=False, width=32) | st.sampled_from([0.0, 1.0, math.inf, -math.inf])
_TEXTS = st.text(max_size=20)
_CHOICES = ("a\nb", "\x1b[2J", "")


@st.composite
def _trials(draw: st.DrawFn, directions: int) -> FrozenTrial:
    state = draw(st.sampled_from(["COMPLETE", "COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]))
    lr = draw(st.floats(1e-5, 1e-1))
    extra: dict[str, Any] = failure(draw(_TEXTS), draw(_TEXTS), draw(_TEXTS)) if state == "FAIL" else {}
    trial = ended(
        state,
        [draw(_VALUES) for _ in range(directions)],
        {**POINT, "lr": lr, "text": draw(st.sampled_from(_CHOICES))} if draw(st.booleans()) else {},
        space={**SPACE, "text": CategoricalDistribution(_CHOICES)},
        curve=draw(st.lists(st.floats(width=32), max_size=12)) if directions == 1 else (),
        begun_s=draw(st.floats(0, 1e6)),
        length_s=draw(st.floats(0, 1e4)),
        worker=draw(st.integers(0, 3)),
        constraints=draw(st.sampled_from([(), (1.0,), (-1.0,)])),
        **extra,
    )
    if state == "WAITING":
        trial.datetime_start = trial.datetime_complete = None
    return trial


@st.composite
def _views(draw: st.DrawFn) -> View:
    directions = draw(
        st.lists(st.sampled_from([StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE]), min_size=1, max_size=2)
    )
    study = optuna.create_study(directions=directions)
    study.add_trials(draw(st.lists(_trials(len(directions)), max_size=25)))
    for number in draw(st.sets(st.integers(0, 24), max_size=3)):
        if number < len(study.get_trials(deepcopy=False)):
            study.set_user_attr(f"discarded:{number}", draw(_TEXTS))
    return read_view(study, Path(tempfile.gettempdir()) / "no study is here")


@settings(max_examples=60)
@given(_views())
def test_the_best_is_that_of_optuna(view: View) -> None:
    """Of the trials that count: a study with these alone has the same best trials, and ranks begin with them."""
    alone = optuna.create_study(directions=view.study.directions)
    alone.add_trials(view.counting)
    numbers = [trial.number for trial in view.counting]
    feasible = [
        t for t in alone.get_trials() if t.state == TrialState.COMPLETE and max(t.constraints.values(), default=0) <= 0
    ]
    best = [] if not feasible else alone.best_trials if len(view.directions) > 1 else [alone.best_trial]
    assert [trial.number for trial in view.best] == [numbers[trial.number] for trial in best]
    ranked = view.ranked()
    assert sorted(trial.number for trial in ranked) == [numbers[trial.number] for trial in feasible]
    assert [trial.number for trial in ranked[: len(best)]] == [trial.number for trial in view.best]
    assert [trial.number for trial in view.ranked(3)] == [trial.number for trial in ranked[:3]]


@settings(max_examples=60)
@given(_views())
def test_nothing_in_a_study_ends_a_look_at_it(view: View) -> None:
    """Whatever its values, texts and trials; the numbers add up, and no text obeys a stranger."""
    assert sum(view.counts.values()) + len(view.aside) == len(view.trials)
    spent = time_spent(view)
    assert spent.compute_s >= 0
    assert 0 <= spent.busy <= 1
    assert spent.saved_s >= 0
    rows, columns = selected(view, Wanted(set_aside=True))
    assert all(len(cells) == len(columns) for cells in text_table(view, rows, columns).cells)
    assert usual_columns(view, rows, columns)[:2] == ["number", "state"]
    lines = [*summary_of(view), *(finding.text for finding in health(view))]
    assert summary_data(view)["n_trials"] == view.n_trials
    for trial in view.trials:
        assert described_trial(view, trial)["number"] == trial.number
        lines += trial_lines(view, trial)
    assert not any("\x1b" in line or "\n" in line for line in lines)
