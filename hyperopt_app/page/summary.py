# SPDX-License-Identifier: MIT
"""Say at the top of a page what became of the study: state, counts, failures, the best trials, the cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.budget.counting import budget_of, budget_size, read_budget
from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.page.data import Gathered
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.study import trial_facts
from hyperopt_app.study.notes import read_notes
from hyperopt_app.study.records.trial_records import imported_from
from hyperopt_app.study.stopping import read_stop
from hyperopt_app.support.display_text import counted, duration_text, value_text, visible

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["BestRow", "Summary", "summarised"]


@dataclass(frozen=True)
class BestRow:
    """A row of the table of the best trials."""

    number: int
    values: tuple[str, ...]
    parameters: str


@dataclass(frozen=True)
class Summary:
    """What stands at the top of a page.

    Attributes:
        name: Of the study.
        directory: Where it lies.
        made: When the page was made.
        state: Half a sentence: running, stopped, finished.
        counts: States with the numbers of their trials, of those that count.
        kinds: Kinds of failures with their numbers.
        metrics: Names of the optimised values, each with its direction.
        rows: The best trials.
        retrain: The command that trains the best one again; empty if unknown.
        cost: What the study took; empty without a trial.
        checks: What health checks say.
        notes: What the user should know.
    """

    name: str
    directory: str
    made: str
    state: str
    counts: Sequence[tuple[str, int]]
    kinds: Sequence[tuple[str, int]]
    metrics: Sequence[tuple[str, str]]
    rows: Sequence[BestRow]
    retrain: str
    cost: str
    checks: Sequence[str]
    notes: Sequence[str]


def summarised(
    study: "optuna.Study",
    study_dir: Path,
    gathered: Gathered,
    retrain: Callable[["FrozenTrial"], str],
    checks: Sequence[str],
    made: str,
) -> Summary:
    """Return the summary of a study.

    Args:
        study: The study; only read.
        study_dir: Its directory.
        gathered: What the page shows.
        retrain: Gives the command that trains a trial again.
        checks: What health checks say, a sentence each.
        made: When the page was made.
    """
    params_of = params_reader(study)
    names = trial_facts.value_names(study.metric_names or (), len(study.directions))
    words = [direction.name.lower() for direction in study.directions]
    notes = _notes_on_others(study)
    return Summary(
        visible(study.study_name),
        visible(str(study_dir.absolute())),
        made,
        _state_of_study(study, gathered.counts),
        [(word, gathered.counts[word]) for word in gathered.data["states"] if gathered.counts[word]],
        gathered.kinds.most_common(),
        list(zip((visible(name) for name in names), words, strict=True)),
        [_best_row(trial, params_of(trial)) for trial in gathered.best[:5]],
        retrain(gathered.best[0]) if gathered.best else "",
        _cost_of_study(gathered.data),
        list(checks),
        [*notes, *read_notes(study), *gathered.notes],
    )


def _notes_on_others(study: "optuna.Study") -> list[str]:
    """Say how many trials are not counted, and why."""
    trials = study.get_trials(deepcopy=False)
    imported = sum(bool(imported_from(trial)) for trial in trials)
    aside = len(set_aside_of(study, trials)) - imported
    notes = [f"{counted(aside, 'trial is', 'trials are')} set aside and not counted here."] if aside else []
    elsewhere = f"{counted(imported, 'trial was', 'trials were')} imported from elsewhere and not counted here."
    return [*notes, elsewhere] if imported else notes


def _best_row(trial: "FrozenTrial", params: Mapping[str, Any]) -> BestRow:
    texts = [f"{visible(name)} {value_text(value)}" for name, value in params.items()]
    return BestRow(trial.number, tuple(f"{value:.6g}" for value in trial.values), ", ".join(texts))


def _state_of_study(study: "optuna.Study", counts: Mapping[str, int]) -> str:
    ended = sum(counts.get(word, 0) for word in ("complete", "pruned", "failed"))
    budget, stop = budget_of(study), read_stop(study)
    size = None if budget is None else budget_size(read_budget(study, budget), budget)
    of_all = counted(ended, "trial") if size is None else f"{ended} of {counted(size, 'trial')}"
    if counts.get("running"):
        return f"{of_all} ended, {counts['running']} running"
    if size is not None and ended >= size:
        return f"finished: {of_all}"
    return f"stopped after {of_all}: {visible(stop.reason)}" if stop is not None else f"{of_all} ended, none running"


def _cost_of_study(data: Mapping[str, Any]) -> str:
    hours = sum(data["hours"].values())
    if not hours:
        return ""
    rows = len(data["timeline"]["rows"])
    ends = (begun + length for begun, length in zip(data["timeline"]["begun"], data["timeline"]["length"], strict=True))
    spent = f"{duration_text(hours * 3600)} of {data['unit']} time"
    return f"{duration_text(max(ends))} with {counted(rows, 'worker')}, {spent}"
