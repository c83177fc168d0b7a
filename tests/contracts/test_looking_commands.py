# SPDX-License-Identifier: MIT
"""Each command that looks at a study says what Optuna alone reads from its journal, also while a worker writes."""

import csv
import json
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app import cli
from hyperopt_app.objective.failure_kinds import KINDS
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.storage.snapshots.keeping import keep_snapshot
from tests.conftest import REPO, _environment_of_programs
from tests.contracts._plain_optuna import Stored
from tests.unit._made_journals import write_journal
from tests.unit._made_studies import ended, failure, kept

Says = Callable[..., Any]
Make = Callable[[Path], None]


def two(directory: Path) -> None:
    """Two objectives, 60 trials, some of which have failed."""
    draw = random.Random(1)
    trials = [
        ended(values=[draw.random(), draw.random()], begun_s=10.0 * number)
        if number % 5
        else ended("FAIL", begun_s=10.0 * number, **failure("diverged", "nan"))
        for number in range(60)
    ]
    kept(directory, trials, directions=["minimize", "maximize"], metrics=["loss", "accuracy"], n_trials=64)


def sphere(directory: Path) -> None:
    """1,000 trials of `sphere`: complete, pruned, failed in each way, interrupted, retried, discarded, running."""
    draw = random.Random(2)
    study = kept(directory, [_sphere_trial(number, draw) for number in range(1000)], n_trials=1010)
    for number in (4, 12, 500):
        study.set_user_attr(f"discarded:{number}", "discarded by the user")
    study.ask()


def _sphere_trial(number: int, draw: random.Random) -> FrozenTrial:
    space = dict.fromkeys("xyz", FloatDistribution(-5.0, 5.0))
    point = {name: draw.uniform(-5, 5) for name in space}
    loss = sum(value**2 for value in point.values())
    attributes: dict[str, Any] = {
        "directory": f"/cluster/studies/sphere/trials/{number}",
        "training_seed": draw.randrange(2**31),
    }
    if number % 9 == 0:
        attributes["ended_attempts"] = [{"worker": "w1", "begun": 1.0, "ended": 2.0 + number}]
        attributes["losses"] = [{"worker": "w1", "node": "n1", "cause": "killed"}]
    state = ("COMPLETE", "COMPLETE", "PRUNED", "FAIL")[number % 4]
    if state == "FAIL":
        kind = KINDS[(number // 4) % len(KINDS)]
        attributes |= failure(kind, f"{kind} in trial {number % 7}", "Traceback\n")
    elif number > 100 and number % 50 == 1:
        attributes["retry_of"] = number - 2  # which has failed
    curve = [loss + 1 / step for step in range(1, 6 if state == "COMPLETE" else 3)]
    return ended(
        *(state, loss, point),
        space=space,
        curve=curve,
        begun_s=5.0 * number,
        length_s=draw.uniform(1, 9),
        worker=number % 4,
        **attributes,
    )


def large(directory: Path) -> None:
    """10,000 trials of 50 steps, with a snapshot, and some trials since."""
    directory.mkdir(parents=True)
    write_journal(directory / "journal.log", 10_000, 50)
    study = optuna.load_study(study_name="large", storage=open_storage(None, directory))
    keep_snapshot(study)
    assert (directory / "journal.log.snapshot").exists()
    study.add_trials([ended(values=0.001, curve=[0.5, 0.001]), ended("PRUNED", curve=[0.75])])


def holodec(directory: Path) -> None:
    """Real trainings, as the command of README makes them, but fewer."""
    words = ("hparams=holodec", "hydra.sweeper.n_trials=12", f"hydra.sweep.dir={directory}")
    _run([sys.executable, "-m", "hyperopt_app", "--multirun", *words])


def faults(directory: Path) -> None:
    """A study of the test cluster with preemptions, kills and nodes that went down."""
    words = ("--minutes", "1", "--seed", "3", "--keep", str(directory))
    _run([sys.executable, str(REPO / "benchmarks" / "chaos.py"), *words])


def _run(command: list[str]) -> None:
    environment = _environment_of_programs()
    done = subprocess.run(command, env=environment, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


STUDIES = [
    two,
    pytest.param(holodec, marks=[pytest.mark.slow, pytest.mark.nightly, pytest.mark.timeout(900)]),
    pytest.param(faults, marks=[pytest.mark.slow, pytest.mark.slurm, pytest.mark.nightly, pytest.mark.timeout(900)]),
    pytest.param(sphere, marks=[pytest.mark.slow, pytest.mark.nightly]),
    pytest.param(large, marks=[pytest.mark.slow, pytest.mark.nightly, pytest.mark.timeout(600)]),
]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Make], Stored]:
    """Makes each study once, with a log of trial 2, and reads it once."""
    folder, studies = tmp_path_factory.mktemp("made"), dict[str, Stored]()

    def stored(make: Make) -> Stored:
        path = folder / make.__name__
        if make.__name__ not in studies:
            make(path)
            (path / "trials" / "2").mkdir(parents=True, exist_ok=True)
            (path / "trials" / "2" / "app.log").write_text("epoch 1\nepoch 2\n", encoding="utf-8")
            studies[make.__name__] = Stored(path)
        return studies[make.__name__]

    return stored


@pytest.fixture(params=STUDIES, ids=lambda make: make.__name__)
def stored(request: pytest.FixtureRequest, made: Callable[[Make], Stored]) -> Stored:
    """Such a study as Optuna reads it."""
    return made(request.param)


@pytest.fixture
def directory(stored: Stored) -> Path:
    """A copy of the study's directory."""
    path = Path("studies") / stored.directory.name
    shutil.copytree(stored.directory, path)
    return path


@pytest.fixture
def say(directory: Path, capsys: pytest.CaptureFixture[str]) -> Says:
    """Runs a command on the study and returns what it prints as JSON; with `plain` as text."""

    def said(command: str, *words: str, plain: bool = False) -> Any:
        cli.main([command, str(directory), *words, *([] if plain else ["--json"])])
        text = capsys.readouterr().out
        return text if plain else json.loads(text)

    return said


def _agree(row: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert {name: row[name] for name in expected} == expected


def test_the_table_of_trials_is_that_of_the_storage(stored: Stored, say: Says) -> None:
    """All rows, the ten best, the failed ones, and those of a condition."""
    begun = [trial.number for trial in stored.counting if trial.state != TrialState.WAITING]
    rows = say("trials")
    assert [row["number"] for row in rows] == begun
    for row in rows:
        _agree(row, stored.row(row["number"]))
    failed = [trial.number for trial in stored.counting if trial.state == TrialState.FAIL]
    assert [row["number"] for row in say("trials", "--failed")] == failed
    top = [row["number"] for row in say("trials", "--top", "10")]
    if len(stored.study.directions) == 1:
        assert top == stored.ranked[:10]
        (best,) = stored.best
        bound = stored.trials[best].values[0]
        assert [row["number"] for row in say("trials", "--where", f"value<={bound}")] == [best]
    else:
        assert top[: len(stored.best)] == stored.best[:10]


def test_counts_and_best_are_those_of_the_storage(stored: Stored, say: Says) -> None:
    """In ls, status, show, best and compare; and what failed, by kind."""
    counts, asked = stored.counts, stored.study.user_attrs["n_trials"]
    states = ("complete", "pruned", "failed", "running")
    (entry,) = say("ls")
    status, summary = say("status"), say("show")
    assert {state: entry[state] for state in states} == {state: counts[state] for state in states}
    assert [status[name] for name in ("done", "pruned", "failed", "running")] == [counts[state] for state in states]
    assert {state: summary["counts"].get(state, 0) for state in states} == {state: counts[state] for state in states}
    for said in (entry, status, summary):
        assert (said["n_trials"], said["set_aside"]) == (asked, len(stored.aside))
    assert {group["kind"]: len(group["numbers"]) for group in summary["failures"]} == dict(stored.kinds)
    values = [stored.trials[number].values for number in stored.best]
    assert [(best["trial"], best["values"]) for best in entry["best"]] == list(zip(stored.best, values, strict=True))
    assert {best["number"] for best in status["best"]} <= set(stored.best)
    for row in (*summary["best"], *say("best")):
        _agree(row, stored.row(row["number"]))
    assert [row["number"] for row in say("best")] == stored.best == [row["number"] for row in summary["best"]]
    if len(stored.study.directions) == 1:
        assert [row["number"] for row in say("best", "-k", "5")] == stored.ranked[:5]


def test_compare_ends_with_the_best_values(stored: Stored, directory: Path, say: Says) -> None:
    """For each objective, after as many trials as had ended when the best one did."""
    compared = say("compare", str(directory))
    assert compared["differences"] == [[]]
    end_of = {trial.number: _end_of(trial) for trial in stored.counting if trial.state.is_finished()}
    for study in compared["studies"]:
        for objective, direction in enumerate(stored.study.directions):
            sign = 1 if direction.name == "MINIMIZE" else -1
            best = min(stored.complete, key=lambda trial: (sign * trial.values[objective], end_of[trial.number]))
            last = list(study["best_so_far"].values())[objective][-1]
            assert last["value"] == best.values[objective]
            assert last["trials"] == sum(end <= end_of[best.number] for end in end_of.values())


def _end_of(trial: FrozenTrial) -> tuple[float, int]:
    assert trial.datetime_complete is not None
    return trial.datetime_complete.timestamp(), trial.number


def test_one_trial_is_that_of_the_storage(stored: Stored, directory: Path, say: Says) -> None:
    """Its curve, parameters, failure and logs, for trials of each state."""
    chosen = {trial.state: trial.number for trial in stored.trials} | {"best": stored.best[0], "first": 0, "log": 2}
    for number in chosen.values():
        row, trial = say("show", str(number)), stored.trials[number]
        _agree(row, stored.row(number))
        assert row["curve"] == [list(pair) for pair in trial.intermediate_values.items()]
        assert row["traceback"] == trial.user_attrs.get("failure", {}).get("traceback", "") or row["traceback"] is None
    logs = sorted(map(str, directory.glob("trials/2/*.log"))) if "directory" in stored.trials[2].user_attrs else []
    assert sorted(say("logs", "2")) == logs
    assert ("epoch 2" in say("logs", "2", plain=True)) == bool(logs)


def test_exports_hold_all_trials(stored: Stored, directory: Path, say: Says) -> None:
    """As JSON with the curves, as CSV, and, of all but the large one, in a journal of Optuna's."""
    trials = say("export")["trials"]
    assert [trial["number"] for trial in trials] == [trial.number for trial in stored.trials]
    for trial in trials:
        _agree(trial, stored.row(trial["number"]))
        assert trial["curve"] == [list(pair) for pair in stored.trials[trial["number"]].intermediate_values.items()]
    rows = list(csv.DictReader(say("export", plain=True).splitlines()))
    assert [int(row["number"]) for row in rows] == stored.begun
    if directory.name == "large":
        return
    Path("copy").mkdir()
    say("export", "--to", "copy/journal.log", plain=True)
    copied = Stored(Path("copy"))
    assert [(t.state, t.values, t.params) for t in copied.trials] == [
        (t.state, t.values, t.params) for t in stored.trials
    ]


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_report_holds_all_trials(stored: Stored, directory: Path, say: Says) -> None:
    """All that have begun are in the page and in the table, and the page is smaller than 15 MB."""
    assert _reported(directory, say) == (stored.begun, stored.begun)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_report_is_whole_while_a_worker_writes(stored: Stored, directory: Path, say: Says) -> None:
    """It has no gap, no less than was there before it began and no more than after it ended."""
    with appending(directory) as added:
        least = added()
        page, table = _reported(directory, say)
        most = added() + 1
    for numbers in (page, table):
        assert numbers[: len(stored.begun)] == stored.begun
        assert least <= len(numbers) - len(stored.begun) <= most


def _reported(directory: Path, say: Says) -> tuple[list[int], list[int]]:
    """The numbers of the trials in the page of a report, and in its table."""
    say("report", "--trees", "8", "--depth", "8", plain=True)
    page = directory / "report" / "report.html"
    assert page.stat().st_size < 15e6
    script = re.search(r"<script[^>]*json[^>]*>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    assert script is not None
    table = (directory / "report" / "trials_dataframe.csv").read_text(encoding="utf-8")
    return json.loads(script[1])["trials"]["number"], [int(row["number"]) for row in csv.DictReader(table.splitlines())]


@contextmanager
def appending(directory: Path) -> Iterator[Callable[[], int]]:
    """A worker that goes on adding trials to the study; yields how many it has added, at first some."""
    over, begun, added = threading.Event(), threading.Event(), [0]
    study = optuna.load_study(study_name=None, storage=open_storage(None, directory))

    def work() -> None:
        while not over.is_set():
            study.tell(study.ask(), [1e-6 / (added[0] + 1)] * len(study.directions))
            added[0] += 1
            if added[0] == 3:
                begun.set()
            over.wait(0.002)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert begun.wait(30)
        yield lambda: added[0]
    finally:
        over.set()
        worker.join()


def _complete(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many of the rows are of complete trials that count."""
    return sum(row["state"].lower() == "complete" and not row["set_aside"] for row in rows)


def test_each_command_is_right_while_a_worker_writes(stored: Stored, directory: Path, say: Says) -> None:
    """It sees no less than was there before it began and no more than after it ended, and agrees with itself."""
    complete, best = stored.counts["complete"], stored.best
    seen: dict[str, tuple[int, int, int]] = {}
    with appending(directory) as added:

        def look(name: str, *words: str, count: Callable[[Any], int], plain: bool = False) -> None:
            least = added()
            said = say(name, *words, plain=plain)
            seen[" ".join((name, *words))] = (least, count(said) - complete, added() + 1)

        look("ls", count=lambda said: said[0]["complete"])
        look("status", count=lambda said: said["done"])
        look("trials", "--complete", count=len)
        look("show", count=lambda said: said["counts"]["complete"])
        look("best", "-k", "100000", count=len)
        look("export", count=lambda said: _complete(said["trials"]))
        look("export", plain=True, count=lambda text: _complete(csv.DictReader(text.splitlines())))
        row = say("show", str(best[0]))
        _agree(row, stored.row(best[0]))
        compared = say("compare", str(directory))["studies"]
        assert all(study["best_so_far"] for study in compared)
    assert all(least <= count <= most for least, count, most in seen.values()), seen
    assert Stored(directory).counts["complete"] == complete + added()
