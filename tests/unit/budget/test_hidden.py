# SPDX-License-Identifier: MIT
"""What samplers and pruners see of a study in which trials are set aside."""

from typing import Literal

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner
from optuna.samplers import BaseSampler, CmaEsSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from hyperopt_app.budget.hidden import without
from hyperopt_app.budget.set_aside import set_aside
from hyperopt_app.objective.outcomes import Completed
from hyperopt_app.sampling.failure_aware_tpe import failure_aware
from tests.unit._made_tickets import claimed, hand, study_with

Direction = Literal["minimize", "maximize"]


def finished(
    values: list[float],
    direction: Direction = "minimize",
    *,
    failed: int = 0,
    pruner: BasePruner | None = None,
) -> optuna.Study:
    """A study whose trials have these values, at the points of the same number; the last ones have failed."""
    study = optuna.create_study(direction=direction, pruner=pruner)
    for number, value in enumerate(values):
        study.enqueue_trial({"x": value})
        trial = study.ask()
        trial.report(value, 1)
        trial.should_prune()
        x = trial.suggest_float("x", 0, 100)
        has_failed = number >= len(values) - failed
        study.tell(trial, None if has_failed else x, TrialState.FAIL if has_failed else TrialState.COMPLETE)
    return study


def test_without_anything_to_hide_it_is_the_study() -> None:
    """The common path costs nothing."""
    study = finished([1.0])
    assert without(study, ()) is study


@pytest.mark.parametrize(("direction", "best"), [("minimize", 2.0), ("maximize", 3.0)])
def test_a_hidden_trial_is_neither_listed_nor_the_best(direction: Direction, best: float) -> None:
    """And what the view writes is in the study."""
    study = finished([1.0, 4.0, 2.0, 3.0], direction)
    seen = without(study, [0, 1])
    assert [trial.number for trial in seen.trials] == [2, 3]
    assert seen.best_value == best
    seen.set_user_attr("key", "value")
    assert study.user_attrs["key"] == "value"
    with pytest.raises(ValueError, match="completed"):
        _ = without(study, range(4)).best_trial


@pytest.mark.parametrize("sampler", [TPESampler, QMCSampler, CmaEsSampler, NSGAIISampler, RandomSampler])
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_draws_as_if_a_hidden_trial_had_never_been(sampler: type[BaseSampler]) -> None:
    """Of all of Optuna's kinds: as it passes over a failed one."""
    if sampler is CmaEsSampler:
        pytest.importorskip("cmaes", reason="CmaEsSampler wants cmaes, not installed here")
    values = [*(50.0 + number for number in range(12)), *[1.0] * 12]
    with_more, plain = finished(values), finished(values, failed=12)
    drawn = []
    for study in (without(with_more, range(12, 24)), plain):
        study.sampler = failure_aware(sampler(seed=3))  # type: ignore[call-arg]
        drawn.append(study.ask().suggest_float("x", 0, 100))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("pruner", [MedianPruner(n_startup_trials=1), HyperbandPruner(max_resource=2)])
def test_a_pruner_does_not_compare_with_a_hidden_trial(pruner: BasePruner) -> None:
    """Hyperband asks a study of its own, which it makes from the storage."""
    study = finished([1.0] * 12, pruner=pruner)
    asked = []
    for seen in (study, without(study, range(12))):
        seen.sampler = RandomSampler(seed=0)
        trial = seen.ask()
        trial.report(50.0, 1)
        asked.append(trial.should_prune())
    assert asked == [True, False]


def test_a_claimed_trial_sees_the_study_without_what_is_set_aside() -> None:
    """Its sampler and its pruner do; a trial that had begun before goes on as it was."""
    study = study_with(3)
    worker = hand(study, n_trials=3)
    assert worker.settle(claimed(worker), Completed((0.0,)))
    before = claimed(worker)
    set_aside(study, [0], "for a reason")
    seen = claimed(worker).study
    assert seen.get_trials(states=(TrialState.COMPLETE,)) == []
    assert len(before.study.get_trials(states=(TrialState.COMPLETE,))) == 1
