# SPDX-License-Identifier: MIT
"""The report on a study: the table of its trials, best.yml, the plots, and a summary as text."""

import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.old.places import direction_faults, study_in_memory
from hyperopt_app.legacy.reading.findings import Findings
from hyperopt_app.legacy.reading.loading import load, plain
from hyperopt_app.legacy.reading.pair import Pair
from hyperopt_app.legacy.reporting.plot_settings import read_plot_settings
from hyperopt_app.legacy.reporting.text import best_lines, chosen_line, importance_lines, summary_lines
from hyperopt_app.legacy.tables.best import best_config, unapplied, write_best
from hyperopt_app.legacy.tables.files import write_study_csv
from hyperopt_app.legacy.tables.values import params_reader
from hyperopt_app.reports.plot_settings import PlotSettings
from hyperopt_app.study import trial_records

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["report"]

_NO_PLOTS = "No plots and no importances: {name} is not installed. Install it with: pip install 'hyperopt-app[report]'"

# Optuna's functional ANOVA takes a time that grows with the square: 20 s for a thousand trials, hours for many.
_MOST_FOR_IMPORTANCES = 1000


def report(
    pair: Pair,
    study: "optuna.Study",
    *,
    model: Path | None = None,
    plot: Path | None = None,
    n_trees: int = 64,
    max_depth: int = 64,
    top_k: int = 1,
) -> str:
    """Write the files of a report into the pair's save_path, and tell what the study has come to.

    `<study_name>.csv` is always written; with `model` and a complete trial `best.yml`; with matplotlib and
    scikit-learn (the extra `report`) the plots.

    Args:
        pair: The pair of files.
        study: Its study; only read.
        model: The model file for best.yml.
        plot: A YAML file of settings for the plots.
        n_trees: Trees of the forests that tell which parameters matter.
        max_depth: Their greatest depth.
        top_k: How many trials of a Pareto front are told.

    Returns:
        The summary, lines without an end.

    Raises:
        ConfigError: The model or plot file is faulty, or the study has other directions; nothing was written.
        OSError: The folder cannot be written.
    """
    from hyperopt_app.budget.hidden import without
    from hyperopt_app.budget.set_aside import set_aside_of

    faults = direction_faults(pair.directions, study.directions, study_name=pair.study_name, where=str(pair.hyper_path))
    findings = Findings(str(model), faults)
    config = plain(load(model, findings)) if model is not None else None
    if findings.faults:
        raise ConfigError(findings.faults)
    settings = read_plot_settings(plot)
    pair.save_path.mkdir(parents=True, exist_ok=True)
    tried, waiting, wanted = _tried(study, pair.n_trials)
    aside = set_aside_of(study, study.get_trials(deepcopy=False))
    read = params_reader(study)
    best = trial_records.best_trials(tried, study.directions)
    lines = summary_lines(tried, wanted, waiting)
    lines += [f"\tTrials that are set aside, and not counted here: {len(aside)}"] if aside else []
    lines += best_lines(best, read, is_single=len(study.directions) == 1, top_k=top_k)
    lines.append(f"Saved the results of the study to {write_study_csv(study, pair.save_path)}")
    lines += _best(pair, config, best, read)
    if best:
        lines += _drawn(without(study, aside), pair, settings, n_trees, max_depth)
    return "\n".join(lines)


def _tried(study: "optuna.Study", asked_for: int) -> tuple[list["FrozenTrial"], int, int]:
    """The trials that somebody has begun, how many are still to be tried, and how many the last command asked for."""
    from hyperopt_app.budget.counting import budget_size, read_budget, read_counting
    from hyperopt_app.budget.ticket_issue import budget_of

    trials = read_counting(study)
    tried = [trial for trial in trials if trial.state.name != "WAITING"]
    budget = budget_of(study)
    if budget is None:
        counted = sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in tried)
        return tried, max(len(trials) - len(tried), asked_for - counted), asked_for
    within = read_budget(study, budget)
    size = budget_size(within, budget)
    return tried, size - sum(trial.state.name != "WAITING" for trial in within), size


def _best(
    pair: Pair,
    model: Mapping[Any, Any] | None,
    best: Sequence["FrozenTrial"],
    read: Callable[["FrozenTrial"], Mapping[str, Any]],
) -> list[str]:
    if model is None:
        return ["A model configuration is required to save the best hyperparameters (-m MODEL)"]
    if not best:
        return []
    params = read(best[0])
    path = pair.save_path / "best.yml"
    write_best(path, best_config(pair.parameters, model, params))
    lines = [f"Saved the best model configuration to {path}", *([chosen_line(best)] if len(best) > 1 else [])]
    left = unapplied(pair.parameters, model, params)
    if left:
        lines.append("\tOnly the objective applies these; they are not in best.yml:")
        lines += [f"\t\t{name}: {value}" for name, value in left.items()]
    return lines


def _drawn(
    study: "optuna.Study", pair: Pair, settings: Mapping[str, PlotSettings], n_trees: int, max_depth: int
) -> list[str]:
    try:
        from hyperopt_app.reports.plots import draw_all

        lines = draw_all(study, pair.metrics, pair.save_path, settings, n_trees=n_trees, max_depth=max_depth)
    except ModuleNotFoundError as error:
        return [_NO_PLOTS.format(name=(error.name or "matplotlib").partition(".")[0])]
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if len(complete) < 2:
        return lines
    few = _some(complete)
    own = study_in_memory(few, study.directions)
    for index, metric in enumerate(pair.metrics):
        lines += _importances(own, len(few), index, metric, n_trees, max_depth)
    if len(few) < len(complete):
        lines.append(f"The importances are those of {len(few)} of the {len(complete)} complete trials, drawn at random")
    return lines


def _importances(
    study: "optuna.Study", n_trials: int, index: int, metric: str, n_trees: int, max_depth: int
) -> list[str]:
    import optuna.importance as optuna_importance

    def target(trial: "FrozenTrial") -> float:
        return float(trial.values[index])

    fanova = optuna_importance.FanovaImportanceEvaluator(n_trees=n_trees, max_depth=max_depth, seed=0)
    mdi = optuna_importance.MeanDecreaseImpurityImportanceEvaluator(n_trees=n_trees, max_depth=max_depth, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            both = [
                optuna_importance.get_param_importances(study, evaluator=evaluator, target=target)
                for evaluator in (fanova, mdi)
            ]
        except (RuntimeError, ValueError) as error:  # all values are equal, or no parameter is common to all trials
            return [f"No importances for {metric} from {n_trials} trials: {error}"]
    if not both[0]:
        return [f"No importances for {metric}: the complete trials have no parameter in common."]
    return importance_lines(metric, *both)


def _some(trials: Sequence["FrozenTrial"]) -> Sequence["FrozenTrial"]:
    if len(trials) <= _MOST_FOR_IMPORTANCES:
        return trials
    return sorted(random.Random(0).sample(trials, _MOST_FOR_IMPORTANCES), key=lambda trial: trial.number)
