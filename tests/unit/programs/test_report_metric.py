# SPDX-License-Identifier: MIT
"""`hyperopt-app report-metric`, as shell scripts use it."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hyperopt_app.programs.report_metric import main

HEAVY = ("hydra", "omegaconf", "numpy", "optuna", "rich", "yaml")


def test_a_report_is_a_line_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the words; whole numbers stay whole; NaN may be reported."""
    monkeypatch.setenv("HYPEROPT_METRICS", "m.jsonl")
    assert main(["loss=0.3", "step=4"]) == 0
    assert main(["loss=nan", "checkpointed=true"]) == 0
    first, second = Path("m.jsonl").read_text().splitlines()
    assert first == '{"loss": 0.3, "step": 4}'
    assert second == '{"loss": NaN, "checkpointed": true}'
    assert json.loads(first)["step"] == 4


@pytest.mark.parametrize("word", ["loss", "loss=", "=3", "loss=low", "step=1.5", "checkpointed=1", "--loss=3=4"])
def test_a_wrong_word_is_a_line(word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written then."""
    monkeypatch.setenv("HYPEROPT_METRICS", "m.jsonl")
    assert main(["acc=1", word]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"hyperopt-app report-metric: {word!r} is not of the form NAME=NUMBER")
    assert not Path("m.jsonl").exists()


@pytest.mark.parametrize(
    ("place", "text"),
    [(None, "HYPEROPT_METRICS is not set"), ("away/m.jsonl", "away/m.jsonl cannot be written: No such file")],
)
def test_outside_a_trial_it_says_so(
    place: str | None, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and an exit code at which `set -e` ends a script."""
    monkeypatch.delenv("HYPEROPT_METRICS", raising=False)
    if place:
        monkeypatch.setenv("HYPEROPT_METRICS", place)
    assert main(["loss=1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line


@pytest.mark.parametrize("words", [[], ["--help"], ["loss=1", "-h"]])
def test_its_help_shows_how_it_is_used(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Also without any word."""
    assert main(words) == 0
    assert "hyperopt-app report-metric loss=0.3" in capsys.readouterr().out


def test_it_starts_without_heavy_imports(run_script: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    """A script calls it once for each step, so it must not take a second each time."""
    program = (
        "import sys\nfrom hyperopt_app.cli import main\ntry:\n    main(['report-metric', 'loss=1'])\n"
        f"except SystemExit as end:\n    print(end.code, *sorted(set({HEAVY!r}) & sys.modules.keys()))\n"
    )
    done = run_script("-c", program, env={"HYPEROPT_METRICS": "m.jsonl"})
    assert done.stdout.split() == ["0"], done.stderr
    assert Path("m.jsonl").read_text() == '{"loss": 1}\n'
