# SPDX-License-Identifier: MIT
"""The live table as text, at the widths that people use."""

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from hyperopt_app.progress.display import render
from hyperopt_app.progress.snapshot import Snapshot, WorkerView, snapshot
from hyperopt_app.support.display_text import duration_text, value_text
from tests.unit._made_trials import START, made

PARAMS = {
    "model.dense_hidden_dims": "[128, 64, 32]",
    "optimizer.learning_rate": 3.1622e-4,
    "optimizer.name": "lookahead-diffgrad",
    "model.z_dim": 32,
}
TRIALS = [
    made(values=[0.034], number=0, params=PARAMS),
    made(TrialState.PRUNED, number=1, curve={3: 0.7}, params=PARAMS),
    made(TrialState.FAIL, number=2, params=PARAMS),
    made(TrialState.RUNNING, number=3, curve={7: 0.0312}, params=PARAMS),
]
WORKERS = [
    WorkerView(0, "gpu-node-0017.cluster.example.org", 1, 3, alive=True),
    WorkerView(1, "10.0.0.7", 2, None, alive=True),
    WorkerView(2, "gpu02", 3, None, alive=False),
]

widths = pytest.mark.parametrize("width", [80, 120])


def sweep(
    trials: Sequence[FrozenTrial] = TRIALS,
    workers: Sequence[WorkerView] = WORKERS,
    *,
    directions: int = 1,
    metric_names: Sequence[str] = ("val_loss",),
    study_name: str = "holodec",
) -> Snapshot:
    now = START + timedelta(seconds=75)
    goals = [StudyDirection.MINIMIZE] * directions
    return snapshot(trials, 24, workers, goals, metric_names, 733.0, now=now, study_name=study_name)


def drawn(shown: Snapshot, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(render(shown))
    return console.export_text().splitlines()


@widths
def test_the_table_tells_all_at_a_glance(width: int) -> None:
    """Name, counts, times, workers, the best value and its parameters, in lines of one width, nothing cut."""
    lines = drawn(sweep(), width)
    assert {len(line) for line in lines} == {width}
    text = "\n".join(lines)
    for part in [
        *("─ holodec ─", "3/24", "1 done · 1 pruned · 1 failed · 1 running · 20 left"),
        *("12 min 13 s elapsed · about ", " remaining", "best  val_loss = 0.034  trial 0"),
        *("model.dense_hidden_dims  [128, 64, 32]", "optimizer.learning_rate  0.0003162"),
    ]:
        assert part in text
    assert not any("…" in line for line in lines if "#3" not in line), "parameters of running trials give way alone"
    words = [line.strip("│ ").split() for line in lines]
    assert ["0", "gpu-node-0017", "running", "3", "1", "min", "15", "s", "7", "0.0312"] in words
    assert ["1", "10.0.0.7", "idle"] in words
    assert ["2", "gpu02", "ended"] in words


@widths
def test_before_the_first_trial_there_is_little_to_see(width: int) -> None:
    """No best, no remaining time, and no error."""
    text = "\n".join(drawn(sweep([], [WorkerView(0, "", 0, None, alive=True)], metric_names=()), width))
    assert "0/24" in text
    assert "no complete trial yet" in text
    assert "remaining" not in text


@widths
def test_many_workers_are_summed_up(width: int) -> None:
    """64 workers take two lines: how many do what on how many hosts, and which trial takes longest."""
    workers = [WorkerView(i, f"node{i % 8}", i, 3 if i == 5 else None, alive=i > 0) for i in range(64)]
    lines = drawn(sweep(workers=workers), width)
    text = "\n".join(lines)
    assert "64 workers on 8 hosts: 1 running, 62 idle, 1 ended" in text
    assert "longest: trial 3 on worker 5, 1 min 15 s, step 7" in text
    assert len(lines) < 24


@widths
def test_a_finished_sweep_shows_no_workers(width: int) -> None:
    """They have all ended, and that is no news."""
    text = "\n".join(drawn(sweep(TRIALS[:3], [WorkerView(0, "gpu02", 1, None, alive=False)]), width))
    assert "gpu02" not in text
    assert "val_loss = 0.034" in text


@widths
def test_several_objectives_show_the_front(width: int) -> None:
    """The size of the Pareto front and its last trials, each in one line, values never cut."""
    trials = [made(values=[float(i), 10.0 - i], number=i, params=PARAMS) for i in range(7)]
    lines = drawn(sweep(trials, directions=2, metric_names=("val_loss", "n_parameters")), width)
    text = "\n".join(lines)
    assert "best  7 trials on the Pareto front, the last 5:" in text
    assert "trial  val_loss  n_parameters  parameters" in text
    assert len([line for line in lines if "model.dense_hidden_dims=" in line]) == 5
    assert {len(line) for line in lines} == {width}


@widths
def test_the_course_of_the_best_value_is_drawn(width: int) -> None:
    """A block for each complete trial, with the first value and the count; one value has no course."""
    falling = [made(values=[value], number=number) for number, value in enumerate([8.0, 4.0, 6.0, 1.0])]
    text = "\n".join(drawn(sweep(falling), width))
    assert "█▄▄▁  from 8 over 4 complete trials" in text
    assert "over 1 complete trial" not in "\n".join(drawn(sweep(falling[:1]), width))
    steep = [made(values=[10.0 ** (3 - number)], number=number) for number in range(8)]
    assert "█▇▆▅▄▃▂▁  from 1000" in "\n".join(drawn(sweep(steep), width)), "by powers, where it falls by powers"
    odd = [made(values=[math.inf]), *falling]
    assert "█  from inf over" not in "\n".join(drawn(sweep(odd[:1]), width))
    assert "██▄▄▁  from inf over 5" in "\n".join(drawn(sweep(odd), width))
    many = [made(values=[1.0 / (1 + number)], number=number) for number in range(1000)]
    assert {len(line) for line in drawn(sweep(many), width)} == {width}


@widths
def test_the_last_trials_the_failures_and_the_slots_are_shown(width: int) -> None:
    """How the last three ended, how many failed in which way, and how many workers have a trial."""
    failed = made(TrialState.FAIL, number=2, failure={"kind": "oom", "error": "out of\nmemory"}, length_s=6)
    text = "\n".join(drawn(sweep([TRIALS[0], TRIALS[1], failed, TRIALS[3]]), width))
    for part in (
        "#2  failed after 6 s oom out of memory",
        "#1  pruned 0.7 at step 3 after 4 s",
        "#0  complete 0.034 after 4 s",
        "failures  1 oom",
        "1 of 2 workers busy",
        "running   #3  dense_hidden_dims=[128, 64, 32] learning_rate=0.0003162",
    ):
        assert part in text
    none_ended = "\n".join(drawn(sweep(TRIALS[3:]), width))
    assert "│ ended" not in none_ended
    assert "failures" not in none_ended


@widths
def test_a_stop_is_said_while_trials_are_left(width: int) -> None:
    """Who asked for it, in a line of its own."""
    reason = "the user asked for it (hyperopt-app stop)"
    assert f"stopping: {reason}" in "\n".join(drawn(replace(sweep(), stop=reason), width))
    assert f"stopped: {reason}" in "\n".join(drawn(replace(sweep(TRIALS[:3]), stop=reason), width))
    over = replace(sweep(TRIALS[:3]), stop=reason, left=0)
    assert reason not in "\n".join(drawn(over, width))


def test_sixteen_workers_fit_eighty_columns() -> None:
    """The parameters of four trials stand for all; no line is wrapped."""
    running = [made(TrialState.RUNNING, number=number, params=PARAMS) for number in range(16)]
    workers = [WorkerView(number, f"gpu{number // 4}", 1, number, alive=True) for number in range(16)]
    lines = drawn(sweep([*running, *TRIALS[:3]], workers), 80)
    assert len([line for line in lines if "dense_hidden_dims=" in line]) == 4
    assert any("and 12 more" in line for line in lines)
    assert any("16 of 16 workers busy" in line for line in lines)
    assert {len(line) for line in lines} == {80}
    assert len(lines) <= 25


def test_very_many_parameters_are_cut_after_the_first() -> None:
    """The rest is in best.yaml."""
    params = {f"model.block_{i}.a_rather_long_parameter_name": i / 10 for i in range(20)}
    text = "\n".join(drawn(sweep([made(params=params)], []), 80))
    assert text.count("a_rather_long_parameter_name") == 16
    assert "and 4 more in best.yaml" in text


def test_names_are_text_and_no_markup() -> None:
    """Square brackets in a study's, metric's or parameter's name are shown as they are."""
    trials = [made(params={"[red]x": "[/]"}), made(TrialState.RUNNING, number=1)]
    workers = [WorkerView(0, "[b]", 1, 1, alive=True)]
    text = "\n".join(drawn(sweep(trials, workers, metric_names=["[bold]"], study_name="[study]"), 80))
    for part in ["[study]", "[bold] = 0.5", "[red]x  [/]", "[b]"]:
        assert part in text
    assert text.count("[bold]") == 2  # beside the best value and above the reports
    front = drawn(sweep([made(values=[1.0, 2.0])], [], directions=2, metric_names=["[a]", "[b]"]), 80)
    assert "trial  [a]  [b]  parameters" in "\n".join(front)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), (32, "32"), (3.16227e-4, "0.0003162"), (1.0, "1"), ("a b", "a b")],
    ids=str,
)
def test_values_are_shown_in_few_characters(value: object, text: str) -> None:
    """Four digits of a float, Hydra's spelling of booleans and null."""
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (3599.7, "1 h 00 min")),
        *((7620, "2 h 07 min"), (86400, "1 d 00 h"), (100_800, "1 d 04 h")),
    ],
    ids=str,
)
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    """Rounded to whole seconds first, so that no unit overflows."""
    assert duration_text(seconds) == text
