# SPDX-License-Identifier: MIT
"""What ran is what is written: numbers, curves, values and times, by commands and the files that they leave."""

import csv
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

pytestmark = pytest.mark.timeout(200)

APPS = Path(__file__).resolve().parents[1] / "apps"
TOLD = APPS / "told" / "app.py"
STUDY = Path("study")
Run = Callable[..., subprocess.CompletedProcess[str]]

STATUS = "import sys; from hyperopt_app.cli import main; sys.exit(main())"


def good(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def table(study: Path = STUDY) -> list[dict[str, str]]:
    """The rows of trials.csv."""
    with (study / "trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def trials(study: Path = STUDY) -> list[FrozenTrial]:
    """The trials of the only study in a directory's journal, by plain Optuna."""
    storage = JournalStorage(JournalFileBackend(str(study / "journal.log")))
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).get_trials()


# Numbers


@pytest.mark.parametrize(
    "text",
    [
        "int(interval(9007199254740000,9007199254742000))",
        "range(-36028797018963968,0,step=3)",
        "tag(log,int(interval(1,1e17)))",
    ],
)
def test_a_range_that_the_study_cannot_keep_exactly_is_refused(text: str, run_script: Run) -> None:
    """Nothing is started, and the message names the key and the way."""
    done = run_script(APPS / "unseeded" / "train.py", "--multirun", f"x={text}")
    assert done.returncode != 0, done.stdout + done.stderr
    assert "choice(...)" in done.stderr
    assert "hydra.sweeper.params.x: " in done.stderr
    assert not STUDY.exists()


def test_large_numbers_in_a_choice_are_exact(run_app: Run) -> None:
    """In the objective's config, the study, trials.csv, best.yaml and the command."""
    choices = "choice(9007199254740993,9007199254740995)"
    fixed = ("y=0", "z=0", "sleep=0", "hydra/launcher=basic", "hydra.sweeper.n_trials=3")
    good(run_app("--multirun", "hparams=sphere", f"x={choices}", *fixed))
    study = Path("studies/sphere")
    for row, trial in zip(table(study), trials(study), strict=True):
        config = (study / "trials" / row["number"] / ".hydra" / "config.yaml").read_text()
        assert f"\nx: {row['params.x']}\n" in config
        assert row["params.x"] == str(trial.params["x"])
        assert trial.params["x"] in {9007199254740993, 9007199254740995}
    best = (study / "best.yaml").read_text()
    number = int(best.split("trial: ")[1].split("\n")[0])
    assert f"  x: {trials(study)[number].params['x']}\n" in best
    assert f" x={trials(study)[number].params['x']}\n" in best


# Curves


@pytest.mark.parametrize("order", ["[report,save]", "[save,report]"])
def test_no_step_of_a_curve_is_lost_at_a_graceful_end(order: str, run_script: Run) -> None:
    """Whichever comes first: the trial ends behind both, and another worker goes on with the next epoch."""
    good(run_script(TOLD, "--multirun", f"order={order}"))
    (trial,) = trials()
    words = [line.split()[0] for line in Path(str(trial.user_attrs["directory"]), "times.txt").read_text().splitlines()]
    assert words == ["begins", "told", "begins", "ends"]
    assert sorted(trial.intermediate_values) == [0, 1, 2, 3, 4]


def test_a_training_that_has_saved_its_last_epoch_completes(run_script: Run) -> None:
    """There is nothing to go on with elsewhere, so it costs no second attempt."""
    pytest.importorskip("pytorch_lightning")
    good(run_script(APPS / "told" / "lit.py", "--multirun", timeout=150))
    (trial,) = trials()
    directory = Path(str(trial.user_attrs["directory"]))
    assert (directory / "told").exists()
    assert (directory / "begins.txt").read_text() == "begins\n"
    assert sorted(trial.intermediate_values) == [1, 2]


# Values and times


def test_a_pruned_trial_has_no_value_in_the_table(run_script: Run) -> None:
    """Its last report stands in a column of its own, so that the least value is a complete trial's."""
    good(run_script(APPS / "foreign" / "train.py", "--multirun", "hydra.sweep.dir=study", "hydra.sweeper.n_jobs=1"))
    rows = table()
    pruned = [row for row in rows if row["state"] == "pruned"]
    assert pruned
    assert {row["value"] for row in pruned} == {""}
    stored = trials()
    for row in pruned:
        curve = stored[int(row["number"])].intermediate_values
        assert (float(row["last_value"]), int(row["steps"])) == (curve[max(curve)], len(curve))
    assert all(row["value"] for row in rows if row["state"] == "complete")


def test_the_durations_count_all_attempts(run_script: Run) -> None:
    """The last one's, which is all that Optuna keeps, and at least what the objective itself has run before."""
    good(run_script(TOLD, "--multirun"))
    (row,), (trial,) = table(), trials()
    lines = Path(row["directory"], "times.txt").read_text().splitlines()
    begun, told, _, _ = (float(line.split()[1]) for line in lines)
    assert trial.duration is not None
    assert float(row["duration_s"]) >= (told - begun) + trial.duration.total_seconds() - 0.001
    assert row.get("attempts") == "2"
    assert datetime.fromisoformat(row["start"]).timestamp() <= begun


def test_status_leaves_out_the_pauses(run_script: Run) -> None:
    """Two trials of ten seconds with two hours between them are twenty seconds of work."""
    STUDY.mkdir()
    storage = JournalStorage(JournalFileBackend(str(STUDY / "journal.log")))
    study = optuna.create_study(study_name="study", storage=storage)
    start = datetime(2026, 11, 23, 12)  # noqa: DTZ001 - Optuna stamps trials without a time zone
    for number in range(2):
        begun = start + timedelta(hours=2 * number)
        study.add_trial(_complete(begun, begun + timedelta(seconds=10)))
    text = good(run_script("-c", STATUS, "status", str(STUDY)))
    assert " 20 s elapsed" in text


def _complete(begun: datetime, ended: datetime) -> FrozenTrial:
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=TrialState.COMPLETE,
        value=1.0,
        values=None,
        datetime_start=begun,
        datetime_complete=ended,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


# The config

EDITED = """\
defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/launcher: basic}]
objective: {_target_: objectives.sphere.Sphere}
x: 1.0
y: 1.0
z: 1.0
steps: 5
sleep: 0.0
hydra:
  sweep: {dir: study, subdir: '${hydra.job.num}'}
  sweeper: {metric: value, n_jobs: 1, params: {x: 'interval(0, 1)'}}
"""


def test_a_value_that_was_edited_between_two_commands_is_told(run_app: Run) -> None:
    """The study goes on: only the user knows whether old and new trials can still be compared."""
    place = Path("conf/mine.yaml")
    place.parent.mkdir()
    place.write_text(EDITED, encoding="utf-8")
    command = ("--config-dir", "conf", "--config-name", "mine", "--multirun")
    assert "new trials train with it" not in good(run_app(*command, "hydra.sweeper.n_trials=1"))
    place.write_text(EDITED.replace("steps: 5", "steps: 3").replace("x: 1.0", "x: 2.0"), encoding="utf-8")
    assert "new trials train with it: steps: 5 -> 3." in good(run_app(*command, "hydra.sweeper.n_trials=2"))
    assert [len(trial.intermediate_values) for trial in trials()] == [5, 3]
