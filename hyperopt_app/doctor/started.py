# SPDX-License-Identifier: MIT
"""Start the program that is to be examined, with the words of a search, and read the answers of its checks."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from hyperopt_app.doctor.check_result import CheckResult
from hyperopt_app.doctor.examination import Wishes
from hyperopt_app.processes.python_start import module_words, python_path

__all__ = ["examined"]

_MULTIRUN = {"-m", "--multirun"}
# The sweeper's class stands in what `--cfg hydra` prints, under either of its names.
_IS_OURS = re.compile(r"^_target_: \S*(AsyncOptunaSweeper|OptunaSweeper)\s*$", re.MULTILINE)


def examined(words: Sequence[str], wishes: Wishes) -> list[CheckResult]:
    """Examine a command in a process of its own.

    Args:
        words: Overrides of the application's search, or the whole command line of another Hydra program.
        wishes: What is examined beside the usual; without a file for the report.
    """
    is_program = bool(words) and not (words[0].startswith(("-", "+", "~")) or "=" in words[0])
    if is_program and (stranger := _without_sweeper(words)) is not None:
        return [stranger]
    command = list(words) if is_program else [sys.executable, *module_words("hyperopt_app"), *words]
    if not _MULTIRUN.intersection(words):
        command.append("--multirun")
    with tempfile.TemporaryDirectory(prefix="hyperopt-doctor-") as folder:
        report = Path(folder) / "report.json"
        wanted = json.dumps(asdict(replace(wishes, report=str(report))))
        try:
            done = _run_captured(command, {"HYPEROPT_DOCTOR": wanted})
        except OSError as error:
            return [_not_started(command, str(error.strerror))]
        if not report.exists():
            return [_not_composed(done)]
        return [CheckResult(**result) for result in json.loads(report.read_text(encoding="utf-8"))]


def _without_sweeper(command: Sequence[str]) -> CheckResult | None:
    """Say why a program cannot be examined, without letting it run: else it would train with a sweeper of others."""
    words = [word for word in command if word not in _MULTIRUN and not _is_sweep(word)]
    try:
        done = _run_captured([*words, "--cfg", "hydra", "--package", "hydra.sweeper"], {})
    except OSError as error:
        return _not_started(command, str(error.strerror))
    if done.returncode:
        return _not_composed(done)
    if _IS_OURS.search(done.stdout):
        return None
    text = f"{shlex.join(command)} does not search with hydra/sweeper=async_optuna"
    return CheckResult("config", "fault", text, "add `override hydra/sweeper: async_optuna` to the defaults list")


def _is_sweep(word: str) -> bool:
    """Whether a word gives several values, which Hydra takes only for a search."""
    try:
        return OverridesParser.create().parse_override(word).is_sweep_override()
    except HydraException:  # the program, or an option
        return False


def _run_captured(command: Sequence[str], more: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **python_path(), **more}
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _not_started(command: Sequence[str], reason: str) -> CheckResult:
    text = f"{command[0]} cannot be started: {reason}"
    return CheckResult(
        "config", "fault", text, "give the overrides of a search, or the whole command of a Hydra program"
    )


def _not_composed(done: "subprocess.CompletedProcess[str]") -> CheckResult:
    if done.returncode < 0:
        text = f"the program was ended by signal {-done.returncode} before it could be examined"
        return CheckResult("config", "fault", text, "see what its imports do")
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    # Of a traceback the end tells what is wrong; Hydra's own errors have few lines, all of them of use.
    reason = lines[-1] if any(line.startswith("Traceback") for line in lines) else " ".join(lines[:8])
    text = f"the config cannot be composed: {reason or 'the program ended without a word'}"
    return CheckResult("config", "fault", text, "correct this; the rest was not examined")
