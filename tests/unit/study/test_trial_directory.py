# SPDX-License-Identifier: MIT
"""A directory belongs to one trial of one study, whoever asks for it and when."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from hyperopt_app.errors import HyperoptError
from hyperopt_app.study.trial_directory import OWNER_FILE, Owner, claim, go_on, is_free, is_taken_over, owner_of

ME = Owner("id", "study", 3)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study's directory with its journal."""
    place = tmp_path / "study"
    place.mkdir()
    (place / "journal.log").touch()
    return place


def test_a_new_directory_is_signed(study: Path) -> None:
    """It says study, number and attempt, and nothing else is left in it."""
    assert claim(study / "trials" / "3", ME, study) == (study / "trials" / "3", ME)
    assert owner_of(study / "trials" / "3") == ME
    assert [path.name for path in (study / "trials" / "3").iterdir()] == [OWNER_FILE]


@pytest.mark.parametrize("other", [replace(ME, number=2), replace(ME, study_id="another")])
def test_what_is_somebody_elses_gets_a_suffix(study: Path, other: Owner) -> None:
    """Another trial's, and another study's."""
    claim(study / "a", other, study)
    assert claim(study / "a", ME, study) == (study / "a_1", ME)
    assert claim(study / "a", replace(ME, number=4), study)[0] == study / "a_2"


@pytest.mark.parametrize("kind", ["a file in it", "a file", "a dangling link", "a link to another's"])
def test_what_is_nobodys_and_not_empty_gets_a_suffix(study: Path, kind: str) -> None:
    """What lies there is not the trial's."""
    place = study / "a"
    if kind == "a file in it":
        place.mkdir()
        (place / "last.ckpt").touch()
    elif kind == "a file":
        place.touch()
    elif kind == "a dangling link":
        place.symlink_to(study / "nowhere")
    else:
        place.symlink_to(claim(study / "b", replace(ME, number=2), study)[0])
    assert not is_free(place)
    assert claim(place, ME, study) == (study / "a_1", ME)


@pytest.mark.parametrize(
    "left",
    [(), (f".{OWNER_FILE}.0a1b2c3d4e5f",), (f"{OWNER_FILE}.host.1.2",)],
    ids=["nothing", "half a signature", "half a signature of an older release"],
)
def test_a_worker_that_died_while_it_signed_blocks_nobody(study: Path, left: tuple[str, ...]) -> None:
    """An empty directory is anybody's."""
    (study / "a").mkdir()
    for name in left:
        (study / "a" / name).touch()
    assert is_free(study / "a")
    assert claim(study / "a", ME, study) == (study / "a", ME)


def test_a_worker_that_died_before_it_told_the_study_is_followed(study: Path) -> None:
    """The next one gets the same directory, as a further attempt."""
    claim(study / "a", ME, study)
    assert claim(study / "a", ME, study) == (study / "a", replace(ME, attempt=2))


def test_what_a_trial_left_before_its_study_was_set_back_is_not_its_own(study: Path) -> None:
    """The study (a backup of it) knows of no attempt, so a checkpoint there is of other parameters."""
    claim(study / "a", ME, study)
    (study / "a" / "last.ckpt").touch()
    assert claim(study / "a", ME, study) == (study / "a_1", ME)


def test_a_trials_directory_is_in_no_other_trials(study: Path) -> None:
    """Neither inside of one nor around one."""
    claim(study / "a", replace(ME, number=1), study)
    assert claim(study / "a" / "b", ME, study)[0] == study / "a_1" / "b"
    assert claim(study / "a_1", replace(ME, number=4), study)[0] == study / "a_1_1"
    # A study that a trial has begun in its own directory is another matter.
    inner = study / "a" / "study"
    assert claim(inner / "0", replace(ME, study_id="inner"), inner)[0] == inner / "0"


@pytest.mark.parametrize("name", [".", "..", "x/.."])
def test_the_studys_own_directory_is_no_trials(study: Path, name: str) -> None:
    """The user is told what to type."""
    with pytest.raises(HyperoptError, match=r"'hydra\.sweep\.subdir=trials/\$\{hydra\.job\.num\}'"):
        claim(study / name, ME, study)


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "none"])
def test_of_many_workers_each_gets_its_own(study: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a filesystem that knows no hard links."""
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(lambda number: claim(study / "a", replace(ME, number=number), study), range(24)))
    assert len({place for place, _ in found}) == 24
    assert all(owner_of(place) == owner for place, owner in found)
    assert [owner.number for _, owner in found] == list(range(24))


def _no_links(*_arguments: object, **_options: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_link_that_nfs_denies_to_have_made_counts(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer was lost on the way; the second says that the file is there."""
    link = os.link

    def twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    assert claim(study / "a", ME, study) == (study / "a", ME)


def test_a_trial_goes_on_in_its_directory_and_counts(study: Path) -> None:
    """The file and the caller may have missed an attempt; a late writer sees that another has the trial."""
    place, first = claim(study / "a", ME, study)
    assert not is_taken_over(place, first)
    second = go_on(place, replace(ME, attempt=2), study)
    assert second == (place, replace(ME, attempt=2))
    assert is_taken_over(place, first)
    assert not is_taken_over(place, second[1])
    assert go_on(place, replace(ME, attempt=2), study) == (place, replace(ME, attempt=3))
    assert go_on(place, replace(ME, attempt=9), study) == (place, replace(ME, attempt=9))


def test_a_moved_study_goes_on_where_it_is(study: Path) -> None:
    """And a copy does not touch the original."""
    place, _ = claim(study / "trials" / "3", ME, study)
    copy = study.with_name("copy")
    (copy / "trials" / "3").mkdir(parents=True)
    (copy / "trials" / "3" / OWNER_FILE).write_text((place / OWNER_FILE).read_text())
    assert go_on(place, ME, copy) == (copy / "trials" / "3", replace(ME, attempt=2))
    assert owner_of(place) == ME


def test_a_study_in_a_database_goes_on_from_another_sweep_directory(study: Path) -> None:
    """Where the same place is another trial's, or not there."""
    place, _ = claim(study / "3", ME, study)
    other = study.with_name("other")
    claim(other / "3", replace(ME, study_id="another"), other)
    assert go_on(place, ME, other) == (place, replace(ME, attempt=2))


def test_what_an_older_release_has_left_is_the_trials_own(study: Path) -> None:
    """Here, or where the study is now; unless two trials have it, or it is the study's own directory."""
    place = study / "trials" / "3"
    place.mkdir(parents=True)
    (place / "last.ckpt").touch()
    assert go_on(place, ME, study, is_shared=lambda: True) is None
    assert go_on(study, ME, study) is None
    assert go_on(Path("/somewhere/else/study/trials/3"), ME, study) == (place, ME)
    assert go_on(place, replace(ME, number=4), study) is None
    assert go_on(place, replace(ME, attempt=2), study) == (place, replace(ME, attempt=2))


def test_what_is_gone_is_gone(study: Path) -> None:
    """Then the trial gets a new directory."""
    assert go_on(study / "3", ME, study) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"study_id": "a", "study_name": "b", "number": null}', "\udcff"]
)
def test_a_file_of_anybodys_is_no_owner(study: Path, text: str) -> None:
    """It does not raise."""
    (study / OWNER_FILE).write_text(text, errors="surrogateescape")
    assert owner_of(study) is None


def test_a_signature_says_study_and_trial_to_people(study: Path) -> None:
    """As plain text, whatever the study is called."""
    claim(study / "a", Owner("id", "Größe 'x'", 3), study)
    assert "Größe 'x'" in (study / "a" / OWNER_FILE).read_text(encoding="utf-8")
