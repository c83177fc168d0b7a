# SPDX-License-Identifier: MIT
"""The objective that runs a program: what it hands over, reads, returns and raises; in a trial and alone."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState

import hyperopt_app
from hyperopt_app.app import train
from hyperopt_app.errors import HyperoptError, MetricError
from hyperopt_app.objective.failure_kinds import ProgramError
from hyperopt_app.objective.trial import Trial, active_trial

REPORT = 'echo \'{"step": %d, "loss": %s}\' >> $HYPEROPT_METRICS; '


def _conf(script: str, **fields: Any) -> DictConfig:
    objective = {"_target_": "hyperopt_app.Command", "command": ["bash", "-c", script, "word"], **fields}
    return OmegaConf.create({"lr": 0.1, "objective": objective})


@pytest.fixture
def study() -> optuna.Study:
    """In memory; whatever is above 5 is pruned."""
    return optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=5.0))


@contextmanager
def _running(study: optuna.Study, directory: Path, **options: Any) -> Iterator[Trial]:
    directory.mkdir(exist_ok=True)
    options = {"seed": 12, "metric_names": ("loss",), **options}
    trial = Trial(study.ask(), directory=directory, **options)
    with active_trial(trial):
        yield trial


def test_it_is_a_public_name() -> None:
    """And an objective."""
    assert issubclass(hyperopt_app.Command, hyperopt_app.Objective)
    assert "Command" in hyperopt_app.__all__


def test_lines_are_the_curve_and_the_last_values_the_outcome(study: optuna.Study, tmp_path: Path) -> None:
    """A line without a step is counted; one without the metric is no point; the last line needs no end."""
    script = (
        'echo "{\\"loss\\": 3}" >> $HYPEROPT_METRICS; echo \'{"other": 1}\' >> $HYPEROPT_METRICS; '
        + REPORT % (5, 2)
        + 'printf \'{"loss": 1.5, "note": "a"}\' >> $HYPEROPT_METRICS'
    )
    with _running(study, tmp_path):
        assert train(_conf(script)) == {"loss": 1.5, "other": 1, "note": "a"}
    (trial,) = study.trials
    assert trial.intermediate_values == {1: 3.0, 5: 2.0, 3: 1.5}


def test_a_program_learns_of_its_trial_from_its_environment(
    study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Number, directory, seed, checkpoint; words and output are as they are, whatever a shell would make of them."""
    names = "NUMBER=$HYPEROPT_TRIAL_NUMBER $HYPEROPT_TRIAL_DIRECTORY $HYPEROPT_SEED $HYPEROPT_CHECKPOINT"
    script = f'echo {names} $HYPEROPT_RESUMED; echo "$1" >&2; pwd; ' + REPORT % (1, 1)
    conf = _conf(script)
    conf.objective.command.append("*; $HOME ${lr}")
    monkeypatch.setenv("HYPEROPT_TRIAL_NUMBER", "999")
    study.ask()
    with _running(study, tmp_path / "t"):
        train(conf)
    directory = tmp_path / "t"
    out = (directory / "stdout.log").read_text().splitlines()
    assert out == [f"NUMBER=1 {directory} 12 {directory}/last.ckpt 0", str(Path.cwd())]
    assert (directory / "stderr.log").read_text() == "*; $HOME 0.1\n"
    assert "HYPEROPT_METRICS" not in os.environ


def test_the_pruner_ends_the_program(study: optuna.Study, tmp_path: Path) -> None:
    """At once, by SIGTERM; what it has written as its checkpoint is removed."""
    script = (
        "trap 'touch $HYPEROPT_CHECKPOINT got; exit 0' TERM; " + REPORT % (1, 1) + REPORT % (2, 9) + "sleep 1000 & wait"
    )
    with _running(study, tmp_path), pytest.raises(optuna.TrialPruned):
        train(_conf(script))
    assert Path("got").exists()
    assert not (tmp_path / "last.ckpt").exists()
    assert study.trials[0].intermediate_values == {1: 1.0, 2: 9.0}


def test_a_value_that_is_not_finite_ends_the_program(study: optuna.Study, tmp_path: Path) -> None:
    """It is returned, so that the trial fails as diverged."""
    script = 'echo \'{"step": 1, "loss": -nan}\' >> $HYPEROPT_METRICS; sleep 1000'
    with _running(study, tmp_path):
        assert math.isnan(train(_conf(script))["loss"])


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        ("echo why >&2; exit 3", "bug", "the program ended with exit code 3; the end of its stderr: why"),
        ("exit 4", "bug", "the program ended with exit code 4; it wrote nothing to its stderr"),
        ("echo 'RuntimeError: CUDA out of memory.' >&2; exit 1", "oom", "CUDA out of memory"),
        ("echo 'numpy: MemoryError' >&2; exit 1", "oom", "MemoryError"),
        ("echo 'write: No space left on device' >&2; exit 1", "infrastructure", "No space left"),
        ("kill -SEGV $$", "bug", "the program died of SIGSEGV"),
        ("kill -TERM $$", "bug", "the program died of SIGTERM"),
        ("sleep 0; exec 2>&1; kill -ABRT $$", "bug", "SIGABRT"),
    ],
)
def test_the_exit_code_decides(script: str, kind: str, text: str, study: optuna.Study, tmp_path: Path) -> None:
    """Whatever was reported before; the reason has the end of the program's standard error."""
    with _running(study, tmp_path), pytest.raises(ProgramError) as error:
        train(_conf(REPORT % (1, 1) + script))
    assert text in str(error.value)
    assert error.value.kind == kind
    assert study.trials[0].state is TrialState.RUNNING


def test_a_long_story_is_kept_at_its_end(study: optuna.Study, tmp_path: Path) -> None:
    """Of this attempt alone; its last lines are in the reason."""
    (tmp_path / "stderr.log").write_text("of an earlier attempt\n")
    with _running(study, tmp_path), pytest.raises(ProgramError) as error:
        train(_conf("for i in $(seq 3000); do echo line $i >&2; done; echo the end >&2; exit 1"))
    assert str(error.value).endswith("line 3000 | the end")
    assert len(str(error.value)) < 450
    assert 3000 < len(error.value.story) <= 6000
    with _running(study, tmp_path), pytest.raises(ProgramError) as error:
        train(_conf("exit 1"))
    assert "nothing" in str(error.value)


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("true", "this file is not there"),
        ("echo 0.3 > $HYPEROPT_METRICS", "none of its 1 lines is an object of JSON"),
        ("touch $HYPEROPT_METRICS", "it has no line with a metric"),
    ],
)
def test_a_program_without_metrics_is_an_error(script: str, text: str, study: optuna.Study, tmp_path: Path) -> None:
    """For the user to correct: no trial of this program could have a value."""
    with (
        _running(study, tmp_path),
        pytest.raises(MetricError, match=f"left no metrics in .*{text}.*report-metric loss=0.3"),
    ):
        train(_conf(script))


def test_a_program_that_cannot_be_started_is_an_error(study: optuna.Study, tmp_path: Path) -> None:
    """Not there, not executable, or without the line that names its interpreter."""
    Path("plain.sh").write_text("echo")
    conf = _conf("")
    for words, text in ((["./plain.sh"], "not an executable file"), (["no_such_program"], "not on the PATH")):
        conf.objective.command = words
        with _running(study, tmp_path), pytest.raises(HyperoptError, match=text):
            train(conf)
    Path("plain.sh").chmod(0o755)
    conf.objective.command = ["./plain.sh"]
    with _running(study, tmp_path), pytest.raises(HyperoptError, match="Exec format error; a script begins"):
        train(conf)


def test_what_it_leaves_in_its_group_ends_with_it(study: optuna.Study, tmp_path: Path) -> None:
    """A background process that ignores SIGTERM would hold files and a GPU of the next trial."""
    script = REPORT % (1, 1) + "(trap '' TERM; echo $BASHPID > left; exec sleep 1000) & while ! [ -s left ]; do :; done"
    with _running(study, tmp_path):
        train(_conf(script, grace_s=0.1))
    left = int(Path("left").read_text())
    stat = Path(f"/proc/{left}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_a_killed_program_has_started_elsewhere_ends_with_it(study: optuna.Study, tmp_path: Path) -> None:
    """In a session of its own, as the ranks of `torchrun`: who is killed (-9) ends nothing."""
    started = "setsid bash -c 'echo $$ > left; exec sleep 1000' & while ! [ -s left ]; do :; done; kill -KILL $$"
    with _running(study, tmp_path), pytest.raises(ProgramError):
        train(_conf(started, grace_s=0.1))
    left = int(Path("left").read_text())
    stat = Path(f"/proc/{left}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_trial_goes_on_with_its_checkpoint_and_its_lines(study: optuna.Study, tmp_path: Path) -> None:
    """What an interrupted attempt has written and nobody has read is reported now; half a line is not."""
    (tmp_path / "last.ckpt").touch()
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 9}\n{"step": 2, "loss": 8}\n{"step": 3, "lo')
    with _running(study, tmp_path, resumed=True, reported=(1,)):
        assert train(_conf("[ $HYPEROPT_RESUMED = 1 ] && " + REPORT % (3, 3))) == {"loss": 3}
    assert study.trials[0].intermediate_values == {2: 8.0, 3: 3.0}
    with _running(study, tmp_path / "other", resumed=True):
        (tmp_path / "other" / "metrics.jsonl").write_text('{"loss": 9}\n')
        train(_conf("echo '{\"loss\": 3}' >> $HYPEROPT_METRICS"))
    assert study.trials[1].intermediate_values == {1: 3.0}


def test_a_line_may_say_that_a_checkpoint_is_written(study: optuna.Study, tmp_path: Path) -> None:
    """The trial may end there, after the report of the same line."""
    seen: list[dict[int, float]] = []

    def at_checkpoint() -> None:
        seen.append(study.get_trials(deepcopy=True)[0].intermediate_values)
        raise KeyboardInterrupt

    script = 'echo \'{"step": 1, "loss": 2, "checkpointed": true}\' >> $HYPEROPT_METRICS; sleep 1000'
    with _running(study, tmp_path, on_checkpoint=at_checkpoint), pytest.raises(KeyboardInterrupt):
        train(_conf(script))
    assert seen == [{1: 2.0}]


def test_it_runs_alone(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a trial: output goes where ours goes, nothing is pruned, and a failure is a line."""
    monkeypatch.setenv("HYPEROPT_SEED", "77")
    script = "echo seed $HYPEROPT_SEED number=$HYPEROPT_TRIAL_NUMBER; " + REPORT % (1, 9)
    assert train(_conf(script)) == {"loss": 9}
    assert "seed 77 number=\n" in capfd.readouterr().out
    with pytest.raises(SystemExit, match=r"objective\.command: the program ended with exit code 2"):
        train(_conf("exit 2"))
