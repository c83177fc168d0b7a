# SPDX-License-Identifier: MIT
"""Storages that are another program's, no database, at a misspelt place or not for this user."""

from pathlib import Path

import pytest

from tests.bad_files._cases import SEARCH, Case, Plant, assert_outcome, directory, fifo, holds, link, sqlite_file
from tests.bad_files._commands import Commands

_AT = ("--storage", "sqlite:///z.db")
_NAMED = "hydra.sweeper.study_name=mine"
_DATABASE = "hydra.sweeper.storage=sqlite:///z.db"
_MISSPELT = ("nothing was started", "in a missing directory; the nearest existing one is", "mkdir -p")


def _in_directory(plant: Plant) -> Plant:
    def both(here: Path) -> None:
        (here / "s").mkdir()
        plant(here)

    return both


_BAD: dict[str, tuple[Plant, str]] = {
    "another program's": (sqlite_file("z.db", "CREATE TABLE cats (name)"), "is a database of another program"),
    "with a foreign table studies": (
        sqlite_file("z.db", "CREATE TABLE studies (name)"),
        "a table `studies` that is not Optuna's",
    ),
    "text": (holds("z.db", "hello " * 100), "is not an SQLite database"),
    "a directory": (directory("z.db"), "is not a file"),
    "a pipe": (fifo("z.db"), "is not a file"),
    "a dangling link": (link("z.db", "nowhere/x.db"), "z.db"),
    "a looping link": (link("z.db", "z.db"), "z.db"),
    "without rights": (sqlite_file("z.db", "CREATE TABLE cats (name)", mode=0), "z.db"),
}


CASES = {
    **{
        f"{one}: a database that is {kind}": Case((one, "s", *_AT), _in_directory(plant), (words,))
        for one in ("status", "stop")
        for kind, (plant, words) in _BAD.items()
    },
    **{
        f"search: a database that is {kind}": Case((*SEARCH, _DATABASE, _NAMED), plant, ("nothing was started", words))
        for kind, (plant, words) in _BAD.items()
    },
    **{
        f"{one}: a database that is {kind}": Case((one, "s", *_AT), _in_directory(plant), (words,))
        for one in ("status", "stop")
        for kind, (plant, words) in {
            "not there": (lambda _here: None, "z.db does not exist"),
            "empty": (holds("z.db"), "holds no study"),
        }.items()
    },
    "stop: a journal that is not there": Case(
        ("stop", "s", "--storage", "journal:z"), directory("s"), ("z does not exist",)
    ),
    "search: a misspelt directory of a database": Case(
        (*SEARCH, "hydra.sweeper.storage=sqlite:///no/such/z.db", _NAMED), says=_MISSPELT
    ),
    "search: a misspelt directory of a journal": Case(
        (*SEARCH, "hydra.sweeper.storage=journal:no/such/z"), says=_MISSPELT
    ),
    "search: a journal in the study's new directory": Case(
        (*SEARCH, "hydra.sweeper.storage=journal:s/new/z"), accepted="what is made anyway needs not be there"
    ),
    "search: a journal that is a directory": Case(
        (*SEARCH, "hydra.sweeper.storage=journal:j"), directory("j"), ("nothing was started", "this is not a file")
    ),
    "search: a journal without a name": Case(
        (*SEARCH, "hydra.sweeper.storage=journal:"), says=("nothing was started", "names no file; write journal:PATH")
    ),
    "search: a journal of nobody's": Case(
        (*SEARCH, "hydra.sweeper.storage='journal:~no_such_user/j'"), says=("nothing was started", "is not a path")
    ),
    "search: a journal whose lock is a directory": Case(
        (*SEARCH, "hydra.sweeper.storage=j.log"), directory("j.log.lock"), ("nothing was started", "move it away")
    ),
    "search: another program's journal": Case(
        (*SEARCH, "hydra.sweeper.storage=j.log"), holds("j.log", "epoch 1\n"), ("is not a study's journal",)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_storage_that_is_bad(name: str, commands: Commands, made: Path) -> None:
    """No byte is written into it, no directory or database made for it, and a line says why."""
    assert_outcome(CASES[name], commands, made)
