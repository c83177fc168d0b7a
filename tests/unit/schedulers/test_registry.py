# SPDX-License-Identifier: MIT
"""A scheduler is one file and one row: what all rows have, and that nobody else knows a scheduler by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher

import hyperopt_app
from hyperopt_app.config.launchers import SCHEMAS, ClusterWorkersConf, target_of
from hyperopt_app.config.presets import PRESETS
from hyperopt_app.schedulers.registry import SCHEDULERS, Scheduler, job_of, place_of, scheduler_of_payload
from hyperopt_app.schedulers.time_left import end_of_job
from tests.unit._made_sweeps import made_sweep, write_configs

PACKAGE = Path(hyperopt_app.__file__).parent
# What only a scheduler's own file may spell: its variables, its name, and classes of launchers by their ends.
_ITS_OWN = re.compile(rf"^(SLURM|SBATCH|PBS|LSB|LSF)_\w*$|^({'|'.join(SCHEDULERS)})$|^\w+Launcher$")
# The names in files of the original, and what a study that waits for its jobs asks by default.
_FREE = {"legacy", "schedulers"}
_DEFAULTS = {("launchers/jobs.py", "slurm")}

by_row = pytest.mark.parametrize("row", SCHEDULERS.values(), ids=SCHEDULERS)


def _texts() -> Iterator[tuple[str, str]]:
    """Module and literal, of all modules that must know no scheduler."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name.partition("/")[0] not in _FREE:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield name, node.value


def test_nobody_else_spells_a_scheduler() -> None:
    """Neither its name, nor its environment variables, nor the class of its launcher."""
    assert {found for found in _texts() if _ITS_OWN.match(found[1])} == _DEFAULTS


@by_row
def test_a_row_has_a_launcher_a_schema_a_class_and_a_preset(row: Scheduler) -> None:
    """All by one name; Hydra finds the class like any other."""
    schema = SCHEMAS[row.launcher]
    assert issubclass(schema, ClusterWorkersConf)
    assert row.launcher == f"{row.name}_workers"
    assert row.name in PRESETS
    found = {f"{one.__module__}.{one.__name__}" for one in Plugins.instance().discover(Launcher)}
    assert target_of(schema) in found


@by_row
def test_a_row_shows_its_script_and_has_no_fault_with_the_defaults(row: Scheduler, tmp_path: Path) -> None:
    """No scheduler is asked for that; the script runs the workers and then what comes after them."""
    _, config = made_sweep(write_configs(tmp_path, {"config": "x: 1"}), f"hydra/launcher={row.launcher}")
    settings = dict(config.hydra.launcher)
    assert row.faults(settings) == []
    batch = row.batch(settings, tmp_path / "payload.pkl", 0, 1)
    assert batch.jobs == 1
    assert [line.count("--after-job") for line in batch.text.splitlines() if "worker_process" in line] == [0, 1]


def test_a_process_outside_of_a_job_is_nowhere() -> None:
    """Also in a shell of salloc on a login node, which does not end with the job."""
    assert not any((place_of({}).scheduler, place_of({"SLURM_JOB_ID": "7"}).scheduler, job_of({})))


def test_a_job_is_its_schedulers() -> None:
    """As the payload says; payloads of earlier releases name none, and only a script of PBS says where it lies."""
    assert scheduler_of_payload({"scheduler": "pbs"}, {}).name == "pbs"
    assert scheduler_of_payload({}, {"HYPEROPT_SCRIPT": "worker-0.pbs"}).name == "pbs"
    assert scheduler_of_payload({}, {"SLURM_JOB_ID": "7"}).name == "slurm"


def test_the_end_of_a_job_is_its_scripts_to_say() -> None:
    """Else its scheduler's."""
    assert end_of_job({"HYPEROPT_END": "5", "SLURM_JOB_END_TIME": "6"}) == 5.0
    assert end_of_job({"HYPEROPT_END": "", "SLURM_JOB_END_TIME": "6"}) == 6.0
    assert end_of_job({}) is None
