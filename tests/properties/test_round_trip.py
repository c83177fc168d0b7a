# SPDX-License-Identifier: MIT
"""What ran is what is written: one value, type included, in the objective, the study, the files and the command."""

import csv
import io
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from hyperopt_app.preflight.space import check_space
from hyperopt_app.results.retrain import retrain_command
from hyperopt_app.results.trials_csv import text_of_cell, trials_csv
from hyperopt_app.space.override_text import element_of, quoted_text
from hyperopt_app.space.space import parse_space
from hyperopt_app.study.plan import Plan
from hyperopt_app.support.plain_yaml import plain_yaml
from hyperopt_app.worker.interrupts import Interrupts
from hyperopt_app.worker.run_trial import Evaluation
from hyperopt_app.worker.training.trainer import Trainer
from hyperopt_app.worker.trial_job import TrialJobs
from tests.unit._made_sweeps import NOON, made_plan, made_sweep, write_configs

CONFIG = """
    defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/job_logging: none}]
    x: null
    hydra: {sweep: {dir: study, subdir: "trials/${hydra.job.num}"}}
    """

EXAMPLES = 200
LARGEST = 2**53

texts = st.one_of(
    st.text(alphabet="\\'\",=()[]{}: \t\nab01~@%é$", max_size=8),
    st.sampled_from(["null", "true", "1", "1e-4", "nan", "a,b", "it's", "x=y", "\\", "0x1F", "yes", "1_000", ""]),
).filter(lambda text: text != "???" and "${" not in text)
whole = st.one_of(st.integers(-9, 9), st.integers(), st.integers(LARGEST, 2**70), st.integers(-(2**70), -LARGEST))
floats = st.one_of(st.floats(allow_nan=False), st.sampled_from([1e-4, 1e22, 0.1 + 0.2, 5e-324, -0.0]))
plain = st.one_of(st.booleans(), whole, floats, texts)
lists = st.lists(st.one_of(plain, st.none()), min_size=1, max_size=3)
written = st.one_of(plain, lists).map(quoted_text)
words = st.sampled_from(
    ["adam", "1e-4", "1E5", "-0.0", "null", "true", "a/b", "resnet-18", "@own", "1_000", "9007199254740993"]
)

choices = st.lists(written, min_size=1, max_size=4).map(lambda some: f"choice({', '.join(some)})")
by_commas = st.lists(st.one_of(words, written), min_size=2, max_size=4).map(", ".join)


def _pair(numbers: st.SearchStrategy[Any], form: str) -> st.SearchStrategy[str]:
    two = st.lists(numbers, min_size=2, max_size=2, unique=True).map(sorted)
    return two.map(lambda ends: form.format(*map(repr, ends)))


near = st.floats(-1e9, 1e9)
ranges = st.one_of(
    _pair(whole, "interval({}, {})"),
    _pair(st.integers(-9, 10**9), "int(interval({}, {}))"),
    _pair(whole, "int(interval({}, {}))"),
    _pair(st.integers(1, LARGEST), "tag(log, int(interval({}, {})))"),
    _pair(near, "interval({}, {})"),
    _pair(st.floats(1e-12, 1e12), "tag(log, interval({}, {}))"),
    _pair(st.integers(-99, 99), "range({}, {}, step=3)"),
    _pair(st.integers(0, 30), "range({}.0, {}.0, step=0.1)"),
    _pair(st.integers(-LARGEST, LARGEST), "range({}, {}, step=1000000007)"),
)


def _same(left: Any, right: Any) -> bool:
    """Equality that tells true from 1, 1 from 1.0 and 0.0 from -0.0."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and repr(left) == repr(right)


def _meant(stored: Any) -> Any:
    """The value that is stored: a text is the override text of a choice."""
    return element_of(stored) if isinstance(stored, str) else stored


def _column(trials: Sequence[optuna.trial.FrozenTrial], name: str, number: int) -> str:
    table = list(csv.DictReader(io.StringIO(trials_csv([trials[number]], ["value"]), newline="")))
    return table[0][f"params.{name}"]


@pytest.mark.timeout(300)
def test_a_value_is_the_same_wherever_it_is_written() -> None:
    """Seen by the objective == the study, read anew == best.yaml == trials.csv == the command that trains again.

    Only whole numbers in a range that the study could not keep are refused.
    """
    jobs, seen = _jobs()
    config = OmegaConf.create({"x": None})
    plan = made_plan(Path.cwd() / "study")
    journal = Path.cwd() / "journal.log"
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(storage=_storage(journal), study_name="study", sampler=sampler)
    plans: list[Plan] = []

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(st.one_of(choices, by_commas, ranges))
    def run(text: str) -> None:
        # A parameter of its own for each, since a study holds one kind of each.
        space, faults = parse_space({"x": text}, [], None, {"x": f"x{len(plans)}"})
        if faults:
            assert "is empty" in faults[0], faults
            return
        if faults := check_space(space, lambda _: config, lambda _: []):
            assert "2**53" in faults[0], faults
            return
        plans.append(replace(plan, space=space))
        trial = study.ask()
        study.tell(trial, Evaluation(Trainer(plans[-1], jobs, Interrupts())).evaluate(trial).values)  # type: ignore[union-attr]

    run()
    assert len(plans) == len(seen) > EXAMPLES // 2
    trials = optuna.load_study(study_name="study", storage=_storage(journal)).trials
    for number, value in enumerate(seen):
        name = f"x{number}"
        stored = trials[number].params[name]
        assert _same(_meant(stored), value), (stored, value)
        assert _same(yaml.safe_load(plain_yaml({"params": trials[number].params}))["params"][name], stored)
        cell = text_of_cell(_column(trials, name, number))
        assert _same(element_of(cell), value), (cell, value)
        word = shlex.split(retrain_command(plans[number], trials[number]))[-1]
        again = OmegaConf.to_container(jobs.compose((), (word,), number).task)
        assert isinstance(again, dict)
        assert _same(again["x"], value), (word, value)


def _storage(journal: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(journal)))


def _jobs() -> tuple[TrialJobs, list[Any]]:
    """Trials of an app that remembers what each has seen."""
    seen: list[Any] = []

    def task(config: Any) -> float:
        content: Any = OmegaConf.to_container(config)
        seen.append(content["x"])
        return 0.0

    context, config = made_sweep(write_configs(Path.cwd() / "conf", {"config": CONFIG}))
    return TrialJobs(context, config, task, NOON), seen
