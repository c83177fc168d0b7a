# SPDX-License-Identifier: MIT
"""What is seen of a study is what its storage holds, on every storage, also while workers write."""

import json
import threading
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from hyperopt_app import cli
from hyperopt_app.looking import opening
from hyperopt_app.looking.opening import study_in
from hyperopt_app.looking.summary import summary_of
from hyperopt_app.looking.tables import exports
from hyperopt_app.looking.tables.rows import row_of
from hyperopt_app.looking.view import read_view
from hyperopt_app.storage.opening import open_storage
from tests.contracts.conftest import Place
from tests.unit._made_studies import ended, failure

TRIALS = (
    *(ended(values=value, begun_s=10.0 * place, curve=[9.0, value]) for place, value in enumerate((3.0, 1.0, 2.0))),
    ended("PRUNED", curve=[5.0], begun_s=30),
    ended("FAIL", begun_s=40, **failure("oom", "out of memory")),
)


@pytest.fixture(autouse=True)
def _closed(shared_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Close what the commands open: their processes would end here."""

    def opened(*words: Any, **settings: Any) -> BaseStorage:
        shared_place._opened.append(open_storage(*words, **settings))
        return shared_place._opened[-1]

    for module in (opening, exports):
        monkeypatch.setattr(module, "open_storage", opened)


@pytest.fixture
def study(shared_place: Place) -> optuna.Study:
    """A study with trials of each kind, the best of which is trial 1."""
    study = shared_place.create(0)
    study.add_trials(TRIALS)
    return study


def test_each_command_is_right_on_each_storage(
    study: optuna.Study, shared_place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against what Optuna itself reads from there; and no password of the URL is shown."""
    storage = [] if shared_place.storage is None else ["--storage", shared_place.storage]

    def said(command: str, *words: str) -> Any:
        cli.main([command, str(shared_place.study_dir), *words, *storage, "--json"])
        return json.loads(capsys.readouterr().out)

    stored = study.get_trials()
    rows = said("trials")
    assert [(row["number"], row["value"], row["state"]) for row in rows] == [
        (0, 3.0, "complete"),
        (1, 1.0, "complete"),
        (2, 2.0, "complete"),
        (3, None, "pruned"),
        (4, None, "failed"),
    ]
    assert [row["params.lr"] for row in rows] == [trial.params["lr"] for trial in stored]
    assert [row["number"] for row in said("best")] == [study.best_trial.number] == [1]
    assert said("status")["done"] == 3
    assert said("show", "2")["curve"] == [[1, 9.0], [2, 2.0]]
    assert said("show")["counts"] == {"complete": 3, "pruned": 1, "failed": 1}
    assert [trial["number"] for trial in said("export")["trials"]] == [trial.number for trial in stored]
    cli.main(["export", str(shared_place.study_dir), *storage, "--to", "copy.db"])
    capsys.readouterr()
    copy = optuna.load_study(study_name="contract", storage=shared_place._opened[-1])
    assert [(trial.state, trial.values) for trial in copy.trials] == [(trial.state, trial.values) for trial in stored]


def test_a_view_is_whole_while_workers_write(study: optuna.Study, shared_place: Place) -> None:
    """Its numbers have no gap, its counts add up, and its best is the best of what it has seen."""
    over = threading.Event()

    def work() -> None:
        mine = optuna.load_study(study_name="contract", storage=shared_place.open())
        for place in range(20):
            trial = mine.ask()
            mine.tell(trial, 0.9 - 0.01 * place) if place % 3 else mine.tell(trial, state=TrialState.FAIL)
        over.set()

    worker = threading.Thread(target=work)
    worker.start()
    reader, last, seen = study_in(shared_place.study_dir, shared_place.storage), 0, set[int]()
    while not over.is_set() or last < 25:
        view = read_view(reader, shared_place.study_dir)
        last = view.ended
        seen.add(len(view.trials))
        assert [trial.number for trial in view.trials] == list(range(len(view.trials)))
        assert sum(view.counts.values()) == len(view.trials)
        values = [row_of(view, trial)["value"] for trial in view.in_state("complete")]
        assert view.best[0].values[0] == min(values)
        assert summary_of(view)[0].startswith(f"contract: {view.ended} of ")
    worker.join()
    assert max(seen) == 25
    assert len(seen) > 1
