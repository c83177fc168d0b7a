# SPDX-License-Identifier: MIT
"""Laws of the rules that end a study early."""

from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.study.stopping import Failure, Limits, may_start

failures = st.builds(Failure, st.sampled_from(["bug", "oom", "infrastructure"]), st.sampled_from(["a", "b", "c"]))
endings = st.lists(st.one_of(st.none(), failures), max_size=30)
limits = st.builds(
    Limits,
    deadline=st.none(),
    max_failure_rate=st.floats(0, 1),
    max_consecutive_failures=st.one_of(st.none(), st.integers(1, 12)),
    min_judged=st.integers(1, 8),
)


@given(st.integers(0, 50), limits, st.floats(0, 1e10))
def test_a_history_without_failures_never_stops(length: int, rules: Limits, now: float) -> None:
    """However strict the rules are, complete and pruned trials go on."""
    assert may_start([None] * length, now, rules) is None


@given(endings, limits)
def test_only_a_failure_makes_a_fault(ended: list[Failure | None], rules: Limits) -> None:
    """Without a deadline, whatever stops a study names a failure that did happen, as the user's to mend."""
    stop = may_start(ended, 0.0, rules)
    if stop is not None:
        assert stop.is_fault
        assert any(failure is not None for failure in ended)


@given(endings, limits, st.floats(0, 10), st.floats(0, 10))
def test_nothing_starts_after_the_deadline(
    ended: list[Failure | None], rules: Limits, deadline: float, late: float
) -> None:
    """The deadline counts from the very moment, and it is not a fault."""
    stop = may_start(ended, deadline + late, Limits(deadline=deadline))
    assert stop is not None
    assert not stop.is_fault


@given(endings.filter(lambda ended: None in ended[-1:]))
def test_the_defaults_never_stop_after_a_success(ended: list[Failure | None]) -> None:
    """A trial that has just completed shows that the objective works."""
    assert may_start(ended, 0.0, Limits()) is None
