# SPDX-License-Identifier: MIT
"""Gather from a study all that its page shows, as plain data; the study is only read."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.cost.compute import hours_by_outcome, saved_s, unit_of
from hyperopt_app.cost.worker_times import read_worker_times
from hyperopt_app.page import sentences, timeline
from hyperopt_app.page.curves import agreement_of, curves_of
from hyperopt_app.page.places import log_name, trial_links
from hyperopt_app.page.plain import Texts, plain_number
from hyperopt_app.page.trial_columns import STATES, Parameter, columns_of, parameters_of
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.study import trial_facts
from hyperopt_app.study.standings.ranking import Ranking, ranking_of

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from hyperopt_app.page.forest import Modelled

__all__ = ["Gathered", "gather"]

_NEEDS = "{name} is not installed, so {what} are left out: pip install 'hyperopt-app[report]'"


@dataclass(frozen=True)
class Gathered:
    """What a page shows.

    Attributes:
        data: Plain data for the figures and the table.
        sentences: What each figure shows here, by the figure's name; a figure without one is left out.
        best: The best trials, the best first.
        counts: How many trials are in which state, of those that count.
        kinds: How many trials failed in which way.
        notes: What is missing on the page, and why.
    """

    data: dict[str, Any]
    sentences: dict[str, str]
    best: list["FrozenTrial"]
    counts: Counter[str]
    kinds: Counter[str]
    notes: list[str]


class _Part(NamedTuple):
    """What a part of the page shows: data for its figures, and what each of them shows here, by its name."""

    data: dict[str, Any]
    sentences: dict[str, str]


class _Study:
    """What several parts ask of the study, read once."""

    def __init__(self, study: "optuna.Study") -> None:
        self.study = study
        every = study.get_trials(deepcopy=False)
        self.every = every
        self.aside = set_aside_of(study, every)
        self.shown = [trial for trial in every if trial.state.name != "WAITING" or trial_facts.attempts_of(trial)]
        self.counting = [trial for trial in self.shown if trial.number not in self.aside]
        self.complete = [trial for trial in self.counting if trial.state.name == "COMPLETE" and _is_finite(trial)]
        self.names = trial_facts.value_names(study.metric_names or (), len(study.directions))
        self.are_maxima = [direction.name == "MAXIMIZE" for direction in study.directions]


def _metrics(read: _Study) -> list[dict[str, Any]]:
    return [
        {"name": name, "maximum": is_maximum, "scale": _scale(read.complete, index)}
        for index, (name, is_maximum) in enumerate(zip(read.names, read.are_maxima, strict=True))
    ]


def _is_finite(trial: "FrozenTrial") -> bool:
    return all(map(math.isfinite, trial.values))


def gather(
    study: "optuna.Study",
    study_dir: Path,
    folder: Path,
    retrain: Callable[["FrozenTrial"], str],
    *,
    n_trees: int = 64,
    max_depth: int = 64,
) -> Gathered:
    """Read a study and compute what its page shows.

    Args:
        study: The study; only read.
        study_dir: Its directory.
        folder: Where the page will be; links are relative to it.
        retrain: Gives the command that trains a trial again; an empty text if there is none.
        n_trees: Trees of the forests.
        max_depth: Their greatest depth.
    """
    read, ranking, notes = _Study(study), ranking_of(study), list[str]()
    parameters = parameters_of(read.shown, params_reader(study))
    best = ranking.best(read.counting)
    parts = [
        _trial_part(read, parameters, study_dir, folder, retrain),
        _value_part(read, ranking, best, len(parameters)),
        _curve_part(read),
        _time_part(read, study_dir),
    ]
    try:
        parts.append(_model_part(read, parameters, n_trees=n_trees, max_depth=max_depth))
    except ModuleNotFoundError as error:
        notes.append(_NEEDS.format(name=error.name, what="importances, dependences and rank correlations"))
    return Gathered(
        {name: value for part in parts for name, value in part.data.items()},
        {name: sentence for part in parts for name, sentence in part.sentences.items()},
        best if len(read.are_maxima) > 1 else ranking.in_order(read.complete, 5),
        Counter(trial_facts.state_words(read.counting)),
        Counter(trial_facts.failure_kind(trial) or "unknown" for trial in read.counting if trial.state.name == "FAIL"),
        notes,
    )


def _trial_part(
    read: _Study,
    parameters: Sequence[Parameter],
    study_dir: Path,
    folder: Path,
    retrain: Callable[["FrozenTrial"], str],
) -> _Part:
    texts = Texts()
    columns = columns_of(read.shown, read.aside, retrain, texts)
    data = {
        "metrics": _metrics(read),
        "states": STATES,
        "outcomes": timeline.OUTCOMES,
        "parameters": [parameter.shown() for parameter in parameters],
        "trials": {**columns, "directory": trial_links(read.shown, study_dir, folder)},
        "log": log_name(read.shown, study_dir),
        "texts": texts.all,
    }
    return _Part(data, {})


def _scale(complete: Sequence["FrozenTrial"], index: int) -> str:
    """Return `log` for positive values that span more than two decades, else `linear`."""
    values = [trial.values[index] for trial in complete]
    return "log" if values and min(values) > 0 and max(values) > 100 * min(values) else "linear"


def _value_part(read: _Study, ranking: Ranking, best: Sequence["FrozenTrial"], n_parameters: int) -> _Part:
    numbers = [trial.number for trial in best]
    data: dict[str, Any] = {"best": sorted(set(numbers))}
    words = {}
    ended = [trial.number for trial in read.counting if trial.state.is_finished()]
    if len(read.are_maxima) == 1:
        bests = _bests(read.complete, is_maximum=read.are_maxima[0])
        data["bests"] = [[number, plain_number(value)] for number, value in bests]
        if ended:
            order = sentences.order_sentence(ranking.order, numbers) if ranking.order else ""
            words["history"] = sentences.history_sentence(bests, len(read.complete), ended[-1]) + order
    elif read.complete:
        words["front"] = sentences.front_sentence(len(data["best"]), len(read.complete), read.names)
    if read.complete and n_parameters:
        data["parallel"] = _of_parallel(read)
        words["parallel"] = sentences.parallel_sentence(len(data["parallel"]), len(read.complete), n_parameters)
    if ended:
        words["table"] = "Click a row to see the trial; search and sort, or filter a column by the sign at its head."
    return _Part(data, words)


# Lines of the parallel coordinates: more would hide each other, and browsers without a GPU would need seconds.
_MOST_LINES = 1000


def _of_parallel(read: _Study) -> list[int]:
    """Choose the numbers of the complete trials that are drawn: all, or the best and some of the others."""
    import random

    complete = read.complete
    if len(complete) <= _MOST_LINES:
        return [trial.number for trial in complete]
    sign = -1.0 if read.are_maxima[0] else 1.0
    ordered = [trial.number for trial in sorted(complete, key=lambda trial: sign * trial.values[0])]
    half = _MOST_LINES // 2
    return sorted([*ordered[:half], *random.Random(0).sample(ordered[half:], half)])


def _bests(complete: Sequence["FrozenTrial"], *, is_maximum: bool) -> list[tuple[int, float]]:
    """Return number and value of each feasible trial that was better than all before it."""
    bests: list[tuple[int, float]] = []
    for trial in complete:
        value = trial.values[0]
        is_better = not bests or (value > bests[-1][1] if is_maximum else value < bests[-1][1])
        if is_better and all(violation <= 0 for violation in trial.constraints.values()):
            bests.append((trial.number, value))
    return bests


def _curve_part(read: _Study) -> _Part:
    curves = curves_of(read.shown)
    if curves is None:
        return _Part({"curves": None}, {})
    lengths = [len(trial.intermediate_values) for trial in read.shown]
    states = trial_facts.state_words(read.shown)
    return _Part({"curves": curves}, {"curves": sentences.curves_sentence(lengths, states, thinned=curves["kept"])})


def _time_part(read: _Study, study_dir: Path) -> _Part:
    now = time.time()
    spans = timeline.spans_of(read.every, now)
    workers = read_worker_times(study_dir, now)
    rows = timeline.timeline_of(spans, workers)
    hours = hours_by_outcome(spans, workers)
    hours = {word: hours[word] for word in (*timeline.OUTCOMES, "idle") if word in hours}
    saved, unit = saved_s(read.counting), unit_of(workers)
    data: dict[str, Any] = {
        "timeline": rows,
        "unit": unit,
        "hours": {word: round(spent, 6) for word, spent in hours.items()},
        "saved_hours": round(saved / 3600, 6),
    }
    if rows is None:
        return _Part(data, {})
    total = sum(hours.values())
    busy = None if not total or not all(span.worker for span in spans) else 1 - hours.get("idle", 0.0) / total
    outcomes = Counter(span.outcome for span in spans)
    length_s = max(span.ended for span in spans) - min(span.begun for span in spans)
    again = sum(rows["work"]["again"])
    words = {
        "timeline": sentences.timeline_sentence(len(rows["rows"]), outcomes, busy, length_s, again),
        "hours": sentences.hours_sentence(hours, saved, unit),
    }
    return _Part(data, words)


def _model_part(read: _Study, parameters: Sequence[Parameter], *, n_trees: int, max_depth: int) -> _Part:
    """Return what a forest of each metric says; the sentences speak of the first metric."""
    from hyperopt_app.page.forest import modelled

    places = {trial.number: place for place, trial in enumerate(read.shown)}
    rows = [places[trial.number] for trial in read.complete]
    of_complete = [_restricted(parameter, rows) for parameter in parameters]
    usable = [parameter for parameter in of_complete if any(value is not None for value in parameter.values)]
    data: dict[str, Any] = {"models": []}
    words: dict[str, str] = {}
    for index in range(len(read.names) if usable else 0):
        values = [trial.values[index] for trial in read.complete]
        model = modelled(usable, values, n_trees=n_trees, max_depth=max_depth)
        shown = _shown_model(read, model, usable, index)
        data["models"].append(shown)
        if index == 0:
            words = _model_sentences(model, shown, len(usable), is_maximum=read.are_maxima[0])
    if len(read.are_maxima) == 1 and (agreement := agreement_of(read.counting)) is not None:
        data["agreement"] = agreement.shown()
        words["agreement"] = sentences.agreement_sentence(agreement)
    return _Part(data, words)


def _restricted(parameter: Parameter, rows: Sequence[int]) -> Parameter:
    values = tuple(parameter.values[row] for row in rows)
    return Parameter(parameter.name, parameter.is_log, parameter.bounds, parameter.labels, values)


def _shown_model(read: _Study, model: "Modelled | None", parameters: Sequence[Parameter], index: int) -> dict[str, Any]:
    """Return what was computed for a metric as plain data."""
    from hyperopt_app.page.importances import shares_among_best

    counted = {trial.number for trial in read.complete}
    hidden = {trial.number for trial in read.every if trial.state.name == "COMPLETE"} - counted
    among_best = shares_among_best(read.study, read.complete, hidden, index)
    labels = {parameter.name: parameter.labels for parameter in parameters}
    shares: Mapping[str, tuple[float, float]] = {} if model is None else model.shares
    return {
        "shares": {name: list(share) for name, share in shares.items()},
        "among_best": {name: list(share) for name, share in among_best.items()},
        "curves": {} if model is None else dict(model.curves),
        "pairs": [
            {**pair, "x_labels": labels[pair["x"]], "y_labels": labels[pair["y"]]}
            for pair in (() if model is None else model.pairs)
            if pair["means"]
        ],
    }


def _model_sentences(
    model: "Modelled | None", shown: Mapping[str, Any], n_parameters: int, *, is_maximum: bool
) -> dict[str, str]:
    words = {"slices": sentences.dependence_sentence(model, n_parameters)}
    if model is not None or shown["among_best"]:
        words["importances"] = sentences.importance_sentence(model, shown["among_best"])
    if shown["pairs"]:
        words["contours"] = sentences.contour_sentence(shown["pairs"][0], is_maximum=is_maximum)
    return words
