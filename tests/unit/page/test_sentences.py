# SPDX-License-Identifier: MIT
"""Sentences beside the figures."""

from collections import Counter

from hyperopt_app.page import sentences
from hyperopt_app.page.curves import Agreement
from hyperopt_app.page.forest import Modelled


def test_the_history_says_how_far_the_search_has_come() -> None:
    """With the numbers of the first and the best trial; in either direction."""
    fell = sentences.history_sentence([(0, 4.0), (2, 1.0), (5, 0.5)], 9, 12)
    assert fell == ("The best value fell in 2 steps from 4 (#0) to 0.5 (#5); the 7 trials since then were not better.")
    assert "rose in 1 step from 1 (#0) to 2 (#3)." in sentences.history_sentence([(0, 1.0), (3, 2.0)], 4, 3)
    assert sentences.history_sentence([(0, 1.0)], 1, 0) == "The first of 1 complete trial, #0 with 1, is the best."
    assert sentences.history_sentence([], 0, 3) == "No trial has completed with a finite value yet."


def test_the_curves_say_where_pruned_ones_ended() -> None:
    """And to how many points long curves were thinned."""
    text = sentences.curves_sentence([9, 3, 0], ["complete", "pruned", "failed"], thinned=None)
    assert text == "2 trials have reported up to 9 steps each; the pruned trial ended after 3 steps."
    assert "half of the 3 pruned ones ended within 2 steps" in sentences.curves_sentence(
        [1, 2, 4], ["pruned"] * 3, thinned=None
    )
    assert "of which 5 are kept" in sentences.curves_sentence([9], ["complete"], thinned=5)


def test_the_lines_of_the_parallel_coordinates_are_named() -> None:
    """All trials, or which of them."""
    assert sentences.parallel_sentence(7, 7, 2).startswith("All 7 complete trials over 2 parameters")
    some = sentences.parallel_sentence(2000, 9000, 1)
    assert some.startswith("2000 of the 9000 complete trials (the 1000 best, and 1000 of the others drawn at random)")


def _model(score: float) -> Modelled:
    curve = {"points": [0.0, 1.0], "means": [1.0, 3.0]}
    return Modelled({"a": (0.9, 0.1), "b": (0.08, 0.0), "c": (0.02, 0.0)}, score, {"a": curve}, [], 20)


def test_importances_come_with_their_trust() -> None:
    """A forest that predicts nothing is not to be relied on; small shares are not named."""
    good = sentences.importance_sentence(_model(0.8), {})
    assert good == (
        "It depends most on a 90 %, b 8 %; 1 parameter hardly matters; the forest predicts 80 % of the variance of "
        "trials that it has not seen."
    )
    assert "do not rely on it" in sentences.importance_sentence(_model(-0.1), {})
    doubtful = sentences.importance_sentence(_model(-0.1), {"b": (0.7, 0.1), "a": (0.3, 0.1)})
    assert doubtful.startswith("What sets the best quarter apart: b 70 %, a 30 %; but the forest predicts")
    assert sentences.importance_sentence(None, {"a": (1.0, 0.0)}) == "What sets the best quarter apart: a 100 %."


def test_a_dependence_names_what_moves_the_value_most() -> None:
    """From where to where; without a forest it says what is drawn."""
    assert "a moves the value most: from 1 to 3" in sentences.dependence_sentence(_model(0.5), 3)
    assert "one of 3 parameters" in sentences.dependence_sentence(None, 3)


def test_contours_name_the_best_cell() -> None:
    """A choice by its label."""
    pair = {"x": "a", "y": "b", "across": [1.0, 2.0], "up": [0.0, 1.0], "means": [[4.0, 3.0], [2.0, 9.0]]}
    pair["y_labels"] = ("adam", "sgd")
    assert "2, at a near 1 and b near sgd" in sentences.contour_sentence(pair, is_maximum=False)
    assert "9, at a near 2 and b near sgd" in sentences.contour_sentence(pair, is_maximum=True)


def test_an_early_step_is_judged() -> None:
    """Fair at once, from a step on, never, or unknown."""

    def said(*last: float | None) -> str:
        rows = ((None,) * 4, (None,) * 4, (None,) * 4, (*last, 1.0))
        return sentences.agreement_sentence(Agreement((0, 1, 2, 9), rows, 8))

    assert "already step 0 is a fair judge" in said(0.95, 0.97, 0.99)
    assert "from step 2 on it is at least 0.9" in said(0.5, 0.8, 0.93)
    assert "no compared step reaches 0.9" in said(0.1, 0.2, 0.3)
    assert said(None, None, None) == "Too few trials have reached both step 9 and an earlier one."


def test_time_is_summed_up() -> None:
    """Workers, attempts, interruptions; and what the hours went into."""
    assert sentences.timeline_sentence(2, Counter(complete=5, interrupted=1), 0.94, 90.0) == (
        "2 workers made 6 attempts within 1 min 30 s, busy for 94 % of their time; 1 attempt was interrupted."
    )
    assert sentences.timeline_sentence(1, Counter(complete=1), None, 5.0) == "1 worker made 1 attempt within 5 s."
    again = sentences.timeline_sentence(1, Counter(complete=1), None, 5.0, 2)
    assert again.endswith("within 5 s; workers came back 2 times, by a requeue or the same command.")
    hours = {"complete": 3.0, "failed": 1.0}
    assert sentences.hours_sentence(hours, 60.0) == (
        "4 h 00 min of worker time: 75 % complete, 25 % failed; pruning has saved about 1 min 00 s."
    )
    assert sentences.hours_sentence({}, 0.0) == "No trial has taken any time yet."
    assert sentences.front_sentence(3, 9, ["a", "b"]).startswith("3 of 9 complete trials form the Pareto front")
