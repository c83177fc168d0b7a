# SPDX-License-Identifier: MIT
"""A budget of what a study costs: GPU-hours or hours over all its commands, or full trainings."""

import json
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.cost.cost_budget import CostBudget, note_without_gpus, spent_budget
from hyperopt_app.study.notes import read_notes
from tests.unit._made_trials import made

NOON = 1_800_000_000.0


def _study() -> optuna.Study:
    """With a whole training and half a one."""
    study = optuna.create_study()
    study.add_trials(
        [
            made(curve=dict.fromkeys(range(10), 1.0)),
            made(TrialState.PRUNED, [1.0], curve=dict.fromkeys(range(5), 1.0)),
        ]
    )
    return study


@pytest.fixture
def study_dir(tmp_path: Path) -> Path:
    """Of two workers: one with two GPUs for an hour, and after a pause one with a GPU for two."""
    for name, gpus, begun_h, ended_h in (("a", 2, 0, 1), ("b", 1, 3, 5)):
        record = {"worker": name, "number": 0, "host": "h", "node": "", "job": "", "gpus": gpus}
        path = tmp_path / "workers" / "times" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**record, "begun": NOON + 3600 * begun_h, "ended": NOON + 3600 * ended_h}))
    return tmp_path


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"gpu_hours": 4.0, "hours": None}, "hydra.sweeper.budget.gpu_hours=4 is spent (4)"),
        ({"gpu_hours": 4.1, "hours": 3.0}, "hydra.sweeper.budget.hours=3 is spent (3)"),
        ({"hours": 3.1, "trainings": 1.5}, "hydra.sweeper.budget.trainings=1.5 is spent (1.5)"),
    ],
)
def test_a_spent_budget_stops_the_study(study_dir: Path, budget: dict[str, float | None], reason: str) -> None:
    """The first that is reached; what runs then ends at its next checkpoint, and nothing is at fault."""
    stop = spent_budget(study_dir, budget, _study())
    assert stop is not None
    assert (stop.reason, stop.is_fault, stop.ends_running) == (reason, False, True)


@pytest.mark.parametrize(
    "budget", [{}, {"gpu_hours": None, "hours": None}, {"gpu_hours": 4.1, "hours": 3.1, "trainings": 1.6}]
)
def test_before_that_it_goes_on(study_dir: Path, budget: dict[str, float | None]) -> None:
    """Also without such a budget."""
    assert spent_budget(study_dir, budget, _study()) is None


def test_a_trial_looks_every_few_seconds_alone(study_dir: Path) -> None:
    """A training may have a checkpoint each second, and each look reads a file of every worker."""
    moment, study = NOON, _study()
    budget = CostBudget(study_dir, {"hours": 3.5}, clock=lambda: moment)
    assert budget.stop(study) is None
    more = {"worker": "c", "number": 0, "host": "h", "node": "", "job": "", "gpus": 0}
    path = study_dir / "workers" / "times" / "c.json"
    path.write_text(json.dumps({**more, "begun": NOON + 36000, "ended": NOON + 39600}))
    moment += 5
    assert budget.stop_meanwhile(study) is None
    moment += 5
    stop = budget.stop_meanwhile(study)
    assert stop is not None
    assert budget.stop_meanwhile(study) is stop


@pytest.mark.parametrize(
    ("budget", "visible", "notes"),
    [
        ({"gpu_hours": 1.0}, "", 1),
        ({"gpu_hours": 1.0}, "0", 0),
        ({"gpu_hours": None, "hours": 1.0}, "", 0),
        ({}, "", 0),
    ],
)
def test_a_worker_without_a_gpu_says_that_its_hours_count_nothing(
    budget: dict[str, float | None], visible: str, notes: int
) -> None:
    """Else a budget of GPU-hours would never end, and nobody would know why."""
    study = optuna.create_study()
    note_without_gpus(study, budget, {"CUDA_VISIBLE_DEVICES": visible})
    assert len(read_notes(study)) == notes
    assert all("hydra.sweeper.budget.hours" in note for note in read_notes(study))
