# SPDX-License-Identifier: MIT
"""What a study of the app `epochs` looks like after faults: is anything lost, or done twice? Pure, but for reading."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.tickets import MOST_LOSSES
from hyperopt_app.study.records.trial_records import losses_of

__all__ = ["Found", "History", "examined", "history_of", "losses_by_cause", "times_told"]

# Optuna's number for a change of a trial's state in a journal.
_STATE_OP = 6


@dataclass(frozen=True)
class History:
    """What the processes of one trial have noted, in the order in which they did.

    Attributes:
        runs: How many processes have trained it.
        repeated: Epochs that were trained again although a checkpoint had them.
        overlaps: Notes of a process after a later one had begun.
        ends: How often the training came to its end.
    """

    runs: int = 0
    repeated: int = 0
    overlaps: int = 0
    ends: int = 0


def history_of(lines: Iterable[str]) -> History:
    """Read the lines of a `runs.txt`; pure. A line that a dying process has torn is passed over."""
    order: list[str] = []
    saved: set[int] = set()
    repeated = overlaps = ends = 0
    for process, word, epoch in _notes(lines):
        if process not in order:
            order.append(process)
        overlaps += process != order[-1]
        repeated += word == "trained" and epoch in saved
        ends += word == "ends"
        if word == "saved":
            saved.add(epoch)
    return History(len(order), repeated, overlaps, ends)


def _notes(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    for line in lines:
        process, word, epoch, *rest = [*line.split(), "", "", ""]
        if process.isdigit() and epoch.isdigit() and not any(rest):
            yield process, word, int(epoch)


def times_told(journal: Iterable[str]) -> Counter[int]:
    """How often each trial, by its place in the journal, was told to be finished; pure."""
    told: Counter[int] = Counter()
    for line in journal:
        if not line.strip():
            continue
        record = json.loads(line)
        if record["op_code"] == _STATE_OP and TrialState(record["state"]).is_finished():
            told[record["trial_id"]] += 1
    return told


def losses_by_cause(trials: Iterable[FrozenTrial]) -> Counter[str]:
    """How many losses the study has counted, by their causes."""
    return Counter(str(loss["cause"]) for trial in trials for loss in losses_of(trial))


@dataclass(frozen=True)
class Found:
    """What is there, against what should be.

    Attributes:
        states: Trials by their states, in small letters.
        numbers: What is in the tally, by what it is called.
        faults: What is wrong, one line each; empty if nothing is.
    """

    states: Mapping[str, int]
    numbers: Mapping[str, int]
    faults: Sequence[str] = field(default_factory=list)


def examined(
    trials: Sequence[FrozenTrial], histories: Mapping[int, History], told: Mapping[int, int], n_trials: int, epochs: int
) -> Found:
    """Hold the study against what must be true of it; pure.

    Args:
        trials: Those of the study.
        histories: What their processes have noted, by number.
        told: How often each was told to be finished, by number.
        n_trials: The budget.
        epochs: Those of each trial.
    """
    finished = {trial.number for trial in trials if trial.state.is_finished()}
    lost = sorted(set(range(n_trials)) - finished)
    beyond = sorted(trial.number for trial in trials if trial.number >= n_trials)
    given_up = [trial.number for trial in trials if _is_given_up(trial)]
    failed = [t.number for t in trials if t.state == TrialState.FAIL and not _is_given_up(t)]
    twice = sorted(number for number, count in told.items() if count > 1)
    torn = [trial.number for trial in trials if not _is_whole(trial, epochs)]
    repeated = [number for number, one in histories.items() if one.repeated]
    overlapping = [number for number, one in histories.items() if one.overlaps]
    wrong = {
        "lost": lost,
        "beyond the budget": beyond,
        "failed without three losses": failed,
        "finished twice": twice,
        "epochs trained twice beyond the last checkpoint": repeated,
        "in two processes at once": overlapping,
        "with another learning curve than its epochs": torn,
    }
    numbers = {
        "trials continued by another process": sum(one.runs > 1 for one in histories.values()),
        "continuations": sum(max(0, one.runs - 1) for one in histories.values()),
        "losses counted": sum(losses_by_cause(trials).values()),
        f"given up after {MOST_LOSSES} losses (the rule)": len(given_up),
        **{f"trials {name}": len(found) for name, found in wrong.items()},
    }
    states = Counter(trial.state.name.lower() for trial in trials)
    return Found(dict(states), numbers, [f"trials {name}: {found}" for name, found in wrong.items() if found])


def _is_whole(trial: FrozenTrial, epochs: int) -> bool:
    """Whether a curve has each epoch up to its last: of a complete trial all, of one that was pruned at a rung some.

    Who is killed between its checkpoint and the word of it parks an epoch later.
    """
    steps = set(trial.intermediate_values)
    if trial.state == TrialState.PRUNED and not 3 <= len(steps) < epochs:
        return False
    return steps == {*range(epochs if trial.state == TrialState.COMPLETE else len(steps))}


def _is_given_up(trial: FrozenTrial) -> bool:
    """Whether it was failed by the rule on trials that take one worker after another with them."""
    kind = trial.user_attrs.get("failure", {}).get("kind")
    return trial.state == TrialState.FAIL and kind == "infrastructure" and len(losses_of(trial)) >= MOST_LOSSES


def read_history(directory: Path) -> History:
    """The history of the trial in a directory; an empty one if it has left none."""
    try:
        return history_of((directory / "runs.txt").read_text().splitlines())
    except FileNotFoundError:
        return History()
