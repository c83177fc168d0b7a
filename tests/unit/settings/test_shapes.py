# SPDX-License-Identifier: MIT
"""Fields that want a mapping or a list: what stands for one, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.settings.reading import Settings, read_settings
from tests.unit._made_sweeps import made_sweep, write_configs

DEFAULTS = "defaults: [_self_, {override hydra/sweeper: async_optuna}]\n"
PLAIN = {"n": 1, "aggregate": "mean", "race": False}


def _in_a_file(tmp_path: Path, field: str, *overrides: str) -> Settings:
    """Read the settings of a search file that has one field."""
    write_configs(tmp_path, {"config": f"{DEFAULTS}hydra:\n  sweeper:\n    {field}\n"})
    return read_settings(made_sweep(tmp_path, *overrides)[1])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("repeats: 5", {"n": 5}),
        ("repeats: '5'", {"n": 5}),
        ("repeats: 2.5", {"n": 2.5}),
        ("repeats: null", PLAIN),
        ("repeats: {}", PLAIN),
        ("repeats: {n: five, race: 'true'}", {"n": "five", "aggregate": "mean", "race": True}),
        ("budget: null", {"gpu_hours": None, "hours": None, "trainings": None}),
        ("budget: {hours: '2'}", {"gpu_hours": None, "hours": 2.0, "trainings": None}),
        ("constraints: 'x <= 1'", ["x <= 1"]),
        ("constraints: null", []),
        ("warm_start: studies/old", ["studies/old"]),
        ("logger: csv", {"csv": {}}),
        ("logger: [csv, mlflow]", {"csv": {}, "mlflow": {}}),
        ("logger: {csv: null}", {"csv": None}),
        ("prior: null", {}),
        ("when: {}", {}),
    ],
)
def test_short_forms(field: str, value: Any, tmp_path: Path) -> None:
    """A file may have a number, a name or a text alone; null is the default."""
    settings = _in_a_file(tmp_path, field)
    assert settings.reading_faults == []
    assert getattr(settings, field.partition(":")[0]) == value


@pytest.mark.parametrize(
    "field",
    [
        *("repeats: five", "repeats: true", "prior: 3", "prior: []", "when: []", "when: x", "budget: 5", "weights: 3"),
        *("tolerance: 0.1", "logger: 3", "logger: [1]", "constraints: 3", "order: 3", "warm_start: true"),
    ],
)
def test_other_shapes(field: str, tmp_path: Path) -> None:
    """One line has the key, what came and what is allowed, and the rest is checked with the default."""
    settings = _in_a_file(tmp_path, field)
    name, _, came = field.partition(": ")
    (fault,) = settings.reading_faults
    shown = {"five": "'five'", "true": "True", "x": "'x'"}.get(came, came)
    assert fault.startswith(f"hydra.sweeper.{name}: {shown} is not allowed; write ")
    assert getattr(settings, name, None) in (
        None,
        {},
        [],
        (),
        PLAIN,
        {"gpu_hours": None, "hours": None, "trainings": None},
    )


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("hydra.sweeper.repeats=5", "repeats", {"n": 5}),
        ("hydra.sweeper.repeats.n=5", "repeats", {**PLAIN, "n": 5}),
        ("hydra.sweeper.repeats={n: 5}", "repeats", {**PLAIN, "n": 5}),
        ("+hydra.sweeper.prior={x: 3}", "prior", {"x": 3}),
        ("+hydra.sweeper.prior.x=3", "prior", {"x": 3}),
        ("hydra.sweeper.prior={x: 3}", "prior", {"x": 3}),
        ("hydra/sweeper/logger=csv", "logger", {"csv": {"directory": None}}),
        ("hydra.sweeper.logger=[csv]", "logger", {"csv": {}}),
    ],
)
def test_the_command_line_writes_them_too(word: str, name: str, value: Any, tmp_path: Path) -> None:
    """Fields, a whole value and a config group, with and without a plus."""
    assert getattr(_in_a_file(tmp_path, "n_trials: 3", word), name) == value


def test_later_files_add_fields(tmp_path: Path) -> None:
    """What one file has written goes on beside what another one does."""
    write_configs(
        tmp_path,
        {
            "config": f"{DEFAULTS}hydra: {{sweeper: {{repeats: {{n: 4}}, prior: {{x: 1}}}}}}\n",
            "experiment/e": "# @package _global_\nhydra: {sweeper: {repeats: {race: true}, prior: {y: 2}}}\n",
        },
    )
    settings = read_settings(made_sweep(tmp_path, "+experiment=e")[1])
    assert settings.repeats == {"n": 4, "aggregate": "mean", "race": True}
    assert settings.prior == {"x": 1, "y": 2}
