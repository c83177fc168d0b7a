# SPDX-License-Identifier: MIT
"""Is the stored study the one that the command means?"""

import dataclasses
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.space.space import Space
from hyperopt_app.study.identity import Identity, check_identity, keep_identity, stored_identity
from hyperopt_app.study.opening import create_study, find_study, only_study, study_lock
from hyperopt_app.support.wording import Wording
from tests.unit._made_sweeps import made_space
from tests.unit._made_trials import made

IDENTITY = Identity(("minimize",), ("loss",), made_space("y=1", x="interval(0, 1)", opt="a,b"), 5)


@pytest.fixture
def study() -> optuna.Study:
    """A study that an earlier command has begun."""
    study = create_study(InMemoryStorage(), "holodec", ["minimize"])
    keep_identity(study, IDENTITY)
    return study


def _wanted(**changes: Any) -> Identity:
    return dataclasses.replace(IDENTITY, **changes)


def _space(x: str = "interval(0, 1)", opt: str = "a,b") -> Space:
    return made_space("y=1", x=x, opt=opt)


def test_the_identity_is_kept_in_the_study(study: optuna.Study) -> None:
    """It is read back equal, and Optuna's own tools see the metric's name."""
    assert stored_identity(study) == IDENTITY
    assert study.metric_names == ["loss"]


def test_keeping_an_identity_twice_writes_nothing(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal does not grow by being looked at."""
    monkeypatch.setattr(study, "set_user_attr", lambda *_: pytest.fail("written again"))
    monkeypatch.setattr(study, "set_metric_names", lambda *_: pytest.fail("written again"))
    keep_identity(study, IDENTITY)


def test_other_repeats_are_another_value(study: optuna.Study) -> None:
    """Once a trial has one; until then they may be corrected, and a study of an older release has none."""
    repeated = _wanted(repeats="3 with mean")
    assert check_identity(study, repeated, accept_changes=False) == []
    keep_identity(study, repeated)
    assert stored_identity(study) == repeated
    study.add_trial(made())
    assert check_identity(study, repeated, accept_changes=False) == []
    for other, line in (("", "3 with mean -> none"), ("3 with worst", "3 with mean -> 3 with worst")):
        with pytest.raises(StudyMismatchError, match=f"repeats: {line}"):
            check_identity(study, _wanted(repeats=other), accept_changes=True)


def test_a_study_of_another_tool_has_no_identity() -> None:
    """Its trials are taken as they are, if the directions fit."""
    foreign = optuna.create_study()
    assert stored_identity(foreign) is None
    assert check_identity(foreign, _wanted(), accept_changes=False) == []


def test_the_same_search_goes_on(study: optuna.Study) -> None:
    """Another seed is no other search."""
    assert check_identity(study, IDENTITY, accept_changes=False) == []
    assert check_identity(study, _wanted(seed=6), accept_changes=False) == []


def test_a_password_is_no_part_of_a_search() -> None:
    """The study, which many read, has none of it, and goes on with another; what it leads to is a part."""
    study = create_study(InMemoryStorage(), "rain", ["minimize"])

    def asked(url: str) -> Identity:
        return _wanted(space=made_space(f"db='{url}'", "y=1", x="interval(0, 1)"))

    keep_identity(study, asked("x://u:Zq7 w@h/d"))
    assert "Zq7" not in str(study.user_attrs)
    assert check_identity(study, asked("x://u:new@h/d"), accept_changes=False) == []
    with pytest.raises(StudyMismatchError, match=r"db='x://u:\*\*\*@h/d' was given when the study began, now it is"):
        check_identity(study, asked("x://u:new@elsewhere/d"), accept_changes=False)


def test_another_range_is_refused_with_the_way_out(study: optuna.Study) -> None:
    """The difference is shown from the stored to the asked, and the flag that accepts it."""
    wanted = _wanted(space=_space(x="interval(0, 2)"))
    with pytest.raises(StudyMismatchError) as error:
        check_identity(study, wanted, accept_changes=False)
    text = str(error.value)
    assert "Study 'holodec' was created with a different search space" in text
    assert "  - x: [0, 1] (float) -> [0, 2] (float)" in text.splitlines()
    assert "hydra.sweeper.accept_changes=true" in text


def test_the_ways_out_are_spelt_as_the_command_spells_them(study: optuna.Study) -> None:
    """The original interface has options in the place of Hydra's settings."""
    ours = Wording(direction="-d", another_study="-n NAME", accept_changes="--accept_changes")
    with pytest.raises(StudyMismatchError) as changed:
        check_identity(study, _wanted(space=_space(x="interval(0, 2)")), accept_changes=False, wording=ours)
    with pytest.raises(StudyMismatchError) as turned:
        check_identity(study, _wanted(directions=("maximize",)), accept_changes=False, wording=ours)
    ways = "begin another study with -n NAME, or keep the old trials anyway with --accept_changes."
    assert ways in str(changed.value)
    assert str(turned.value).startswith("-d: study 'holodec' has")
    assert "hydra" not in f"{changed.value}{turned.value}"


def test_another_range_may_be_accepted(study: optuna.Study) -> None:
    """The differences come back, to be shown."""
    wanted = _wanted(space=_space(x="interval(0, 2)"))
    assert check_identity(study, wanted, accept_changes=True) == ["x: [0, 1] (float) -> [0, 2] (float)"]


HARD: dict[str, tuple[dict[str, Any], str]] = {
    "other choices": ({"space": _space(opt="a,c")}, "opt: choice(a, b) -> choice(a, c)"),
    "another metric": ({"metric_names": ("acc",)}, "metric: loss -> acc"),
    "no metric": ({"metric_names": ()}, "metric: loss -> none"),
}


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("accept", [False, True], ids=["refusing", "accepting"])
def test_what_a_study_cannot_hold_is_always_refused(study: optuna.Study, case: str, accept: bool) -> None:
    """The flag is not offered then: it would not help."""
    changes, line = HARD[case]
    study.add_trial(made(TrialState.PRUNED, curve={1: 0.5}))
    with pytest.raises(StudyMismatchError) as error:
        check_identity(study, _wanted(**changes), accept_changes=accept)
    assert f"  - {line}" in str(error.value).splitlines()
    assert "accept_changes" not in str(error.value)
    assert "hydra.sweeper.study_name=" in str(error.value)


@pytest.mark.parametrize("directions", [("maximize",), ("minimize", "minimize")])
def test_another_direction_is_always_refused(study: optuna.Study, directions: tuple[str, ...]) -> None:
    """It is the first thing that is looked at."""
    with pytest.raises(StudyMismatchError, match=r"^hydra\.sweeper\.direction: study 'holodec' has") as error:
        check_identity(study, _wanted(directions=directions), accept_changes=True)
    assert f"the command asks for {', '.join(directions)}" in str(error.value)


@pytest.mark.parametrize("names", [("acc",), ()], ids=["another", "none"])
def test_a_metric_may_be_corrected_until_something_is_measured(study: optuna.Study, names: tuple[str, ...]) -> None:
    """Who misspelt it learns so from the first trial, and its ticket went back."""
    study.add_trial(made(TrialState.FAIL))
    wanted = _wanted(metric_names=names)
    assert check_identity(study, wanted, accept_changes=False) == []
    keep_identity(study, wanted)
    assert stored_identity(study) == wanted


def test_a_metric_may_be_named_later() -> None:
    """A study begun with bare numbers may go on with a name for them."""
    unnamed = create_study(InMemoryStorage(), "s", ["minimize"])
    keep_identity(unnamed, _wanted(metric_names=()))
    assert check_identity(unnamed, _wanted(), accept_changes=False) == []


def test_a_study_is_made_once() -> None:
    """Two drivers may make it at the same time; its trials stay."""
    storage = InMemoryStorage()
    first = create_study(storage, "s", ["maximize"])
    first.add_trial(optuna.trial.create_trial(state=TrialState.WAITING))
    assert len(create_study(storage, "s", ["maximize"]).get_trials()) == 1


def test_looking_for_a_study_makes_none() -> None:
    """There is none until it is created."""
    storage = InMemoryStorage()
    assert find_study(storage, "s") is None
    assert optuna.get_all_study_names(storage) == []
    create_study(storage, "s", ["minimize"])
    found = find_study(storage, "s")
    assert found is not None
    assert found.study_name == "s"


@pytest.mark.parametrize(
    ("stored", "name", "found"),
    [
        (["a"], None, "a"),
        (["a", "b"], "b", "b"),
        (["a", "b"], None, None),
        (["a"], "c", None),
        ([], None, None),
    ],
)
def test_the_only_study_needs_no_name(stored: list[str], name: str | None, found: str | None) -> None:
    """Otherwise the names that there are are listed."""
    storage = InMemoryStorage()
    for one in stored:
        create_study(storage, one, ["minimize"])
    if found is not None:
        assert only_study(storage, name).study_name == found
        return
    with pytest.raises(StudyMismatchError) as error:
        only_study(storage, name)
    said = f"--name: {name or 'not given'}; the storage has the studies {', '.join(stored)}."
    assert str(error.value).startswith(said if stored else "The storage holds no study")


def test_the_lock_makes_its_directory_and_can_be_taken_again(tmp_path: Path) -> None:
    """It is let go also when the body fails."""
    place = tmp_path / "studies" / "new"
    with pytest.raises(ValueError, match="no"), study_lock(place):
        raise ValueError("no")
    with study_lock(place):
        held = list(place.iterdir())
    assert len(held) == 1
    assert list(place.iterdir()) == []


def test_a_study_that_has_tried_nothing_takes_the_search_of_the_command(study: optuna.Study) -> None:
    """Other choices too, as long as no trial holds the old ones; Optuna itself refuses them then."""
    wanted = _wanted(space=_space(x="choice(1, 2)"))
    (line,) = check_identity(study, wanted, accept_changes=False, is_untried=True)
    assert line.startswith("x: ")
    study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.FAIL,
            params={"x": 0.5},
            distributions={"x": optuna.distributions.FloatDistribution(0, 1)},
        )
    )
    with pytest.raises(StudyMismatchError, match="one study cannot hold trials of both"):
        check_identity(study, wanted, accept_changes=False, is_untried=True)
    wider = _wanted(space=_space(x="interval(0, 2)"))
    assert check_identity(study, wider, accept_changes=False, is_untried=True) == [
        "x: [0, 1] (float) -> [0, 2] (float)"
    ]
