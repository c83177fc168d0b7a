# SPDX-License-Identifier: MIT
"""Execute the commands of `hyperopt-app` that change an existing study: `retry`, `discard`, `add`, `extend`, `hold`.

They do not need the config of the user's app: the search space, the budget and the command that retrains a trial are
stored in the study. Each command returns the message for the user.
"""

import shlex
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import optuna
from optuna.trial import TrialState

from hyperopt_app.budget.counting import budget_of, budget_size, left_of, read_budget
from hyperopt_app.budget.set_aside import hidden_in, set_aside_of
from hyperopt_app.budget.steering import add_point, discard, extend, failed_trials, retry
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.launchers.further import submits
from hyperopt_app.results.files import write_results
from hyperopt_app.results.retrain import kept_retrain, retrain_command
from hyperopt_app.results.search_command import last_config, search_command
from hyperopt_app.space.constraints import Constraints
from hyperopt_app.space.override_text import plain_values
from hyperopt_app.space.points import point_of
from hyperopt_app.space.space import Space
from hyperopt_app.study.heartbeat import this_worker
from hyperopt_app.study.identity import stored_identity
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.opening import study_lock
from hyperopt_app.study.records.study_records import lists_points
from hyperopt_app.study.stopping import Stop, read_stop, write_stop
from hyperopt_app.support.display_text import counted, excess_text

__all__ = ["added", "discarded", "extended", "held", "released", "retried", "written"]

# Writes what else is made of a study: the study, its directory.
Further = Callable[[optuna.Study, Path], object]

_NO_COMMAND = "the next command of the search writes it"


def retried(
    study: optuna.Study, study_dir: Path, numbers: Sequence[int], kinds: Sequence[str], further: Further
) -> list[str]:
    """Retry trials: those with the given numbers, else the failed ones of these kinds, else all failed ones.

    Raises:
        StudyMismatchError: One of the numbers cannot be tried again; nothing was changed.
    """
    with study_lock(study_dir):
        wanted = list(numbers) or failed_trials(study, kinds)
        if not wanted:
            of_kind = f" of the kind {' or '.join(kinds)}" if kinds else ""
            return [f"No trial of the budget has failed{of_kind}; nothing was changed. To try others, give numbers."]
        tickets = retry(study, wanted)
    written(study, study_dir, further)
    lines = [f"Trial {old} is retried as trial {new} and no longer counts." for old, new in tickets.items()]
    return [*lines, _what_is_left(study, study_dir)]


def discarded(study: optuna.Study, study_dir: Path, numbers: Sequence[int], further: Further) -> list[str]:
    """Let trials no longer count, and rewrite the result files at once.

    Raises:
        StudyMismatchError: One of the numbers cannot be discarded; nothing was changed.
    """
    with study_lock(study_dir):
        discard(study, numbers)
    written(study, study_dir, further)
    them = counted(len(set(numbers)), "trial")
    rest = " Its point is tried again, since a grid has no other." if lists_points(study) else ""
    lines = [f"{them} discarded and no longer counted.{rest}"]
    return [*lines, _what_is_left(study, study_dir)]


def added(study: optuna.Study, study_dir: Path, words: Sequence[str], *, grows: bool) -> list[str]:
    """Add a point to try next.

    Args:
        study: The open study.
        study_dir: Its directory.
        words: `key=value` as in an override.
        grows: Whether the budget gets one trial more for it.

    Raises:
        StudyMismatchError: The point is not one of the space, with all that is wrong; or no ticket is free.
    """
    identity = stored_identity(study)
    asked = budget_of(study)
    if identity is None or asked is None:
        raise StudyMismatchError(
            f"Study {study.study_name!r} was not created by hyperopt_app, so its search space is unknown; "
            "continue it with a search command first, or give the point as hydra.sweeper.enqueue there."
        )
    values, faults = plain_values(words)
    point, wrong = point_of(_with_own(identity.space, study), values)
    faults += [f"{line} in study {study.study_name!r}" if " is not searched" in line else line for line in wrong]
    if not faults and (excess := excess_text(Constraints(identity.space).before_training(point))):
        faults.append(f"it violates {excess}, so it would not be trained")
    if faults:
        raise StudyMismatchError("Nothing was added:\n" + "\n".join(f"  - {fault}" for fault in faults))
    hand = Tickets(
        study,
        this_worker(-1, study_dir.absolute()),
        asked,
        observer=Observer(float("inf")),
        lock=nullcontext,
        reopen=lambda: study,
    )
    with study_lock(study_dir):
        number = add_point(study, point, hand, grows=grows)
    grown = f" The budget is {counted(_size(study), 'trial')} now." if grows else ""
    return [f"The point is tried next, as trial {number}.{grown}", _what_is_left(study, study_dir)]


def extended(study: optuna.Study, study_dir: Path, n_trials: int) -> list[str]:
    """Enlarge the budget by so many trials.

    Raises:
        StudyMismatchError: No search of this package has begun the study, or it has no further points.
    """
    if budget_of(study) is None:
        raise StudyMismatchError(
            f"Study {study.study_name!r} has no budget, since it was not created by hyperopt_app; continue it with a "
            "search command, and with hydra.sweeper.n_trials there."
        )
    with study_lock(study_dir):
        extend(study, n_trials)
    return [f"{counted(n_trials, 'trial')} more: the budget is {_size(study)} now.", _what_is_left(study, study_dir)]


def held(study: optuna.Study, study_dir: Path) -> list[str]:
    """Let no trial begin until the study is released; workers leave after the trials that they run.

    Raises:
        StudyMismatchError: The study was stopped for something that has to be corrected, which must stay to be read.
    """
    with study_lock(study_dir):
        stop = read_stop(study)
        if stop is not None and stop.is_fault:
            raise StudyMismatchError(f"{study_dir} was stopped already, and must be corrected first: {stop.reason}")
        write_stop(study, Stop("the user asked for it (hyperopt-app hold)", is_fault=False, is_hold=True))
    release = shlex.join(["hyperopt-app", "release", str(study_dir)])
    return [
        "No further trial begins; running trials, if any, go on to their ends, and then their workers leave.",
        f"`{release}` lets trials begin again.",
    ]


def released(study: optuna.Study, study_dir: Path) -> list[str]:
    """Let the trials of a held study begin again; workers that have left do not come back by themselves.

    Raises:
        StudyMismatchError: The study is not held.
    """
    with study_lock(study_dir):
        stop = read_stop(study)
        if stop is None:
            raise StudyMismatchError(f"{study_dir} is not held; nothing was changed.")
        if not stop.is_hold:
            raise StudyMismatchError(
                f"{study_dir} is not held but stopped, since {stop.reason}; the search command goes on with it."
            )
        write_stop(study, None)
    lines = [
        "Trials may begin again; workers that still run one of them take further ones.",
        _what_is_left(study, study_dir),
    ]
    if submits(study_dir.absolute()):
        extend = shlex.join(["hyperopt-app", "extend", str(study_dir), "--workers"])
        lines.append(f"`{extend} N` submits N workers as before; the search command does too, and stays with them.")
    return lines


def _with_own(space: Space, study: optuna.Study) -> Space:
    """Return the space extended by the parameters that objectives have suggested themselves."""
    known = {name: kind for trial in study.get_trials(deepcopy=False) for name, kind in trial.distributions.items()}
    own = {name: kind for name, kind in known.items() if name not in space.parameters}
    return replace(space, distributions={**space.distributions, **own})


def written(study: optuna.Study, study_dir: Path, further: Further) -> None:
    """Write the result files anew, after trials of the study have come to count no longer, or have been added."""
    kept = kept_retrain(study)
    again = partial(retrain_command, kept) if kept is not None else (lambda _trial: _NO_COMMAND)
    write_results(study, study_dir, again, further=lambda _seen: further(study, study_dir))


def _size(study: optuna.Study) -> int:
    asked = budget_of(study)
    trials = read_budget(study, len(study.get_trials(deepcopy=False)) if asked is None else asked)
    return len(trials) if asked is None else budget_size(trials, asked)


def _what_is_left(study: optuna.Study, study_dir: Path) -> str:
    """Describe the study's state after the change, and what continues it."""
    every: Sequence[optuna.trial.FrozenTrial] = study.get_trials(deepcopy=False)
    asked, aside = budget_of(study), hidden_in(set_aside_of(study, every), every)
    size = _size(study)
    trials = read_budget(study, len(every) if asked is None else asked)
    left = left_of(trials, asked) if asked is not None else sum(not trial.state.is_finished() for trial in trials)
    running = sum(trial.state == TrialState.RUNNING for trial in trials)
    summary = (
        f"{left} of {counted(size, 'trial')} left, {running} of them running" if left else f"all {size} trials ended"
    )
    who = ""
    if left > running:
        command = search_command(study, last_config(study_dir))
        who = "running workers continue with the rest; without any, the same command does"
        who += f" (`{command}`)" if command else ""
    return "; ".join(filter(None, [f"Now: {summary}", f"{len(aside)} set aside" if aside else "", who])) + "."
