# SPDX-License-Identifier: MIT
"""The block pbs of the original as a launcher; quirk by quirk."""

from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.legacy.reading.pair import Launcher
from tests.unit.legacy._pairs import faults, notes, read

WALL = "walltime=12:00:00"


def _pbs(folder: Path, resources: Any, batch: dict[str, Any] | None = None, **block: Any) -> Launcher:
    return read(folder, pbs={"jobs": 2, **block, "batch": {"l": resources, **(batch or {})}}).launchers[0]


REAL = ["select=1:ncpus=8:ngpus=1:mem=128GB", "walltime=24:00:00", "gpu_type=v100"]


def test_a_pbs_block_is_what_a_new_user_would_write(tmp_path: Path) -> None:
    """As most of the real ones are."""
    batch = {"A": "NAML0001", "q": "casper", "N": "holo", "o": "out", "e": "out"}
    launcher = _pbs(tmp_path, REAL, batch, bash=["source ~/.bashrc"])
    assert launcher.settings == {
        "detach": True,
        "select": "1:ncpus=8:ngpus=1:mem=128GB",
        "walltime": "24:00:00",
        "account": "NAML0001",
        "queue": "casper",
        "name": "holo",
        "directives": ["-l gpu_type=v100"],
        "setup": ["source ~/.bashrc"],
    }


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ("select=1:ncpus=8,walltime=12:00:00", {"select": "1:ncpus=8", "walltime": "12:00:00"}),
        (["walltime=30:00"], {"walltime": "00:30:00"}),
        (["walltime=1-00:00:00", "nodes=1:ppn=8:gpus=2"], {"walltime": "24:00:00", "nodes": "1:ppn=8:gpus=2"}),
        (
            ["walltime=3600", "ncpus=4", "ngpus=1", "mem=8gb"],
            {"walltime": "01:00:00", "ncpus": 4, "ngpus": 1, "mem": "8gb"},
        ),
        (["select=2:ncpus=8", WALL], {"select": "1:ncpus=8", "walltime": "12:00:00"}),
        (["select=1:ncpus=8+1:ncpus=2", WALL], {"select": "1:ncpus=8", "walltime": "12:00:00"}),
        ({"select": "1:ncpus=8", "walltime": "2:00:00"}, {"select": "1:ncpus=8", "walltime": "02:00:00"}),
        ([{"walltime": "2:00:00"}, None, "SELECT = 1:ncpus=8"], {"select": "1:ncpus=8", "walltime": "02:00:00"}),
    ],
    ids=["text", "minutes", "torque", "single", "nodes", "chunks", "mapping", "mixed"],
)
def test_q34_resources_are_read_in_every_form(tmp_path: Path, resources: Any, expected: dict[str, Any]) -> None:
    """A text is as good as a list; one node is used."""
    settings = _pbs(tmp_path, resources).settings
    assert {key: settings[key] for key in expected} == expected


def test_q35_the_workers_output_has_a_place_of_its_own(tmp_path: Path) -> None:
    """The original glued save_path and `o` together. Nearly every file has these options: nothing is told."""
    pair = read(
        tmp_path, pbs={"jobs": 1, "batch": {"l": [WALL], "o": "a.out", "e": "/dev/null", "j": "oe", "k": "eod"}}
    )
    assert pair.notes == ()
    assert "directives" not in pair.launchers[0].settings


def test_long_names_that_qsub_does_not_know_are_taken_for_the_short_ones(tmp_path: Path) -> None:
    """[real] account beside A, which counts."""
    pair = read(
        tmp_path, pbs={"jobs": 1, "batch": {"l": [WALL], "A": "a", "account": "b", "queue": "main", "mailto": "x"}}
    )
    assert (pair.launchers[0].settings["account"], pair.launchers[0].settings["queue"]) == ("a", "main")
    for told in (
        "A: a counts",
        "queue is not an option of qsub; it is taken for -q",
        "mailto is not an option of qsub",
    ):
        assert told in notes(pair)


def test_other_options_of_qsub_are_directives(tmp_path: Path) -> None:
    """With a value and without."""
    settings = _pbs(
        tmp_path, [WALL], {"M": "me@x", "m": "abe", "W": "group_list=x", "V": None, "S": "/bin/bash"}
    ).settings
    assert settings["directives"] == ["-M me@x", "-m abe", "-W group_list=x", "-V", "-S /bin/bash"]


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ({"q": "main"}, "it has no walltime"),
        ({"l": ["walltime=soon"]}, "is not a time limit"),
        ({"t": "1:00:00"}, "t is Slurm's"),
    ],
    ids=["none", "wrong", "slurms"],
)
def test_a_pbs_block_without_a_wall_time_is_refused(tmp_path: Path, batch: dict[str, Any], told: str) -> None:
    """As by the original."""
    assert any(told in line for line in faults(tmp_path, pbs={"jobs": 1, "batch": batch}))


def test_an_option_without_a_value_is_left_out(tmp_path: Path) -> None:
    """`A:` with nothing behind it was written as None; flags such as V have none by right."""
    launcher = _pbs(tmp_path, REAL, {"A": None, "q": True, "V": None})
    assert not {"account", "queue"} & set(launcher.settings)
    assert launcher.settings["directives"] == ["-l gpu_type=v100", "-V"]
    assert "pbs.batch.A has no value and is left out" in notes(read(tmp_path, pbs=_block({"A": None})))


def _block(batch: dict[str, Any]) -> dict[str, Any]:
    return {"jobs": 1, "batch": {"l": [WALL], **batch}}


def test_a_jobs_name_is_made_one(tmp_path: Path) -> None:
    """qsub refuses blanks in it."""
    pair = read(tmp_path, pbs=_block({"N": "my job"}))
    assert pair.launchers[0].settings["name"] == "my_job"
    assert "pbs.batch.N: the jobs are called my_job" in pair.notes
