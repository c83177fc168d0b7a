# SPDX-License-Identifier: MIT
"""A worker's trial with several seeds: what each training gets, and what metrics, weights and constraints come to."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.hydra_config import HydraConfig

import hyperopt_app
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome, Pruned
from hyperopt_app.results.retrain import retrain_command
from hyperopt_app.sampling.seeds import repeat_seed, training_seed
from hyperopt_app.space.space import Space
from hyperopt_app.study.records.trial_records import repeats_of
from hyperopt_app.worker.interrupts import Interrupts
from hyperopt_app.worker.run_trial import Evaluation
from hyperopt_app.worker.training.trainer import Trainer
from hyperopt_app.worker.trial_job import TrialJobs
from tests.unit._made_sweeps import NOON, made_plan, made_space, made_sweep, write_configs

Task = Callable[[Any], Any]
CONFIG = {"config": "{defaults: [_self_, {override hydra/sweeper: async_optuna}], x: 0.0, seed: 4, options: {w: 1}}"}


def _space(*fixed: str, constraints: tuple[str, ...] = ()) -> Space:
    return dataclasses.replace(made_space(*fixed, x="interval(0, 1)"), constraints=constraints)


def _evaluated(
    task: Task, space: Space | None = None, study: optuna.Study | None = None, **changes: Any
) -> tuple[Outcome, optuna.Trial]:
    """What a new trial of three repeats comes to."""
    plan = made_plan(Path.cwd() / "study", space or _space(), **{"repeats": {"n": 3}, "seed": 9, **changes})
    configs = write_configs(Path.cwd() / "conf", CONFIG)
    context, config = made_sweep(configs, "hydra.sweep.dir=study", "hydra.sweep.subdir=trials/${hydra.job.num}")
    study = study or optuna.create_study(directions=["minimize"] * plan.directions)
    trial = study.ask()
    jobs = TrialJobs(context, config, task, NOON)
    return Evaluation(Trainer(plan, jobs, Interrupts())).evaluate(trial), trial


def _numbered(*returned: Any) -> Task:
    """A task that returns one after the other."""
    left = list(returned)
    return lambda _config: left.pop(0)


@pytest.mark.parametrize(
    ("seed_key", "fixed", "expected"),
    [
        (False, (), [4, 4, 4]),
        (True, (), [repeat_seed(9, number) for number in range(3)]),
        (True, ("seed=12",), [12, 13, 14]),
    ],
)
def test_each_training_has_its_seed_and_place(seed_key: bool, fixed: tuple[str, ...], expected: list[int]) -> None:
    """In the config's own key, if it has one; the trial's number and parameters are the same in all."""
    seen: list[Any] = []

    def task(config: Any) -> float:
        trial = hyperopt_app.current_trial()
        assert trial is not None
        seen.append((config.seed, trial.seed, trial.number, config.x, trial.directory))
        assert trial.directory == Path(HydraConfig.get().runtime.output_dir)
        assert config.options.w == 1
        config.options.w = 2  # another training does not see it
        return float(trial.seed)

    outcome, trial = _evaluated(task, _space(*fixed), seed_key=seed_key)
    assert isinstance(outcome, Completed)
    own = [repeat_seed(9, number) for number in range(3)] if not fixed else [12, 13, 14]
    assert [(in_config, in_trial) for in_config, in_trial, *_ in seen] == list(zip(expected, own, strict=True))
    assert {(number, x) for _, _, number, x, _ in seen} == {(0, trial.params["x"])}
    places = [str(place.relative_to(Path.cwd() / "study")) for *_, place in seen]
    assert places == [f"trials/0/repeats/{number}" for number in range(3)]
    assert (seen[1][4] / ".hydra" / "overrides.yaml").is_file()
    trial.study.tell(trial, list(outcome.values))
    (stored,) = trial.study.trials
    best = min(own)
    assert stored.user_attrs["training_seed"] == best
    plan = made_plan(Path.cwd() / "study", _space(*fixed), seed_key=seed_key, repeats={"n": 3})
    words = retrain_command(plan, stored).split()
    assert words[0] == f"HYPEROPT_SEED={best}"
    assert (words[-1] == f"seed={best}") == (seed_key or bool(fixed))


def test_other_trials_have_the_same_seeds() -> None:
    """And none of them is the seed of a trial that is trained once."""
    study, seeds = optuna.create_study(), list[int]()

    def task(_config: Any) -> float:
        trial = hyperopt_app.current_trial()
        assert trial is not None
        seeds.append(trial.seed)
        return float(len(seeds))

    for _ in range(2):
        outcome, trial = _evaluated(task, study=study)
        study.tell(trial, list(outcome.values))  # type: ignore[union-attr]
    assert seeds[:3] == seeds[3:]
    assert len({*seeds, *(training_seed(9, number) for number in range(3))}) == 6


def test_the_weighted_sum_is_made_for_each_repeat() -> None:
    """And its worst one is the value, where the worst of each metric would be another; metrics are means."""
    task = _numbered({"a": 1.0, "b": 5.0}, {"a": 5.0, "b": 1.0}, {"a": 3.0, "b": 4.5})
    repeats = {"n": 3, "aggregate": "worst"}
    outcome, _ = _evaluated(task, metric_names=("a", "b"), terms=(1.0, 1.0), repeats=repeats)
    assert outcome == Completed((7.5,), {"a": 3.0, "b": 3.5})


def test_several_objectives_are_aggregated_one_by_one() -> None:
    """Each by its own direction's bad side, here both minimised."""
    task = _numbered([1.0, 5.0], [5.0, 1.0], [3.0, 3.0])
    outcome, trial = _evaluated(task, directions=2, repeats={"n": 3, "aggregate": "worst"})
    assert outcome == Completed((5.0, 5.0), {})
    assert [record["values"] for record in repeats_of(trial)] == [[1.0, 5.0], [5.0, 1.0], [3.0, 3.0]]


def test_a_constraint_must_hold_in_each_repeat() -> None:
    """The largest violation counts, though the mean meets it."""
    task = _numbered(*({"loss": 1.0, "ms": ms} for ms in (1.0, 5.0, 1.0)))
    outcome, trial = _evaluated(task, _space(constraints=("ms <= 3",)), metric_names=("loss",))
    assert isinstance(outcome, Completed)
    assert trial.constraints == {"ms <= 3": 2.0}


def test_a_value_that_is_not_finite_fails_the_trial() -> None:
    """With the repeat in its error and what came before it in the study."""
    outcome, trial = _evaluated(_numbered(1.0, float("nan")))
    assert outcome == Failed("diverged", "repeat 2 of 3: the objective returned nan")
    assert len(repeats_of(trial)) == 1


@pytest.mark.parametrize("before", [0, 2])
def test_an_exception_fails_the_trial_with_its_repeat(before: int) -> None:
    """Also where the objective runs in the worker; the seed with which it fails again is the trial's."""
    left = iter((1.0, 2.0)[:before])

    def fails(_config: Any) -> float:
        value = next(left, None)
        if value is None:
            raise ZeroDivisionError("of mine")
        return value

    outcome, trial = _evaluated(fails, seed_key=True)
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.error) == ("bug", f"repeat {before + 1} of 3: ZeroDivisionError: of mine")
    assert "raise ZeroDivisionError" in outcome.traceback
    (stored,), seed = trial.study.trials, repeat_seed(9, before)
    assert stored.user_attrs["training_seed"] == seed
    plan = made_plan(Path.cwd() / "study", _space(), seed_key=True, repeats={"n": 3})
    assert retrain_command(plan, stored).endswith(f" seed={seed}")


def test_the_pruner_judges_the_first_repeat_alone() -> None:
    """A later one that is as bad goes on, and its steps are not those of the trial's curve."""
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=1.0))
    reported = iter((0.5, 9.0, 10.0))

    def task(_config: Any) -> float:
        value = next(reported)
        hyperopt_app.report(value, 3)
        return value

    outcome, trial = _evaluated(task, study=study)
    assert outcome == Completed((6.5,), {})
    assert study.trials[0].intermediate_values == {3: 0.5}
    assert [[list(point) for point in record["curve"]] for record in repeats_of(trial)] == [[], [[3, 9.0]], [[3, 10.0]]]
    study.tell(trial, 1.0)
    reported = iter((9.0,))
    outcome, _ = _evaluated(task, study=study)
    assert outcome == Pruned()
