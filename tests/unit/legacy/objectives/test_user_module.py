# SPDX-License-Identifier: MIT
"""How an objective's file is loaded, and when anew."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hyperopt_app.errors import HyperoptError
from hyperopt_app.legacy.objectives.adapter import LegacyObjective
from tests.unit._made_objectives import TRAIN, a_trial, frozen, objective_of, run


def test_no_memory_for_the_import_is_no_fault_of_the_file(tmp_path: Path) -> None:
    """It passes, and the application sees what it is."""
    with pytest.raises(MemoryError):
        run(objective_of("raise MemoryError\n"), a_trial(tmp_path))


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    """Removed since the study has begun."""
    with pytest.raises(HyperoptError, match=r"/no/such\.py cannot be read \(No such file"):
        run(LegacyObjective("/no/such.py", "val_loss"), a_trial(tmp_path))


def test_random_numbers_differ_from_trial_to_trial(tmp_path: Path) -> None:
    """Their processes are forked from one that has NumPy and torch; the trial's seed makes the difference, once."""
    pytest.importorskip("torch")
    import numpy as np

    draw = "{'val_loss': numpy.random.rand(), 't': torch.rand(1)}"
    drawn = []
    for number, seed in enumerate((1, 2, 1)):
        objective = objective_of("import numpy, torch\n" + TRAIN.format(draw))
        os.utime(objective.file, ns=(number, number))
        trial = a_trial(tmp_path)
        trial.seed = seed
        run(objective, trial)
        first = dict(frozen(trial).user_attrs["legacy"]["results"])
        again = run(objective, a_trial(tmp_path))
        assert again["val_loss"] != first["val_loss"], "in a process that goes on they go on"
        drawn.append(first)
    assert drawn[0] == drawn[2]
    assert drawn[0]["val_loss"] != np.random.RandomState(1).rand(), "which a sampler may have drawn as a parameter"
    assert all(drawn[0][name] != drawn[1][name] for name in ("val_loss", "t"))


def test_what_is_imported_later_begins_with_the_trials_numbers_too(tmp_path: Path) -> None:
    """The trial's process has torch before the objective is loaded, a training alone after: both draw the same."""
    pytest.importorskip("torch")
    script = """
        import sys
        {before}
        from pathlib import Path
        from hyperopt_app.legacy.objectives.user_module import user_module
        user = user_module(Path("objective.py").absolute(), "B3")
        with user.active():
            print(user.objective(7).drawn)
    """
    objective_of("import numpy, torch\nclass Objective: drawn = (float(torch.rand(1)), numpy.random.rand())\n")
    drawn = [
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script.format(before=before))],
            capture_output=True, text=True, check=True,
        ).stdout
        for before in ("import torch", "assert 'torch' not in sys.modules")
    ]  # fmt: skip
    assert drawn[0] == drawn[1] != ""


def test_a_trial_that_is_trained_again_bears_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old objectives put it into the names of files, and trial 0's were overwritten."""
    objective = objective_of(TRAIN.format("{'val_loss': trial.number}"))
    objective.save_path = Path("results")
    table = Path("results/studies/clouds/trials.csv")
    table.parent.mkdir(parents=True)
    table.write_text("number,state,seed\n0,complete,11\n13,complete,12\n", encoding="utf-8")
    for seed, number in (("12", 13), ("99", 0), ("", 0)):
        monkeypatch.setenv("HYPEROPT_SEED", seed)
        assert run(objective, None) == {"val_loss": number}


def test_a_file_of_any_name_is_python(tmp_path: Path) -> None:
    """As for the original."""
    objective = objective_of(TRAIN.format("{'val_loss': 1}"))
    other = objective.file.rename("goal, 1.txt").absolute()
    assert run(LegacyObjective(str(other), "val_loss"), a_trial(tmp_path)) == {"val_loss": 1.0}


def test_a_file_that_has_changed_is_loaded_anew(tmp_path: Path) -> None:
    """And what it added to the search path lasts as long as it runs."""
    for value in (1, 2):
        returned = f"{{'val_loss': {value}, 'found': '/added' in sys.path}}"
        objective = objective_of("sys.path.append('/added')\n" + TRAIN.format(returned))
        os.utime(objective.file, ns=(value, value))
        for _ in range(2):
            assert run(objective, a_trial(tmp_path)) == {"val_loss": value, "found": 1.0}
    assert "/added" not in sys.path
