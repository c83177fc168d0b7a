# SPDX-License-Identifier: MIT
"""Trials tried again, discarded and added in a study that has begun: `hyperopt-app retry`, `discard` and `add`."""

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hyperopt_app import cli
from tests.end_to_end._studies import APPS

RunScript = Callable[..., subprocess.CompletedProcess[str]]
Tool = Callable[..., tuple[int, str]]
STUDY = Path("study")


@pytest.fixture
def tool(capsys: pytest.CaptureFixture[str]) -> Tool:
    """`tool(*words)`: the exit code of `hyperopt-app WORDS`, and what it has said."""

    def run(*words: str) -> tuple[int, str]:
        code: object = 0
        capsys.readouterr()
        try:
            cli.main(words)
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        text = code if isinstance(code, str) else ""
        return (1 if text else int(code or 0)), said.out + said.err + text  # type: ignore[call-overload]

    return run


@pytest.fixture
def search(run_script: RunScript) -> Callable[..., str]:
    """`search(*overrides)`: the search of the app, which must end well; what it has said."""

    def run(*overrides: str) -> str:
        done = run_script(APPS / "steered" / "app.py", "--multirun", *overrides)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def rows() -> list[dict[str, str]]:
    """The rows of trials.csv."""
    with (STUDY / "trials.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def best() -> int:
    """The number of the best trial, as best.yaml has it."""
    number = yaml.safe_load((STUDY / "best.yaml").read_text(encoding="utf-8"))["trial"]
    assert isinstance(number, int)
    return number


def test_failed_trials_are_tried_again(search: Callable[..., str], tool: Tool) -> None:
    """With their parameters, by the same command, in the budget that was; first of a kind, then of all."""
    Path("spoiled").write_text("1 oom\n2 bug\n")
    search()
    Path("spoiled").unlink()
    code, said = tool("retry", "study", "--kind", "oom")
    assert code == 0, said
    assert "Trial 1 is retried as trial 4" in said
    code, said = tool("retry", "study")
    assert code == 0, said
    assert "Trial 2 is retried as trial 5" in said
    assert "2 of 4 trials left" in said
    search()
    found = rows()
    assert [row["state"] for row in found] == ["complete", "failed", "failed", "complete", "complete", "complete"]
    assert [found[4]["params.x"], found[5]["params.x"]] == [found[1]["params.x"], found[2]["params.x"]]
    assert [row["set_aside"] for row in found[:4]] == ["", "tried again as trial 4", "tried again as trial 5", ""]
    assert "2 set aside" in tool("status", "study")[1]
    assert "All 4 trials of the study are done: there is nothing to do." in search()
    assert "nothing was changed" in tool("retry", "study")[1]
    code, said = tool("retry", "study", "1", "7", "0", "--kind", "oom")
    assert code == 1
    assert "not both" in said


def test_a_discarded_trial_is_no_longer_the_best_and_another_takes_its_place(
    search: Callable[..., str], tool: Tool
) -> None:
    """best.yaml says so at once, with the whole command that trains the trial again; the same command goes on."""
    Path("spoiled").write_text("2 wrong\n")
    search()
    assert best() == 2
    before = {row["number"]: row["params.x"] for row in rows()}
    code, said = tool("discard", "study", "2")
    assert code == 0, said
    assert "1 of 4 trials left" in said
    assert "without any, the same command does" in said
    closest = min((number for number in before if number != "2"), key=lambda number: abs(float(before[number]) - 1))
    assert best() == int(closest)
    text = (STUDY / "best.yaml").read_text(encoding="utf-8")
    assert f"x={before[closest]}"[:12] in text
    assert "app.py" in yaml.safe_load(text)["retrain"]
    assert best() == yaml.safe_load(tool("best", "study")[1])["trial"]
    said = search()
    assert "Best: trial 2" not in said
    assert [row["number"] for row in rows() if not row["set_aside"]] == ["0", "1", "3", "4"]
    assert "All 4 trials" in search()
    code, said = tool("discard", "study", "2", "9", "0")
    assert code == 1
    assert "trial 2: it no longer counts (discarded by the user)" in said
    assert "trial 9: the study has no such trial; its trials are 0 to 4" in said
    assert not rows()[0]["set_aside"]


def test_a_study_without_any_trial_that_counts_has_no_best(search: Callable[..., str], tool: Tool) -> None:
    """best.yaml goes with the last complete trial."""
    search("hydra.sweeper.n_trials=1")
    code, said = tool("discard", "study", "0")
    assert code == 0, said
    assert not (STUDY / "best.yaml").exists()
    assert "no trial of this study has completed" in tool("best", "study")[1]


def test_a_point_is_added_to_a_trial_that_waits_and_comes_next(search: Callable[..., str], tool: Tool) -> None:
    """Without one it is refused, or enlarges the budget, and the same command tries it."""
    search("hydra/launcher=by_hand")  # which begins none of the four
    code, said = tool("add", "study", "x=0.25", "optimizer=sgd")
    assert code == 0, said
    search()
    found = rows()
    assert (found[0]["params.x"], found[0]["params.optimizer"]) == ("0.25", "sgd")
    assert len(found) == 4
    code, said = tool("add", "study", "x=0.5")
    assert code == 1
    assert "No trial is free" in said
    assert "--grow" in said
    code, said = tool("add", "study", "x=0.5", "--grow")
    assert code == 0, said
    assert "The budget is 5 trials now." in said
    said = search()
    assert len(rows()) == 5
    assert rows()[4]["params.x"] == "0.5"
    told = "All 5 trials of the study are done (4 and what was added): there is nothing to do."
    assert told in search()


def test_a_point_outside_of_the_space_is_refused_with_all_that_is_wrong(search: Callable[..., str], tool: Tool) -> None:
    """Each key with what is allowed there, or the nearest name; nothing is added."""
    search("depth=5", "hydra.sweeper.n_trials=2")
    words = ["optimzer=sgd", "x=7", "depth=4", "optimizer=1,2", "nonsense", "~x"]
    code, said = tool("add", "study", "--grow", *words)
    assert code == 1, said
    for text in (
        "'optimzer' is not searched (did you mean optimizer?)",
        "x=7 is out of range; allowed is [-5, 5]",
        "'depth' is not searched but fixed at 5",
        "'optimizer=1,2': a point has one value",
        "'nonsense': ",
        "'~x': a point has one value",
    ):
        assert text in said
    assert "All 2 trials" in search("depth=5", "hydra.sweeper.n_trials=2")


@pytest.mark.nightly
def test_a_held_study_begins_no_trial_until_it_is_released(search: Callable[..., str], tool: Tool) -> None:
    """Not by the same command either, which says what to do; afterwards it goes on with the rest."""
    search("hydra.sweeper.n_trials=2")
    assert tool("extend", "study", "--trials", "1")[0] == 0
    assert "lets trials begin again" in tool("hold", "study")[1]
    status = tool("status", "study")[1]
    assert "held: the user asked for it (hyperopt-app hold)" in status
    assert "1 of 3 trials are left; `hyperopt-app release study` lets workers begin them." in status
    assert "held" in tool("ls", ".")[1]
    with pytest.raises(AssertionError, match=r"The study is held, since the user asked for it"):
        search("hydra.sweeper.n_trials=2")
    assert len(rows()) == 2
    assert tool("release", "study")[0] == 0
    search("hydra.sweeper.n_trials=2")
    assert len(rows()) == 3
