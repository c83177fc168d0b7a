# SPDX-License-Identifier: MIT
"""Copies of the YAML files, job ids and the launch script in save_path; and what jobs of old got wrong."""

import json
from pathlib import Path

import pytest

from hyperopt_app.legacy.save_path import keep_copies, keep_jobs
from hyperopt_app.schedulers.gpu_slots import Sharing, slots_of_task


def _files() -> tuple[Path, Path]:
    hyper, model = Path("hyper.yml"), Path("model.yml")
    hyper.write_text("optuna: {storage: 'mysql://user:s3cret@host/db'}\n")
    model.write_text("x: 1\n")
    Path("out").mkdir()
    return hyper, model


def test_q21_an_edited_file_is_copied_again_and_the_older_copy_kept() -> None:
    """The original left a stale copy; equal ones are left alone, a password is not copied, a private file stays so."""
    hyper, model = _files()
    model.chmod(0o600)
    earlier = Path("out/studies/rain/earlier")
    for _ in range(2):
        keep_copies(hyper, model, None, Path("out"), earlier)
    assert sorted(path.name for path in Path("out").iterdir()) == ["hyper.yml", "model.yml"]
    for text in ("x: 2\n", "x: 1\n", "x: 2\n", "x: 3\n"):  # each goes away, none is kept twice
        model.write_text(text)
        keep_copies(hyper, model, None, Path("out"), earlier)
    assert Path("out/model.yml").read_text() == "x: 3\n"
    assert [path.read_text() for path in sorted(earlier.iterdir())] == ["x: 1\n", "x: 2\n"]
    assert "s3cret" not in Path("out/hyper.yml").read_text()
    assert {path.stat().st_mode & 0o777 for path in (Path("out/model.yml"), *earlier.iterdir())} == {0o600}


def test_a_file_that_lies_in_save_path_is_its_own_copy() -> None:
    """It is not touched."""
    hyper, model = _files()
    before = hyper.read_bytes()
    keep_copies(hyper, model, None, Path(), Path("earlier"))
    assert hyper.read_bytes() == before
    assert not Path("earlier").exists()


@pytest.mark.parametrize(
    ("dialect", "ids", "script"),
    [("A1", "job_ids.txt", "launch.sh"), ("B2", "slurm_job_ids.txt", "launch_slurm.sh")],
)
def test_q22_a_submission_leaves_its_ids_and_its_script(dialect: str, ids: str, script: str) -> None:
    """One id a line, earlier ones kept; the script, which names its files by absolute paths, is that of the last."""
    study = Path("study")
    (study / "launches").mkdir(parents=True)
    (study / "workers" / "slurm").mkdir(parents=True)
    (study / "workers" / "slurm" / "7_submission.sh").write_text("#!/bin/bash\n")
    for jobs in (["7"], ["8", "9"]):
        (study / "launches" / "jobs.json").write_text(json.dumps({"scheduler": "slurm", "jobs": jobs}))
        keep_jobs(study, Path(), dialect)
    assert Path(ids).read_text() == "7\n8\n9\n"
    assert Path(script).read_text() == "#!/bin/bash\n"


def test_nothing_submitted_leaves_nothing() -> None:
    """A study on this machine has no jobs."""
    keep_jobs(Path("study"), Path(), "B2")
    assert not list(Path().iterdir())


def test_q23_each_worker_has_a_gpu_of_its_own() -> None:
    """The original chose by free memory, and two of its processes could meet on one GPU."""
    sharing = Sharing(gpus_per_node=4, gpus_per_trial=1)
    assert slots_of_task(["0", "1", "2", "3"], sharing, 0) == [("0",), ("1",), ("2",), ("3",)]
