# SPDX-License-Identifier: MIT
"""A study from its first command to its last: files, resuming, interruption, and what the user may change."""

import csv
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.end_to_end._studies import APPS, Family, assert_exact, end_of, ended, in_state, trials_of, wait_for, yaml_of

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

PARABOLOID = APPS / "paraboloid" / "app.py"
STUDY = Path("study")
SPHERE = Path("studies", "sphere")


def good(done: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that must have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def refused(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The output of a command that must have been refused, for people."""
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert "Traceback" not in text
    return text


@pytest.fixture
def paraboloid(run_script: Run) -> Run:
    """`paraboloid(*overrides)`: a sweep of the app with its workers inside the driver, which is the quickest."""

    def run(*overrides: str) -> subprocess.CompletedProcess[str]:
        return run_script(PARABOLOID, "--multirun", *overrides)

    return run


def test_the_same_command_resumes_and_a_larger_budget_adds_to_it(run_app: Run) -> None:
    """A second run has nothing to do; with a larger n_trials exactly the missing trials run."""
    command = ("--multirun", "hparams=sphere")
    good(run_app(*command, "hydra.sweeper.n_trials=5"))
    _check_files(5)
    first, journal = trials_of(SPHERE), (SPHERE / "journal.log").read_bytes()

    assert "nothing to do" in good(run_app(*command, "hydra.sweeper.n_trials=5"))
    assert list(map(end_of, trials_of(SPHERE))) == list(map(end_of, first))
    assert (SPHERE / "journal.log").read_bytes().startswith(journal)

    said = good(run_app(*command, "hydra.sweeper.n_trials=8"))
    assert "nothing to do" not in said
    assert all(line in said for line in (SPHERE / "summary.txt").read_text(encoding="utf-8").splitlines())
    trials = assert_exact(SPHERE, 8)
    assert [one.datetime_start for one in trials[:5]] == [one.datetime_start for one in first]
    last_end = max(map(end_of, first))
    assert all(one.datetime_start is not None and one.datetime_start > last_end for one in trials[5:])
    _check_files(8)


def _check_files(n_trials: int) -> None:
    """The study's directory holds what the user was promised, and it tells of these trials."""
    trials = assert_exact(SPHERE, n_trials)
    best = min(trials, key=lambda trial: trial.values[0])
    with (SPHERE / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["number"]) for row in rows] == list(range(n_trials))
    assert {(row["state"], row["worker"] in {"0", "1"}) for row in rows} == {("complete", True)}
    assert [float(row["metrics.value"]) for row in rows] == [trial.value for trial in trials]
    assert all(row["start"] and row["duration_s"] and float(row["params.x"]) for row in rows)

    told = yaml_of(SPHERE / "best.yaml")
    directory = SPHERE.absolute() / "trials" / str(best.number)
    assert (told["trial"], told["value"], told["params"]) == (best.number, best.value, best.params)
    assert told["directory"] == str(directory)
    assert told["checkpoint"] is None
    assert yaml_of(SPHERE / "optimization_results.yaml") == {
        "name": "optuna",
        "best_params": best.params,
        "best_value": best.value,
    }
    summary = (SPHERE / "summary.txt").read_text(encoding="utf-8")
    assert summary.startswith(f"sphere: {n_trials} of {n_trials} trials in ")
    assert f" #{best.number}  x " in summary
    for number in range(n_trials):
        trial_dir = SPHERE / "trials" / str(number)
        assert {path.name for path in (trial_dir / ".hydra").iterdir()} == {
            "config.yaml",
            "hydra.yaml",
            "overrides.yaml",
        }
        assert len(list(trial_dir.glob("*.log"))) == 1


def test_best_yaml_has_the_command_that_trains_again(paraboloid: Run, run_script: Run) -> None:
    """The words of `retrain`, run as they stand, give the best trial's configuration without a search."""
    good(paraboloid("hydra.sweeper.n_trials=3"))
    best = yaml_of(STUDY / "best.yaml")
    seed, program, script, *overrides = shlex.split(best["retrain"])
    assert seed == f"HYPEROPT_SEED={best['seed']}"
    assert (program, Path(script)) == ("python", PARABOLOID)
    good(run_script(script, *overrides, "hydra.run.dir=again"))
    again = yaml_of(Path("again", ".hydra", "config.yaml"))
    assert {key: again[key] for key in best["params"]} == best["params"]


@pytest.mark.parametrize(("launcher", "at_a_time"), [("local_workers", 2), ("basic", 1)], ids=["processes", "driver"])
def test_ctrl_c_leaves_a_study_that_can_be_resumed(
    launcher: str, at_a_time: int, start_app: Start, run_app: Run, family: Family
) -> None:
    """After SIGINT the exit code is 130, no process is left, no trial is running, and the rest runs next time."""
    command = (*("--multirun", "hparams=sphere", f"hydra/launcher={launcher}"), "sleep=1", "hydra.sweeper.n_trials=8")
    driver = start_app(*command)
    wait_for("a trial that has ended and others under way", lambda: ended(SPHERE) and _running() == at_a_time)
    assert driver.poll() is None, "the study was over before this test could interrupt it"
    driver.send_signal(signal.SIGINT)
    output, errors = driver.communicate()
    assert driver.returncode == 130, output + errors
    assert "Traceback" not in output + errors
    assert "the same command goes on" in output + errors
    # The server of trials notices a moment later that its worker is gone.
    wait_for("the end of every process", family.is_gone)
    assert _running() == 0
    before = {trial.number: trial.datetime_complete for trial in ended(SPHERE)}
    assert 1 <= len(before) < 8
    good(run_app(*command))
    trials = assert_exact(SPHERE, 8)
    assert {number: trials[number].datetime_complete for number in before} == before


def _running() -> int:
    return len(in_state(SPHERE, TrialState.RUNNING))


def test_no_trial_is_started_after_the_timeout(paraboloid: Run) -> None:
    """hydra.sweeper.timeout ends the search without a fault, and a later command goes on with the rest."""
    slow = ("sleep=0.3", "hydra.sweeper.n_trials=3")
    text = good(paraboloid(*slow, "hydra.sweeper.timeout=0.2"))
    assert "hydra.sweeper.timeout" in text
    left = in_state(STUDY, TrialState.WAITING)
    assert f"{len(left)} of 3 trials are left; the same command goes on with them." in text
    assert len(left) in {2, 3}
    good(paraboloid(*slow))
    assert_exact(STUDY, 3)


def test_the_command_line_pins_and_replaces_and_the_warm_start_comes_first(run_app: Run) -> None:
    """A value pins its parameter, a range replaces the configured one, enqueued points are the first trials."""
    overrides = ("x=1.25", "y=interval(10.0, 11.0)", "hydra.sweeper.enqueue=[{z:2.5},{z:-1,y:10.5}]")
    good(run_app("--multirun", "hparams=sphere", "hydra/launcher=basic", "hydra.sweeper.n_trials=4", *overrides))
    trials = assert_exact(SPHERE, 4)
    assert [set(trial.params) for trial in trials] == [{"y", "z"}] * 4
    assert all(10 <= trial.params["y"] <= 11 for trial in trials)
    assert trials[0].params["z"] == 2.5
    assert trials[1].params == {"y": 10.5, "z": -1}
    for trial in trials:
        config = yaml_of(SPHERE / "trials" / str(trial.number) / ".hydra" / "config.yaml")
        assert {key: config[key] for key in "xyz"} == {"x": 1.25, **trial.params}


def test_the_options_of_config_groups_are_searched(run_script: Run) -> None:
    """Every combination of two groups' options is composed as Hydra composes it, with the option's own keys."""
    good(run_script(APPS / "groups" / "app.py", "--multirun"))
    values = {(trial.params["optimizer"], trial.params["width"]): trial.value for trial in assert_exact(STUDY, 4)}
    assert values == {
        ("adam", "narrow"): 16.25,
        ("adam", "wide"): 32.25,
        ("sgd", "narrow"): 24.5,
        ("sgd", "wide"): 40.5,
    }
    for trial in trials_of(STUDY):
        overrides = yaml_of(STUDY / "trials" / str(trial.number) / ".hydra" / "overrides.yaml")
        assert sorted(overrides) == sorted(f"{key}={value}" for key, value in trial.params.items())


def test_several_objectives_have_a_front(paraboloid: Run) -> None:
    """With two metrics and two directions the results are the trials that no other one beats in both."""
    both = ("hydra.sweeper.metric=[loss,cost]", "hydra.sweeper.direction=[minimize,maximize]")
    good(paraboloid(*both, "hydra.sweeper.n_trials=6"))
    trials = assert_exact(STUDY, 6)
    front = [one for one in trials if not any(_beats(other.values, one.values) for other in trials)]
    assert yaml_of(STUDY / "optimization_results.yaml") == {
        "name": "optuna",
        "solutions": [{"params": trial.params, "values": trial.values} for trial in front],
    }
    solutions = yaml_of(STUDY / "best.yaml")["solutions"]
    assert [one["trial"] for one in solutions] == [trial.number for trial in front]
    assert {tuple(one["metric"]) for one in solutions} == {("loss", "cost")}
    for trial in trials:
        assert trial.values == [trial.user_attrs["metrics"][name] for name in ("loss", "cost")]


def _beats(one: list[float], other: list[float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] >= other[1]


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_changed_search_is_refused_until_the_user_accepts_it(paraboloid: Run) -> None:
    """A changed range is shown and refused; accept_changes goes on with it; other directions never go on."""
    good(paraboloid("hydra.sweeper.n_trials=2"))
    journal = (STUDY / "journal.log").read_bytes()
    wider = ("x=interval(-9.0, 5.0)", "hydra.sweeper.n_trials=4")

    text = refused(paraboloid(*wider))
    assert "x: [-5, 5] (float) -> [-9, 5] (float)" in text
    assert "hydra.sweeper.accept_changes=true" in text
    accepted = "hydra.sweeper.accept_changes=true"
    turned = refused(paraboloid(*wider, accepted, "hydra.sweeper.direction=maximize"))
    assert "has the direction(s) minimize, the command asks for maximize" in turned
    assert "hydra.sweeper.study_name=" in turned
    assert (STUDY / "journal.log").read_bytes() == journal

    assert "x: [-5, 5] (float) -> [-9, 5] (float)" in good(paraboloid(*wider, accepted))
    assert_exact(STUDY, 4)
    # From now on this is the study's search.
    assert "nothing to do" in good(paraboloid(*wider))


@pytest.mark.stock
@pytest.mark.parametrize(
    "plugins",
    [("hydra/sweeper=optuna", "hydra/launcher=submitit_local"), ("hydra/sweeper=optuna", "hydra/launcher=basic"), ()],
    ids=lambda plugins: " ".join(one.rpartition("/")[2] for one in plugins) or "none of them",
)
def test_the_stock_plugins_work_on_the_same_config(plugins: tuple[str, ...], run_app: Run) -> None:
    """This application also runs under Hydra's stock sweeper and launcher, with the same search in a YAML file."""
    folder = APPS / "objectives"
    search = ("--config-dir", folder / "conf", "--multirun", "hparams=number")
    good(run_app(*search, *plugins, env={"PYTHONPATH": _with_tree(folder)}))
    results = yaml_of(Path("studies", "number", "optimization_results.yaml"))
    assert results["best_value"] == results["best_params"]["x"] ** 2
    assert len(list(Path("studies", "number", "trials").iterdir())) == 4


def _with_tree(folder: Path) -> str:
    return f"{APPS.parents[1]}:{folder}"


def test_workers_without_time_are_no_fault(run_app: Run) -> None:
    """Their job ends sooner than a trial needs to be given back: that is told once, and the command has succeeded."""
    end = str(int(time.time()) + 3)
    text = good(run_app("--multirun", "hparams=sphere", "hydra.sweeper.n_trials=4", env={"HYPEROPT_END": end}))
    assert "The time of this job is over, or does not suffice for a further trial: 0 of 4 trials are done" in text
    assert "No trial fitted in: about 10 s are kept for the end" in text
    assert text.count("Launching") == 1


def test_a_study_in_which_every_trial_fails_is_a_failure(run_app: Run) -> None:
    """The exit code says so, and the user reads how many failed and why, not that no trial has completed."""
    lines = ("import hyperopt_app", "class Nan(hyperopt_app.Objective):", "    def train(self, trial, conf):")
    Path("nan.py").write_text("\n".join([*lines, "        return {'value': float('nan')}"]))
    target = "objective._target_=nan.Nan"
    text = refused(run_app("--multirun", "hparams=sphere", target, "hydra.sweeper.n_trials=2"), code=2)
    assert "No trial of this run has completed: 2 of 2 failed; all with: " in text
    again = f"hyperopt-app retry {Path('studies', 'sphere').absolute()}"
    assert f"What to do: fix it, run `{again}`, then the same command; or request more trials with" in text
