# SPDX-License-Identifier: MIT
"""A search space that cannot be searched, and the words around it, are told in lines of ours before anything starts.

The commands run in this process: none of them starts another one.
"""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import hydra
import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra

from hyperopt_app.hydra_compat import store_node
from tests._releases import BASE, only_with_1_4
from tests.end_to_end._studies import trials_of
from tests.unit._made_sweeps import write_configs

STUDY = Path("study")
CONFIG = """
    defaults:
      - optim: adam
      - sizes: typed
      - _self_
      - override hydra/sweeper: async_optuna
    x: 1
    node: {k: 1}
    same: ${node}
    hydra:
      sweep: {dir: study, subdir: '${hydra.job.num}'}
      sweeper:
        n_trials: 3
        n_jobs: 1
        seed: 1
    """
OPTIONS = {"optim/adam": "lr: 0.1\n", "optim/sgd": "lr: 0.1\nmomentum: 0.9\n", "optim/torn": "defaults: [nowhere]\n"}


@dataclass
class Sizes:
    """What a typed config takes."""

    depth: int = 1


@dataclass
class Answer:
    """What a command has said, and with which exit code it ended."""

    code: int
    text: str


Command = Callable[..., Answer]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """`command(*words, sweeper="", returns=...)`: run a Hydra program with these words, in this process.

    `sweeper` are lines of YAML below `hydra.sweeper`; `returns` makes of the trial's config what the objective returns.
    """

    def run(*words: str, sweeper: str = "", returns: Callable[[Any], Any] = lambda cfg: float(cfg.x)) -> Answer:
        config = dedent(CONFIG) + indent(dedent(sweeper), "    ")
        folder = write_configs(Path("conf").absolute(), OPTIONS)
        (folder / "config.yaml").write_text(config)
        store_node("sizes", "typed", Sizes)

        def train(cfg: Any) -> Any:
            return returns(cfg)

        monkeypatch.setattr(sys, "argv", ["train.py", *words])
        GlobalHydra.instance().clear()
        return _ended(hydra.main(**BASE, config_path=str(folder), config_name="config")(train), capfd)

    return run


def _ended(program: Callable[[], Any], capfd: pytest.CaptureFixture[str]) -> Answer:
    capfd.readouterr()
    code = 0
    try:
        program()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    for handler in logging.getLogger().handlers:
        handler.flush()
    said = capfd.readouterr()
    return Answer(code, said.out + said.err)


NOTHING = ("hydra.sweeper.params: nothing is searched", "3 trials would be equal trainings", "write ranges or choices")
TWICE = ("the choice {} is there twice; write each choice once",)
GRID = "hydra/sweeper/sampler=grid"
TPE = "hydra/sweeper/sampler=tpe"

# Fault -> the words of the command, lines below `hydra.sweeper`, and what the answer must say.
REFUSED: dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = {
    "no params at all": ((), "", NOTHING),
    "params: null": ((), "params: null", NOTHING),
    "params: {}": ((), "params: {}", NOTHING),
    "a number in params": ((), "params: {x: 3}", (*NOTHING, "x=3: one value each", "{x: 'interval(0.001, 0.1)'}")),
    "a list in params": ((), "params: {x: [1, 2, 3]}", (*NOTHING, "x=[1, 2, 3]: one value", "{x: 'choice(1,2,3)'}")),
    "one choice": (("x=choice(2)",), "", (*NOTHING, "x=2: one value each")),
    "a choice twice in a grid": (("x=1,2,1", GRID), "", ("hydra.sweeper.params.x", TWICE[0].format(1))),
    "a choice twice": (("x=choice(a,'a')",), "", ("hydra.sweeper.params.x", "is there twice")),
    "an infinite bound": (("x=interval(0,inf)",), "", ("the bounds must be finite numbers, not 0 and inf",)),
    "a bound that is not a number": (("x=interval(nan,1)",), "", ("the bounds must be finite numbers, not nan and 1",)),
    "a range without an end": (("x=range(0,inf)",), "", ("a range goes by finite numbers",)),
    "the third choice of a typed key": (
        ("sizes.depth=1,2,deep", "optim=adam,sgd"),
        "",
        ("hydra.sweeper.params.sizes.depth: the config does not take deep", "could not be converted to Integer"),
    ),
    "the second of two options": (
        ("optim=adam,torn",),
        "",
        ("the config cannot be composed (with optim=torn)", "nowhere"),
    ),
    "a choice that refers to nothing": (
        ("x=1,${absent.key}",),
        "",
        ("hydra.sweeper.params.x: the config does not take ${absent.key}", "correct it, or leave it out"),
    ),
    "params that refer to nothing": (
        (),
        "params: {x: '${absent.key}', node.k: '1,${absent.other}'}",
        (
            "2 faults",
            "hydra.sweeper.params.x: ${absent.key} cannot be resolved",
            "hydra.sweeper.params.node.k: 1,${absent.other} cannot be resolved",
        ),
    ),
    "a resolver that is not there": (
        ("x=1,2", "hydra.sweep.subdir=${nope:1}"),
        "",
        ("hydra.sweep.subdir: '${nope:1}' cannot be resolved", "'hydra.sweep.subdir=trials/${hydra.job.num}'"),
    ),
    "constraints that are not there": (
        ("x=1,2", TPE, "hydra.sweeper.sampler.constraints_func=a.b"),
        "",
        ("hydra.sweeper.sampler.constraints_func._target_: a.b does not exist", "give the dotted path of a function"),
    ),
    "a key below a reference": (
        ("same.k=1,2",),
        "",
        ("hydra.sweeper.params.same.k", "same is only ${node}; search node.k"),
    ),
    "a key of one option": (
        ("optim=adam,sgd", "optim.momentum=0.1,0.9"),
        "",
        ("no key 'optim.momentum' (with optim=adam), but has it with optim=sgd", "hydra.sweeper.when: {optim=sgd: "),
    ),
    "a key that is added to one option": (
        ("optim=adam,sgd", "+optim.momentum=0.1,0.9"),
        "",
        ("no key 'optim.momentum' (with optim=adam), but has it with optim=sgd", "or ++optim.momentum"),
    ),
}


# Beside Hydra 1.3 the node is resolved before it is ours, and nobody says which key of it was wrong.
NAMELESS_BEFORE_1_4 = {"params that refer to nothing"}


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=only_with_1_4 if one in NAMELESS_BEFORE_1_4 else ()) for one in REFUSED]
)
def test_what_cannot_be_searched_is_refused_in_words(fault: str, command: Command) -> None:
    """Exit code 1, where and what and what to do, no traceback, and nothing is written."""
    words, sweeper, told = REFUSED[fault]
    answer = command("--multirun", *words, sweeper=sweeper)
    assert [one for one in told if one not in answer.text] == [], answer.text
    assert "Traceback" not in answer.text
    assert answer.code == 1
    assert [path.name for path in Path.cwd().iterdir()] == ["conf"]


def test_choices_that_python_holds_for_equal_are_choices_of_their_own(command: Command) -> None:
    """A grid of them tries each, and the objective gets the type that was written."""
    answer = command(
        "-m", "x=1,1.0,true,false,0", GRID, "hydra.sweeper.n_trials=9", returns=lambda cfg: len(repr(cfg.x))
    )
    assert answer.code == 0, answer.text
    assert sorted(trial.value or 0 for trial in trials_of(STUDY)) == [1, 1, 3, 4, 5]


def test_an_objective_that_suggests_by_itself_says_so(command: Command) -> None:
    """Then there is nothing to search beforehand."""
    answer = command("-m", "hydra.sweeper.objective_suggests=true")
    assert (answer.code, len(trials_of(STUDY))) == (0, 3), answer.text


@pytest.mark.parametrize("returned", [np.array([1.5]), np.array(1.5), {"loss": np.array([[1.5]])}], ids=repr)
def test_an_array_of_one_number_is_a_metric(returned: Any, command: Command) -> None:
    """As a tensor of one number is."""
    answer = command("-m", "x=1,2", "hydra.sweeper.metric=loss", returns=lambda _cfg: returned)
    assert answer.code == 0, answer.text
    assert [trial.value for trial in trials_of(STUDY)] == [1.5] * 3


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ({"loss": "1.5"}, "hydra.sweeper.metric: loss is a str '1.5'. Return a number in its place."),
        ({"loss": np.array([1, 2])}, "hydra.sweeper.metric: loss is a ndarray of the shape (2,). Return a number"),
        ("1.5", "The objective returned a str '1.5'; 1 number(s) are wanted"),
        ({"los": 1}, "hydra.sweeper.metric: loss; the objective returned los. Set hydra.sweeper.metric to one of"),
    ],
    ids=repr,
)
def test_what_is_no_metric_is_told_with_what_came(returned: Any, told: str, command: Command) -> None:
    """And that something has to be set right before the same command goes on."""
    answer = command("-m", "x=1,2", "hydra.sweeper.metric=loss", returns=lambda _cfg: returned)
    assert told in answer.text
    assert "3 of 3 trials are left; after a fix, the same command goes on with them." in answer.text
    assert "Traceback" not in answer.text
    assert answer.code == 2


def test_what_cannot_be_submitted_is_told_with_the_launchers_that_can(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`hyperopt-app submit` of a study whose workers live beside the command."""
    from hyperopt_app.cli import main

    monkeypatch.setenv("OMEGACONF_MAX_YAML_EXPANDED_NODES", "10000000")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["hyperopt-app", "submit", "hparams=sphere"])
    GlobalHydra.instance().clear()
    answer = _ended(main, capfd)
    assert "hydra.launcher.detach: LocalWorkersLauncher starts workers that end with this command" in answer.text
    assert "choose hydra/launcher=slurm_workers, pbs_workers or lsf_workers" in answer.text
    assert "+hydra.launcher" not in answer.text
    assert answer.code == 1
    assert list(Path.cwd().iterdir()) == []


def test_a_budget_without_a_sweep_is_pointed_out(command: Command) -> None:
    """`n_trials` without --multirun is one training."""
    answer = command("hydra.sweeper.n_trials=5", "hydra.run.dir=one")
    assert answer.code == 0, answer.text
    assert "Without --multirun (-m) this is one run and nothing is searched: hydra.sweeper.n_trials=5" in answer.text


def test_with_the_one_line_alone_what_helps_is_told(command: Command) -> None:
    """Two workers in turn, in a directory to which the same command does not come back."""
    answer = command("-m", "x=1,2", "hydra.sweeper.n_jobs=2", "hydra.sweep.dir=multirun/${now:%H-%M-%S}")
    assert answer.code == 0, answer.text
    assert "The 2 workers run one after the other, since hydra/launcher is basic" in answer.text
    assert "the same command begins another study, since hydra.sweep.dir has the time in it" in answer.text
    assert "or, typed: +hyperopt=local" in answer.text
