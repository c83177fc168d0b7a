# SPDX-License-Identifier: MIT
"""The blocks slurm and pbs of the original as launchers; quirk by quirk."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from hyperopt_app.legacy.batch.times import pbs_seconds, slurm_seconds, walltime_text
from hyperopt_app.legacy.reader import read_pair
from hyperopt_app.legacy.reading.loading import SixtiesInt
from hyperopt_app.legacy.reading.pair import Launcher
from hyperopt_app.schedulers import pbs as pbs_workers
from hyperopt_app.schedulers import slurm as slurm_workers
from hyperopt_app.schedulers.gpu_slots import Sharing
from tests.unit.legacy._pairs import MODEL, OPTUNA, faults, notes, read, write


def _sixties(text: str) -> SixtiesInt:
    value = SixtiesInt(0)
    value.text = text
    return value


def _slurm(folder: Path, batch: dict[str, Any] | None = None, **block: Any) -> Launcher:
    whole = {"jobs": 2, **block, "batch": {"t": "12:00:00", **(batch or {})}}
    return read(folder, slurm=whole).launchers[0]


def _pbs(folder: Path, resources: Any, batch: dict[str, Any] | None = None, **block: Any) -> Launcher:
    return read(folder, pbs={"jobs": 2, **block, "batch": {"l": resources, **(batch or {})}}).launchers[0]


WALL = "walltime=12:00:00"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12:00:00", 43200),
        (_sixties("12:00:00"), 43200),
        ("1-00:00:00", 86400),
        ("1-12", 129600),
        ("2-01:30", 178200),
        ("30", 1800),
        (30, 1800),
        ("30:15", 1815),
        (_sixties("12:00"), 720),
        ("soon", None),
        (True, None),
        ("1-", None),
        (-5, None),
    ],
    ids=repr,
)
def test_q34_slurms_times_are_read_in_every_form(value: Any, seconds: int | None) -> None:
    """A number is minutes; what YAML made of a bare 12:00:00 is what was written (Q3)."""
    assert slurm_seconds(value) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12:00:00", 43200),
        ("30:15", 1815),
        ("90", 90),
        (90, 90),
        ("1-00:00:00", 86400),
        ("2:00:00:00", 172800),
        ("x", None),
    ],
    ids=repr,
)
def test_q34_wall_times_are_read_in_every_form(value: Any, seconds: int | None) -> None:
    """A number is seconds to PBS."""
    assert pbs_seconds(value) == seconds


def test_a_wall_time_is_written_in_hours() -> None:
    """As many as there are; PBS knows no days."""
    assert walltime_text(90061) == "25:01:01"


def test_the_readmes_block_is_what_a_new_user_would_write(tmp_path: Path) -> None:
    """The original README's own."""
    batch = {
        "account": "NAML0001",
        "gres": "gpu:v100:1",
        "mem": "128G",
        "n": 8,
        "J": "hyper_opt",
        "o": "a.out",
        "e": "a.err",
    }
    pair = read(tmp_path, slurm={"jobs": 20, "batch": {**batch, "t": "12:00:00"}})
    (launcher,) = pair.launchers
    assert launcher == Launcher(
        "slurm_workers",
        {
            "detach": True,
            "timeout_min": 720,
            "cpus_per_task": 8,
            "srun_args": ["--cpu-bind=none"],
            "account": "NAML0001",
            "gres": "gpu:v100:1",
            "mem_gb": 128,
            "name": "hyper_opt",
        },
        20,
        "slurm",
    )
    assert pair.notes == ()


def test_any_option_of_sbatch_is_passed_on(tmp_path: Path) -> None:
    """Long and short; those with a field go there."""
    batch = {
        "p": "gpu",
        "q": "high",
        "C": "a100&nvlink",
        "x": "n1,n2",
        "w": "n3",
        "mail-user": "me@x",
        "exclusive": None,
        "mem-per-cpu": "2G",
        "licenses": "a:1",
        "requeue": True,
        "begin": "now+1hour",
        "comment": "a b",
        "nice": 5,
    }
    settings = dict(_slurm(tmp_path, batch).settings)
    assert settings.pop("additional_parameters") == {
        "nodelist": "n3",
        "mail-user": "me@x",
        "exclusive": True,
        "licenses": "a:1",
        "requeue": True,
        "begin": "now+1hour",
        "nice": 5,
    }
    assert settings == {
        "detach": True,
        "timeout_min": 720,
        "partition": "gpu",
        "qos": "high",
        "constraint": "a100&nvlink",
        "exclude": "n1,n2",
        "mem_per_cpu": "2G",
        "comment": "a b",
    }


@pytest.mark.parametrize(
    ("batch", "cpus"),
    [
        ({"n": 8}, 8),
        ({"ntasks": 4, "c": 2}, 8),
        ({"cpus-per-task": 3}, 3),
        ({"ntasks-per-node": 4}, 4),
        ({"n": "8"}, 8),
    ],
    ids=str,
)
def test_one_worker_has_the_processors_of_all_tasks(tmp_path: Path, batch: dict[str, Any], cpus: int) -> None:
    """The original ran one process in the batch script, however many tasks were asked for."""
    settings = _slurm(tmp_path, batch).settings
    assert settings["cpus_per_task"] == cpus
    assert not {"nodes", "tasks_per_node", "additional_parameters"} & set(settings)


def test_one_node_is_asked_for(tmp_path: Path) -> None:
    """The others were never used; it is told."""
    pair = read(tmp_path, slurm={"jobs": 1, "batch": {"t": "1:00:00", "N": 2}})
    assert "asks for 2 nodes" in notes(pair)
    assert pair.workers == 1


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ({"gres": "gpu:2"}, {"gres": "gpu:2", "gpus_per_trial": 2}),
        ({"G": 2}, {"gpus_per_node": 2, "gpus_per_trial": 2}),
        ({"gpus": "a100:2"}, {"gres": "gpu:a100:2", "gpus_per_trial": 2}),
        ({"gpus-per-node": "1"}, {"gpus_per_node": 1}),
        ({"gpus-per-task": 1, "n": 4}, {"gpus_per_node": 4, "gpus_per_trial": 4}),
    ],
    ids=str,
)
def test_a_worker_sees_all_gpus_of_its_job(tmp_path: Path, batch: dict[str, Any], expected: dict[str, Any]) -> None:
    """However they were asked for, unless the block shares them out."""
    launcher = _slurm(tmp_path, batch)
    kept = {
        key: launcher.settings[key] for key in ("gres", "gpus_per_node", "gpus_per_trial") if key in launcher.settings
    }
    assert kept == expected
    assert launcher.workers == 2


@pytest.mark.parametrize(
    ("gpus", "block", "per_job", "expected"),
    [
        (4, {"gpus_per_node": 4}, 4, {}),
        (4, {"gpus_per_node": 2}, 2, {"gpus_per_trial": 2}),
        (4, {"gpus_per_node": 4, "tasks_per_worker": 2}, 8, {"workers_per_gpu": 2}),
        (4, {"trials_per_job": 4}, 4, {}),
        (4, {"trials_per_job": 2}, 2, {"gpus_per_trial": 2}),
        (2, {"tasks_per_worker": 4}, 4, {"workers_per_gpu": 2}),
        (1, {"tasks_per_worker": 1, "gpus_per_node": 1}, 1, {}),
        (0, {"tasks_per_worker": 3}, 3, {"workers_per_gpu": 3}),
        (0, {"gpus_per_node": 2}, 2, {"workers_per_gpu": 2}),
        (4, {}, 1, {"gpus_per_trial": 4}),
        (4, {"gpus_per_node": 0, "trials_per_job": None}, 1, {"gpus_per_trial": 4}),
    ],
)
@pytest.mark.parametrize("scheduler", ["slurm", "pbs"])
def test_workers_are_as_many_as_the_originals_processes(
    tmp_path: Path, scheduler: str, gpus: int, block: dict[str, Any], per_job: int, expected: dict[str, Any]
) -> None:
    """And the launcher itself counts them so."""
    if scheduler == "slurm":
        launcher = _slurm(tmp_path, {"gres": f"gpu:{gpus}"} if gpus else {}, **block)
    else:
        launcher = _pbs(tmp_path, [f"select=1:ncpus=4:ngpus={gpus}", WALL], **block)
    shares = {key: launcher.settings[key] for key in ("gpus_per_trial", "workers_per_gpu") if key in launcher.settings}
    assert (launcher.workers, shares) == (2 * per_job, expected)
    assert Sharing(gpus_per_node=gpus, **shares).workers_per_job() == per_job


def test_uneven_shares_are_told(tmp_path: Path) -> None:
    """More GPUs wanted than there are; three workers on two GPUs."""
    batch = {"t": "1:00:00", "gres": "gpu:1"}
    pair = read(tmp_path, slurm={"jobs": 1, "batch": batch, "gpus_per_node": 4})
    assert pair.workers == 1
    assert "1 worker(s) run in each job" in notes(pair)
    pair = read(tmp_path, slurm={"jobs": 1, "batch": {**batch, "gres": "gpu:2"}, "trials_per_job": 3})
    assert pair.workers == 2
    assert "do not go evenly" in notes(pair)


@pytest.mark.parametrize(
    ("bash", "kernel", "lines"),
    [
        (["module load a", "conda activate b"], None, ["module load a", "conda activate b"]),
        (["module load a"], "ncar_pylib /x", ["module load a", "ncar_pylib /x"]),
        ("source ~/.bashrc; x", "None", ["source ~/.bashrc; x"]),
        ("one\ntwo\n", None, ["one", "two"]),
        (None, "only", ["only"]),
    ],
    ids=["list", "kernel", "text", "lines", "kernel-alone"],
)
def test_bash_and_kernel_are_lines_before_the_workers(tmp_path: Path, bash: Any, kernel: Any, lines: list[str]) -> None:
    """A text was once taken letter by letter."""
    assert _slurm(tmp_path, bash=bash, kernel=kernel).settings["setup"] == lines


def test_q24_one_block_leaves_the_other_alone(tmp_path: Path) -> None:
    """The lines of one never come into the other."""
    slurm = {"jobs": 1, "batch": {"t": "1:00:00"}, "bash": ["for slurm"]}
    pair = read(tmp_path, slurm=slurm, pbs={"jobs": 3, "batch": {"l": [WALL]}, "bash": ["for pbs"]})
    assert [one.settings["setup"] for one in pair.launchers] == [["for slurm"], ["for pbs"]]


def test_q36_both_blocks_are_both_used(tmp_path: Path) -> None:
    """It is told; the first is the one whose workers are counted first."""
    pair = read(tmp_path, slurm={"jobs": 2, "batch": {"t": "1:00:00"}}, pbs={"jobs": 3, "batch": {"l": [WALL]}})
    assert [(one.name, one.workers) for one in pair.launchers] == [("slurm_workers", 2), ("pbs_workers", 3)]
    assert pair.workers == 2
    assert "submitted to both" in notes(pair)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"batch": {"t": "1:00:00"}}, "slurm.jobs: it is missing"),
        ({"jobs": 0, "batch": {"t": "1:00:00"}}, "slurm.jobs: 0 is not allowed"),
        ({"jobs": 1}, "slurm.batch: it is missing"),
        ({"jobs": 1, "batch": {"J": "x"}}, "slurm.batch.t: it is missing"),
        ({"jobs": 1, "batch": {"t": "soon"}}, "'soon' is not a time limit"),
        ({"jobs": 1, "batch": {"t": "1:00:00", "Z": 1}}, "sbatch has no such option"),
        ({"jobs": 1, "batch": {"l": [WALL], "A": "x"}}, "name the block pbs"),
        ({"jobs": 1, "batch": {"t": "1:00:00"}, "bash": [1]}, "write a list of shell lines"),
        ({"jobs": 1, "batch": {"t": "1:00:00"}, "gpus_per_node": "all"}, "slurm.gpus_per_node"),
        ({"jobs": 1, "batch": {"t": "1:00:00", "n": "some"}}, "slurm.batch.ntasks"),
        ("gpu", "slurm: 'gpu' is not allowed"),
    ],
)
def test_a_block_that_cannot_be_submitted_is_refused(tmp_path: Path, block: Any, told: str) -> None:
    """With its place and what to write."""
    assert any(told in line for line in faults(tmp_path, slurm=block))


def test_a_list_is_joined_and_told(tmp_path: Path) -> None:
    """It was once written as Python shows it."""
    pair = read(tmp_path, slurm={"jobs": 1, "batch": {"t": "1:00:00", "x": ["n1", "n2"]}})
    assert pair.launchers[0].settings["exclude"] == "n1,n2"
    assert "joined with commas" in notes(pair)


def test_q3_a_bare_time_in_a_file_is_a_time(tmp_path: Path) -> None:
    """`t: 12:00:00` without quotes is a number of seconds to YAML 1.1."""
    text = yaml.safe_dump({"save_path": "x", "optuna": OPTUNA}) + "slurm:\n  jobs: 1\n  batch: {t: 12:00:00}\n"
    pair = read_pair(write(tmp_path, "h.yml", text), write(tmp_path, "m.yml", MODEL), {}, tmp_path)
    assert pair.launchers[0].settings["timeout_min"] == 720


def test_the_launchers_find_no_fault(tmp_path: Path) -> None:
    """What is read here passes the checks of those who submit it."""
    slurm = _slurm(tmp_path, {"n": 8, "gres": "gpu:v100:4", "mem": "500M", "x": "n1"}, gpus_per_node=4, bash="a; b")
    real = ["select=1:ncpus=8:ngpus=1:mem=128GB", "walltime=24:00:00", "gpu_type=v100"]
    pbs = _pbs(tmp_path, real, {"A": "x", "N": "y"})
    plain = {"use_srun": True, "nodes": 1, "tasks_per_node": 1, "workers_per_gpu": 1, "gpus_per_trial": 1}
    assert slurm_workers.header_faults({**plain, **slurm.settings}) == []
    assert slurm_workers.sharing_of({**plain, **slurm.settings}).workers_per_job() == 4
    assert pbs_workers.header_faults({"ncpus": 1, "ngpus": 0, "max_resubmissions": 1, **pbs.settings}) == []


def test_q3_a_copy_with_the_commands_values_keeps_the_time(tmp_path: Path) -> None:
    """43200 in its place would be minutes to sbatch."""
    text = yaml.safe_dump({"save_path": "x", "optuna": OPTUNA}) + "slurm:\n  jobs: 1\n  batch: {t: 12:00:00}\n"
    pair = read_pair(write(tmp_path, "h.yml", text), write(tmp_path, "m.yml", MODEL), {"n_trials": 3}, tmp_path)
    assert pair.hyper["slurm"]["batch"] == {"t": "12:00:00"}
    assert type(pair.hyper["slurm"]["batch"]["t"]) is str


def test_a_bare_number_of_minutes_is_told(tmp_path: Path) -> None:
    """As sbatch reads it; some mean seconds."""
    pair = read(tmp_path, slurm={"jobs": 1, "batch": {"t": 43200}})
    assert pair.launchers[0].settings["timeout_min"] == 43200
    assert "43200 counts as minutes, as sbatch reads it, so 720:00:00" in notes(pair)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ({"-p": "gpu", "--qos": "high", "-N": "1-2"}, {"partition": "gpu", "qos": "high"}),
        ({"account": None, "gres": None, "J": None}, {}),
    ],
    ids=["dashes", "empty"],
)
def test_options_as_people_write_them(tmp_path: Path, batch: dict[str, Any], expected: dict[str, Any]) -> None:
    """With their dashes, and with nothing behind them."""
    assert dict(_slurm(tmp_path, batch).settings) == {"detach": True, "timeout_min": 720, **expected}


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"jobs": float("inf"), "batch": {"t": "1:00:00"}}, "slurm.jobs: inf is not allowed"),
        ({"jobs": 1, "batch": {"t": "1:00:00", "n": float("nan")}}, "slurm.batch.ntasks: nan is not a whole number"),
        ({"jobs": 1, "batch": {}}, "slurm.batch: it is empty"),
        (
            {"jobs": 1, "batch": {"t": "1:00:00", "licenses": {"a": 1}}},
            "slurm.batch.licenses: a mapping is not allowed",
        ),
    ],
    ids=["jobs", "tasks", "empty", "mapping"],
)
def test_what_sbatch_cannot_be_told_is_a_fault(tmp_path: Path, block: dict[str, Any], told: str) -> None:
    """No traceback."""
    assert any(told in line for line in faults(tmp_path, slurm=block))
