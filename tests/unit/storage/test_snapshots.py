# SPDX-License-Identifier: MIT
"""When a snapshot is written and read; that it changes nothing but the time stands in tests/properties."""

import copy
import os
import pickle
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.errors import StorageError
from hyperopt_app.storage import journal as journal_module
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.storage.snapshots import files
from hyperopt_app.storage.snapshots.columns import Curves, DamagedColumnsError, Moments, Texts
from hyperopt_app.storage.snapshots.keeping import keep_snapshot


@pytest.fixture
def small() -> Iterator[None]:
    """Small journals get snapshots too."""
    with patch.multiple(journal_module, _SMALLEST=0, _LEAST_GROWN=0, _SHARE_GROWN=0):
        yield


def made_study(folder: Path, n_trials: int = 4, n_steps: int = 3) -> optuna.Study:
    """A study of complete trials with curves, and one that runs."""
    study = optuna.create_study(storage=open_storage(None, folder), study_name="s")
    for _ in range(n_trials):
        trial = study.ask()
        value = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("claim", {"worker": "0-node-1-abcdef", "beat": "/studies/s/workers/0-node-1-abcdef.json"})
        for step in range(n_steps):
            trial.report(value + step, step)
        study.tell(trial, value)
    study.ask()
    return study


def snapshot_of(folder: Path) -> Path:
    return folder / "journal.log.snapshot"


def reopened(folder: Path) -> list[FrozenTrial]:
    """The trials as a reader sees them, not decoded."""
    study = optuna.load_study(study_name="s", storage=open_storage(None, folder, reading=True))
    return study.get_trials(deepcopy=False)


def is_decoded(trial: FrozenTrial) -> bool:
    return "_stored" not in vars(trial)


@pytest.mark.usefixtures("small")
def test_trials_of_a_snapshot_are_decoded_piece_by_piece(tmp_path: Path) -> None:
    """A reader of the counts decodes no curve; a trial that has changed since is Optuna's own."""
    study = made_study(tmp_path)
    study.enqueue_trial({"x": 0.5})
    keep_snapshot(study)
    assert not any(map(is_decoded, reopened(tmp_path)))
    study.tell(4, 0.5)
    trials = reopened(tmp_path)
    assert [is_decoded(trial) for trial in trials] == [False] * 4 + [True, False]
    assert trials[0].value == study.trials[0].value
    assert not {"intermediate_values", "_params"} & vars(trials[0]).keys()
    assert trials[0].intermediate_values == study.trials[0].intermediate_values
    assert trials == study.trials
    assert study.trials == trials


@pytest.mark.usefixtures("small")
def test_copies_of_stored_trials_are_plain_and_share_nothing(tmp_path: Path) -> None:
    """Copied, pickled or copied in depth they are Optuna's own trials; a change of one deep copy is in no other."""
    study = made_study(tmp_path)
    keep_snapshot(study)
    trials = reopened(tmp_path)
    for copied in (copy.copy(trials[0]), copy.deepcopy(trials[0]), pickle.loads(pickle.dumps(trials[0]))):
        assert type(copied) is FrozenTrial
        assert repr(copied) == repr(trials[0]) == repr(study.trials[0])
    first, second = copy.deepcopy(trials)[:2]
    first.user_attrs["claim"]["worker"] = "another"
    assert second.user_attrs["claim"]["worker"] == trials[0].user_attrs["claim"]["worker"] == "0-node-1-abcdef"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        trials[0].nothing  # type: ignore[attr-defined] # noqa: B018


def test_a_small_study_gets_none(tmp_path: Path) -> None:
    """A journal that opens in a moment stays alone."""
    study = made_study(tmp_path)
    keep_snapshot(study)
    assert not snapshot_of(tmp_path).exists()


def test_it_is_written_anew_when_the_journal_has_grown_enough(tmp_path: Path) -> None:
    """Not at each call, and by whom ever: a process that has just opened the study knows of the last one."""
    study = made_study(tmp_path)
    size = (tmp_path / "journal.log").stat().st_size
    with patch.multiple(journal_module, _SMALLEST=size, _LEAST_GROWN=size // 2, _SHARE_GROWN=0.1):
        keep_snapshot(study)
        first = snapshot_of(tmp_path).read_bytes()
        study.ask()
        keep_snapshot(study)
        keep_snapshot(optuna.load_study(study_name="s", storage=open_storage(None, tmp_path)))
        assert snapshot_of(tmp_path).read_bytes() == first
        for _ in range(40):
            study.tell(study.ask(), 1.0)
        other = optuna.load_study(study_name="s", storage=open_storage(None, tmp_path))
        keep_snapshot(study)
        second = snapshot_of(tmp_path).read_bytes()
        assert second != first
        keep_snapshot(other)  # sees that of the first
        assert snapshot_of(tmp_path).read_bytes() == second
    assert reopened(tmp_path) == study.trials


def test_at_the_end_of_a_search_it_has_all(tmp_path: Path) -> None:
    """A study that has ended is looked at for long, so what little it has grown by since is written too."""
    study = made_study(tmp_path)
    with patch.multiple(journal_module, _SMALLEST=0, _LEAST_GROWN=10**6, _LEAST_AT_END=100):
        keep_snapshot(study)
        assert not snapshot_of(tmp_path).exists()
        keep_snapshot(study, is_over=True)
        study.tell(study.ask(), 1.0)
        keep_snapshot(study, is_over=True)
        written = snapshot_of(tmp_path).read_bytes()
        study.set_user_attr("k", 1)
        keep_snapshot(study, is_over=True)
        assert snapshot_of(tmp_path).read_bytes() != written
        study.set_user_attr("k", 2)
    assert not any(map(is_decoded, reopened(tmp_path)))
    with patch.object(journal_module, "_SMALLEST", 10**9):
        study.tell(study.ask(), 1.0)
        written = snapshot_of(tmp_path).read_bytes()
        keep_snapshot(study, is_over=True)
        assert snapshot_of(tmp_path).read_bytes() == written


@pytest.mark.usefixtures("small")
def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    """Whoever opens a study to look at it leaves its directory as it is, with a snapshot and without."""
    study = made_study(tmp_path)
    reader = optuna.load_study(study_name="s", storage=open_storage(None, tmp_path, reading=True))
    keep_snapshot(reader)
    assert not snapshot_of(tmp_path).exists()
    keep_snapshot(study)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    study.ask()
    journal = (tmp_path / "journal.log").read_bytes()
    keep_snapshot(optuna.load_study(study_name="s", storage=open_storage(None, tmp_path, reading=True)))
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in before}
    assert (tmp_path / "journal.log").read_bytes() == journal
    assert snapshot_of(tmp_path).stat().st_mtime_ns == before[snapshot_of(tmp_path)]


@pytest.mark.usefixtures("small")
def test_a_place_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    """A directory in the snapshot's place, a pipe there, an archive of pickled objects: the journal is read."""
    study = made_study(tmp_path)
    place = snapshot_of(tmp_path)
    place.mkdir()
    keep_snapshot(study)
    assert list(place.iterdir()) == []
    assert reopened(tmp_path) == study.trials
    place.rmdir()
    os.mkfifo(place)
    assert reopened(tmp_path) == study.trials
    place.unlink()
    with place.open("wb") as archive:
        np.savez(archive, about=np.array([_Trap(tmp_path / "sprung")], dtype=object))
    assert reopened(tmp_path) == study.trials
    assert not (tmp_path / "sprung").exists()
    study.ask()  # after a failure, the next try comes when the journal has grown
    keep_snapshot(study)
    assert not is_decoded(reopened(tmp_path)[0])


@pytest.mark.usefixtures("small")
def test_what_does_not_fit_into_a_snapshot_ends_no_search(tmp_path: Path) -> None:
    """A study with such a value goes on without one, and nothing half-written is left."""
    study = made_study(tmp_path)
    with patch.object(files, "packed", side_effect=OverflowError("date value out of range")):
        keep_snapshot(study, is_over=True)
    assert [path.name for path in tmp_path.iterdir()] == ["journal.log"]


class _Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.usefixtures("small")
def test_a_worker_goes_on_from_a_snapshot(tmp_path: Path) -> None:
    """It claims, reports and tells as after a whole reading; what has ended stays as it is."""
    study = made_study(tmp_path)
    study.enqueue_trial({"x": 0.5})
    keep_snapshot(study)
    study.tell(3 + 1, 0.25)
    worker = optuna.load_study(study_name="s", storage=open_storage(None, tmp_path))
    assert not is_decoded(worker.get_trials(deepcopy=False)[0])
    trial = worker.ask()
    assert (trial.number, trial.suggest_float("x", 0, 1)) == (5, 0.5)
    trial.report(1.0, 1)
    worker.tell(trial, 0.5)
    assert worker.ask().number == 6
    with pytest.raises(ValueError, match="Cannot tell a COMPLETE"):
        worker.tell(0, 1.0)
    study.add_trial(optuna.trial.create_trial(value=1.0))
    assert worker.trials == study.trials
    assert [trial.state for trial in worker.trials] == [TrialState.COMPLETE] * 6 + [
        TrialState.RUNNING,
        TrialState.COMPLETE,
    ]


def torn(folder: Path) -> None:
    """Leave what a writer leaves that dies in the middle of a record."""
    with (folder / "journal.log").open("ab") as journal:
        journal.write(b'{"op_code":8,"worker_id":"somebody-1","trial_id":0,"user_at')


@pytest.mark.usefixtures("small")
def test_torn_lines_before_and_behind_it_cost_nothing(tmp_path: Path) -> None:
    """What was blanked out is a part of what the snapshot stands for; what is torn since is passed over."""
    study = made_study(tmp_path)
    torn(tmp_path)
    study.ask()
    assert (tmp_path / "journal.log.torn").exists()
    keep_snapshot(study)
    torn(tmp_path)
    assert [is_decoded(trial) for trial in reopened(tmp_path)] == [False] * 6
    study.ask()
    assert reopened(tmp_path) == study.trials
    keep_snapshot(study)
    assert reopened(tmp_path) == study.trials


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b',"crc32":', b',"crc":', "no checksum"),
        (b'"trial_id":4', b'"trial_id":9', "checksum does not fit"),
        (b"", b'{"op_code":8,"worker_id":"other","trial_id":9,"user_attr":{"k":1}}\n', "which was never made"),
    ],
)
@pytest.mark.usefixtures("small")
def test_damage_behind_it_is_refused_as_ever(tmp_path: Path, old: bytes, new: bytes, fault: str) -> None:
    """With the line's number in the whole journal, by a reader who knows the lines before from the snapshot alone."""
    study = made_study(tmp_path)
    keep_snapshot(study)
    path = tmp_path / "journal.log"
    before = path.read_bytes()
    study.tell(4, 0.5)
    path.write_bytes(before + (path.read_bytes()[len(before) :].replace(old, new) if old else new))
    number = before.count(b"\n") + 1
    with pytest.raises(StorageError, match=rf"line {number}: .*{fault}"):
        reopened(tmp_path)


@pytest.fixture
def set_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets this process's time zone."""

    def set_(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_
    monkeypatch.undo()
    time.tzset()


def local(*hours: int) -> list[datetime | None]:
    """These hours of the day on which Berlin's clocks go back at one o'clock UTC, as Optuna's trials have them."""
    stamps = [datetime(2026, 10, 25, hour, 30, 0, 1, tzinfo=timezone.utc) for hour in hours]
    return [stamp.astimezone().replace(tzinfo=None) for stamp in stamps]


def test_moments_are_local_times_wherever_they_are_read(set_zone: Callable[[str], None]) -> None:
    """Written in Berlin, they are New York's times of the same moments there."""
    set_zone("Europe/Berlin")
    arrays = Moments.packed([*local(3, 4), None], "begun")
    for zone in ("Europe/Berlin", "America/New_York"):
        set_zone(zone)
        column = Moments(arrays, "begun")
        assert [column[place] for place in range(3)] == [*local(3, 4), None]


def test_times_that_come_twice_are_read_in_their_own_zone_only(set_zone: Callable[[str], None]) -> None:
    """Half past two in the night when the clocks go back: elsewhere nobody can know which moment that was."""
    set_zone("Europe/Berlin")
    arrays = Moments.packed(local(0, 1), "begun")
    column = Moments(arrays, "begun")
    assert [column[place] for place in range(2)] == local(0, 1)
    set_zone("America/New_York")
    with pytest.raises(DamagedColumnsError, match=r"begun: .*CET.* with ambiguous times"):
        Moments(arrays, "begun")


def test_columns_whose_arrays_do_not_belong_together_are_refused() -> None:
    """Cells that end before they begin, behind the text or not at its end; such an array is of no snapshot of ours."""
    texts = Texts.packed(["1", '"two"', "[]"], "values")
    assert [Texts(texts, "values")[place] for place in range(3)] == [1, "two", []]
    for ends in ([1, 6, 7], [1, 0, 8], [-1, 6, 8], []):
        with pytest.raises(DamagedColumnsError, match="values: 8 entries"):
            Texts({**texts, "values_ends": np.array(ends, np.int64)}, "values")
    curves = Curves.packed([{1: 0.5, 2: 1.5}, {}, {7: 1}])
    assert [Curves(curves)[place] for place in range(3)] == [{1: 0.5, 2: 1.5}, {}, {7: 1}]
    with pytest.raises(DamagedColumnsError, match="curves"):
        Curves({**curves, "curve_values": np.zeros(1)})
