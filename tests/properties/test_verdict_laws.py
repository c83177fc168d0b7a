# SPDX-License-Identifier: MIT
"""Laws of a verdict on the code, whoever dies while it is carried out."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import optuna
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.budget.counting import left_of, read_budget
from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.budget.verdict import begin_run, close_run, judge
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome
from hyperopt_app.study.stopping import Limits, write_stop
from tests.unit._made_tickets import claimed, hand, study_with

TYPO, OTHER, DONE = Failed("bug", "typo"), Failed("bug", "other"), Completed((1.0,))
BUDGET = 12


class Killed(BaseException):
    """The process dies at this very write."""


@contextmanager
def dying_after(study: optuna.Study, writes: int | None) -> Iterator[None]:
    """The body's process is killed at the write after so many; None lets it live."""
    write, left = study.set_user_attr, iter(range(1000 if writes is None else writes))

    def mortal(key: str, value: object) -> None:
        if next(left, None) is None:
            raise Killed
        write(key, value)

    study.set_user_attr = mortal  # type: ignore[method-assign]
    try:
        with suppress(Killed):
            yield
    finally:
        study.set_user_attr = write  # type: ignore[method-assign]


@given(
    earlier=st.lists(st.sampled_from([TYPO, OTHER, DONE]), max_size=3),
    late=st.lists(st.sampled_from([TYPO, OTHER, DONE]), max_size=4),
    writes=st.lists(st.integers(0, 8), max_size=6),
)
def test_whoever_dies_exactly_the_runs_equal_failures_count_no_longer(
    earlier: list[Outcome], late: list[Outcome], writes: list[int]
) -> None:
    """Workers that are killed at any write of theirs leave to the next command what it needs; the budget is whole."""
    study = study_with(BUDGET)
    study.set_user_attr("n_trials", BUDGET)
    before = hand(study)
    for outcome in earlier:
        before.settle(claimed(before), outcome)
    begin_run(study, range(len(earlier)), Limits())
    hands = [hand(study, number, BUDGET) for number in range(3 + len(late))]
    running = [claimed(one) for one in hands]
    expected = set()
    lives = iter(writes)
    for tickets, trial, outcome in zip(hands, running, [TYPO, TYPO, TYPO, *late], strict=True):
        tickets.settle(trial, outcome)
        if outcome == TYPO:
            expected.add(trial.number)
        with dying_after(study, next(lives, None)):
            judge(study, hand(study, 0, BUDGET).trials(), frozenset(range(len(earlier))), Limits(), 0.0, run=1)
    is_written = "verdict:1" in study.user_attrs
    close_run(study)
    write_stop(study, None)
    # A late success speaks for the code as long as nobody has given the verdict.
    assert set(set_aside_of(study, study.get_trials())) == (expected if is_written or DONE not in late else set())
    counting = [outcome for outcome in [*earlier, *late] if outcome != TYPO]
    kept = sum(outcome == TYPO for outcome in earlier) + len(counting)
    if is_written or DONE not in late:
        assert left_of(read_budget(study, BUDGET), BUDGET) == BUDGET - kept
