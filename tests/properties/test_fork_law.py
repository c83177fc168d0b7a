# SPDX-License-Identifier: MIT
"""The fork law: a trial is what its first process makes of it, whatever the descendants of that process do."""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, trials_of

SENTENCE = "may speak for the trial"
ENDINGS = ("return", "raise", "prune", "interrupt", "exit", "exit 3", "os exit")

Run = Callable[..., subprocess.CompletedProcess[str]]
Program = Sequence[Any]

deeds = st.one_of(
    st.tuples(st.just("report"), st.floats(-10, 10, width=16)),
    st.tuples(st.just("attribute"), st.sampled_from("abc"), st.integers(0, 99)),
    st.tuples(st.just("ask")),
    st.tuples(st.just("pause")),
    st.tuples(st.just("wait")),
)


def _forks(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fork = st.tuples(st.sampled_from(["fork", "leave"]), inner, st.sampled_from(ENDINGS))
    return st.lists(st.one_of(deeds, fork), max_size=6)


programs = _forks(_forks(st.lists(deeds, max_size=4)))

# Of the faults that were found: a helper returns; a helper raises and exits; both sides of a fork talk at once.
TALK = [["report", 1.0], ["ask"], ["attribute", "a", 1]] * 5
FOUND = [
    [["fork", [["pause"]], "return"]],
    [["fork", [], "raise"], ["fork", [], "exit"], ["wait"], ["report", 2.0]],
    [["fork", TALK, "return"], ["fork", TALK, "os exit"], *TALK],
    [["leave", [["pause"], ["report", 5.0]], "return"], ["ask"]],
]


@pytest.mark.parametrize("isolation", ["process", "none"])
@pytest.mark.timeout(180)
@settings(
    max_examples=2,
    phases=[Phase.explicit, Phase.generate],  # each example is a sweep: too slow to be made small
    suppress_health_check=list(HealthCheck),
)
@given(tried=st.lists(programs, min_size=5, max_size=8))
@example(tried=FOUND)
def test_a_trial_is_what_its_first_process_makes_of_it(
    run_script: Run, tmp_path_factory: pytest.TempPathFactory, isolation: str, tried: Sequence[Program]
) -> None:
    """Its value, reports, attributes and answers are the first process's.

    A descendant's call takes effect once, or raises the one sentence; nothing raises in the first process.
    """
    place = tmp_path_factory.mktemp("law")
    (place / "programs.json").write_text(json.dumps(tried))
    what = ",".join(f"program {number}" for number in range(len(tried)))
    words = (f"what={what}", f"hydra.launcher.isolation={isolation}")
    ended = run_script(APPS / "descendants" / "app.py", "--multirun", *words, cwd=place, timeout=100)
    written = ended.stdout + ended.stderr + (place / "study/workers/0.log").read_text()
    trials = trials_of(place / "study")
    assert len(trials) == len(tried), written
    for trial in trials:
        program = tried[int(trial.params["what"].split()[1])]
        _hold_against_the_law(program, trial, place / f"study/trials/{trial.number}/met", written)
    assert (place / "study/ends").read_text().split() == ["COMPLETED"] * len(tried)
    assert ended.returncode == 0, written


def _hold_against_the_law(program: Program, trial: FrozenTrial, met: Path, written: str) -> None:
    reports = [value for name, value in _deeds(program, "report")]
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 1000.0 + len(reports)), (trial.user_attrs, written)
    lines = met.read_text().splitlines() if met.exists() else []
    done = [line.partition(":")[0].split(maxsplit=1) for line in lines if line.endswith(": took effect")]
    refused = [line for line in lines if SENTENCE in line]
    assert len(done) + len(refused) == len(lines), lines
    steps = [int(rest[0]) for name, *rest in done if name == "report"]
    keys = [rest[0] for name, *rest in done if name == "attribute"]
    own = {step: value for step, value in trial.intermediate_values.items() if step not in steps}
    assert own == dict(enumerate(reports, start=1))
    expected = {key: value for name, key, value in _deeds(program, "attribute")}
    told = {key: value for key, value in trial.user_attrs.items() if key in "abc" or key.startswith("of ")}
    assert {key: value for key, value in told.items() if key not in keys} == expected
    assert set(keys) <= set(told)
    assert set(steps) <= set(trial.intermediate_values)


def _deeds(program: Program, name: str) -> Iterator[Any]:
    """What the first process itself does."""
    return (deed for deed in program if deed[0] == name)
