# SPDX-License-Identifier: MIT
"""Files are replaced whole, and read only where nobody else can have written them."""

import os
from pathlib import Path

import pytest

from hyperopt_app.support.files import NotOwnError, appending, links_of_others, read_own, replacing


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file that only its owner can write, in a folder that only its owner can write."""
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    path = folder / "file"
    path.write_bytes(b"content")
    path.chmod(0o600)
    return path


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Until the end of the block the old one stands, and nothing is left beside the new one."""
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path, mode=0o600) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_outlives_a_failed_replacement(tmp_path: Path) -> None:
    """It keeps its content, and the half-written one is gone."""
    path = tmp_path / "file"
    path.write_text("old")

    def fails() -> None:
        with replacing(path) as aside:
            aside.write_text("ne")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fails()
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Else whoever may write into a study's directory could have any file of the user's overwritten."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = tmp_path / "file"
    path.symlink_to(victim)
    with replacing(path) as aside:
        aside.write_text("new")
    assert victim.read_text() == "precious"
    assert path.read_text() == "new"
    assert not path.is_symlink()


def test_an_own_file_is_read(own: Path) -> None:
    """Others may be able to read it."""
    own.chmod(0o644)
    own.parent.chmod(0o755)
    assert read_own(own) == b"content"


@pytest.mark.parametrize("mode", [0o620, 0o602])
@pytest.mark.parametrize("place", ["file", "folder"])
def test_what_others_may_write_is_not_read(own: Path, place: str, mode: int) -> None:
    """Neither a file that they may change nor a folder in which they may put another."""
    (own if place == "file" else own.parent).chmod(mode | (0o111 if place == "folder" else 0))
    with pytest.raises(NotOwnError, match="may be written by other users"):
        read_own(own)


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_link_is_not_read(own: Path, place: str) -> None:
    """It may lead to another payload of this user's."""
    original = own if place == "file" else own.parent
    moved = original.rename(original.with_name("elsewhere"))
    original.symlink_to(moved)
    with pytest.raises(NotOwnError, match="is a symbolic link"):
        read_own(own)


def test_a_way_that_another_user_has_laid_is_not_gone(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may lead to another payload of this user's; a link of the user's own may lie there."""
    way = own.parent.parent / "way"
    way.symlink_to(own.parent.parent)
    assert read_own(way / "own/file") == b"content"
    owner = own.stat().st_uid
    os.lchown(way, owner or 4321, -1)
    if owner != 0:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(NotOwnError, match="way is a symbolic link of another user"):
        read_own(way / "own/file")


def test_another_users_file_is_not_read(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text names both users."""
    owner = own.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(NotOwnError, match=f"belongs to user {owner}, and this process runs as user {owner + 1}"):
        read_own(own)


def test_a_pipe_is_not_read(own: Path) -> None:
    """It would be waited for."""
    own.unlink()
    os.mkfifo(own, 0o600)
    with pytest.raises(NotOwnError, match="is not a file"):
        read_own(own)


@pytest.mark.parametrize("there", ["nothing", "file", "link", "pipe"])
def test_what_grows_is_opened_as_itself(tmp_path: Path, there: str) -> None:
    """A link or a pipe of its name gives way; a file keeps what it had."""
    victim, path = tmp_path / "victim", tmp_path / "log"
    victim.write_text("precious")
    if there == "file":
        path.write_text("old ")
    elif there == "link":
        path.symlink_to(victim)
    elif there == "pipe":
        os.mkfifo(path)
    with appending(path) as log:
        log.write(b"new")
    assert path.read_text() == ("old new" if there == "file" else "new")
    assert not path.is_symlink()
    assert victim.read_text() == "precious"


def test_links_of_others_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place itself and what lies directly in it; the user's own links and what is not there are no fault."""
    inner, victim = tmp_path / "inner", tmp_path / "victim"
    inner.mkdir()
    victim.mkdir()
    for link in (tmp_path / "workers", inner / "0.log"):
        link.symlink_to(victim)
        os.lchown(link, os.geteuid() or 4321, -1)
    wanted = [tmp_path / "workers", inner / "0.log"]
    if os.geteuid() != 0:
        assert links_of_others(*wanted, inner) == []
        owner = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert links_of_others(tmp_path / "absent", tmp_path / "workers", inner) == wanted
