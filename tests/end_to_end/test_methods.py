# SPDX-License-Identifier: MIT
"""Anybody's samplers and pruners in real studies: of the script, of a folder beside it, of optuna-integration."""

import importlib.util
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, assert_exact, trials_of, yaml_of

RunScript = Callable[..., subprocess.CompletedProcess[str]]

WORKERS = "hydra/launcher=local_workers"


@pytest.fixture
def app() -> Path:
    """The app's folder, a package too, in a folder that holds nothing else of ours."""
    folder = Path("stranger").absolute()
    shutil.copytree(APPS / "methods", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "__init__.py").touch()
    return folder


def _search(run: RunScript, program: Sequence[object], study: str, *overrides: str) -> Sequence[FrozenTrial]:
    done = run(*program, "--multirun", f"hydra.sweep.dir={study}", *overrides)
    assert done.returncode == 0, done.stdout + done.stderr
    return assert_exact(Path(study), 6)


def _by_worker(trials: Sequence[FrozenTrial], key: str = "x") -> list[list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for trial in trials:
        found[trial.user_attrs["claim"]["worker"]].append(trial.params[key])
    return list(found.values())


def _node(target: str, **fields: object) -> tuple[str, ...]:
    words = [f"hydra.sweeper.sampler.{key}={value}" for key, value in fields.items()]
    return (f"hydra.sweeper.sampler._target_={target}", *words)


@pytest.mark.parametrize(
    ("way", "target"),
    [("file", "__main__.Counting"), ("file", "train.Counting"), ("module", "stranger.train.Counting")],
    ids=["main", "by its file's name", "python -m"],
)
def test_a_sampler_of_the_script_lives_in_each_worker(app: Path, run_script: RunScript, way: str, target: str) -> None:
    """In each of two processes it counts on from trial to trial, and the script is not run a second time for it."""
    program = (app / "train.py",) if way == "file" else ("-m", "stranger.train")
    trials = _search(run_script, program, "study", WORKERS, *_node(target, start=7))
    workers = _by_worker(trials)
    assert all(found == list(range(7, 7 + len(found))) for found in workers)
    draws = [trial.params["y"] for trial in trials]
    assert len(set(draws)) == len(draws)  # no two workers have one seed


def test_a_sequential_study_of_such_a_sampler_repeats(app: Path, run_script: RunScript) -> None:
    """Its seed follows from the study's: one worker draws the same each time, whichever launcher carries it."""
    words = ("hydra.sweeper.n_jobs=1", *_node("__main__.Counting", start=0))
    one, two = (
        [trial.params for trial in _search(run_script, (app / "train.py",), study, *words, *more)]
        for study, more in (("one", (WORKERS,)), ("two", ()))
    )
    assert one == two
    assert len({params["y"] for params in one}) == 6


def test_a_sampler_in_the_shape_of_a_hubs_package(app: Path, run_script: RunScript) -> None:
    """A folder beside the script with relative imports, around a sampler of Optuna's."""
    words = _node("hub.samplers.whale.Whale", depth=20, base_sampler="{_target_: optuna.samplers.QMCSampler}")
    trials = _search(run_script, (app / "train.py",), "study", WORKERS, *words)
    assert all(found == list(range(21, 21 + len(found))) for found in _by_worker(trials))


def test_a_pruner_of_a_module_in_one_of_optunas(app: Path, run_script: RunScript) -> None:
    """PatientPruner asks it: what reports more than its limit and gets no better ends early."""
    fields = ("patience=1", "wrapped_pruner={_target_: pruners.Above, limit: 8.5}")
    pruner = [f"hydra.sweeper.pruner.{word}" for word in ("_target_=optuna.pruners.PatientPruner", *fields)]
    sampler = _node("__main__.Counting", start=7)
    words = (WORKERS, "hydra.sweeper.n_jobs=1", *sampler, *pruner)
    trials = _search(run_script, (app / "train.py",), "study", *words)
    assert [trial.params["x"] for trial in trials if trial.state == TrialState.COMPLETE] == [7, 8]
    assert [trial.params["x"] for trial in trials if trial.state == TrialState.PRUNED] == [9, 10, 11, 12]


def test_what_is_no_sampler_is_never_called(app: Path, run_script: RunScript) -> None:
    """All is told at once, with the nearest names, and nothing is started or written."""
    (app / "more.py").write_text(
        "from pathlib import Path\nclass Loud:\n    def __init__(self): Path('made').touch()\n"
    )
    wrong = (
        *_node("more.Loud"),
        "hydra.sweeper.pruner._target_=optuna.pruners.PatientPruner",
        "hydra.sweeper.pruner.wrapped_pruner={_target_: pruners.Abov}",
    )
    done = run_script(app / "train.py", "--multirun", "hydra.sweep.dir=study", *wrong)
    assert done.returncode != 0
    for text in ("more.Loud is not a BaseSampler", "pruner.wrapped_pruner", "did you mean Above?"):
        assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("made").exists()
    assert trials_of(Path("study")) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_botorch_sampler_of_optuna_integration(app: Path, run_script: RunScript) -> None:
    """After a random start it models the trials, in a worker's process, and finds better ones."""
    if importlib.util.find_spec("botorch") is None:
        pytest.skip("botorch is not installed: pip install -c constraints.txt -e .[botorch]")
    words = _node("optuna_integration.botorch.BoTorchSampler", n_startup_trials=3)
    trials = _search(run_script, (app / "train.py",), "study", WORKERS, "hydra.sweeper.n_jobs=1", *words)
    losses = [trial.params["x"] + trial.params["y"] for trial in trials]
    assert min(losses[3:]) < min(losses[:3])


@pytest.mark.slow
@pytest.mark.stock
@pytest.mark.parametrize("group", ["tpe", "random", "cmaes", "nsgaii", "nsgaiii", "gp", "qmc", "grid"])
def test_the_stock_sweeper_runs_beside_ours(app: Path, run_script: RunScript, group: str) -> None:
    """Our nodes lie in the same groups as hydra-optuna-sweeper's; its own sweeper does not notice."""
    lacking = [one for one in {"cmaes": ["cmaes"], "gp": ["torch"]}.get(group, []) if not importlib.util.find_spec(one)]
    if lacking:
        pytest.skip(f"the sampler {group} wants {', '.join(lacking)}, not installed here")
    (app / "stock.yaml").write_text(
        f"defaults: [_self_, {{override hydra/sweeper: optuna}}, {{override hydra/sweeper/sampler: {group}}}]\n"
        "x: 0\ny: 0.0\n"
        "hydra: {sweeper: {n_trials: 4, n_jobs: 1, sampler: {seed: 3},\n"
        "  params: {x: range(100), y: 'range(0.0, 1.0, 0.5)'}}}\n"
    )
    words = ("--multirun", "--config-name=stock", "hydra.sweep.dir=study")
    done = run_script(app / "train.py", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml_of(Path("study/optimization_results.yaml"))["name"] == "optuna"
