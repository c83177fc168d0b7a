# SPDX-License-Identifier: MIT
"""Write the original's report: the report of every study, plus best.yml and the original's file names."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.old.places import direction_faults
from hyperopt_app.legacy.reading.findings import Findings
from hyperopt_app.legacy.reading.loading import load, plain
from hyperopt_app.legacy.reading.pair import Pair, Parameter
from hyperopt_app.legacy.tables.files import write_study_csv
from hyperopt_app.legacy.translating.translation import study_dir_of
from hyperopt_app.looking.health.checks import health
from hyperopt_app.looking.view import read_view
from hyperopt_app.page.page import write_page
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.reports.plot_settings import PlotSettings, plot_settings
from hyperopt_app.reports.report import drawn, summary
from hyperopt_app.reports.summary import chosen_line
from hyperopt_app.support.files import replace_text

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["best_config", "report", "unapplied", "write_best"]


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
    """Write the files of a report into the pair's save_path, and return its text.

    `<study_name>.csv` is always written; with `model` and a complete trial `best.yml`; with matplotlib, scikit-learn
    and what else the extra `report` has, the plots and `report.html`.

    Args:
        pair: The pair of files.
        study: Its study; only read.
        model: The model file for best.yml.
        plot: A YAML file of settings for the plots.
        n_trees: Trees of the forests that tell which parameters matter.
        max_depth: Their greatest depth.
        top_k: How many trials of a Pareto front are listed.

    Raises:
        ConfigError: The model or plot file is faulty, or the study has other directions; nothing was written.
        OSError: The folder cannot be written.
    """
    faults = direction_faults(pair.directions, study.directions, study_name=pair.study_name, where=str(pair.hyper_path))
    findings = Findings(str(model), faults)
    config = plain(load(model, findings)) if model is not None else None
    if findings.faults:
        raise ConfigError(findings.faults)
    settings = _plot_settings(plot)
    pair.save_path.mkdir(parents=True, exist_ok=True)
    lines, best = summary(study, pair.n_trials, top_k)
    lines.append(f"Saved the results of the study to {write_study_csv(study, pair.save_path)}")
    lines += _best(pair, config, best, study)
    if best:
        lines += drawn(study, pair.metrics, pair.save_path, settings, n_trees=n_trees, max_depth=max_depth)
    return "\n".join([*lines, *_page(pair, study, n_trees, max_depth)])


def _page(pair: Pair, study: "optuna.Study", n_trees: int, max_depth: int) -> list[str]:
    """Write the report page of every study beside the original's files; an old study has no directory of its own."""
    directory = own if (own := study_dir_of(pair)).is_dir() else pair.save_path
    checks = [finding.text for finding in health(read_view(study, directory))]
    return write_page(study, directory, pair.save_path, checks=checks, n_trees=n_trees, max_depth=max_depth)


def _plot_settings(path: Path | None) -> dict[str, PlotSettings]:
    """The settings of the plots, from a file in the YAML of old."""
    if path is None:
        return {}
    findings = Findings(str(path))
    content = plain(load(path, findings))
    if findings.faults:
        raise ConfigError(findings.faults)
    return plot_settings(content, path)


def _best(
    pair: Pair, model: Mapping[Any, Any] | None, best: Sequence["FrozenTrial"], study: "optuna.Study"
) -> list[str]:
    if model is None:
        return ["A model configuration is required to save the best hyperparameters (-m MODEL)"]
    if not best:
        return []
    params = params_reader(study)(best[0])
    path = pair.save_path / "best.yml"
    write_best(path, best_config(pair.parameters, model, params))
    lines = [f"Saved the best model configuration to {path}", *([chosen_line(best)] if len(best) > 1 else [])]
    left = unapplied(pair.parameters, model, params)
    if left:
        lines.append("\tOnly the objective applies these; they are not in best.yml:")
        lines += [f"\t\t{name}: {value}" for name, value in left.items()]
    return lines


def best_config(parameters: Sequence[Parameter], model: Mapping[Any, Any], params: Mapping[str, Any]) -> dict[Any, Any]:
    """Return the model config of a trial.

    Parameters go by their `settings.name` to their own path; what a `custom_updates` makes of them is not known here.

    Args:
        parameters: Of the pair of files.
        model: The model config.
        params: The trial's parameters by name.
    """
    config = copy.deepcopy(dict(model))
    for parameter in parameters:
        home = _home(config, parameter)
        if home is not None and parameter.name in params:
            home[parameter.path[-1]] = _cast(parameter, params[parameter.name])
    return config


def unapplied(parameters: Sequence[Parameter], model: Mapping[Any, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names of parameters that only the objective applies, so the model config does not hold them."""
    applied = {parameter.name for parameter in parameters if _home(model, parameter) is not None}
    return {name: value for name, value in params.items() if name not in applied}


def _home(config: Any, parameter: Parameter) -> Any:
    """Return the mapping that holds the parameter's value; None if it does not belong to the model config.

    A key without a colon is the objective's own affair where the model config does not have it.
    """
    if parameter.place == "objective" or (len(parameter.path) == 1 and parameter.path[0] not in config):
        return None
    for part in parameter.path[:-1]:
        config = config.get(part) if isinstance(config, Mapping) else None
    return config if isinstance(config, Mapping) else None


def _cast(parameter: Parameter, value: Any) -> Any:
    if parameter.declared == "categorical":
        return value
    return int(value) if parameter.is_integer else float(value)


def write_best(path: Path, config: Mapping[Any, Any]) -> None:
    """Write the config as the original did, keys sorted; the file is replaced as a whole.

    Raises:
        OSError: The file cannot be written.
    """
    replace_text(path, yaml.safe_dump(dict(config), default_flow_style=False, allow_unicode=True))
