# SPDX-License-Identifier: MIT
"""`status`, `best`, `stop` and `repair` at directories, journals and files that are none, or not for this user."""

from pathlib import Path

import pytest

from tests.bad_files._cases import Case, Plant, assert_outcome, device, directory, fifo, holds, link, unix_socket
from tests.bad_files._commands import Commands

_NOWHERE = "directory not found"
_COMMANDS = ("status", "trials", "best", "stop", "hold", "release", "repair")
_JOURNAL, _BEST = "s/journal.log", "s/best.yaml"
_DENIED = ("cannot be read: Permission denied",)
_NO_FILE: dict[str, Plant] = {
    "directory": directory(_JOURNAL),
    "pipe": fifo(_JOURNAL),
    "socket": unix_socket(_JOURNAL),
    "device": device(_JOURNAL),
}
_NO_JOURNAL = {
    "text": b"epoch 1: loss 0.5\n",
    "latin": b"\xe4\xf6\n",
    "UTF-16": '{"op_code":0}\n'.encode("utf-16"),
    "binary": bytes(range(256)) * 10,
    "of another tool": b'{"version":3,"op":"create"}\n',
    "list": b"[1,2]\n",
    "huge line": b"x" * 5_000_000,
}
_DAMAGED = {
    "of a later version": (b'{"op_code":99,"worker_id":"x"}\n', "op_code 99 is unknown to this Optuna"),
    "code that is a text": (b'{"op_code":"a","worker_id":"x"}\n', "op_code 'a' is unknown to this Optuna"),
    "deep": (b'{"op_code":' + b"[" * 100_000 + b"\n", "it is not valid JSON"),
    "huge record": (b'{"op_code":0,"worker_id":"' + b"x" * 5_000_000 + b'"}\n', "it needs the key 'study_name'"),
}


def _appended(content: bytes) -> Plant:
    def plant(here: Path) -> None:
        with (here / _JOURNAL).open("ab") as journal:
            journal.write(content)

    return plant


def _without_journal(plant: Plant) -> Plant:
    def both(here: Path) -> None:
        (here / _JOURNAL).unlink()
        plant(here)

    return both


# With the words that they want.
_FURTHER = {
    "extend": ("extend", "s", "--trials", "1"),
    "import": ("import", "s", "s.csv"),
    "dashboard": ("dashboard", "s"),
    "status --watch": ("status", "s", "--watch"),
    "report --watch": ("report", "s", "--watch"),
}

CASES = {
    **{f"{one}: a file": Case(words, holds("s", "x"), (f"s: {_NOWHERE}",)) for one, words in _FURTHER.items()},
    **{
        f"{one}: no right to enter": Case(words, directory("s", 0), _DENIED, beside_a_study=True)
        for one, words in _FURTHER.items()
    },
    **{
        f"{one}: the journal is text": Case(words, holds(_JOURNAL, b"epoch 1\n"), ("no",), beside_a_study=True)
        for one, words in _FURTHER.items()
    },
    **{
        f"import: {name}": Case(("import", "s", "t.csv"), plant, says, beside_a_study=True)
        for name, (plant, says) in {
            "a directory": (directory("t.csv"), ("t.csv has no journal.log",)),
            "nothing": (lambda _here: None, ("t.csv cannot be read: No such file",)),
            "binary": (holds("t.csv", b"x,y\xff\n"), ("t.csv is not a CSV file in UTF-8",)),
            "empty": (holds("t.csv", b""), ("column 'x' is missing",)),
            "without rights": (holds("t.csv", b"x\n", 0), ("t.csv cannot be read: Permission denied",)),
            "a huge cell": (holds("t.csv", b"x" * 200_000), ("t.csv is not a CSV file", "field larger than")),
        }.items()
    },
    **{
        f"{one}: no right to enter": Case((one, "s"), directory("s", 0), _DENIED, beside_a_study=True)
        for one in _COMMANDS
    },
    **{f"{one}: a file": Case((one, "s"), holds("s", "x"), (f"s: {_NOWHERE}",)) for one in _COMMANDS},
    **{f"{one}: a looping link": Case((one, "s"), link("s", "s"), (_NOWHERE,)) for one in _COMMANDS},
    **{f"{one}: a long name": Case((one, "s" * 300), says=("File name too long",)) for one in _COMMANDS},
    **{
        f"{one}: a journal without rights": Case(
            (one, "s"), lambda here: (here / _JOURNAL).chmod(0), ("the journal cannot be read",), beside_a_study=True
        )
        for one in ("status", "trials", "stop", "repair")
    },
    "best: a journal without rights": Case(
        ("best", "s"),
        lambda here: (here / _JOURNAL).chmod(0),
        ("retrain",),
        accepted="best.yaml is all that it reads",
        beside_a_study=True,
    ),
    "status: no right to write": Case(
        ("status", "s"), directory("s", 0o500), ("3 done",), accepted="it writes nothing", beside_a_study=True
    ),
    "stop: no right to write": Case(
        ("stop", "s"), directory("s", 0o500), ("cannot be written: Permission denied",), beside_a_study=True
    ),
    "repair: no right to write": Case(
        ("repair", "s"),
        directory("s", 0o500),
        ("no line of", "nothing was written"),
        accepted="there is nothing to repair",
        beside_a_study=True,
    ),
    **{
        f"{one}: the journal is a {kind}": Case((one, "s"), plant, ("no",), beside_a_study=True)
        for one in ("status", "stop", "repair")
        for kind, plant in _NO_FILE.items()
    },
    **{
        f"{one}: the journal is {kind}": Case((one, "s"), holds(_JOURNAL, content), ("no",), beside_a_study=True)
        for one in ("status", "stop", "repair")
        for kind, content in _NO_JOURNAL.items()
    },
    **{
        f"{one}: a journal's line is {kind}": Case((one, "s"), _appended(line), ("line ", words), beside_a_study=True)
        for one in ("status", "stop")
        for kind, (line, words) in _DAMAGED.items()
    },
    **{
        f"{one}: an empty journal": Case((one, "s"), holds(_JOURNAL), ("no study",), beside_a_study=True)
        for one in ("status", "stop")
    },
    "status: signs of life that are none": Case(
        ("status", "s"),
        lambda here: [
            plant(here)
            for plant in (
                *(fifo("s/workers/a.json"), directory("s/workers/b.json"), holds("s/workers/c.json", b"\xff")),
                *(holds("s/workers/d.json", '{"pid": 1}'), holds("s/workers/e.json", "[]")),
            )
        ],
        ("3 done",),
        accepted="only a worker's own file is a sign of life",
        beside_a_study=True,
    ),
    "best: a directory": Case(("best", "s"), directory(_BEST), ("cannot be read",), beside_a_study=True),
    "best: a pipe": Case(("best", "s"), fifo(_BEST), ("is not a file",), beside_a_study=True),
    "best: a socket": Case(("best", "s"), unix_socket(_BEST), ("cannot be read",), beside_a_study=True),
    "best: a device": Case(("best", "s"), device(_BEST), ("is not a file",), beside_a_study=True),
    "best: a dangling link": Case(("best", "s"), link(_BEST, "x"), ("does not exist",), beside_a_study=True),
    "best: a looping link": Case(("best", "s"), link(_BEST, "best.yaml"), ("cannot be read",), beside_a_study=True),
    "best: without rights": Case(("best", "s"), holds(_BEST, "trial: 1\n", 0), _DENIED, beside_a_study=True),
    "best: latin": Case(("best", "s"), holds(_BEST, b"note: \xe4\n"), ("is not UTF-8 text",), beside_a_study=True),
    **{
        f"{one}: multirun.yaml is {kind}": Case(
            (one, "s"), _without_journal(plant), ("has no journal.log", "multirun.yaml", words), beside_a_study=True
        )
        for one in ("status", "stop")
        for kind, (plant, words) in {
            "a directory": (directory("s/multirun.yaml"), "is not a file"),
            "a pipe": (fifo("s/multirun.yaml"), "is not a file"),
            "latin": (holds("s/multirun.yaml", b"x: \xe4\n"), "is not a config"),
            "no YAML": (holds("s/multirun.yaml", "a: [1\n"), "is not a config"),
            "without rights": (holds("s/multirun.yaml", "a: 1\n", 0), "Permission denied"),
        }.items()
    },
}


@pytest.mark.parametrize("name", CASES)
def test_a_look_at_what_is_bad(name: str, commands: Commands, made: Path) -> None:
    """It ends in a line that says what is wrong, or shows what there is; nothing waits, nothing is written."""
    assert_outcome(CASES[name], commands, made)
