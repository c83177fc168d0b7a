# SPDX-License-Identifier: MIT
"""One study in which each way to start ranks meets everything: a preemption, the pruner and the death of a rank.

Starting Hydra, a worker and Lightning is nearly all that a trial of the app costs, so all ways share one study. Each
has three trials: the first waits at a gate in its third epoch until it is preempted, goes on later and completes; the
second is pruned at its first report; in the third a rank dies.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import trials_of

STUDY = Path("study")
IN_PROCESS = ("ddp", "ddp_spawn", "ddp_fork", "launch_ranks", "spawn")
WAYS = (*IN_PROCESS, "torchrun")
TIMES = 20
EPOCHS = 20

# What becomes of a trial whose rank one dies in this way.
KINDS = {
    "oom": ("oom", "rank 1: "),
    "bug": ("bug", "rank 1: "),
    "crash": ("bug", "rank 1: the trial's process died of SIGSEGV"),
    "kill": (
        "infrastructure",
        "lost 3 times; last cause: rank 1: the trial's process was killed from outside (SIGKILL)",
    ),
}


def times(ways: Sequence[str], prefix: str = "") -> list[Any]:
    """The ways to start ranks and the repetition: CI shows them once, `nox -s nightly` TIMES times."""
    nightly = (pytest.mark.nightly, pytest.mark.slow)
    once = pytest.param(ways, 0, id=f"{prefix}in CI", marks=pytest.mark.slow)
    return [once, *(pytest.param(ways, time, id=f"{prefix}{time}", marks=nightly) for time in range(TIMES))]


def with_lightning(how: str) -> bool:
    """Whether a trial trains with Lightning."""
    return how.startswith("ddp")


def matrix_of(ways: Sequence[str]) -> tuple[str, ...]:
    """The words of the search: three trials for each way, in this order: all preempted, all pruned, all that die."""
    points = [f"{{how:{how},what:gate,x:{0.2 if with_lightning(how) else 0.45}}}" for how in ways]
    points += [f"{{how:{how},what:train,x:0.1}}" for how in ways]
    points += [f"{{how:{how},what:crash,x:{0.3 if with_lightning(how) else 0.42}}}" for how in ways]
    return (
        *_searched(ways, ("gate", "train", "crash")),
        f"epochs={EPOCHS}",
        *("hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.upper=0.35"),
        *_enqueued(points),
    )


def deaths_of(ways: Sequence[str]) -> tuple[str, ...]:
    """The words of a search in which a rank dies in each way of each kind, and whose last trial completes."""
    points = [f"{{how:{how},what:{what},x:0.2}}" for what in KINDS if what != "crash" for how in ways]
    points.append(f"{{how:{ways[0]},what:train,x:0.2}}")
    return (
        *_searched(ways, ("train", *KINDS)),
        *("hydra/sweeper/pruner=nop", "hydra.sweeper.max_consecutive_failures=null"),
        *_enqueued(points),
    )


def _searched(ways: Sequence[str], whats: Sequence[str]) -> tuple[str, ...]:
    return (f"how=choice({','.join(ways)})", f"what=choice({','.join(whats)})")


def _enqueued(points: Sequence[str]) -> tuple[str, ...]:
    return (f"hydra.sweeper.enqueue=[{','.join(points)}]", f"hydra.sweeper.n_trials={len(points)}")


def open_gate() -> None:
    """Let the trials that wait at the gate go on, slowly, so that they meet the preemption on their way."""
    (STUDY / "gate").touch()


def open_road() -> None:
    """Let all trials go on as fast as they can, for their second attempt."""
    (STUDY / "road").touch()


def are_at_the_gate(ways: Sequence[str]) -> bool:
    """Whether both ranks of the first trial of each way have begun their third epoch."""
    return all(line_count(number, rank) == 3 for number in range(len(ways)) for rank in range(2))


def line_count(number: int, rank: int) -> int:
    """How many epochs a rank has begun."""
    path = STUDY / f"trials/{number}/rank{rank}.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def noted(trial: FrozenTrial) -> list[list[dict[str, Any]]]:
    """What each rank of a trial has noted."""
    paths = [STUDY / f"trials/{trial.number}/rank{rank}.jsonl" for rank in range(2)]
    return [[json.loads(line) for line in path.read_text().splitlines()] for path in paths]


def loss_after(how: str, x: float, epochs: int) -> Any:
    """The loss after training: with Lightning two steps an epoch and the gradient 2(w - 1), else one with w - 1.

    In single precision: about one millionth is the smallest that is worth a comparison.
    """
    factor, steps = (1 - 2 * x, 2) if with_lightning(how) else (1 - x, 1)
    return pytest.approx(factor ** (2 * steps * epochs), rel=1e-3, abs=1e-6)


def assert_interrupted(ways: Sequence[str], repeats: Mapping[str, int]) -> None:
    """All ranks of the first trial of each way have left together, and the trials wait to go on.

    Args:
        ways: How ranks were started.
        repeats: For each way how many epochs may begin anew; 0 where nothing is given.
    """
    trials = trials_of(STUDY)
    for how, trial in zip(ways, trials, strict=False):
        assert trial.state == TrialState.WAITING, (how, trial.state, trial.user_attrs)
        assert "losses" not in trial.user_attrs
        begun = [line_count(trial.number, rank) for rank in range(2)]
        allowed, reported = repeats.get(how, 0), len(trial.intermediate_values)
        assert max(begun) - min(begun) <= allowed, (how, begun)
        assert max(begun) < EPOCHS
        assert max(begun) - allowed <= reported <= max(begun), (how, begun, reported)
        assert sorted(trial.intermediate_values) == list(range(1, reported + 1)), how


def assert_matrix(ways: Sequence[str], repeats: Mapping[str, int]) -> None:
    """The ends of all trials: one curve each for both ranks, as those of a learning rate of their own.

    Args:
        ways: How ranks were started.
        repeats: For each way how many epochs may have begun anew; 0 where nothing is given.
    """
    trials = trials_of(STUDY)
    assert len(trials) == 3 * len(ways)
    for place, how in enumerate(ways):
        complete, pruned, crashed = trials[place :: len(ways)]
        for trial in (complete, pruned, crashed):
            assert trial.params["how"] == how
            assert "losses" not in trial.user_attrs
            for step, value in trial.intermediate_values.items():
                assert value == loss_after(how, trial.params["x"], step), (how, trial.number, step)
        assert complete.state == TrialState.COMPLETE, (how, complete.user_attrs)
        assert sorted(complete.intermediate_values) == list(range(1, EPOCHS + 1))
        assert complete.value == loss_after(how, complete.params["x"], EPOCHS)
        assert pruned.state == TrialState.PRUNED, (how, pruned.user_attrs)
        assert sorted(pruned.intermediate_values) == [1]
        assert not (STUDY / f"trials/{pruned.number}/last.ckpt").exists(), "a pruned trial keeps no checkpoint"
        assert_death(crashed, "crash")
        assert sorted(crashed.intermediate_values) == [1]
        _assert_same_on_both_ranks(complete, range(EPOCHS), attempts=2, repeats=repeats.get(how, 0))
        _assert_same_on_both_ranks(pruned, range(1))
        _assert_same_on_both_ranks(crashed, range(2))
    seeds = [noted(trial)[0][0]["seed"] for trial in trials]
    assert len(set(seeds)) == len(trials)


def _assert_same_on_both_ranks(trial: FrozenTrial, epochs: Sequence[int], attempts: int = 1, repeats: int = 0) -> None:
    """Both have trained these epochs of the same trial, each in a process of its own, with one port an attempt."""
    ranks = noted(trial)
    same = ("number", "seed", "directory", "world", "x", "epoch")
    facts = [[tuple(line[name] for name in same) for line in lines] for lines in ranks]
    assert (set(facts[0]), abs(len(facts[0]) - len(facts[1])) <= repeats) == (set(facts[1]), True)
    assert repeats or facts[0] == facts[1]
    assert {line["x"] for line in ranks[0]} == {trial.params["x"]}
    assert {line["world"] for line in ranks[0]} == {2}
    for lines in ranks:
        begun = [line["epoch"] for line in lines]
        assert sorted(set(begun)) == list(epochs)
        assert len(begun) <= len(epochs) + repeats, begun
    assert [len({line["pid"] for line in lines}) for lines in ranks] == [attempts, attempts]
    assert not {line["pid"] for line in ranks[0]} & {line["pid"] for line in ranks[1]}
    ports = [list(dict.fromkeys(line["port"] for line in lines)) for lines in ranks]
    assert ports[0] == ports[1]
    assert len(ports[0]) <= attempts


def assert_deaths(ways: Sequence[str]) -> None:
    """Each trial has failed with the kind of its rank that died, and the last is complete."""
    *dead, last = trials_of(STUDY)
    assert len(dead) == (len(KINDS) - 1) * len(ways)
    for trial in dead:
        assert_death(trial, trial.params["what"])
    assert last.state == TrialState.COMPLETE


def assert_death(trial: FrozenTrial, what: str) -> None:
    """It has failed with the kind of the rank that died."""
    kind, text = KINDS[what]
    assert trial.state == TrialState.FAIL, (trial.params, trial.state)
    failure = trial.user_attrs["failure"]
    assert (failure["kind"], failure["error"].startswith(text)) == (kind, True), (trial.params, failure)
