# SPDX-License-Identifier: MIT
"""Logs that are followed while they grow."""

from collections.abc import Callable
from pathlib import Path

from hyperopt_app.looking.log_files import follow, last_lines


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _rewrite(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _followed(paths: list[Path], *steps: Callable[[], None]) -> list[str]:
    """What is shown while these steps happen between two looks; after the last one nothing more is written."""
    left, shown = list(steps), list[str]()

    def sleep(_seconds: float) -> None:
        left.pop(0)()

    follow(lambda: [path for path in paths if path.exists()], lambda: not left, shown.append, sleep)
    return shown


def test_what_is_appended_is_shown(tmp_path: Path) -> None:
    """From the end of what was there; half a line waits for its end; control characters are shown, not sent."""
    log = tmp_path / "a.log"
    _append(log, "old\n")
    assert _followed([log], lambda: _append(log, "one\ntw"), lambda: _append(log, "o\x1b[2J\n"), lambda: None) == [
        "one",
        "two\\x1b[2J",
    ]


def test_a_new_file_is_shown_from_its_beginning_and_named(tmp_path: Path) -> None:
    """A name stands above the lines of each file where there are several; a file that was cut begins anew."""
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    _append(first, "old and long\n")
    shown = _followed(
        [first, second],
        lambda: _append(second, "hello\n"),
        lambda: _append(first, "more\n"),
        lambda: _rewrite(first, "anew\n"),
        lambda: None,
    )
    assert shown == [f"==> {second} <==", "hello", f"==> {first} <==", "more", "anew"]


def test_what_came_last_is_not_lost(tmp_path: Path) -> None:
    """What was written before the end is shown even if nobody looked in between."""
    log = tmp_path / "a.log"
    assert _followed([log], lambda: _append(log, "only\n")) == ["only"]


def test_the_ends_of_files_are_shown_under_their_names(tmp_path: Path) -> None:
    """A single file has none."""
    for name in ("a.log", "b.log"):
        _append(tmp_path / name, "".join(f"{number}\n" for number in range(30)))
    assert last_lines([tmp_path / "a.log"], 2) == ["28", "29"]
    assert last_lines([tmp_path / "a.log", tmp_path / "b.log"], 1) == [
        f"==> {tmp_path / 'a.log'} <==",
        "29",
        f"==> {tmp_path / 'b.log'} <==",
        "29",
    ]
    assert last_lines([], 3) == []
