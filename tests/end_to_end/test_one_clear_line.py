# SPDX-License-Identifier: MIT
"""A mistake in a field ends in one clear line, before anything is written."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

SEARCH = ("--multirun", "hparams=sphere", "hydra.sweeper.n_trials=1", "hydra.sweeper.n_jobs=1")
SLURM = ("hydra/launcher=slurm_workers", "hydra.sweeper.dry_run=true")
PBS = ("hydra/launcher=pbs_workers", "hydra.sweeper.dry_run=true")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ("+hydra.sweeper.n_trails=3", "hydra/launcher=basic"),
            ["hydra.sweeper.n_trails: the sweeper has no such field (did you mean n_trials or constraints?)"],
            id="E1-unknown-key-of-the-sweeper",
        ),
        pytest.param(
            ("hydra.sweeper.n_jobs='${nope}'",),
            ["hydra.sweeper.n_jobs: Interpolation key 'nope'"],
            id="E1-reference",
        ),
        pytest.param(("objective=hello",), ["objective: 'hello' is not a mapping"], id="E1-objective"),
        pytest.param(
            ("hydra/sweeper/sampler=partial_fixed",),
            ["hydra.sweeper.sampler.fixed_params: it has no value"],
            id="E1-partial-fixed",
        ),
        pytest.param(
            (*SLURM, 'hydra.launcher.python="a \'b"'), ["hydra.launcher.python: ", "close what is open"], id="E1-quote"
        ),
        pytest.param(
            ("hydra.sweeper.storage=[1,2]", "hydra.sweeper.metric=3", "hydra.sweeper.n_trials=0"),
            ["hydra.sweeper.storage: [1, 2] is", "hydra.sweeper.metric: 3 is", "hydra.sweeper.n_trials: 0 is"],
            id="E1-storage-E2-metric-at-once",
        ),
        pytest.param(
            ("+hydra.launcher.max_paralel=3", "hydra.sweeper.metric=''"),
            [
                "hydra.launcher.max_paralel: the launcher has no such field (did you mean max_parallel",
                "sweeper.metric: ''",
            ],
            id="E2-unknown-key-of-a-launcher",
        ),
        pytest.param(("hydra.sweep.dir=''",), ["hydra.sweep.dir: '' is not allowed"], id="E2-sweep-dir"),
        pytest.param(
            (
                *SLURM,
                *(f"hydra.launcher.{name}=0" for name in ("timeout_min", "nodes", "cpus_per_task", "mem_gb")),
                "hydra.launcher.signals=[SIGSEGV]",
                "+hydra.launcher.additional_parameters={time: 3}",
            ),
            [
                *(f"hydra.launcher.{name}: 0 is not" for name in ("timeout_min", "nodes", "cpus_per_task", "mem_gb")),
                "hydra.launcher.signals: SIGSEGV",
                "hydra.launcher.additional_parameters.time: the launcher has a field for it",
            ],
            id="E2-slurm",
        ),
        pytest.param(
            (*PBS, "hydra.launcher.mem=0gb", "hydra.launcher.directives=['-J 1-3','-t 1-3','-o /tmp/x']"),
            ["hydra.launcher.mem: '0gb'", *(f"the launcher sets {word} itself" for word in ("-J", "-t", "-o"))],
            id="E2-pbs",
        ),
        pytest.param(
            ("hydra.launcher.max_parallel=0", "hydra.launcher.gpus=[]"),
            ["hydra.launcher.max_parallel: 0 is", "hydra.launcher.gpus: [] is"],
            id="E3-local",
        ),
        pytest.param(("hydra.sweeper.study_name=../../..",), ["hydra.sweeper.study_name: '../../..'"], id="study-name"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    words: tuple[str, ...], told: list[str], run_app: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    """Its key, what came and what is allowed; no traceback, and the directory is as it was."""
    done = run_app(*SEARCH, *words, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert [text for text in told if text not in done.stderr] == []
    assert "nothing was started" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_submit_has_a_help_of_its_own(run_script: Callable[..., CompletedProcess[str]]) -> None:
    """A short usage, not that of the application under it."""
    done = run_script("-c", "from hyperopt_app.cli import main; main()", "submit", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: hyperopt-app submit ")
    assert len(done.stdout.splitlines()) < 15
