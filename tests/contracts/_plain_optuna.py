# SPDX-License-Identifier: MIT
"""A study's trials as Optuna alone reads them from its journal, to hold our commands against; no test stands here."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

WORDS = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


@dataclass(frozen=True)
class Stored:
    """A study in a directory, read without anything of ours."""

    directory: Path

    @cached_property
    def study(self) -> optuna.Study:
        storage = JournalStorage(JournalFileBackend(str(self.directory / "journal.log")))
        return optuna.load_study(study_name=None, storage=storage)

    @cached_property
    def trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    @cached_property
    def aside(self) -> set[int]:
        """The trials that no longer count: those that the user has discarded, and those that others try again."""
        discarded = {int(name.split(":")[1]) for name in self.study.user_attrs if name.startswith("discarded:")}
        return discarded | {trial.user_attrs["retry_of"] for trial in self.trials if "retry_of" in trial.user_attrs}

    @cached_property
    def counting(self) -> list[FrozenTrial]:
        return [trial for trial in self.trials if trial.number not in self.aside]

    @cached_property
    def begun(self) -> list[int]:
        """The numbers of the trials that do not wait."""
        return [trial.number for trial in self.trials if trial.state != TrialState.WAITING]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(WORDS[trial.state.name] for trial in self.counting)

    @cached_property
    def kinds(self) -> Counter[str]:
        """How many of the trials that count have failed in which way."""
        failed = [trial for trial in self.counting if trial.state == TrialState.FAIL]
        return Counter(trial.user_attrs["failure"]["kind"] for trial in failed)

    @cached_property
    def complete(self) -> list[FrozenTrial]:
        return [trial for trial in self.counting if trial.state == TrialState.COMPLETE]

    @cached_property
    def ranked(self) -> list[int]:
        """The numbers of the complete trials of a study with one objective that is minimised, the best first."""
        return [trial.number for trial in sorted(self.complete, key=lambda trial: (trial.values[0], trial.number))]

    @cached_property
    def best(self) -> list[int]:
        """The numbers of the best trial, or of the Pareto front."""
        if len(self.study.directions) == 1:
            return self.ranked[:1]
        signs = [1 if direction.name == "MINIMIZE" else -1 for direction in self.study.directions]
        losses = {
            trial.number: [sign * value for sign, value in zip(signs, trial.values, strict=True)]
            for trial in self.complete
        }
        return [number for number, own in losses.items() if not any(_beats(other, own) for other in losses.values())]

    def row(self, number: int) -> dict[str, Any]:
        """What a table says of a trial, as far as Optuna knows it."""
        trial = self.trials[number]
        names = (
            [f"value_{name}" for name in self.study.metric_names or ()] if len(self.study.directions) > 1 else ["value"]
        )
        is_complete = trial.state == TrialState.COMPLETE
        curve = list(trial.intermediate_values.values())
        return {
            "number": number,
            "state": WORDS[trial.state.name],
            **dict(zip(names, trial.values if is_complete else [None] * len(names), strict=True)),
            **{f"params.{name}": value for name, value in trial.params.items()},
            "worker": trial.user_attrs.get("claim", {}).get("number"),
            "failure_kind": trial.user_attrs["failure"]["kind"] if "failure" in trial.user_attrs else None,
            "steps": len(curve),
            "last_value": curve[-1] if curve else None,
        }


def _beats(losses: list[float], others: list[float]) -> bool:
    pairs = list(zip(losses, others, strict=True))
    return all(own <= other for own, other in pairs) and any(own < other for own, other in pairs)
