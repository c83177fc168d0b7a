# SPDX-License-Identifier: MIT
"""Every rank gets the answers that rank zero got, in the same order, whoever is ahead."""

import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.errors import RanksError
from hyperopt_app.ranks.answers import Answers


@given(st.lists(st.tuples(st.sampled_from(["should_prune", "checkpointed", "report"]), st.integers()), max_size=30))
def test_a_rank_gets_the_same_answers(calls: list[tuple[str, int]]) -> None:
    """Call for call, whatever other calls lie between; what only writes comes to nothing on other ranks."""
    answers, counts = Answers(), Counter[str]()
    for name, value in calls:
        answers.add(name, (False, value))
    assert [answers.next(name, counts) for name, _ in calls] == [
        (False, None if name == "report" else value) for name, value in calls
    ]


def test_a_rank_that_is_ahead_waits() -> None:
    """Until rank zero has asked; an error is an answer too."""
    answers, heard, error = Answers(), list[object](), ValueError("of the study")
    waiting = threading.Thread(target=lambda: heard.append(answers.next("should_prune", Counter())))
    waiting.start()
    answers.add("checkpointed", (False, True))
    assert not heard
    answers.add("should_prune", (True, error))
    waiting.join()
    assert heard == [(True, error)]


def test_no_answer_comes_when_rank_zero_has_ended() -> None:
    """Whoever waits gets an error; what was answered before is still there."""
    answers, counts = Answers(), Counter[str]()
    answers.add("should_prune", (False, True))
    answers.end()
    assert answers.next("should_prune", counts) == (False, True)
    with pytest.raises(RanksError, match="let all ranks make the same calls"):
        answers.next("should_prune", counts)


def test_patience_has_an_end() -> None:
    """Where the answer is not needed."""
    with pytest.raises(RanksError):
        Answers().next("should_prune", Counter(), patience_s=0.0)
