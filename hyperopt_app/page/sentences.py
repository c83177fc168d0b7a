# SPDX-License-Identifier: MIT
"""Say in one sentence what each figure shows here; all functions are pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hyperopt_app.page.curves import Agreement
from hyperopt_app.page.forest import Modelled
from hyperopt_app.support.display_text import counted, duration_text, value_text, visible

__all__ = [
    "agreement_sentence",
    "contour_sentence",
    "curves_sentence",
    "dependence_sentence",
    "front_sentence",
    "history_sentence",
    "hours_sentence",
    "importance_sentence",
    "order_sentence",
    "parallel_sentence",
    "timeline_sentence",
]

# A rank correlation from which an early step is a fair judge of the last.
_FAIR = 0.9
# A share of a parameter below which it hardly matters.
_SMALL = 0.05


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def history_sentence(bests: Sequence[tuple[int, float]], complete: int, last: int) -> str:
    """Describe the best values so far.

    Args:
        bests: Number and value of each trial that was better than all before.
        complete: How many trials are complete.
        last: The number of the last trial that has ended.
    """
    if not bests:
        return "No trial has completed with a finite value yet."
    number, value = bests[-1]
    if len(bests) == 1:
        return f"The first of {counted(complete, 'complete trial')}, #{number} with {value_text(value)}, is the best."
    since = last - number
    ago = f"; the {since} trials since then were not better" if since > 1 else ""
    first, went = bests[0], "fell" if value < bests[0][1] else "rose"
    course = f"{went} in {counted(len(bests) - 1, 'step')} from {value_text(first[1])} (#{first[0]})"
    return f"The best value {course} to {value_text(value)} (#{number}){ago}."


def order_sentence(order: Sequence[Mapping[str, Any]], best: Sequence[int]) -> str:
    """Say that the best is chosen by several metrics in turn, behind what says how the first one went."""
    turns = [f"{visible(step['metric'])} within {step['tolerance']:g}" for step in order[:-1]]
    chosen = f": #{best[0]}" if best else ""
    last = visible(order[-1]["metric"])
    return f" That is the first metric alone; the best is chosen by {', then '.join([*turns, last])}{chosen}."


def curves_sentence(lengths: Sequence[int], states: Sequence[str], *, thinned: int | None) -> str:
    """Describe the learning curves: how many, how long, and where pruned ones ended.

    Args:
        lengths: Reported steps of each trial.
        states: Of each trial.
        thinned: The points to which each long curve was thinned; None for all of them.
    """
    shown = [(length, state) for length, state in zip(lengths, states, strict=True) if length]
    pruned = sorted(length for length, state in shown if state == "pruned")
    text = f"{counted(len(shown), 'trial has', 'trials have')} reported up to {counted(max(lengths), 'step')} each"
    if len(pruned) == 1:
        text += f"; the pruned trial ended after {counted(pruned[0], 'step')}"
    elif pruned:
        text += f"; half of the {len(pruned)} pruned ones ended within {counted(pruned[len(pruned) // 2], 'step')}"
    return f"{text}{f', of which {thinned} are kept' if thinned else ''}."


def parallel_sentence(shown: int, complete: int, parameters: int) -> str:
    """Say which trials the lines stand for."""
    which = f"All {complete} complete trials" if shown == complete else f"{shown} of the {complete} complete trials"
    half = shown // 2
    how = "" if shown == complete else f" (the {half} best, and {shown - half} of the others drawn at random)"
    axes = counted(parameters, "parameter")
    return f"{which}{how} over {axes}: drag along an axis to keep the lines that cross it there, also in the table."


def importance_sentence(model: Modelled | None, among_best: Mapping[str, tuple[float, float]]) -> str:
    """Say what matters most, and how far the forest can be trusted."""
    if model is None and not among_best:
        return "Too few complete trials to say which parameters matter."
    # Where the forest predicts nothing, what sets the best apart is the better guide, as in the study's summary.
    is_trusted = model is not None and (model.score > 0 or not among_best)
    shares = {name: share for name, (share, _) in (model.shares if model and is_trusted else among_best).items()}
    ordered = sorted(shares, key=lambda name: -shares[name])
    first = ", ".join(f"{name} {_percent(shares[name])}" for name in ordered[:3] if shares[name] >= _SMALL)
    small = [name for name in ordered if shares[name] < _SMALL]
    rest = f"; {counted(len(small), 'parameter hardly matters', 'parameters hardly matter')}" if small else ""
    if model is None:
        return f"What sets the best quarter apart: {first}{rest}."
    if model.score > 0:
        trust = f"the forest predicts {_percent(model.score)} of the variance of trials that it has not seen"
        return f"It depends most on {first}{rest}; {trust}."
    doubt = "the forest predicts unseen trials no better than their mean does, so do not rely on it"
    return f"{'What sets the best quarter apart: ' if among_best else 'It depends most on '}{first}{rest}; but {doubt}."


def dependence_sentence(model: Modelled | None, parameters: int) -> str:
    """Say which parameter moves the metric most when the others are averaged out."""
    if model is None:
        return f"Each panel shows the values of the complete trials over one of {counted(parameters, 'parameter')}."
    ranges = {name: (min(curve["means"]), max(curve["means"])) for name, curve in model.curves.items()}
    widest = max(ranges, key=lambda name: ranges[name][1] - ranges[name][0])
    low, high = ranges[widest]
    return (
        f"With the others averaged out, {widest} moves the value most: from {value_text(low)} to {value_text(high)} "
        f"(line; its band is the spread between the trees)."
    )


def contour_sentence(pair: Mapping[str, Any], *, is_maximum: bool) -> str:
    """Say where the forest expects the best value of the first pair."""
    cells = [
        (value, across, up)
        for row, up in zip(pair["means"], pair["up"], strict=True)
        for value, across in zip(row, pair["across"], strict=True)
    ]
    best = max(cells) if is_maximum else min(cells)
    across, up = _place_in_pair(pair, "x", best[1]), _place_in_pair(pair, "y", best[2])
    where = f"{pair['x']} near {across} and {pair['y']} near {up}"
    return f"With the others averaged out, the forest expects the best value, {value_text(best[0])}, at {where}."


def _place_in_pair(pair: Mapping[str, Any], axis: str, value: float) -> str:
    labels = pair.get(f"{axis}_labels") or ()
    return labels[int(value)] if labels else value_text(float(value))


def agreement_sentence(agreement: Agreement) -> str:
    """Say from which step on the order of the trials is about the final one."""
    last, pairs = agreement.steps[-1], agreement.with_last()
    if not pairs:
        return f"Too few trials have reached both step {last} and an earlier one."
    first, value = pairs[0]
    text = f"The order of the trials at step {first} and that at step {last} have a rank correlation of {value:.2f}"
    fair = next((step for step, share in pairs if share >= _FAIR), None)
    if fair == first:
        return f"{text}: already step {first} is a fair judge."
    if fair is None:
        return f"{text}, and no compared step reaches {_FAIR}: a pruner that acts early ends good trials too."
    return f"{text}; from step {fair} on it is at least {_FAIR} there, so a pruner should not act before."


def front_sentence(front: int, complete: int, names: Sequence[str]) -> str:
    """Say how many trials no other beats in every metric."""
    return (
        f"{front} of {counted(complete, 'complete trial')} form the Pareto front: none of the others is better in "
        f"{' and '.join(names)} at once."
    )


def timeline_sentence(rows: int, outcomes: Counter[str], busy: float | None, span_s: float, again: int = 0) -> str:
    """Describe the workers' time.

    Args:
        rows: How many workers there were.
        outcomes: What became of the attempts.
        busy: The share of their time that they spent on trials; None if unknown.
        span_s: Seconds from the first beginning to the last end.
        again: How often a worker came back to its place.
    """
    text = f"{counted(rows, 'worker')} made {counted(outcomes.total(), 'attempt')} within {duration_text(span_s)}"
    if busy is not None:
        text += f", busy for {_percent(busy)} of their time"
    cut = outcomes["interrupted"]
    parts = [f"{counted(cut, 'attempt was', 'attempts were')} interrupted"] if cut else []
    parts += [f"workers came back {counted(again, 'time')}, by a requeue or the same command"] if again else []
    return f"{'; '.join([text, *parts])}."


def hours_sentence(hours: Mapping[str, float], saved_s: float, unit: str = "worker") -> str:
    """Say what the hours of workers, or of their GPUs, were spent on."""
    total = sum(hours.values())
    if not total:
        return "No trial has taken any time yet."
    parts = [f"{_percent(hours[word] / total)} {word}" for word in hours if hours[word] / total >= 0.005]
    text = f"{duration_text(total * 3600)} of {unit} time: {', '.join(parts)}"
    return f"{text}; pruning has saved about {duration_text(saved_s)}." if saved_s >= 1 else f"{text}."
