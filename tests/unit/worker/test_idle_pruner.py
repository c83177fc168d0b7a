# SPDX-License-Identifier: MIT
"""What a trial has asked of its pruner, and what is said of it."""

import logging
from collections.abc import Callable

import optuna
import pytest
from optuna.pruners import BasePruner

from hyperopt_app.objective.outcomes import Completed, Failed, Outcome, Pruned
from hyperopt_app.sampling.promotion import PromotePruner
from hyperopt_app.study.notes import read_notes
from hyperopt_app.study.records.study_records import keep_has_checkpoints
from hyperopt_app.worker.idle_pruner import IdlePruner

DONE = Completed((1.0,))


def said(
    run_trial: Callable[[optuna.Trial], Outcome],
    trials: int = 1,
    name: str | None = "P",
    *,
    resumed: bool = False,
    pruner: BasePruner | None = None,
    has_checkpoints: bool = False,
) -> list[str]:
    """The notes in the study after some trials."""
    study = optuna.create_study(pruner=pruner or optuna.pruners.ThresholdPruner(upper=0))
    if has_checkpoints:
        keep_has_checkpoints(study)
    idle = IdlePruner(name, "key")
    for _ in range(trials):
        trial = study.ask()
        if resumed:
            trial.set_user_attr("directory", "d")
        watched = idle.watched(trial)
        idle.judge(watched, run_trial(watched))
    return read_notes(study)


def _reports(trial: optuna.Trial) -> Outcome:
    trial.report(1.0, 1)
    return DONE


def _goes_on(trial: optuna.Trial) -> Outcome:
    trial.report(1.0, 1)
    trial.should_prune()
    return DONE


def test_each_kind_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """By one worker, however many trials show it, in its log and in the study."""
    caplog.set_level(logging.WARNING)
    for run, words in ((lambda _trial: DONE, "without reporting"), (_reports, "without asking"), (_goes_on, "went on")):
        caplog.clear()
        (note,) = said(run, trials=3)
        assert note.startswith("key: P cannot act: trial 0 ")
        assert words in note
        assert [record.getMessage() for record in caplog.records] == [note]


@pytest.mark.parametrize("outcome", [Pruned(), Failed("bug", "e")], ids=["pruned", "failed"])
def test_only_complete_trials_are_judged(outcome: Outcome) -> None:
    """One that was pruned or failed shows nothing; nor does one that has no pruner."""
    assert said(lambda _trial: outcome) == []
    assert said(lambda _trial: DONE, name=None) == []


def test_a_continued_trial_may_have_reported_before() -> None:
    """Only what it does against the pruner's word is held against it."""
    assert said(lambda _trial: DONE, resumed=True) == []
    assert len(said(_goes_on, resumed=True)) == 1


@pytest.mark.parametrize("ends", [DONE, Pruned()], ids=["complete", "pruned"])
def test_promotion_without_checkpoints_is_pointed_out(ends: Outcome) -> None:
    """Once; where trials have checkpoints, where a trial was resumed or has reported nothing, it is not."""

    def run(trial: optuna.Trial) -> Outcome:
        trial.report(1.0, 1)
        trial.should_prune()
        return ends

    (note,) = said(run, trials=3, name="PromotePruner", pruner=PromotePruner())
    assert note.startswith("key: PromotePruner does what `forecast` does")
    assert "trial 0 has ended without calling hyperopt_app.checkpointed()" in note
    assert said(run, pruner=PromotePruner(), has_checkpoints=True) == []
    assert said(run, pruner=PromotePruner(), resumed=True) == []
    assert said(lambda _trial: Pruned(), pruner=PromotePruner()) == []


def test_a_trial_that_waits_at_its_checkpoints_need_not_ask_whether_it_is_to_end() -> None:
    """It ends where it says that it has written one."""
    assert said(_reports, pruner=PromotePruner(), has_checkpoints=True) == []
