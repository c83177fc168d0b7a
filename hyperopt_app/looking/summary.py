# SPDX-License-Identifier: MIT
"""The end of a study in a few lines: counts, times, failures, the best, what matters, health, what to do next."""

import logging
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.looking.failures import failures_of
from hyperopt_app.looking.health.checks import health
from hyperopt_app.looking.matters import importances_of
from hyperopt_app.looking.tables.rows import row_of
from hyperopt_app.looking.time_spent import TimeSpent, time_spent
from hyperopt_app.looking.view import View, read_view
from hyperopt_app.study.trial_facts import infeasible_text
from hyperopt_app.support.display_text import counted, duration_text, in_one_line, share_text, value_text
from hyperopt_app.support.files import replace_text
from hyperopt_app.support.passwords import masked

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["summary_data", "summary_of", "write_summary", "write_summary_of_last"]

_log = logging.getLogger(__name__)

_NAME = "summary.txt"

_PLACES = ("2nd", "3rd")
_MOST_PARAMS, _MOST_OF_FRONT, _MOST_NUMBERS = 12, 3, 4
_LONGEST_REASON = 80


def summary_of(view: View) -> list[str]:
    """Return the lines that a search ends with, and that `summary.txt` holds."""
    lines = [_headline(view, time_spent(view)), *_count_lines(view)]
    parts = [("best", _best_text(view)), ("matters", _matters_text(view))]
    parts += [(finding.word, finding.text) for finding in health(view)]
    parts.append(("look", f"hyperopt-app report {_typed_path(view)}"))
    return lines + [f"  {word:<8} {text}" for word, text in parts if text]


def write_summary(study: "optuna.Study", study_dir: Path) -> list[str]:
    """Write summary.txt and return its lines. Runs in the driver, and in the last worker of a detached study.

    What goes wrong with it is logged: all results are stored already, and a summary ends no search.
    """
    return _written(lambda: read_view(study, study_dir), study_dir)


def write_summary_of_last(study: "optuna.Study", study_dir: Path) -> list[str]:
    """Do the same in a worker that leaves, if it is the last one and the study has ended or was stopped."""

    def last_view() -> View | None:
        view = read_view(study, study_dir)
        is_last = not view.counts["running"] and not any(worker.alive for worker in view.workers)
        return view if is_last and view.state in ("done", "stopped", "held") else None

    return _written(last_view, study_dir)


def _written(read: Callable[[], View | None], study_dir: Path) -> list[str]:
    try:
        view = read()
        if view is None:
            return []
        lines = summary_of(view)
        replace_text(study_dir / _NAME, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        _log.warning("%s could not be written: %s", study_dir / _NAME, error.strerror)
        return []
    except Exception as error:  # noqa: BLE001 -- of values and names of any kind
        _log.warning("The study could not be summarised: %s: %s", type(error).__name__, error)
        _log.debug("Summarising it failed.", exc_info=True)
        return []
    return lines


def summary_data(view: View) -> dict[str, Any]:
    """Return the same as plain data, for programs."""
    spent = time_spent(view)
    return {
        "name": view.name,
        "directory": str(view.directory),
        "state": view.state,
        "n_trials": view.n_trials,
        "counts": dict(view.counts),
        "set_aside": len(view.aside.keys() - view.imported),
        "imported": len(view.imported),
        "left": view.left,
        "seconds": {**asdict(spent), "busy": spent.busy, "idle_s": spent.idle_s},
        "cost": view.cost._asdict(),
        "failures": [group._asdict() for group in failures_of(view)],
        "best": [row_of(view, trial) for trial in view.best],
        "importances": {metric: importances_of(view, place) for place, metric in enumerate(view.metrics)},
        "health": [finding._asdict() for finding in health(view)],
    }


def _typed_path(view: View) -> str:
    directory, here = view.directory.absolute(), Path.cwd()
    return shlex.quote(str(directory.relative_to(here) if directory.is_relative_to(here) else directory))


def _headline(view: View, spent: TimeSpent) -> str:
    earlier = f" (+{duration_text(spent.earlier_s)} in earlier runs)" if spent.earlier_s >= 1 else ""
    ended = f"{view.ended} of {counted(view.n_trials, 'trial')}"
    parts = [f"{in_one_line(view.name)}: {ended} in {duration_text(spent.run_s)}{earlier}"]
    if spent.workers:
        parts.append(f"{counted(spent.workers, 'worker')} {share_text(spent.busy)} busy")
    if spent.compute_s:
        parts.append(f"{duration_text(spent.compute_s)} of compute")
    if view.cost.unit == "GPU":
        parts.append(f"{value_text(view.cost.total)} GPU-hours")
    if view.counts["pruned"] and spent.saved_s >= 1:
        parts.append(f"{duration_text(spent.saved_s)} saved by pruning")
    return ", ".join(parts)


def _count_lines(view: View) -> list[str]:
    words = [f"{view.counts[state]} {state}" for state in ("complete", "pruned", "failed") if view.counts[state]]
    infeasible = len(view.infeasible)
    words += [f"{infeasible} of them infeasible"] if infeasible else []
    running = [f"{view.counts[state]} {state}" for state in ("running", "parked") if view.counts[state]]
    left = [f"{view.left} left"] if view.left else []
    dropped = len(view.aside.keys() - view.imported)
    aside = [f"{dropped} set aside"] if dropped else []
    imported = [f"{len(view.imported)} imported"] if view.imported else []
    lines = ["  " + (", ".join([*words, *running, *left, *aside, *imported]) or "no trial has begun")]
    for group in failures_of(view):
        text = in_one_line(group.text)
        reason = text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 3]}..."
        again = f" -> hyperopt-app retry {_typed_path(view)} --kind {group.kind}" if group.kind else ""
        parts = [group.kind, reason, _numbers_text(group.numbers)]
        lines.append(f"  {'failed':<8} {len(group.numbers)}x {' '.join(filter(None, parts))}{again}")
    return lines


def _numbers_text(numbers: Sequence[int]) -> str:
    """Name the trials, which `show` describes; of many the first."""
    more = len(numbers) - _MOST_NUMBERS
    named = ", ".join(f"#{number}" for number in numbers[:_MOST_NUMBERS])
    return f"({named} and {more} more)" if more > 0 else f"({named})"


def _best_text(view: View) -> str:
    if not view.best and view.infeasible:
        nearest = min(view.infeasible, key=_excess)
        return f"no trial meets the constraints; the nearest is #{nearest.number}: {infeasible_text(nearest)}"
    if not view.best:
        return "no trial has completed" if view.ended else ""
    if len(view.directions) > 1:
        return _front_text(view)
    best, *others = view.ranked(3)
    value = f"{in_one_line(view.metrics[0])} {value_text(best.values[0])} #{best.number}"
    further = [f"{in_one_line(name)} {value_text(number)}" for name, number in view.ranking.further(best).items()]
    text = "  ".join([value, *further, *_params_of_best(view)])
    seconds = [
        f"{place} {value_text(trial.values[0])} #{trial.number}" for place, trial in zip(_PLACES, others, strict=False)
    ]
    return f"{text}    ({', '.join(seconds)})" if seconds else text


def _excess(trial: "FrozenTrial") -> float:
    return sum(violation for violation in trial.constraints.values() if violation > 0)


def _params_of_best(view: View) -> list[str]:
    params = view.params_of(view.best[0])
    pairs = list(params.items())[:_MOST_PARAMS]
    shown = [in_one_line(f"{name} {value_text(masked(value))}") for name, value in pairs]
    more = len(params) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def _front_text(view: View) -> str:
    points = []
    for trial in view.best[:_MOST_OF_FRONT]:
        pairs = zip(map(in_one_line, view.metrics), map(value_text, trial.values), strict=True)
        points.append(f"{' '.join(f'{name} {value}' for name, value in pairs)} #{trial.number}")
    more = [f"and {len(view.best) - len(points)} more"] if len(view.best) > len(points) else []
    return f"Pareto front of {counted(len(view.best), 'trial')}: {'; '.join([*points, *more])}"


def _matters_text(view: View) -> str:
    several = len(view.directions) > 1
    texts = []
    for objective, metric in enumerate(view.metrics):
        shares = _share_texts(importances_of(view, objective))
        if len(shares) > 1:
            texts.append(f"{in_one_line(metric)}: {', '.join(shares)}" if several else ", ".join(shares))
    return "; ".join(texts)


def _share_texts(importances: dict[str, float]) -> Sequence[str]:
    first = list(importances.items())[:_MOST_PARAMS]
    return [f"{in_one_line(name)} {share_text(share)}" for name, share in first]
