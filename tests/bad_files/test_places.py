# SPDX-License-Identifier: MIT
"""Searches in places that cannot be used, and beside files and directories in the place of their own."""

from pathlib import Path

import pytest

from tests.bad_files._cases import SEARCH, Case, assert_outcome, device, directory, fifo, holds, link, unix_socket
from tests.bad_files._commands import Commands

_ONE_MORE = (*SEARCH, "hydra.sweeper.n_trials=4")
_UPSTREAM = "optimization_results.yaml"
_CANNOT_BE_MADE = ("nothing was started", "hydra.sweep.dir", "cannot be made", "set another")
_NO_FILE = ("nothing was started", "is not a file, and the study has a file of that name; move it away")
_NO_FOLDER = ("nothing was started", "and the study has a directory of that name; move it away")


def _in(place: str) -> tuple[str, ...]:
    return (*SEARCH, f"hydra.sweep.dir={place}")


CASES = {
    "dangling link": Case(
        SEARCH, link("s", "nowhere"), (*_CANNOT_BE_MADE, "is a link to nowhere, which does not exist")
    ),
    "below a dangling link": Case(_in("l/s"), link("l", "nowhere"), (*_CANNOT_BE_MADE, "is a link to nowhere")),
    "looping link": Case(SEARCH, link("s", "s"), (*_CANNOT_BE_MADE, "is a link that leads back to itself")),
    "long name": Case(_in("a" * 300), says=(*_CANNOT_BE_MADE, "300 bytes, and 255 are allowed")),
    "long name below a new one": Case(_in("'new/" + "ä" * 150 + "'"), says=(*_CANNOT_BE_MADE, "300 bytes")),
    "long path": Case(_in("/".join(["a" * 200] * 30)), says=(*_CANNOT_BE_MADE, "the path has")),
    "proc": Case(_in("/proc/x"), says=_CANNOT_BE_MADE),
    "proc, with all rights": Case(_in("/proc/x"), says=_CANNOT_BE_MADE, obeys_permissions=False),
    "device": Case(_in("/dev/null"), says=_CANNOT_BE_MADE),
    "file": Case(SEARCH, holds("s", "mine"), (*_CANNOT_BE_MADE, "is not a directory that you may write")),
    "below a file": Case(_in("f/s"), holds("f", "mine"), (*_CANNOT_BE_MADE, "is not a directory that you may write")),
    "pipe": Case(SEARCH, fifo("s"), _CANNOT_BE_MADE),
    "no right to write": Case(SEARCH, directory("s", 0o500), _CANNOT_BE_MADE),
    "no right to enter": Case(SEARCH, directory("s", 0o600), _CANNOT_BE_MADE),
    "below one without rights": Case(_in("p/s"), directory("p", 0), (*_CANNOT_BE_MADE, "that you may enter")),
    "trials are a file": Case(SEARCH, holds("s/trials", "mine"), ("nothing was started", "hydra.sweep.subdir")),
    "workers are a file": Case(SEARCH, holds("s/workers", "mine"), _NO_FOLDER),
    "workers without rights": Case(SEARCH, directory("s/workers", 0), _NO_FOLDER),
    "launches are a file": Case((*SEARCH, "hydra/launcher=by_hand"), holds("s/launches", "mine"), _NO_FOLDER),
    "launches are a file, unused": Case(
        SEARCH, holds("s/launches", "mine"), accepted="without jobs of a scheduler the study has no such folder"
    ),
    "best.yaml is a directory": Case(SEARCH, directory("s/best.yaml"), _NO_FILE),
    "best.yaml of a study is a directory": Case(_ONE_MORE, directory("s/best.yaml"), _NO_FILE, beside_a_study=True),
    "best.yaml is a pipe": Case(_ONE_MORE, fifo("s/best.yaml"), _NO_FILE, beside_a_study=True),
    "trials.csv is a directory": Case(SEARCH, directory("s/trials.csv"), _NO_FILE),
    "results are a directory": Case(SEARCH, directory(f"s/{_UPSTREAM}"), _NO_FILE),
    "multirun.yaml is a directory": Case(SEARCH, directory("s/multirun.yaml"), _NO_FILE),
    "multirun.yaml is a pipe": Case(_ONE_MORE, fifo("s/multirun.yaml"), _NO_FILE, beside_a_study=True),
    "the owner is a pipe": Case(_ONE_MORE, fifo("s/.hyperopt_study.json"), _NO_FILE, beside_a_study=True),
    "the owner is a directory": Case(SEARCH, directory("s/.hyperopt_study.json"), _NO_FILE),
    "the study's lock is a directory": Case(SEARCH, directory("s/.study.lock"), _NO_FILE),
    "the results' lock is a directory": Case(SEARCH, directory("s/.results.lock"), _NO_FILE),
    "the journal's lock is a directory": Case(SEARCH, directory("s/journal.log.lock"), _NO_FILE),
    "the journal is a directory": Case(
        SEARCH, directory("s/journal.log"), ("nothing was started", "this is not a file")
    ),
    "the journal is a pipe": Case(_ONE_MORE, fifo("s/journal.log"), ("this is not a file",), beside_a_study=True),
    "the journal is a device": Case(_ONE_MORE, device("s/journal.log"), ("this is not a file",), beside_a_study=True),
    "the journal is a socket": Case(
        _ONE_MORE, unix_socket("s/journal.log"), ("this is not a file",), beside_a_study=True
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_search_in_a_bad_place(name: str, commands: Commands, made: Path) -> None:
    """It is refused in one line before anything is written, or harmless for a reason that stands with the case."""
    assert_outcome(CASES[name], commands, made)


@pytest.mark.parametrize(
    "name",
    [
        "trials.csv",
        *(pytest.param(one, marks=[pytest.mark.slow, pytest.mark.nightly]) for one in ("best.yaml", _UPSTREAM)),
    ],
)
def test_a_result_file_that_cannot_be_written_costs_nothing(name: str, commands: Commands, made: Path) -> None:
    """Of a disk that fills up: every trial is in the study, the other files are written, the command says which not."""
    answer = commands.run(*SEARCH, cwd=Path.cwd(), deadline_s=40.0, full=name)
    assert answer is not None
    assert answer.code == 2
    assert "Traceback" not in answer.text, answer.text
    assert f"{name}: No space left on device" in answer.text
    assert "fix this and run the same command again to write the files" in answer.text
    assert "of 3 complete" in answer.text
    results = {"best.yaml", "trials.csv", _UPSTREAM}
    assert results & {path.name for path in Path("s").iterdir()} == results - {name}
    again = commands.run(*SEARCH, cwd=Path.cwd(), deadline_s=40.0)
    assert again is not None
    assert again.code == 0
    assert Path("s", name).is_file()
