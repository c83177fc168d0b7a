# SPDX-License-Identifier: MIT
"""What a command is told of the directories of its study and of its next trials, before anything starts."""

from pathlib import Path

import pytest

from hyperopt_app.driver import places
from hyperopt_app.driver.places import keep_owner
from hyperopt_app.driver.request import checked, identity_of
from hyperopt_app.errors import ConfigError
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.identity import keep_identity
from hyperopt_app.study.opening import create_study
from hyperopt_app.study.trial_directory import Owner, claim, is_free
from tests.unit._made_sweeps import made_sweep, write_configs

CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}]
x: 1
hydra:
  job: {name: app}
  sweep: {dir: study}
  sweeper: {n_trials: 3, params: {x: 'interval(0, 1)'}}
"""
STUDY = Path("study")


def told(*overrides: str) -> str:
    """What the command is refused with; empty if it is not."""
    context, config = made_sweep(write_configs(Path("conf"), {"config": CONFIG}), *overrides)
    try:
        checked(context, config, lambda _config: 0.0, [])
    except ConfigError as error:
        return str(error)
    return ""


def subdir(text: str) -> str:
    """The override."""
    return f"hydra.sweep.subdir='{text}'"


@pytest.mark.parametrize(
    "text", ["${hydra.job.num}", "a/${x}", "${hydra.job.override_dirname}", "${oc.env:ONLY_A_WORKER_HAS_IT}"]
)
def test_what_differs_from_trial_to_trial_is_taken(text: str) -> None:
    """By number or by point; what only a worker can tell is the workers' to keep apart."""
    assert told(subdir(text)) == ""
    assert not STUDY.exists()


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("same", "'hydra.sweep.subdir=same/${hydra.job.num}'"),
        ("${now:%Y}", "'hydra.sweep.subdir=${now:%Y}/${hydra.job.num}'"),
        ("a b", "'hydra.sweep.subdir=trials/${hydra.job.num}'"),
        (".", "'hydra.sweep.subdir=trials/${hydra.job.num}'"),
        ("..", "'hydra.sweep.subdir=trials/${hydra.job.num}'"),
        ("a/..", "'hydra.sweep.subdir=trials/${hydra.job.num}'"),
    ],
)
def test_what_is_the_same_for_all_trials_is_refused(text: str, way: str) -> None:
    """With a line to type that is taken."""
    assert told(subdir(text)).rstrip().endswith(way)
    assert told(way.strip("'")) == ""


def test_one_trial_may_have_a_place_of_any_name() -> None:
    """There is nobody to share it with."""
    assert told(subdir("same"), "hydra.sweeper.n_trials=1") == ""


def extend(_config: object, _trial: object) -> None:
    """A custom search space."""


def test_what_the_users_function_suggests_may_tell_trials_apart() -> None:
    """The driver cannot know; a text without an interpolation it does know."""
    custom = f"hydra.sweeper.custom_search_space={__name__}.extend"
    assert told(subdir("${now:%Y}"), custom) == ""
    assert "same directory" in told(subdir("same"), custom)


def test_a_place_that_nobody_has_signed_is_refused() -> None:
    """Such as a run of plain Hydra's has left; an empty one is free."""
    (STUDY / "0").mkdir(parents=True)
    assert told(subdir("${hydra.job.num}")) == ""
    (STUDY / "0" / "last.ckpt").touch()
    assert "study/0 is there already and not empty" in told(subdir("${hydra.job.num}"))
    assert "hydra.sweep.dir=study-2" in told(subdir("${hydra.job.num}"))


def test_a_place_that_a_worker_signs_at_this_moment_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command attaches to workers at work: between two looks one takes a trial on and writes its first file."""
    create_study(open_storage(None, STUDY), "app", ["minimize"]).set_user_attr("study_id", "ours")

    def is_free_once_it_is_signed(place: Path) -> bool:
        if not place.exists():
            claim(place, Owner("ours", "app", int(place.name)), STUDY.absolute())
            (place / "last.ckpt").touch()
        return is_free(place)

    monkeypatch.setattr(places, "is_free", is_free_once_it_is_signed)
    assert told(subdir("${hydra.job.num}")) == ""
    assert (STUDY / "0" / "last.ckpt").exists()


def test_a_place_of_another_study_outside_of_the_sweeps_directory_is_refused() -> None:
    """Another directory for the sweep would not help there."""
    claim(Path.cwd() / "shared" / "0", Owner("id", "theirs", 0), Path.cwd() / "elsewhere")
    text = told(subdir("../shared/${hydra.job.num}"))
    assert "belongs to trial 0 of the study 'theirs'" in text
    assert "'hydra.sweep.subdir=trials/${hydra.job.num}'" in text


def test_a_study_of_an_earlier_release_may_go_on_beside_another() -> None:
    """The one whose directory it is by now: of the other it is told how it can."""
    storage = open_storage(None, STUDY)
    studies = [create_study(storage, name, ["minimize"]) for name in ("app", "other")]
    for study in studies:
        study.set_user_attr("study_id", study.study_name)
    assert told() == ""
    keep_owner(STUDY, studies[1])
    claim(STUDY.absolute() / "trials" / "7", Owner("other", "other", 7), STUDY.absolute())
    assert told("hydra.sweeper.study_name=other") == ""
    assert "hydra.sweep.dir=study-2 hydra.sweeper.storage=study/journal.log" in told()


def test_names_with_blanks_can_be_typed() -> None:
    """The line is one for a shell."""
    create_study(open_storage(None, Path("my study")), "my study", ["minimize"])
    assert told("hydra.sweep.dir='my study'").endswith("'hydra.sweep.dir=my study-2'")


def test_a_study_keeps_its_id() -> None:
    """From the first command on."""
    context, config = made_sweep(write_configs(Path("conf"), {"config": CONFIG}))
    request = checked(context, config, lambda _config: 0.0, [])
    study = create_study(open_storage(None, STUDY), "app", ["minimize"])
    ids = []
    for _ in range(2):
        keep_identity(study, identity_of(request, study))
        ids.append(study.user_attrs["study_id"])
    assert ids[0] == ids[1]


@pytest.mark.parametrize("name", ["trials.csv", "workers", "launches/0", "journal.log"])
def test_no_trial_lies_among_the_studys_own_files(name: str) -> None:
    """They would be mixed, or could not be written at the end."""
    text = told(subdir(f"{name}/${{hydra.job.num}}"))
    assert "which is the study's own" in text
    assert "'hydra.sweep.subdir=trials/${hydra.job.num}'" in text
