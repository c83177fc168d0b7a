# SPDX-License-Identifier: MIT
"""Runs `tests/apps/world` under a launcher and tells what its trials have seen; the tests judge it."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import _environment_of_programs
from tests.end_to_end._studies import APPS, assert_exact, trials_of

RunScript = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = APPS / "world" / "app.py"
ENVIRONMENT = {"WORLD_HOME": "/home/of the world"}
N_TRIALS = 4


@dataclass(frozen=True)
class Seen:
    """What the trials of one command have seen.

    Attributes:
        trials: Per trial its facts, where the place of the command is `HOME` and no moment stands.
        moments: Per trial every text that tells when the command was given.
    """

    trials: list[dict[str, Any]]
    moments: list[tuple[str, str]]


def searched(run_script: RunScript, home: Path, *overrides: str, timeout: float = 50) -> Seen:
    """Search the app from `home` under the launcher that the overrides name, with one worker.

    Submitit's jobs find a module beside the script only where the command was typed in the script's own folder, under
    Hydra's sweepers too: for them `home` has a copy of the app.
    """
    program = PROGRAM
    if any("submitit" in text for text in overrides):
        shutil.copytree(PROGRAM.parent, home, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        program = home / PROGRAM.name
    words = ("--config-name", "search", "--multirun", *overrides)
    ended = run_script(program, *words, cwd=home, env=ENVIRONMENT, timeout=timeout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    if "hydra/launcher=by_hand" in overrides:
        _work_by_hand(ended.stdout + ended.stderr, home)
    told = ended.stdout + ended.stderr
    failed = [one.user_attrs.get("error") for one in trials_of(home / "study") if not one.values]
    assert not failed, f"{failed}\n{told}"
    assert_exact(home / "study", N_TRIALS)
    return seen_in(home)


def stock(run_script: RunScript, home: Path, overrides: list[str]) -> dict[str, Any]:
    """Run one job as Hydra's own sweeper and launcher do, without anything of ours."""
    ended = run_script(PROGRAM, "--multirun", *overrides, cwd=home, env=ENVIRONMENT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (facts,) = _seen([_facts(home, home / "study" / "trials" / "0")]).trials
    return facts


def seen_in(home: Path) -> Seen:
    """The facts of all trials of the study below `home`, with their values."""
    found = []
    for trial in trials_of(home / "study"):
        facts = _facts(home, Path(trial.user_attrs["directory"]))
        found.append({**facts, "number": trial.number, "values": trial.values, "in the study": trial.params})
    return _seen(found)


def assert_one_moment(seen: Seen) -> None:
    """All trials tell the same moment, the task's config to the microsecond and Hydra's own to the second."""
    ((moment, run_dir),) = set(seen.moments)
    assert run_dir == f"outputs/{moment[:10]}/{moment[11:19]}"


def _work_by_hand(told: str, home: Path) -> None:
    command = re.search(r"^ +(\S.*worker_process.*)$", told, re.MULTILINE)
    assert command is not None, told
    environment = {**_environment_of_programs(), **ENVIRONMENT}
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 40}
    worker = subprocess.run(shlex.split(command[1]), check=False, cwd=home, env=environment, **options)
    assert worker.returncode == 0, worker.stdout + worker.stderr


def _facts(home: Path, directory: Path) -> dict[str, Any]:
    """What a job has written into its directory, all of it below the same name of the home."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*") if path.is_file()}
    texts.pop(".hyperopt_trial.json", None)  # ours, with a random id; Hydra itself leaves none
    facts = json.loads(texts.pop("world.json"))
    logs = {name: text.splitlines() for name, text in texts.items()}
    found: dict[str, Any] = json.loads(json.dumps({**facts, "files": logs}).replace(str(home), "HOME"))
    return found


def _seen(facts: list[dict[str, Any]]) -> Seen:
    moments = [(one["config"]["seen"].pop("moment"), one.pop("run dir")) for one in facts]
    return Seen(facts, moments)
