# SPDX-License-Identifier: MIT
"""Write the report on a study: a text summary, the table of its trials, the plots. Runs on the user's command."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.budget.counting import budget_of, budget_size, read_budget, read_counting
from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.reports.curves_table import write_curves
from hyperopt_app.reports.dataframe_csv import study_csv
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.reports.plot_settings import PlotSettings
from hyperopt_app.reports.summary import best_lines, summary_lines
from hyperopt_app.study import trial_facts
from hyperopt_app.support.files import replace_text

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["dataframe_text", "drawn", "report", "summary"]

_NO_PLOTS = "No plots and no importances: {name} is not installed. Install it with: pip install 'hyperopt-app[report]'"


def report(
    study: "optuna.Study",
    folder: Path,
    settings: Mapping[str, PlotSettings],
    *,
    n_trees: int = 64,
    max_depth: int = 64,
    top_k: int = 1,
) -> list[str]:
    """Write the tables of trials and curves and, with matplotlib and scikit-learn, the plots; return the report's text.

    Args:
        study: The study; only read.
        folder: Where the files go; made if it is not there.
        settings: Of the plots, by their names.
        n_trees: Trees of the forests that tell which parameters matter.
        max_depth: Their greatest depth.
        top_k: How many trials of a Pareto front are listed.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines, best = summary(study, len(study.get_trials(deepcopy=False)), top_k)
    path = folder / "trials_dataframe.csv"
    replace_text(path, dataframe_text(study))
    lines.append(f"Saved the table of the trials to {path}")
    curves = write_curves(study.get_trials(deepcopy=False), folder)
    lines += [] if curves is None else [f"Saved the table of the learning curves to {curves}"]
    if best:
        metrics = trial_facts.value_names(study.metric_names or (), len(study.directions))
        lines += drawn(study, metrics, folder, settings, n_trees=n_trees, max_depth=max_depth)
    return lines


def dataframe_text(study: "optuna.Study") -> str:
    """Format the table that Optuna's `Study.trials_dataframe` would give, as CSV."""
    return study_csv(study.get_trials(deepcopy=False), params_reader(study), len(study.directions))


def summary(study: "optuna.Study", asked_for: int, top_k: int = 1) -> tuple[list[str], list["FrozenTrial"]]:
    """Return the counts, the times and the best trials as lines, and the best trials themselves.

    Args:
        study: The study; only read.
        asked_for: How many trials are wanted of a study that does not know its budget.
        top_k: How many trials of a Pareto front are listed.
    """
    tried, waiting, wanted = _tried(study, asked_for)
    aside = _set_aside(study)
    best = list(trial_facts.best_trials(tried, study.directions))
    lines = summary_lines(tried, wanted, waiting)
    lines += [f"\tTrials that are set aside, and not counted here: {len(aside)}"] if aside else []
    lines += best_lines(best, params_reader(study), is_single=len(study.directions) == 1, top_k=top_k)
    return lines, best


def drawn(
    study: "optuna.Study",
    metrics: Sequence[str],
    folder: Path,
    settings: Mapping[str, PlotSettings],
    *,
    n_trees: int = 64,
    max_depth: int = 64,
) -> list[str]:
    """Draw the plots and compute the importances; return the lines about them.

    Args:
        study: The study, with a complete trial; only read.
        metrics: Names of the optimised values.
        folder: Where the plots go, unless the settings name another place.
        settings: Of the plots, by their names.
        n_trees: Trees of the forests.
        max_depth: Their greatest depth.
    """
    from hyperopt_app.budget.hidden import without
    from hyperopt_app.reports.importances import importances

    aside = _set_aside(study)
    try:
        from hyperopt_app.reports.plots import draw_all

        counting = without(study, aside, parked_are_pruned=True)
        lines = draw_all(counting, metrics, folder, settings, n_trees=n_trees, max_depth=max_depth)
    except ModuleNotFoundError as error:
        return [_NO_PLOTS.format(name=(error.name or "matplotlib").partition(".")[0])]
    return [*lines, *importances(study, metrics, aside, n_trees=n_trees, max_depth=max_depth)]


def _set_aside(study: "optuna.Study") -> Collection[int]:
    return set_aside_of(study, study.get_trials(deepcopy=False))


def _tried(study: "optuna.Study", asked_for: int) -> tuple[list["FrozenTrial"], int, int]:
    """Return the started trials, the number still to be tried, and the number that the last command requested."""
    trials = read_counting(study)
    tried = [trial for trial in trials if trial.state.name != "WAITING"]
    budget = budget_of(study)
    if budget is None:
        counted = sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in tried)
        return tried, max(len(trials) - len(tried), asked_for - counted), asked_for
    within = read_budget(study, budget)
    size = budget_size(within, budget)
    return tried, size - sum(trial.state.name != "WAITING" for trial in within), size
