# SPDX-License-Identifier: MIT
"""From a claimed trial to what its objective returned, and a worker as the task of a Hydra job."""

import dataclasses
import random
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import open_dict, read_write
from optuna.trial import TrialState

import hyperopt_app
from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.config.sweeper import RepeatsConf
from hyperopt_app.errors import MetricError
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Parked, Pruned
from hyperopt_app.results.retrain import retrain_command
from hyperopt_app.sampling.seeds import training_seed
from hyperopt_app.space.space import Space, parse_space
from hyperopt_app.space.trial_overrides import trial_overrides
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import create_study, open_study
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.stopping import Stop, read_stop, write_stop
from hyperopt_app.worker.interrupts import Interrupts
from hyperopt_app.worker.loop import Tally
from hyperopt_app.worker.run_trial import Evaluation, run_trial
from hyperopt_app.worker.task import WorkerTask
from hyperopt_app.worker.training.early_end import EarlyEnd
from hyperopt_app.worker.training.trainer import Trainer
from hyperopt_app.worker.trial_job import TrialJobs
from tests.unit._made_sweeps import NOON, made_plan, made_space, made_sweep, write_configs
from tests.unit._made_trials import made

CONFIG = """
    defaults: [_self_, {override hydra/sweeper: async_optuna}]
    x: 0
    y: 0
    name: none
    hydra: {sweep: {dir: study, subdir: "trials/${hydra.job.num}"}}
    """

SPACE = made_space("y=5", x="interval(0, 1)", name="adam,'a b'")

Task = Callable[[Any], Any]


def _plan(**changes: Any) -> Plan:
    return made_plan(Path.cwd() / "study", **{"space": SPACE, **changes})


def _jobs(task: Task) -> TrialJobs:
    context, config = made_sweep(write_configs(Path.cwd() / "conf", {"config": CONFIG}))
    return TrialJobs(context, config, task, NOON)


def _study(plan: Plan) -> optuna.Study:
    study = create_study(open_storage(None, plan.study_dir), plan.study_name, ["minimize"] * plan.directions)
    issue(study, plan.n_trials)
    return study


def _evaluated(plan: Plan, task: Task, trial: optuna.Trial | None = None) -> tuple[Any, optuna.Trial]:
    """What the evaluation of a new trial, or of this one, comes to."""
    trial = trial or optuna.create_study(directions=["minimize"] * plan.directions).ask()
    return Evaluation(Trainer(plan, _jobs(task), Interrupts())).evaluate(trial), trial


def test_the_overrides_of_a_trial_are_its_parameters() -> None:
    """Choices are override text already; what a custom search space suggested is a plain value, with quotes."""
    params = {"x": 0.5, "name": "'a b'", "own": "a b", "count": 3, "y": 7}
    plan = _plan(custom_search_space="somewhere.configure")
    assert trial_overrides(plan, params) == ("x=0.5", "name='a b'", "own='a b'", "count=3")


def test_what_the_objective_suggested_by_itself_is_no_override() -> None:
    """Its name is no key of the config."""
    assert trial_overrides(_plan(), {"x": 0.5, "name": "'a b'", "layers": 3}) == ("x=0.5", "name='a b'")


def test_a_parameter_of_another_name_sets_its_keys() -> None:
    """Two keys of one name get the one value."""
    space, faults = parse_space({"x": "interval(0, 1)", "y": "interval(0, 1)"}, [], None, {"x": "both", "y": "both"})
    assert not faults
    seen: list[Any] = []
    plan = _plan(space=space)

    def task(config: Any) -> float:
        seen.append((config.x, config.y))
        return 1.0

    _, trial = _evaluated(plan, task)
    assert list(trial.params) == ["both"]
    assert seen == [(trial.params["both"], trial.params["both"])]
    assert trial_overrides(plan, {"both": 0.25}) == ("x=0.25", "y=0.25")


def test_a_point_that_violates_a_constraint_on_parameters_is_not_trained() -> None:
    """It ends as pruned, with what it violates; nothing is left of it on disk."""
    plan = _plan(space=dataclasses.replace(SPACE, constraints=("x + y <= 5", "ms <= 3")))
    study = optuna.create_study()
    study.enqueue_trial({"x": 0.75})
    outcome, trial = _evaluated(plan, lambda _config: pytest.fail("it is trained"), study.ask())
    assert outcome == Pruned()
    assert trial.constraints == {"x + y <= 5": 0.75}
    assert not plan.study_dir.exists()


def test_a_complete_trial_keeps_by_how_much_it_violates_constraints() -> None:
    """Of metrics and parameters; a metric that is not returned is a fault of the code."""
    plan = _plan(space=dataclasses.replace(SPACE, constraints=("ms * y <= 3",)), metric_names=("loss",))
    outcome, trial = _evaluated(plan, lambda _config: {"loss": 1.0, "ms": 2.0})
    assert outcome == Completed((1.0,), {"loss": 1.0, "ms": 2.0})
    assert trial.constraints == {"ms * y <= 3": 7.0}
    failed, trial = _evaluated(plan, lambda _config: {"loss": 1.0})
    assert isinstance(failed, Failed)
    assert failed.kind == "bug"
    assert "'ms * y <= 3' names ms, which is not a parameter, and the objective returned loss" in failed.error
    assert trial.constraints == {}


def test_a_weighted_sum_is_one_value() -> None:
    """The metrics stay as they were returned."""
    plan = _plan(metric_names=("loss", "speed"), terms=(1.0, -0.5))
    outcome, _ = _evaluated(plan, lambda _config: {"loss": 1.0, "speed": 4.0})
    assert outcome == Completed((-1.0,), {"loss": 1.0, "speed": 4.0})


def test_the_command_that_trains_again_is_one_for_a_shell() -> None:
    """The program, the fixed overrides and the trial's own, quoted."""
    command = retrain_command(_plan(), made(params={"x": 0.5, "name": "'a b'"}))
    assert command == """python -m app y=5 x=0.5 'name='"'"'a b'"'"''"""
    assert shlex.split(command) == ["python", "-m", "app", "y=5", "x=0.5", "name='a b'"]


@pytest.mark.parametrize("repeats", [{}, dict(vars(RepeatsConf()))])
def test_a_key_seed_that_the_objective_does_not_take_from_the_trial_stays(repeats: Mapping[str, Any]) -> None:
    """The trial was trained with the config's own value, also where a sweep states that it trains each once."""
    plan = _plan(seed_key=True, repeats=repeats)
    read, unread = made(training_seed=7, reads_seed=True), made(training_seed=7)
    assert retrain_command(plan, read) == "HYPEROPT_SEED=7 python -m app y=5 seed=7"
    assert retrain_command(plan, unread) == "HYPEROPT_SEED=7 python -m app y=5"


def test_the_command_hands_the_objective_what_it_suggested_by_itself() -> None:
    """As one mapping, under the key that the objective's class names; other names are keys, or nobody's."""
    params = {"x": 0.5, "layers": 3, "kind of:net": "a b"}
    command = retrain_command(_plan(suggested_key="objective.params"), made(params=params))
    *_, last = shlex.split(command)
    assert last == r"+objective.params={layers:3,kind\ of\:net:'a b'}"
    assert OverridesParser.create().parse_override(last).value() == {"layers": 3, "kind of:net": "a b"}
    assert "objective" not in retrain_command(_plan(), made(params=params))
    assert "objective" not in retrain_command(_plan(suggested_key="objective.params"), made(params={"x": 0.5}))


def test_an_objective_sees_its_values_its_trial_and_its_place() -> None:
    """Suggested, fixed and configured values in the config; the trial is the current one while it runs."""
    seen: list[Any] = []

    def task(conf: Any) -> float:
        trial = hyperopt_app.current_trial()
        assert trial is not None
        seen.extend([conf.x, conf.y, conf.name, trial.directory.is_dir(), trial.seed, trial.resumed])
        assert trial.directory == Path(HydraConfig.get().runtime.output_dir)
        return 0.25

    outcome, trial = _evaluated(_plan(seed=9), task)
    assert outcome == Completed((0.25,))
    name = {"adam": "adam", "'a b'": "a b"}[trial.params["name"]]
    assert seen == [trial.params["x"], 5, name, True, training_seed(9, 0), False]
    assert trial.user_attrs["directory"] == str(Path.cwd() / "study" / "trials" / "0")
    assert hyperopt_app.current_trial() is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["+seed=12"], 12),
        (["+seed=choice(12,12)"], 12),
        (["+seed=null"], training_seed(9, 0)),
        ([], training_seed(9, 0)),
    ],
)
def test_a_seed_that_the_user_searches_or_fixes_is_the_trials(words: list[str], expected: int) -> None:
    """If it is a number; it stands in the command already, and no other is put into that key."""
    seeds: list[Any] = []

    def task(_conf: Any) -> float:
        trial = hyperopt_app.current_trial()
        assert trial is not None
        seeds.append(trial.seed)
        return 0.25

    plan = _plan(seed=9, space=made_space(*words, x="interval(0, 1)"), seed_key=True)
    study = optuna.create_study()
    trial = study.ask()
    study.tell(trial, _evaluated(plan, task, trial)[0].values)
    assert seeds == [expected]
    (stored,) = study.trials
    assert (stored.user_attrs["training_seed"], stored.user_attrs["reads_seed"]) == (expected, True)
    command = retrain_command(plan, stored)
    assert command.count("seed=") == 1
    assert command.startswith(f"HYPEROPT_SEED={expected} ")
    assert words or command.endswith(f" seed={expected}")


@pytest.mark.parametrize(("seed_key", "reads"), [(True, False), (False, True), (False, False)])
def test_a_seed_that_no_key_takes_stands_before_the_command(seed_key: bool, reads: bool) -> None:
    """Also where the config has a key `seed` that the objective reads as it stands there."""
    trial = made(params={"x": 0.5}, training_seed=4, reads_seed=reads)
    assert retrain_command(_plan(seed_key=seed_key), trial) == "HYPEROPT_SEED=4 python -m app y=5 x=0.5"


def test_the_seed_of_a_trial_that_an_older_release_has_run_is_known() -> None:
    """It follows from the study's seed and the number; of a trial that another tool has run nobody knows it."""
    told = retrain_command(_plan(seed=9), made(params={"x": 0.5}, directory="/trials/0"))
    assert told == f"HYPEROPT_SEED={training_seed(9, 0)} python -m app y=5 x=0.5"
    assert retrain_command(_plan(seed=9), made(params={"x": 0.5})) == "python -m app y=5 x=0.5"


def test_the_libraries_begin_with_the_trials_seed() -> None:
    """So that what seeds nothing repeats too."""
    drawn: list[float] = []

    def task(_conf: Any) -> float:
        drawn.append(random.random())
        return 0.25

    _evaluated(_plan(seed=9), task)
    _evaluated(_plan(seed=9), task)
    assert drawn == [random.Random(training_seed(9, 0)).random()] * 2


def test_a_dictionary_of_metrics_is_looked_up() -> None:
    """The plan says which of them are optimised, and the trial can ask."""
    names: list[tuple[str, ...]] = []

    def task(_conf: Any) -> dict[str, float]:
        trial = hyperopt_app.current_trial()
        assert trial is not None
        names.append(trial.metric_names)
        return {"acc": 0.5, "loss": 2.0, "f1": 0.1}

    outcome, _ = _evaluated(_plan(metric_names=("loss", "acc"), directions=2), task)
    assert outcome == Completed((2.0, 0.5), {"acc": 0.5, "loss": 2.0, "f1": 0.1})
    assert names == [("loss", "acc")]


def test_a_missing_metric_is_the_users_to_mend() -> None:
    """It passes through to the worker's boundary."""
    with pytest.raises(MetricError, match="loss; the objective returned acc"):
        _evaluated(_plan(metric_names=("loss",)), lambda _conf: {"acc": 1.0})


@pytest.mark.parametrize("space", [SPACE, made_space("x=1")], ids=["searched", "all pinned"])
def test_a_trial_that_continues_knows_it(space: Space) -> None:
    """It keeps its parameters, and the steps that are recorded already are not recorded again."""
    resumed: list[bool] = []

    def task(_conf: Any) -> float:
        trial = hyperopt_app.current_trial()
        assert trial is not None
        resumed.append(trial.resumed)
        hyperopt_app.report(0.5 if not trial.resumed else 0.9, 1)
        if not trial.resumed:
            raise KeyboardInterrupt
        hyperopt_app.report(0.4, 2)
        return 0.0

    study = optuna.create_study()
    begun = study.ask()
    with pytest.raises(KeyboardInterrupt):
        _evaluated(_plan(space=space), task, begun)
    before = dict(begun.params)
    _, trial = _evaluated(_plan(space=space), task, optuna.Trial(study, begun._trial_id))
    assert resumed == [False, True]
    assert trial.params == before
    assert study.get_trials()[0].intermediate_values == {1: 0.5, 2: 0.4}


def suggest_more(config: Any, trial: optuna.Trial) -> None:
    """A custom search space, named by its dotted path; it sees the fixed values as hydra-optuna-sweeper shows them."""
    assert config.x == 0
    assert trial.user_attrs["y"] == "5"
    trial.suggest_float("y", 0, 1)
    trial.suggest_categorical("+more", ["a b", "c"])


def test_a_custom_search_space_suggests_further_parameters() -> None:
    """They are set as the others are; a fixed value stays what the user has fixed."""
    seen: list[Any] = []

    def task(conf: Any) -> float:
        seen.extend([conf.more, conf.y])
        return 0.0

    _, trial = _evaluated(_plan(custom_search_space=f"{__name__}.suggest_more"), task)
    assert seen == [trial.params["+more"], 5]
    assert set(trial.params) == {"x", "name", "y", "+more"}


def _worked(plan: Plan, task: Task) -> Tally:
    """Call the task that a launcher would, with what Hydra sets around it."""
    jobs = _jobs(task)
    with read_write(jobs.config.hydra), open_dict(jobs.config.hydra):
        jobs.config.hydra.job.num = 2
    HydraConfig.instance().set_config(jobs.config)
    return WorkerTask(plan, jobs.context, jobs.config, task)(jobs.config)


def test_a_worker_spends_the_budget_and_leaves_the_results() -> None:
    """Its number is its job's; each trial has a directory, the study its result files, the workers' folder nothing."""
    plan = _plan(n_trials=3)
    study = _study(plan)
    assert _worked(plan, lambda conf: conf.x) == Tally(2, finished=[0, 1, 2])
    trials = study.get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert [trial.value for trial in trials] == [trial.params["x"] for trial in trials]
    assert {trial.user_attrs["claim"]["number"] for trial in trials} == {2}
    assert {path.name for path in (plan.study_dir / "trials").iterdir()} == {"0", "1", "2"}
    for name in ("best.yaml", "optimization_results.yaml", "trials.csv"):
        assert (plan.study_dir / name).is_file()
    assert [path.name for path in (plan.study_dir / "workers").iterdir()] == ["times"]


def test_a_worker_leaves_a_fault_in_the_study() -> None:
    """What the user has to mend stops all workers and costs no ticket."""
    plan = _plan(n_trials=3, metric_names=("loss",))
    study = _study(plan)
    assert _worked(plan, lambda _conf: {"acc": 1.0}) == Tally(2, interrupted=True)
    stop = read_stop(study)
    assert stop is not None
    assert "the objective returned acc" in stop.reason
    assert {trial.state for trial in study.get_trials()} == {TrialState.WAITING}


def test_the_study_of_a_plan_has_its_pruner() -> None:
    """So `report` prunes as the config says, in every worker."""
    plan = _plan(pruner={"_target_": "optuna.pruners.PercentilePruner", "percentile": 10.0})
    _study(plan)
    assert isinstance(open_study(plan).pruner, optuna.pruners.PercentilePruner)


def test_optuna_is_quiet_while_a_worker_works() -> None:
    """It would log each trial by itself, without the metric's name; its level comes back afterwards."""
    levels: list[int] = []

    def task(_conf: Any) -> float:
        levels.append(optuna.logging.get_verbosity())
        return 0.0

    plan = _plan(n_trials=1)
    _study(plan)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        _worked(plan, task)
        assert levels == [optuna.logging.WARNING]
        assert optuna.logging.get_verbosity() == optuna.logging.ERROR
    finally:
        optuna.logging.set_verbosity(optuna.logging.WARNING)


def _with_checkpoint(_config: Any) -> float:
    trial = hyperopt_app.current_trial()
    assert trial is not None
    trial.report(0.5, 1)
    trial.checkpointed()
    pytest.fail("it went on")


@pytest.mark.parametrize("stops", [True, False])
def test_a_trial_ends_at_its_checkpoint_to_wait(stops: bool) -> None:
    """Its worker goes on with the next one, unless the study stops at once, too; then the trial waits all the same."""
    study, asked = optuna.create_study(), list[int]()
    if stops:
        write_stop(study, Stop("now", is_fault=False, ends_running=True))

    def parks(trial: optuna.Trial) -> bool:
        asked.append(trial.number)
        return True

    interrupts = Interrupts()
    trainer = Trainer(_plan(), _jobs(_with_checkpoint), interrupts)
    evaluation = Evaluation(trainer, look_for_end=EarlyEnd(interrupts, parks).look)
    outcome = run_trial(study.ask(), evaluation, interrupts)
    assert outcome == (Interrupted() if stops else Parked())
    assert interrupts.asked_to_end is stops
    assert asked == [0]
