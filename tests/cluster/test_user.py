# SPDX-License-Identifier: MIT
"""What a user of `hydra/launcher: slurm_workers` does while jobs wait and run, on the test cluster."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from hyperopt_app.study.records.trial_records import holder_of
from tests.cluster._sweeps import APP, STUDY, Start, assert_whole, finish, until_at_work
from tests.cluster.slurm import GPUS_PER_NODE, MAX_ARRAY_SIZE, NODES, Cluster
from tests.conftest import REPO, _environment_of_programs
from tests.end_to_end._studies import assert_exact, ended, in_state

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(240)]

ALL_GPUS = (f"--nodes={len(NODES)}", f"--gres=gpu:{GPUS_PER_NODE}", "--output=/dev/null")


class Terminal:
    """A sweep's command with a terminal of its own, at which somebody sits."""

    def __init__(self, *words: str) -> None:
        self._end, theirs = pty.openpty()
        streams: dict[str, Any] = {"stdin": theirs, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        environment = {**_environment_of_programs(), "TERM": "dumb"}
        command = [sys.executable, str(APP), "--multirun", *words]
        self.program = subprocess.Popen(command, env=environment, text=True, start_new_session=True, **streams)
        os.close(theirs)

    def interrupt(self, answer: str) -> str:
        """Press Ctrl-C, answer what is asked, and return all that was written."""
        os.killpg(self.program.pid, signal.SIGINT)
        os.write(self._end, f"{answer}\n".encode())
        output, _ = self.program.communicate(timeout=30)
        return str(output)

    def close(self) -> None:
        """Leave no process behind."""
        if self.program.poll() is None:
            os.killpg(self.program.pid, signal.SIGKILL)
        self.program.communicate()
        os.close(self._end)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """`terminal(*words)`: the command of a sweep, at a terminal."""
    opened: list[Terminal] = []

    def start(*words: str) -> Terminal:
        opened.append(Terminal(*words))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def _cli(*words: object) -> str:
    program = [sys.executable, "-c", "from hyperopt_app.cli import main; main()", *map(str, words)]
    ended_so = subprocess.run(
        program, env=_environment_of_programs(), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended_so.returncode == 0, ended_so.stdout + ended_so.stderr
    return ended_so.stdout + ended_so.stderr


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607


def test_ctrl_c_asks_once_and_leaves_the_workers(slurm_cluster: Cluster, terminal: Callable[..., Terminal]) -> None:
    """The jobs go on to the end of the study."""
    program = terminal("epoch_s=0.4")
    until_at_work(slurm_cluster)
    output = program.interrupt("l")
    assert output.count("[l]eave the workers running, or [c]ancel them?") == 1
    assert "The workers go on without this command" in output
    assert "Traceback" not in output
    assert len(slurm_cluster.squeue()) == 4
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) == 12, 60)
    assert_whole()


def test_ctrl_c_asks_once_and_cancels_the_workers(slurm_cluster: Cluster, terminal: Callable[..., Terminal]) -> None:
    """No job is left, and none comes back by itself; the same command goes on with what is left."""
    program = terminal("epoch_s=0.4")
    until_at_work(slurm_cluster)
    output = program.interrupt("c")
    assert "The workers are cancelled." in output
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    slurm_cluster.wait_until(lambda: not in_state(STUDY, TrialState.RUNNING))
    assert 1 <= len(ended(STUDY)) < 12
    again = terminal("epoch_s=0.4")
    output, _ = again.program.communicate(timeout=60)
    assert again.program.returncode == 0, output
    assert_whole()


def test_submit_status_stop_and_on(slurm_cluster: Cluster) -> None:
    """`hyperopt-app submit` comes back at once; status shows the workers; after stop they end, and submit goes on."""
    words = ["hparams=sphere", "hydra/launcher=slurm_workers", "hydra.launcher.gres=gpu:1"]
    words += ["hydra.sweeper.n_jobs=4", "sleep=1"]
    study = Path("studies/sphere")
    assert "hyperopt-app status" in _cli("submit", *words)
    slurm_cluster.wait_until(lambda: len(in_state(study, TrialState.RUNNING)) == 4 and ended(study))
    status = _cli("status", study)
    assert len(re.findall(r"^. +[0-3] +\S+ +(?:running|idle) ", status, re.MULTILINE)) == 4, status
    _cli("stop", study)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    assert 4 <= len(ended(study)) < 40
    assert not in_state(study, TrialState.RUNNING)
    _cli("submit", *words)
    slurm_cluster.wait_until(lambda: len(ended(study)) == 40, 60)
    assert_exact(study, 40)
    assert "value" in _cli("best", study)


@pytest.mark.nightly
def test_hold_release_and_further_workers(slurm_cluster: Cluster) -> None:
    """Held, the jobs leave and the study stays; released, `extend` submits others, which do all trials."""
    words = ["hparams=sphere", "hydra/launcher=slurm_workers", "hydra.launcher.gres=gpu:1", "sleep=1"]
    study = Path("studies/sphere")
    _cli("submit", *words, "hydra.sweeper.n_jobs=2", "hydra.sweeper.n_trials=12")
    slurm_cluster.wait_until(lambda: len(in_state(study, TrialState.RUNNING)) == 2 and ended(study))
    _cli("hold", study)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    assert not in_state(study, TrialState.RUNNING)
    assert "held" in _cli("ls")
    assert "`hyperopt-app extend studies/sphere --workers N` submits N workers" in _cli("release", study)
    said = _cli("extend", study, "--trials", "3", "--workers", "3", "--walltime", "0:10:00")
    assert "Submitted 3 workers: " in said
    slurm_cluster.wait_until(lambda: any("10:00" in line for line in _limits(slurm_cluster)))
    slurm_cluster.wait_until(lambda: len(ended(study)) == 15, 60)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    trials = assert_exact(study, 15)
    assert {holder_of(trial)["number"] for trial in trials} <= {0, 1, 2, 3, 4}
    assert {holder_of(trial)["number"] for trial in trials[-3:]} & {2, 3, 4}
    assert (study / "summary.txt").read_text(encoding="utf-8").startswith("sphere: 15 of 15 trials")


def _limits(cluster: Cluster) -> list[str]:
    return cluster.run("squeue", "--noheader", "--format", "%l").splitlines()


def test_the_commands_of_the_page_on_slurm_work(slurm_cluster: Cluster) -> None:
    """Those that need a Slurm: search attached, submit, look, stop; with a study that takes no hours."""
    page = (REPO / "docs/slurm.md").read_text(encoding="utf-8")
    block = next(text for text in re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    commands = [line.split("   ")[0].replace("holodec", "sphere").split() for line in block.splitlines()]
    assert [words[:2] for words in commands] == [
        ["python", "-m"],
        *(["hyperopt-app", word] for word in ("submit", "status", "stop")),
    ]
    for words in commands:
        _cli(*words[words.index("hyperopt_app") + 1 if words[0] == "python" else 1 :])
    assert_exact(Path("studies/sphere"), 40)


def test_a_dry_run_shows_the_very_script(slurm_cluster: Cluster, sweep: Start) -> None:
    """What is submitted afterwards is that, to the letter; the same for PBS."""
    for config, submitted in (("config", "workers/slurm/*_submission.sh"), ("pbs", "launches/0/worker-0.pbs")):
        words = (f"--config-name={config}", f"hydra.sweep.dir={config}", "hydra.sweeper.n_trials=2", "epoch_s=0")
        shown = finish(sweep(*words, "hydra.sweeper.dry_run=true"), 30)
        assert not Path(config).exists()
        finish(sweep(*words, "hydra.launcher.detach=true"), 30)
        (script,) = Path(config).glob(submitted)
        assert script.read_text().strip() in shown
        slurm_cluster.wait_until(lambda place=Path(config): len(ended(place)) == 2)  # type: ignore[misc]


def test_an_edited_yaml_changes_nothing_while_jobs_wait(slurm_cluster: Cluster, tmp_path: Path) -> None:
    """The jobs run what was composed at submission; git's state and the packages are beside it."""
    shutil.copytree(APP.parent, "mine")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        _git(*words)
    config = Path("mine/config.yaml")
    with config.open("a") as file:
        file.write("# changed since the commit\n")
    other = slurm_cluster.submit("sleep 300", *ALL_GPUS)
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(other) == "RUNNING")
    command = [sys.executable, "mine/app.py", "--multirun", "hydra.launcher.detach=true", "hydra.sweeper.n_trials=4"]
    subprocess.run(command, env=_environment_of_programs(), check=True, capture_output=True, timeout=40)
    config.write_text(config.read_text().replace("epochs: 5", "epochs: 2").replace("interval(-5.0", "interval(4.0"))
    slurm_cluster.scancel(other)
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) == 4, 60)
    trials = assert_whole(4)
    assert any(trial.params["x"] < 4 for trial in trials)
    assert all("epochs: 5" in Path(one.user_attrs["directory"], ".hydra/config.yaml").read_text() for one in trials)
    kept = json.loads((STUDY / "launches/0/environment.json").read_text())
    commit = _git("rev-parse", "HEAD")
    assert (kept["git_commit"], kept["git_dirty"]) == (commit, True)
    assert any(line.startswith("optuna==") for line in kept["packages"])


@pytest.mark.parametrize("name", ['zwei Wörter, it\'s "b" & c', "$(touch HACKED);touch HACKED;`touch HACKED`"])
def test_a_study_may_have_any_name(slurm_cluster: Cluster, sweep: Start, name: str) -> None:
    """Its path goes into scripts, commands and Slurm's options, and is a path in all of them."""
    quoted = "'" + name.replace("'", "\\'") + "'"
    output = finish(
        sweep(f"hydra.sweep.dir={quoted}", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=2", "epoch_s=0"), 90
    )
    assert "Best: trial" in output
    trials = assert_exact(Path(name), 2)
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert list(Path(name, "workers/slurm").glob("*log*")) or list(Path(name, "workers/slurm").glob("*.out"))
    assert not list(Path.cwd().rglob("HACKED"))


def test_two_studies_share_the_cluster(slurm_cluster: Cluster, sweep: Start) -> None:
    """Each has its own jobs, its own budget and its own results; to stop one leaves the other alone."""
    names = [Path("first"), Path("second")]
    programs = [sweep(f"hydra.sweep.dir={name}", "hydra.sweeper.n_jobs=2", "epoch_s=0.3") for name in names]
    slurm_cluster.wait_until(lambda: all(in_state(name, TrialState.RUNNING) and ended(name) for name in names))
    _cli("stop", names[0])
    outputs = [finish(program) for program in programs]
    assert "Stopped: the user asked for it" in outputs[0]
    assert len(ended(names[0])) < 12
    assert_exact(names[1], 12)
    finish(sweep(f"hydra.sweep.dir={names[0]}", "hydra.sweeper.n_jobs=4", "epoch_s=0.3"))
    assert_exact(names[0], 12)


def test_two_commands_at_once_submit_once(slurm_cluster: Cluster, sweep: Start) -> None:
    """The second attaches to the jobs of the first."""
    outputs = [finish(program) for program in (sweep("epoch_s=0.2"), sweep("epoch_s=0.2"))]
    assert sorted("Submitted" in output for output in outputs) == [False, True]
    assert sorted("are there already" in output for output in outputs) == [False, True]
    assert_whole()


def test_jobs_that_an_older_release_has_queued_are_replaced(slurm_cluster: Cluster, sweep: Start) -> None:
    """The same command submits anew; the old ones say so in one line when their turn comes, and take no trial."""
    other = slurm_cluster.submit("sleep 300", *ALL_GPUS)
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(other) == "RUNNING")
    few = ("hydra.sweeper.n_jobs=2", "epoch_s=0.2")
    finish(sweep(*few, "hydra.launcher.detach=true"), 40)
    payload = STUDY / "launches/0/payload.pkl"
    payload.write_bytes(payload.read_bytes().partition(b"\n")[2])  # before the line there was the pickle alone
    program = sweep(*few)
    slurm_cluster.wait_until((STUDY / "launches/1/payload.pkl").exists)
    slurm_cluster.scancel(other)
    output = finish(program)
    assert "were submitted by another release of hyperopt_app" in output
    assert_whole()
    logs = [path.read_text() for path in STUDY.glob("workers/slurm/*") if path.suffix in {".err", ".out", ".log"}]
    told = [text for text in logs if "was written by another release of hyperopt_app" in text]
    assert len(told) == 2
    assert not any("Traceback" in text for text in told)


def test_workers_that_cannot_start_are_told_with_their_last_words(slurm_cluster: Cluster, sweep: Start) -> None:
    """Nothing is submitted for ever, and the reason stands in the message, without a traceback."""
    program = sweep("hydra.launcher.python=/no/python", "hydra.launcher.setup=[module load nosuch]")
    output, _ = program.communicate(timeout=120)
    assert program.returncode != 0
    assert "The workers ended 3 times without finishing a trial" in output
    assert "/no/python: No such file or directory" in output
    assert "Traceback" not in output
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {})  # Slurm itself takes a moment to end a job


def test_a_trial_on_two_gpus_sees_both(slurm_cluster: Cluster, sweep: Start) -> None:
    """With `gpus_per_trial: 2` a job with two GPUs is one worker."""
    two = ("hydra.launcher.gres=gpu:2", "hydra.launcher.gpus_per_trial=2", "hydra.sweeper.n_jobs=2")
    finish(sweep(*two, "hydra.sweeper.n_trials=4", "epoch_s=0.1"))
    trials = assert_whole(4)
    seen = {Path(one.user_attrs["directory"], "epochs.txt").read_text().split()[1] for one in trials}
    assert seen == {"0,1"}


@pytest.mark.nightly
def test_more_workers_than_an_array_may_have(slurm_cluster: Cluster, sweep: Start) -> None:
    """They are several arrays, and the attached command knows all of them."""
    count = MAX_ARRAY_SIZE + 4
    other = slurm_cluster.submit("sleep 300", *ALL_GPUS)
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(other) == "RUNNING")
    many = (f"hydra.sweeper.n_jobs={count}", f"hydra.sweeper.n_trials={count}", "epoch_s=0", "epochs=1")
    finish(sweep(*many, "hydra.launcher.detach=true", "hydra.launcher.array_parallelism=3"), 40)
    waiting = [name for name in slurm_cluster.squeue() if "_" in name]
    assert len(waiting) == count
    assert len({name.partition("_")[0] for name in waiting}) == 2
    slurm_cluster.scancel(other)
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) >= 8, 60)
    running = [name for name, state in slurm_cluster.squeue().items() if state == "RUNNING"]
    assert 0 < len(running) <= 4  # three of the first array, and one of the second if a GPU is left
    program = sweep(*many)
    output = finish(program, 150)
    assert "are there already" in output
    assert_exact(STUDY, count)
