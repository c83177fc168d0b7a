# SPDX-License-Identifier: MIT
"""The rules that end a study before its budget is spent, one at a time."""

import pytest

from hyperopt_app.study.stopping import IDENTICAL_FIRST_FAILURES, Failure, Limits, Stop, may_start

LENIENT = Limits(max_consecutive_failures=None)


def _ended(*texts: str | None, kind: str = "bug") -> list[Failure | None]:
    """Failures by their texts; None for a trial that ended well."""
    return [None if text is None else Failure(kind, text) for text in texts]


def _reason(stop: Stop | None) -> str:
    assert stop is not None
    return stop.reason


@pytest.mark.parametrize(("now", "goes_on"), [(99.9, True), (100.0, False), (500.0, False)])
def test_the_deadline_ends_a_study(now: float, goes_on: bool) -> None:
    """From the deadline on nothing starts; it is what the user asked for, not a fault."""
    stop = may_start([None], now, Limits(deadline=100.0))
    assert (stop is None) is goes_on
    assert goes_on or stop == Stop("the time of hydra.sweeper.timeout is over", is_fault=False)


def test_the_deadline_comes_before_any_failure() -> None:
    """A study whose time is over has nothing to mend, whatever else went wrong."""
    stop = may_start(_ended(*["a"] * 20), 100.0, Limits(deadline=100.0))
    assert stop is not None
    assert not stop.is_fault


@pytest.mark.parametrize(
    ("failures", "stops"),
    [
        (["same"] * (IDENTICAL_FIRST_FAILURES - 1), False),
        (["same"] * IDENTICAL_FIRST_FAILURES, True),
        (["same", "other", "same"], False),
        (["same", "same", "other", "same", "same", "same"], False),
        ([None, "same", "same", "same"], False),
        (["same", "same", "same", None], False),
        (["same", "same", "same", "other"], True),
    ],
)
def test_an_objective_that_fails_alike_from_the_start_is_broken(failures: list[str | None], stops: bool) -> None:
    """As long as no trial has ended well, the first failures are compared; one success clears the objective."""
    stop = may_start(_ended(*failures), 0.0, Limits())
    assert (stop is not None) is stops
    if stop is not None:
        assert stop == Stop("the first 3 trials of this run failed in the same way: same", is_fault=True)


@pytest.mark.parametrize(
    ("limits", "stops"),
    [
        (LENIENT, False),
        (Limits(max_consecutive_failures=100), True),
        (Limits(max_consecutive_failures=None, max_failure_rate=0.99, min_judged=100), True),
    ],
)
def test_both_limits_off_means_that_nothing_stops_for_failures(limits: Limits, stops: bool) -> None:
    """Equal failures from the start stop a study as long as one of the two limits of failures is set."""
    assert (may_start(_ended(*["same"] * 50), 0.0, limits) is not None) is stops


def test_failures_in_a_row_stop_a_study() -> None:
    """The run is counted at the end of the history, whatever the failures are; the text names the setting."""
    limits = Limits(max_consecutive_failures=2)
    assert may_start(_ended(None, "a", None, "b"), 0.0, limits) is None
    stop = may_start(_ended(None, "a", None, "b", "c"), 0.0, limits)
    assert _reason(stop) == (
        "2 trials in a row failed, the last with: c (hydra.sweeper.max_consecutive_failures sets how many may)"
    )
    assert stop is not None
    assert stop.is_fault


def test_any_number_of_failures_may_be_allowed_in_a_row() -> None:
    """Null switches the rule off."""
    assert may_start(_ended(None, *["a", "b"] * 50), 0.0, LENIENT) is None


@pytest.mark.parametrize(
    ("rate", "failures", "stops"),
    [
        (0.0, [None, "a"], True),
        (0.0, [None, None], False),
        (0.5, [None, "a"], False),
        (0.5, [None, "a", "b"], True),
        (1.0, [None, *"abcd"], False),
    ],
)
def test_the_share_of_failures_may_not_exceed_the_limit(rate: float, failures: list[str | None], stops: bool) -> None:
    """The limit itself is allowed."""
    stop = may_start(_ended(*failures), 0.0, Limits(max_failure_rate=rate, max_consecutive_failures=None))
    assert (stop is not None) is stops
    assert not stops or f"hydra.sweeper.max_failure_rate={rate:g} allows" in _reason(stop)


def test_a_rate_is_not_judged_from_too_few_trials() -> None:
    """With n workers the first of n trials may fail by bad luck."""
    limits = Limits(max_failure_rate=0.5, min_judged=3)
    assert may_start(_ended("a", "b"), 0.0, limits) is None
    assert may_start(_ended("a", "b", None), 0.0, limits) is not None


@pytest.mark.parametrize("kind", ["oom", "diverged"])
def test_what_the_parameters_are_to_blame_for_is_no_broken_objective(kind: str) -> None:
    """A large part of a space may not fit into memory; that stops a study only if nothing at all fits."""
    limits = Limits(max_consecutive_failures=5)
    assert may_start(_ended(*["same"] * 4, kind=kind), 0.0, limits) is None
    assert may_start([None, *_ended(*["same"] * 40, kind=kind)], 0.0, limits) is None
    assert may_start(_ended(*["same"] * 5, kind=kind), 0.0, limits) is not None


def test_bugs_are_counted_past_other_failures() -> None:
    """Between two trials that ran out of memory the objective may still be broken."""
    bug, oom = Failure("bug", "b"), Failure("oom", "o")
    assert may_start([None, bug, oom, bug, oom], 0.0, Limits(max_consecutive_failures=2)) is not None
