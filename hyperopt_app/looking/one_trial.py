# SPDX-License-Identifier: MIT
"""Describe a single trial: how it ended, its parameters, what its config changes, curve, failure, attempts, logs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hyperopt_app.looking.curves import curve_of, sparkline
from hyperopt_app.looking.failures import known_kind
from hyperopt_app.looking.log_files import logs_of_trial, tail
from hyperopt_app.looking.tables.rows import row_of
from hyperopt_app.looking.view import View
from hyperopt_app.repeats.shown import race_text, repeat_entries, repeat_lines
from hyperopt_app.results.retrain import kept_retrain, retrain_command
from hyperopt_app.study import trial_facts
from hyperopt_app.study.identity import stored_identity
from hyperopt_app.study.records import trial_records
from hyperopt_app.study.trial_directory import place_now, training_directory
from hyperopt_app.support.display_text import counted, duration_text, in_one_line, value_text, visible
from hyperopt_app.support.files import read_file
from hyperopt_app.support.passwords import mask_password, masked
from hyperopt_app.support.shown_config import value_changes

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["changes_of", "described_trial", "retrain_of", "trial_lines"]

_LOG_LINES = 5
_TRACEBACK_LINES = 8
_MOST_CHANGES = 100
# Shorter times have a decimal place.
_SHORT_S = 10.0


def described_trial(view: View, trial: "FrozenTrial") -> dict[str, Any]:
    """Return everything that is known of a trial as plain data."""
    failure = trial_records.failure_record(trial)
    return {
        **row_of(view, trial),
        "changes": changes_of(view, trial),
        "curve": [[step, value] for step, value in curve_of(trial)],
        "seeds": repeat_entries(trial, place_now(trial_records.directory_of(trial), view.directory)),
        "traceback": mask_password(str(failure.get("traceback", ""))) or None,
        "attempts_made": [attempt._asdict() for attempt in trial_facts.attempts_of(trial, _until(view, trial))],
        "losses": [dict(loss) for loss in trial_records.losses_of(trial)],
        "logs": [str(path) for path in logs_of_trial(trial, view.directory)],
        "retrain": retrain_of(view, trial),
    }


def trial_lines(view: View, trial: "FrozenTrial") -> list[str]:
    """Describe a trial for people, as lines."""
    row = row_of(view, trial)
    lines = [f"trial {trial.number} of {in_one_line(view.name)}: {_ended(view, trial)}"]
    for title, texts in _parts(view, trial, row):
        for place, text in enumerate(texts):
            lines.append(f"  {title if place == 0 else '':<9}{text}".rstrip())
    return lines


def _parts(view: View, trial: "FrozenTrial", row: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    yield "began", _times(view, trial, row)
    directory = place_now(trial_records.directory_of(trial), view.directory)
    yield "in", [] if directory is None else [in_one_line(str(directory))]
    yield "params", _aligned(row, "params.")
    yield "metrics", _aligned(row, "metrics.")
    yield "limits", _aligned(row, "constraints.")
    yield "changes", changes_of(view, trial)
    yield "seeds", repeat_lines(trial, _repeats_of(view))
    yield "curve", _curve_lines(trial)
    yield "failure", _failure_lines(trial)
    yield "attempts", _attempt_lines(view, trial)
    for path in logs_of_trial(trial, view.directory):
        yield "log", [in_one_line(str(path)), *(f"| {line}" for line in tail(path, _LOG_LINES))]
    retrain = retrain_of(view, trial)
    yield "again", [] if retrain is None else [visible(retrain)]


def _repeats_of(view: View) -> str:
    identity = stored_identity(view.study)
    return "" if identity is None else identity.repeats


def _ended(view: View, trial: "FrozenTrial") -> str:
    word = trial_facts.state_word(trial)
    if trial.number in view.imported:
        values = ", ".join(value_text(value) for value in trial.values or ())
        return f"{word}, {f'{values}, ' * bool(values)}{in_one_line(view.aside[trial.number])}"
    if trial.number in view.aside:
        return f"{word}, set aside: {in_one_line(view.aside[trial.number])}"
    excess = trial_facts.infeasible_text(trial)
    infeasible = f"infeasible: {in_one_line(excess)}" if excess else ""
    if word != "complete":
        return ", ".join(filter(None, [word, race_text(trial), infeasible]))
    pairs = zip(view.metrics, trial.values, strict=True)
    values = ", ".join(f"{in_one_line(name)} {value_text(value)}" for name, value in pairs)
    complete = view.counts["complete"]
    if infeasible:
        return f"{word}, {values} ({infeasible})"
    if len(view.metrics) > 1:
        on_front = any(best.number == trial.number for best in view.best)
        return f"{word}, {values} ({'on' if on_front else 'not on'} the Pareto front of {len(view.best)})"
    places = [ranked.number for ranked in view.ranked()]
    return f"{word}, {values} (place {places.index(trial.number) + 1} of {complete})"


def _times(view: View, trial: "FrozenTrial", row: Mapping[str, Any]) -> list[str]:
    begun = trial_facts.begun_at(trial)
    if begun is None:
        return ["not yet"]
    length_s = row["duration_s"]
    if length_s is None:
        attempts = trial_facts.attempts_of(trial, _until(view, trial))
        length_s = sum(attempt.ended - attempt.begun for attempt in attempts)
    claim = trial_records.holder_of(trial)
    worker = f", worker {claim['number']} on {in_one_line(str(claim.get('host', '?')))}" if "number" in claim else ""
    seed = "" if row["seed"] is None else f", seed {row['seed']}"
    return [f"{begun.isoformat(sep=' ', timespec='seconds')}, took {_length(length_s)}{worker}{seed}"]


def _length(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _SHORT_S else duration_text(seconds)


def _until(view: View, trial: "FrozenTrial") -> float | None:
    return view.read_at if trial.state.name == "RUNNING" else None


def _aligned(row: Mapping[str, Any], prefix: str) -> list[str]:
    named = {in_one_line(name.removeprefix(prefix)): value for name, value in row.items() if name.startswith(prefix)}
    width = max(map(len, named), default=0)
    return [f"{name:<{width}}  {in_one_line(value_text(value))}" for name, value in named.items()]


def changes_of(view: View, trial: "FrozenTrial") -> list[str]:
    """Return how the trial's config differs from that of the last command, as lines such as `epochs: 8 -> 3`.

    Empty where one of them is not recorded, as in studies of other tools.
    """
    directory = place_now(trial_records.directory_of(trial), view.directory)
    if directory is None:
        return []
    place = training_directory(directory, None)
    before, after = _config_in(view.directory / "multirun.yaml"), _config_in(place / ".hydra" / "config.yaml")
    if before is None or after is None:
        return []
    if _repeats_of(view) and "seed" in before:  # each repeat has one of its own, which `seeds` lists
        after = {**after, "seed": before["seed"]}
    return [in_one_line(line) for line in value_changes(before, after, (), most=_MOST_CHANGES)]


def _config_in(path: Path) -> dict[Any, Any] | None:
    try:
        config = yaml.safe_load(read_file(path))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return masked(config) if isinstance(config, dict) else None


def _curve_lines(trial: "FrozenTrial") -> list[str]:
    curve = curve_of(trial)
    if not curve:
        return []
    values = [value for _, value in curve]
    ends = f"{value_text(values[0])} -> {value_text(values[-1])}"
    return [f"{sparkline(values)}  {ends} in {counted(len(values), 'report')}, the last at step {curve[-1][0]}"]


def _failure_lines(trial: "FrozenTrial") -> list[str]:
    text = trial_facts.failure_text(trial)
    if not text:
        return []
    traceback = str(trial_records.failure_record(trial).get("traceback", ""))
    shown = [in_one_line(mask_password(line)) for line in traceback.splitlines()[-_TRACEBACK_LINES:]]
    return [f"{known_kind(trial) or 'failed'}: {mask_password(text)}", *(f"| {line}" for line in shown)]


def _attempt_lines(view: View, trial: "FrozenTrial") -> list[str]:
    attempts = trial_facts.attempts_of(trial, _until(view, trial))
    lines = []
    if len(attempts) > 1:
        lines = [
            f"{_clock(attempt.begun)}, {_length(attempt.ended - attempt.begun)}, worker {in_one_line(attempt.worker)}"
            for attempt in attempts
        ]
    losses = trial_records.losses_of(trial)
    return [
        *lines,
        *(f"lost with worker {in_one_line(loss['worker'])}: {in_one_line(loss['cause'])}" for loss in losses),
    ]


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment).isoformat(sep=" ", timespec="seconds")  # noqa: DTZ006


def retrain_of(view: View, trial: "FrozenTrial") -> str | None:
    """Return the command that trains once more as the trial did; None where the study does not say how."""
    how = kept_retrain(view.study)
    return None if how is None or not trial.params else retrain_command(how, trial)
