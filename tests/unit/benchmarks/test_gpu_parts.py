# SPDX-License-Identifier: MIT
"""What `benchmarks/gpu.py` can show without a GPU: how it reads, what it does with parts that fail or take too long."""

import os
from pathlib import Path

import pytest

from benchmarks import gpu
from benchmarks.gpu_parts import memory, mps, parts, rows
from benchmarks.gpu_parts.rows import Row
from benchmarks.gpu_parts.searches import Sizes, where

# As nvidia-smi 550 prints it on a machine with two GPUs, and on one whose driver does not know.
RECORDED = "0, 4215, 81559\n1, 3, 81559\n"
UNKNOWN = "0, [N/A], [N/A]\n"
MISSING = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"


@pytest.mark.parametrize(
    ("text", "number", "seen"),
    [
        (RECORDED, 0, (4215.0, 81559.0)),
        (RECORDED, 1, (3.0, 81559.0)),
        (RECORDED, 2, None),
        (UNKNOWN, 0, None),
        (MISSING, 0, None),
        ("", 0, None),
    ],
    ids=["first", "second", "not there", "unknown", "no driver", "nothing"],
)
def test_the_answer_of_nvidia_smi(text: str, number: int, seen: tuple[float, float] | None) -> None:
    """Megabytes in use and in all; None where it does not know."""
    assert memory.parsed_mb(text, number) == seen


def _program(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_memory_is_asked_of_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The highest value is kept; without the program nothing is known."""
    answers = iter([100.0, 300.0, 200.0])
    with memory.watched(lambda: next(answers, None)) as peak:
        pass
    assert peak.mb in (100.0, 300.0)  # it may have looked again before it ended
    _program(tmp_path, "nvidia-smi", "printf '0, 512, 24000\\n'", monkeypatch)
    assert memory.used_mb() == 512.0
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert memory.used_mb() is None


def test_memory_that_comes_back_is_waited_for() -> None:
    """Until about as much is in use as before, or the time is up; unknown memory is not waited for."""
    answers = iter([900.0, 500.0, 110.0])
    assert memory.settled_mb(100.0, ask=lambda: next(answers), sleep=lambda _: None) == (110.0, 1.0)
    assert memory.settled_mb(100.0, 2.0, ask=lambda: 900.0, sleep=lambda _: None) == (900.0, 2.0)
    assert memory.settled_mb(None, ask=lambda: 900.0) == (900.0, 0.0)


def test_rows_are_kept_and_shown(tmp_path: Path) -> None:
    """Also beside half a line of a part that was killed; what is unknown is a dash."""
    path = tmp_path / "rows.jsonl"
    assert rows.read(path) == []
    written = [
        Row("sharing", "4 at a time", "ok", seconds=12.34, trials_per_hour=1200.0),
        Row("oom", "a|b", is_ok=False),
    ]
    for row in written:
        rows.append(path, row)
    with path.open("a") as file:
        file.write('{"part": "os')
    assert rows.read(path) == written
    assert rows.table(written).splitlines()[2] == "| sharing | 4 at a time | 12.3 | 1200 | - | ok |"


def test_workers_share_the_first_gpu() -> None:
    """By the launcher's own fields; on a CPU there is nothing to share."""
    assert where("cuda", 4)[1:] == [
        "hydra.sweeper.n_jobs=4",
        "hydra.launcher.gpus=[0]",
        "hydra.launcher.workers_per_gpu=4",
    ]
    assert where("cpu", 4)[1:] == ["hydra.sweeper.n_jobs=4"]


MPS = """
echo "$1 $CUDA_MPS_PIPE_DIRECTORY" >>called
[ "$1" = -d ] || cat >>called
"""


def test_mps_is_started_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in for its program, in a folder of its own that its clients are told."""
    _program(tmp_path, "nvidia-cuda-mps-control", MPS, monkeypatch)
    with mps.started() as environment:
        folder = environment["CUDA_MPS_PIPE_DIRECTORY"]
        assert Path(folder).is_dir()
        assert Path("called").read_text() == f"-d {folder}\n"
    assert Path("called").read_text().splitlines()[1:] == [f" {folder}", "quit"]
    assert not Path(folder).exists()


def test_mps_that_may_not_be_started_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a row with its reason."""
    _program(tmp_path, "nvidia-cuda-mps-control", "echo Permission denied >&2; exit 1", monkeypatch)
    (row,) = parts.sharing_by_mps(Sizes.small("cpu"))
    assert row.came == "left out: nvidia-cuda-mps-control ended with 1: Permission denied"


def test_without_a_gpu_nothing_is_started(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what to do instead."""
    monkeypatch.setattr(gpu, "ask_torch", lambda: {"torch": "2.9", "gpus": []})
    assert gpu.main([]) == 2
    assert "--device cpu --small" in capsys.readouterr().err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.slow
def test_a_part_that_takes_too_long_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its row says so, the next part has run, and the exit code tells."""
    monkeypatch.setattr(gpu, "ask_torch", lambda: {"torch": "2.9", "gpus": []})
    monkeypatch.setitem(parts.PARTS, "mps", parts.PARTS["mps"]._replace(share=1e3))
    assert gpu.main(["--device", "cpu", "--small", "--minutes", "1", "--parts", "ranks", "mps"]) == 1
    told = capsys.readouterr().out
    assert "| ranks | all | - | - | - | it did not end within its 1 s and was ended |" in told
    assert "| mps | all | - | - | - | left out: nvidia-cuda-mps-control was not found |" in told


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "names",
    [
        ("oom",),
        pytest.param(("holodec", "sharing", "memory", "ranks", "fsdp"), marks=pytest.mark.nightly),
    ],
    ids="+".join,
)
def test_what_a_cpu_can_run_of_it(names: tuple[str, ...]) -> None:
    """Each row comes as it should; the trial that wants too much memory has the kind `oom`."""
    pytest.importorskip("pytorch_lightning")
    assert gpu.main(["--device", "cpu", "--small", "--minutes", "9", "--parts", *names]) == 0
    seen = rows.read(Path("gpu_rows.jsonl"))
    assert {row.part for row in seen} == {*names}
    assert all(row.is_ok and row.device == "cpu" for row in seen)
    if "oom" in names:
        assert seen[0].came.startswith("its kind is oom: RuntimeError")
    if "sharing" in names:
        assert all(row.trials_per_hour for row in seen if row.part in ("holodec", "sharing") and "one" not in row.case)
