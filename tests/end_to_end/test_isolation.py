# SPDX-License-Identifier: MIT
"""Whatever a trial does to its process: it ends with the right kind, and the worker and the other trials go on."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.end_to_end._studies import APPS, Family, trials_of, wait_for

KINDS = {
    "memory": "oom",
    "cuda": "oom",
    "segfault": "bug",
    "os_exit": "bug",
    "sys_exit": "bug",
    "endless": "timeout",
    "diverges": "diverged",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.slow
def test_every_way_to_crash_ends_its_own_trial_alone(run_script: Run) -> None:
    """One worker runs all of them; what was killed from outside is tried again, three times at most."""
    ended = run_script(APPS / "crashes" / "app.py", "--multirun", env={"MARK": "isolation-test"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = {trial.params["ending"]: trial for trial in trials_of(Path("study"))}
    assert len(trials) == 9
    assert {trial.user_attrs["claim"]["pid"] for trial in trials.values()} == {
        trials["fine"].user_attrs["claim"]["pid"]
    }, "the worker was another one after a crash"
    fine = trials["fine"]
    assert (fine.state, fine.value, fine.params["own"]) == (TrialState.COMPLETE, 0.25, 2.0)
    assert fine.intermediate_values == {0: 0.5}
    assert fine.user_attrs["pid"] != fine.user_attrs["claim"]["pid"]
    kinds = {name: trials[name].user_attrs["failure"]["kind"] for name in KINDS}
    assert kinds == KINDS
    killed = trials["killed"]
    if killed.user_attrs["failure"]["kind"] == "infrastructure":
        assert len(killed.user_attrs["losses"]) == 3
    else:  # a kernel that does not count what it kills
        assert killed.user_attrs["failure"]["kind"] == "oom"
    assert "SIGSEGV" in trials["segfault"].user_attrs["failure"]["error"]
    assert "exit code 9" in trials["os_exit"].user_attrs["failure"]["error"]
    assert f"a line of trial {fine.number}" in Path("study/workers/0.log").read_text()
    wait_for("the end of every process", Family("MARK=isolation-test").is_gone)


@pytest.mark.slow
def test_what_an_objective_may_do_in_a_process_of_its_own(run_script: Run) -> None:
    """Ask its trial for anything, start pools, programs and data loaders; its surroundings are those of a job."""
    what = "what=ask,pruned,pool,forkserver,program,loader,where"
    ended = run_script(APPS / "isolated" / "app.py", "--multirun", what, env={"KIND": "isolated"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = {trial.params["what"]: trial for trial in trials_of(Path("study"))}
    log = Path("study/workers/0.log").read_text()
    assert {name: trial.state.name for name, trial in trials.items() if name != "pruned"} == dict.fromkeys(
        ("ask", "pool", "forkserver", "program", "loader", "where"), "COMPLETE"
    ), log
    assert {name: trial.value for name, trial in trials.items() if name != "pruned"} == {
        "ask": 5.0,
        "pool": 14.0,
        "forkserver": 10.0,
        "program": 1.0,
        "loader": 40.0,
        "where": 1.0,
    }
    assert (trials["pruned"].state, trials["pruned"].intermediate_values) == (TrialState.PRUNED, {1: 7.0})
    ask = trials["ask"]
    assert ask.intermediate_values == {0: 1.0, 1: 0.5, 2: pytest.approx(1 / 3)}
    assert ask.user_attrs["nested"] == {"list": [1, 2.5, None], "text": "ä"}
    assert ask.user_attrs["seen"]["distributions"] == ["kind", "own", "what"]
    assert "2.0" in ask.user_attrs["error"]
    assert len({trial.user_attrs["drawn"] for trial in trials.values()}) == len(trials)
    where = json.loads(trials["where"].user_attrs["facts"])
    directory = Path(f"study/trials/{trials['where'].number}").absolute()
    assert (where["cwd"], where["directory"], where["output_dir"]) == (str(directory),) * 3
    assert where["job"] == ["app", trials["where"].number, ["what=where"]]
    assert where["variable"] == "of the config"
    assert (directory / "relative_isolated.txt").read_text() == "written here"
    assert "a printed line" in log


IMPORTS_LATE = """
import os
import hydra


@hydra.main(version_base=None, config_path=".", config_name="late")
def main(cfg):
    import timm  # as the real package, it stands being forked; this one says in which process it was imported

    return float(timm.imported_by == os.getpid())


main()
"""
CONFIG_OF_LATE = """
defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/launcher: local_workers}]
x: 0
hydra: {sweep: {dir: study}, sweeper: {n_trials: 4, n_jobs: 1, params: {x: "range(0, 100)"}}}
"""


def test_what_the_first_trial_imports_the_later_ones_have(run_script: Run) -> None:
    """So that the seconds that torch takes are spent once in a worker, and not in each trial."""
    Path("timm").mkdir()
    Path("timm/__init__.py").write_text("import os\n\nimported_by = os.getpid()\n", encoding="utf-8")
    Path("late.py").write_text(IMPORTS_LATE, encoding="utf-8")
    Path("late.yaml").write_text(CONFIG_OF_LATE, encoding="utf-8")
    ended = run_script(Path("late.py"), "--multirun")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [trial.value for trial in trials_of(Path("study"))] == [1.0, 0.0, 0.0, 0.0]
