# SPDX-License-Identifier: MIT
"""Which device an objective of the original is told."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.legacy.objectives.devices import device_index, device_name, gpu_report
from hyperopt_app.study import repeated_warnings


def asked(free: Mapping[int, int]) -> Any:
    return lambda: free


@pytest.mark.parametrize(
    ("dialect", "environment", "free", "wanted"),
    [
        ("A1", {}, {0: 5, 1: 9, 2: 7}, 1),
        ("B1", {}, {0: 5, 1: 9}, 1),
        ("B3", {}, {0: 5, 1: 9, 2: 7}, [1, 2, 0]),
        ("B3", {}, {0: 5}, 0),
        ("B3", {"CUDA_VISIBLE_DEVICES": "3"}, {0: 5, 1: 9}, 0),
        ("B3", {"CUDA_VISIBLE_DEVICES": "3,GPU-abc"}, {0: 5, 1: 9}, [0, 1]),
        ("A1", {"CUDA_VISIBLE_DEVICES": "3,1"}, {0: 5, 1: 9}, 0),
        ("B3", {"CUDA_VISIBLE_DEVICES": ""}, {0: 5, 1: 9}, "cpu"),
        ("B3", {}, {}, "cpu"),
    ],
    ids=[
        *("A: the freest", "B1: the freest", "B2 on: a list", "one GPU"),
        *("pinned to one", "pinned to two", "A: pinned to two", "pinned to none", "no GPU"),
    ],
)
def test_q12_a_pinned_worker_counts_from_0(
    dialect: str, environment: dict[str, str], free: dict[int, int], wanted: Any
) -> None:
    """The original named GPUs that a pinned process cannot see; lists are known from B2 on."""
    assert device_index(gpu=True, dialect=dialect, environment=environment, ask=asked(free)) == wanted


def test_without_a_gpu_it_is_cpu() -> None:
    """Nobody is asked."""
    assert device_index(gpu=False, dialect="B3", environment={"CUDA_VISIBLE_DEVICES": "0"}) == "cpu"


def test_a_machine_without_nvidia_smi_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The original told cuda:0 then, and the training failed."""
    monkeypatch.setattr(repeated_warnings, "_said_alone", set())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [device_index(gpu=True, dialect="A1", environment={}) for _ in range(2)] == ["cpu", "cpu"]
    assert [record.message.split(";")[1] for record in caplog.records] == [" the objective gets cpu"]


def test_the_report_is_what_nvidia_smi_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Free memory in MB by index, as the original's function of this name."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho ' 1024'\necho '[N/A]'\necho 77\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpu_report() == {0: 1024, 1: 0, 2: 77}
    program.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        gpu_report()


def test_names_are_torchs() -> None:
    """An index becomes a name; a name stays one."""
    assert [device_name(one) for one in ("cpu", 0, "3", "cuda:1", [1, 0])] == [
        *("cpu", "cuda:0", "cuda:3", "cuda:1", ["cuda:1", "cuda:0"])
    ]
