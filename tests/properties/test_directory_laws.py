# SPDX-License-Identifier: MIT
"""Two studies in one directory, whatever `hydra.sweep.subdir` says: refused, or each trial trains all its epochs."""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial

import hyperopt_app
from hyperopt_app.driver.sweep import sweep
from hyperopt_app.errors import HyperoptError
from hyperopt_app.storage.opening import open_storage
from tests.unit._made_sweeps import made_sweep, write_configs

EPOCHS, N_TRIALS = 2, 3
CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/sweeper/sampler: random}]
x: 0
y: 0
hydra:
  sweep: {dir: study}
  job: {name: app}
  sweeper:
    n_trials: 3
    n_jobs: 1
    max_consecutive_failures: null
    progress: none
    params: {x: "choice(1, 2)", y: "choice(a, b/c)"}
"""
# These are told in the docs, or are what people write: no study of their own may be refused.
ALWAYS = (
    "trials/${hydra.job.num}",
    "${hydra:job.num}",
    "${hydra.job.id}",
    "${now:%H-%M}/${hydra.job.num}",
    "${hydra.job.override_dirname}",
)
_PARTS = st.sampled_from(
    (
        *(
            "${hydra.job.num}",
            "${hydra:job.num}",
            "${hydra.job.id}",
            "${hydra.job.name}",
            "${now:%H-%M}",
            "${x}",
            "${y}",
        ),
        *("${hydra.job.override_dirname}", "trials", "workers", ".hydra", "0", "1", ".", "..", "journal.log"),
    )
)
_SUBDIRS = st.one_of(
    st.sampled_from(ALWAYS),
    st.lists(st.tuples(_PARTS, st.sampled_from(("/", "_", "-", ""))), max_size=4).map(
        lambda parts: "".join(part + joint for part, joint in parts)
    ),
).map(lambda text: text.rstrip("/"))
Second = tuple[tuple[str, ...], bool]
# How the second study comes about, or the first goes on: overrides, and whether the journal is removed before.
_SECONDS = st.sampled_from(
    (
        (("hydra.sweeper.study_name=other",), False),
        ((), True),
        (("hydra.sweeper.storage=sqlite:///all.db",), False),
        (("hydra.sweeper.n_trials=5",), False),
        (("hydra.sweeper.n_trials=5", "hydra.sweep.subdir=b/${hydra.job.num}"), False),
    )
)


def train(_config: Any) -> float:
    """Go on from whatever checkpoint there is; the value is the number of epochs trained in this call."""
    trial = hyperopt_app.current_trial()
    assert trial is not None
    begin = json.loads(trial.checkpoint.read_text()) if trial.checkpoint.exists() else 0
    for epoch in range(begin, EPOCHS):
        trial.checkpoint.write_text(json.dumps(epoch + 1))
    return float(EPOCHS - begin)


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """A new working directory, two levels below what is thrown away: a subdir may lead upwards."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        here = Path(place, "a", "b")
        here.mkdir(parents=True)
        os.chdir(here)
        try:
            yield here
        finally:
            os.chdir(before)


def _search(subdir: str, *overrides: str) -> str:
    """Run the command; what it was refused with, empty if it was not."""
    configs = write_configs(Path("conf"), {"config": CONFIG})
    words = [f"hydra.sweep.subdir='{subdir}'", *overrides]
    context, config = made_sweep(configs, *words)
    try:
        sweep(context, config, train, [])
    except HyperoptError as error:
        return str(error)
    return ""


def _stored() -> list[FrozenTrial]:
    places: list[str | None] = [None] if Path("study/journal.log").exists() else []
    places += ["sqlite:///all.db"] if Path("all.db").exists() else []
    storages = [open_storage(place, Path("study")) for place in places]
    return [
        trial
        for storage in storages
        for name in optuna.get_all_study_names(storage)
        for trial in optuna.load_study(study_name=name, storage=storage).get_trials()
    ]


@pytest.mark.parametrize("subdir", ALWAYS)
def test_what_people_write_always_runs(subdir: str) -> None:
    """Equal points or not."""
    with _elsewhere():
        assert not _search(subdir)
        _check(_stored(), N_TRIALS)


@settings(max_examples=4)
@given(subdir=_SUBDIRS, second=_SECONDS)
def test_two_studies_in_one_directory(subdir: str, second: Second) -> None:
    """Refused, or every trial of both trains all its epochs, in a directory that no other trial has."""
    _check_two(subdir, second)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.timeout(1800)
@settings(max_examples=150)
@given(subdir=_SUBDIRS, second=_SECONDS)
@example(subdir="${x}_${y}", second=(("hydra.sweeper.study_name=other",), False))
@example(subdir="../${x}", second=((), True))
@example(subdir="${y}", second=(("hydra.sweeper.storage=sqlite:///all.db",), False))
def test_two_studies_in_one_directory_at_length(subdir: str, second: Second) -> None:
    """The same with many texts."""
    _check_two(subdir, second)


def _check_two(subdir: str, second: Second) -> None:
    overrides, is_removed = second
    with _elsewhere():
        told = _search(subdir)
        assert not (told and subdir in ALWAYS), told
        first = _stored()
        if not told:
            _check(first, N_TRIALS)
        if is_removed and Path("study/journal.log").exists():
            Path("study/journal.log").unlink()
        told = _search(subdir, *overrides)
        both = {trial.datetime_start: trial for trial in (*first, *_stored()) if trial.state.is_finished()}
        _check(list(both.values()))


def _check(trials: Sequence[FrozenTrial], n_trials: int | None = None) -> None:
    """All are complete after all epochs, in directories of their own."""
    assert n_trials is None or len(trials) == n_trials
    assert {trial.value for trial in trials} <= {float(EPOCHS)}
    assert len({trial.user_attrs["directory"] for trial in trials}) == len(trials)
