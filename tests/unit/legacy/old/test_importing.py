# SPDX-License-Identifier: MIT
"""Studies of old Optunas go on in a copy, with every trial; their own files stay as they are."""

import shutil
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from hyperopt_app.errors import ConfigError, StorageError
from hyperopt_app.legacy.old import importing
from hyperopt_app.legacy.old import trials as old_trials
from hyperopt_app.legacy.old.copies import closing_storage
from hyperopt_app.legacy.old.importing import Report, budget, continued, find_old, import_study, opened
from hyperopt_app.legacy.old.places import Place
from tests.unit.legacy._old_studies import FILES, OLD, SPACE, attributes_of, copied, old_one, trials_of


@pytest.fixture(params=FILES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A copy of an old file, which must be the same afterwards, with nothing left beside it but imports."""
    yield copied(tmp_path, request.param)
    assert (tmp_path / request.param).read_bytes() == (OLD / request.param).read_bytes()
    others = [path.name for path in tmp_path.iterdir() if path.name != request.param]
    assert [name for name in others if "continued" not in name] == []


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A copy of one old file, for what is the same for all."""
    return copied(tmp_path, "optuna_3_1.db")


def test_q43_every_trial_is_taken_over(storage: str) -> None:
    """Numbers, states, values, curves, attributes and times are those that Optuna itself reads in an upgraded copy."""
    old = old_one(storage)
    with opened(old) as study:
        before = study.trials
    report = import_study(old, None, SPACE)
    after = trials_of(report.storage)[: len(before)]
    assert report.trials == len(before) == 10
    for was, now in zip(before[:8], after[:8], strict=True):
        same = ("number", "state", "values", "intermediate_values", "user_attrs", "system_attrs", "datetime_start")
        assert [getattr(now, name) for name in same] == [getattr(was, name) for name in same]
        assert now.datetime_complete == was.datetime_complete
        assert now.params == {**was.params, **({"norm": "null"} if was.params["norm"] is None else {})}
    assert [trial.state.name[0] for trial in after] == list("CCPCFFPCFF")
    assert any(trial.params.get("norm") == "null" for trial in after)


def test_distributions_are_todays_and_fit_the_space(storage: str) -> None:
    """Old bounds stay, but wide enough for a point that was enqueued out of range; choices are spelled as the space."""
    report = import_study(old_one(storage), None, SPACE)
    trials = trials_of(report.storage)
    kinds = {type(one) for trial in trials for one in trial.distributions.values()}
    assert kinds == {FloatDistribution, IntDistribution, CategoricalDistribution}
    assert trials[1].distributions["norm"] == SPACE["norm"]
    assert trials[1].distributions["width"] == FloatDistribution(8.0, 64.0, step=8.0)
    rate = trials[0].distributions["lr"]
    assert isinstance(rate, FloatDistribution)
    assert rate.high == max(0.1, trials[0].params["lr"])


def test_a_continued_study_can_be_asked_for_more(storage: str) -> None:
    """With the space's own distributions, by a sampler that looks at all trials."""
    report = import_study(old_one(storage), None, SPACE)
    with closing_storage(report.storage) as there:
        study = optuna.load_study(
            study_name="single", storage=there, sampler=optuna.samplers.TPESampler(n_startup_trials=1, seed=1)
        )
        study.optimize(lambda trial: float(len(trial.params)), n_trials=0)
        for _ in range(2):
            trial = study.ask(SPACE)
            assert set(trial.params) == set(SPACE)
            study.tell(trial, 1.0)
        numbers = [one.number for one in study.trials]
    assert numbers == list(range(12))


def test_q17_what_was_left_running_is_failed_in_place(storage: str) -> None:
    """It keeps its number, parameters and curve, and says what it was; its duration is not a time that trials need."""
    report = import_study(old_one(storage), None, SPACE)
    left = trials_of(report.storage)[8]
    assert report.closed == (8, 9)
    assert (left.state, set(left.params), left.intermediate_values) == (TrialState.FAIL, {"lr"}, {0: float("inf")})
    assert left.user_attrs["closed"]["was"] == "RUNNING"
    assert left.duration is not None
    assert left.duration.total_seconds() == 0


def test_a_point_that_was_waiting_waits_again(database: str) -> None:
    """The old trial is closed, so that numbers stay; its point is a new ticket, spelled as the space spells it."""
    report = import_study(old_one(database), None, SPACE)
    trials = trials_of(report.storage)
    assert report.enqueued == 1
    assert (trials[9].state, trials[9].user_attrs["closed"]["was"]) == (TrialState.FAIL, "WAITING")
    assert trials[10].state == TrialState.WAITING
    assert trials[10].system_attrs["fixed_params"] == {"lr": 0.01, "layers": 2, "norm": "null"}


def test_q16_a_study_is_never_rebuilt(database: str) -> None:
    """Its attributes stay, and where it came from is one more."""
    report = import_study(old_one(database), None, SPACE)
    attributes = attributes_of(report.storage)
    assert attributes["who"] == "an old user"
    assert attributes["imported"]["trials"] == 10
    assert attributes["imported"]["closed"] == [8, 9]


def test_several_objectives_keep_their_directions(storage: str) -> None:
    """And their values."""
    report = import_study(old_one(storage, "several"), None, {})
    with closing_storage(report.storage) as there:
        study = optuna.load_study(study_name="several", storage=there)
        assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
        assert [len(trial.values) for trial in study.trials] == [2] * 6


def test_studies_of_optunas_first_multi_objective_module(tmp_path: Path) -> None:
    """They kept the values in the learning curve and the directions in an attribute; 2021's dialect A2 used them."""
    shutil.copy(OLD / "optuna_2_10.db", tmp_path / "old.db")
    report = import_study(old_one(f"sqlite:///{tmp_path}/old.db", "motpe"), None, {})
    with closing_storage(report.storage) as there:
        study = optuna.load_study(study_name="motpe", storage=there)
        assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
        assert all(trial.values[0] == trial.params["x"] ** 2 for trial in study.trials)
        assert all(not trial.intermediate_values for trial in study.trials)


def test_a_second_import_finds_the_first(storage: str) -> None:
    """The same answer, no second copy, and the trials that came since are there."""
    first = import_study(old_one(storage), None, SPACE)
    with closing_storage(first.storage) as there:
        optuna.load_study(study_name="single", storage=there).ask()
    old = old_one(storage)
    second = import_study(old, None, SPACE)
    assert (second.is_new, second.storage, second.uncounted) == (False, first.storage, first.uncounted)
    assert continued(old) == second
    assert len(trials_of(second.storage)) == 11


def test_the_continued_study_is_ours(database: str) -> None:
    """A file that names it directly is not asked about it."""
    report = import_study(old_one(database), None, SPACE)
    assert find_old(report.storage, "single") is None


def test_two_studies_of_a_file_go_on_in_two(storage: str) -> None:
    """Beside the old one, in its kind of storage; the second has its name in the file's."""
    first = import_study(old_one(storage), None, SPACE)
    second = import_study(old_one(storage, "several"), None, {})
    path = Place.of(storage).path
    assert path is not None
    assert Place.of(first.storage) == Place(Place.of(storage).kind, path.with_stem(f"{path.stem}-continued"))
    assert Place.of(second.storage).path == path.with_stem(f"{path.stem}-several-continued")
    assert continued(old_one(storage, "several")) == import_study(old_one(storage, "several"), None, {})


def test_a_target_may_be_of_another_kind(tmp_path: Path) -> None:
    """A database on a network filesystem goes on in a journal."""
    shutil.copy(OLD / "optuna_3_1.db", tmp_path / "old.db")
    target = f"journal:{tmp_path}/new/journal-continued.log"
    report = import_study(old_one(f"sqlite:///{tmp_path}/old.db"), target, SPACE)
    assert report.storage == target
    assert len(trials_of(target)) == 11
    assert import_study(old_one(f"sqlite:///{tmp_path}/old.db"), target, SPACE).is_new is False


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("sqlite:///{0}/taken.db", "a file of that name is there"),
        ("postgresql+psycopg://me:secret@host/db", "is a server; name a file"),
    ],
    ids=["taken", "server"],
)
def test_a_target_that_cannot_be_used_is_told(tmp_path: Path, target: str, message: str) -> None:
    """Nothing is overwritten, and no password is shown."""
    shutil.copy(OLD / "optuna_3_1.db", tmp_path / "old.db")
    (tmp_path / "taken.db").touch()
    with pytest.raises(ConfigError, match=message) as caught:
        import_study(old_one(f"sqlite:///{tmp_path}/old.db"), target.format(tmp_path), SPACE)
    assert "secret" not in str(caught.value)


def test_what_does_not_fit_the_space_is_told_before_anything_is_written(database: str) -> None:
    """Other choices and other kinds of numbers, all at once; other bounds are allowed."""
    space = {
        "norm": CategoricalDistribution(["null", "minmax"]),
        "loss": CategoricalDistribution(["mse", "mae", True, 2.0, 0.5]),
        "lr": FloatDistribution(1e-5, 1e-1),
        "layers": FloatDistribution(1, 5),
        "dropout": FloatDistribution(0.2, 0.3),
    }
    with pytest.raises(ConfigError) as caught:
        import_study(old_one(database), None, space)
    assert sorted(fault.split(":")[0] for fault in caught.value.faults) == [
        "parameter layers", "parameter loss", "parameter lr", "parameter norm",
    ]  # fmt: skip
    assert continued(old_one(database)) is None


@pytest.mark.parametrize(
    ("name", "wanted", "has"),
    [("single", ["maximize"], "minimize"), ("several", ["minimize", "minimize"], "minimize, maximize")],
)
def test_q38_other_directions_are_told_before_anything_is_written(
    database: str, name: str, wanted: list[str], has: str
) -> None:
    """Otherwise the worst trials would be taken for the best."""
    with pytest.raises(ConfigError, match=f"optuna.direction: {', '.join(wanted)} came, .* {name!r} has {has};"):
        import_study(old_one(database, name), None, {}, wanted)
    assert continued(old_one(database, name)) is None
    assert import_study(old_one(database, name), None, {}, has.split(", ")).is_new


def test_the_first_multi_objective_studies_can_be_read_as_they_are(tmp_path: Path) -> None:
    """For a report; the values are where today's studies have them."""
    shutil.copy(OLD / "optuna_2_10.db", tmp_path / "old.db")
    with opened(old_one(f"sqlite:///{tmp_path}/old.db", "motpe")) as study:
        assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
        assert study.study_name == "motpe"
        assert all(trial.values[0] == trial.params["x"] ** 2 for trial in study.trials)


def test_q38_the_first_multi_objective_studies_have_directions_of_their_own(tmp_path: Path) -> None:
    """They stand in an attribute."""
    shutil.copy(OLD / "optuna_2_10.db", tmp_path / "old.db")
    old = old_one(f"sqlite:///{tmp_path}/old.db", "motpe")
    with pytest.raises(ConfigError, match="minimize came, but the study 'motpe' has minimize, maximize;"):
        import_study(old, None, {}, ["minimize"])
    assert import_study(old, None, {}, ["minimize", "maximize"]).is_new


def test_choices_may_stand_in_another_order(database: str) -> None:
    """Optuna keeps the place of a choice; the trials are copied, so each keeps its meaning."""
    space = {"loss": CategoricalDistribution([0.5, 2, True, "mae", "mse"])}
    old = old_one(database)
    with opened(old) as study:
        before = [trial.params.get("loss") for trial in study.trials]
    after = [trial.params.get("loss") for trial in trials_of(import_study(old, None, space).storage)]
    assert [(type(one), one) for one in after[:10]] == [(type(one), one) for one in before]


def test_each_choice_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra's parser takes a millisecond, and twenty thousand trials asked it half a million times."""
    asked: list[str] = []
    monkeypatch.setattr(old_trials, "value_of_choice", asked.append)  # so that each text means None
    space = CategoricalDistribution(["only_here", "other"])
    old = CategoricalDistribution([None, "other"])
    trial = optuna.trial.create_trial(value=1.0, params={"x": None}, distributions={"x": old})
    assert old_trials.conversion_faults([trial] * 50, {"x": space}) == []
    for _ in range(50):
        old_trials.converted(trial, {"x": space}, objectives=1, in_curve=False, now=datetime(2026, 1, 1))  # noqa: DTZ001
    assert asked == ["only_here"]


def test_a_long_import_says_so(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Optuna writes a hundred and fifty trials a second, so that twenty thousand take two minutes."""
    monkeypatch.setattr(importing, "_expected_s", lambda trials: 12.0 * len(trials))
    import_study(old_one(database), None, SPACE)
    assert capsys.readouterr().err == "Taking over 10 trials; this may take 2 to 4 minutes\n"
    monkeypatch.undo()
    import_study(old_one(database, "several"), None, {})
    assert capsys.readouterr().err == ""


def test_list_choices_become_override_text(tmp_path: Path) -> None:
    """Lists, which the original put into its databases."""
    storage = f"sqlite:///{tmp_path}/old.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with closing_storage(storage) as there:
            study = optuna.create_study(study_name="lists", storage=there)
            study.enqueue_trial({"losses": ["mse"]})
            choices: Any = [["mae", "mse"], ["mse"]]
            study.optimize(lambda trial: len(str(trial.suggest_categorical("losses", choices))), 2)
    space = {"losses": CategoricalDistribution(["[mae,mse]", "[mse]"])}
    report = import_study(old_one(storage, "lists"), None, space)
    assert trials_of(report.storage, "lists")[0].params == {"losses": "[mse]"}


def test_a_current_study_of_another_tool_is_copied_too(tmp_path: Path) -> None:
    """Its own file stays for the tool."""
    storage = f"sqlite:///{tmp_path}/old.db"
    with closing_storage(storage) as there:
        study = optuna.create_study(study_name="s", storage=there, directions=["minimize", "maximize"])
        study.set_user_attr("a", 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study.set_metric_names(["x", "y"])
        study.tell(study.ask(), [1.0, 2.0])
    report = import_study(old_one(storage, "s"), None, {})
    with closing_storage(report.storage) as there:
        study = optuna.load_study(study_name="s", storage=there)
        assert (study.metric_names, study.user_attrs["a"]) == (["x", "y"], 1)


def test_a_broken_import_leaves_nothing(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a target nor a file aside."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.link", full)
        broken.setattr(Path, "replace", full)
        with pytest.raises(StorageError, match="No space left on device"):
            import_study(old_one(database), None, SPACE)
    path = Place.of(database).path
    assert path is not None
    assert list(path.parent.iterdir()) == [path]
    assert import_study(old_one(database), None, SPACE).is_new


def test_of_two_imports_at_once_one_wins(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one goes on with what the faster has made."""
    old, winner = old_one(database), list[Report]()
    write = importing._write

    def overtaken(*args: Any, **options: Any) -> Report:
        with monkeypatch.context() as inner:
            inner.setattr(importing, "_write", write)
            winner.append(import_study(old, None, SPACE))
        return write(*args, **options)

    monkeypatch.setattr(importing, "_write", overtaken)
    second = import_study(old, None, SPACE)
    assert (winner[0].is_new, second.is_new, second.storage) == (True, False, winner[0].storage)


def test_the_budget_counts_as_the_original_counted(database: str) -> None:
    """Failed and closed trials get a ticket more, so that as many complete and pruned trials come as were asked for."""
    report = import_study(old_one(database), None, SPACE)
    trials = trials_of(report.storage)[: report.trials]
    assert report.uncounted == 4
    assert budget(trials, 100) == 104
    assert budget([], 100) == 100


def test_a_study_on_a_server_goes_on_where_it_is(tmp_path: Path) -> None:
    """What is running is left to its worker; another spelling of a choice cannot be had there. Once is enough."""
    storage = f"sqlite+pysqlite:///{tmp_path}/server.db"  # a URL that is not a file's for us
    with closing_storage(storage) as there:
        study = optuna.create_study(study_name="s", storage=there)
        study.optimize(lambda trial: len(str(trial.suggest_categorical("norm", [None, "a"]))), 2)
        study.ask()
        study.enqueue_trial({"norm": "a"})
        study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    old = old_one(storage, "s")
    with pytest.raises(ConfigError, match="parameter norm"):
        import_study(old, None, {"norm": CategoricalDistribution(["null", "a"])})
    with pytest.raises(ConfigError, match="direction: maximize came"):
        import_study(old, None, {}, ["maximize"])
    with pytest.raises(ConfigError, match="goes on where it is"):
        import_study(old, f"journal:{tmp_path}/x.log", {})
    first = import_study(old, None, {})
    assert (first.storage, first.running, first.uncounted, first.is_new) == (storage, (2,), 1, True)
    assert "RUNNING there: 2." in first.lines()[1]
    states = ["COMPLETE", "COMPLETE", "RUNNING", "WAITING", "FAIL"]
    assert [trial.state.name for trial in trials_of(storage, "s")] == states
    again = import_study(old_one(storage, "s"), None, {})
    assert (again.is_new, again.uncounted) == (False, 1)


def test_the_report_is_told_in_lines() -> None:
    """Without a password."""
    new = Report("sqlite:////a/b-continued.db", True, "/a/b.db", 12, 3, (8, 9), 1)
    assert new.lines() == [
        "Imported 12 trials of /a/b.db into /a/b-continued.db; the old file is unchanged.",
        "Left running or waiting by a worker of old, now failed: 8, 9.",
        "Enqueued points that wait again: 1.",
    ]
    url = "postgresql+psycopg://me:secret@host/db"
    in_place = Report(url, True, "postgresql+psycopg://me:***@host/db", 12, 3)
    assert in_place.lines() == ["The study goes on in postgresql+psycopg://me:***@host/db with its 12 trials."]
    assert "before" in Report("journal:/a/b-continued.log", False, "/a/b.log", 1, 0).lines()[0]
