# SPDX-License-Identifier: MIT
"""The tracer of `benchmarks/`: what it calls a module and a room, what it counts, and which processes it reaches."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

# A tree in which the driver forks a worker, which ends without cleaning up.
FILES = {
    "hyperopt_app/__init__.py": "",
    "hyperopt_app/app.py": (
        "import os\n"
        "from hyperopt_app.worker.loop import work\n"
        "def main():\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        os._exit(work(len))\n"
        "    os.waitpid(child, 0)\n"
        "    list(map(work, [len]))\n"
    ),
    "hyperopt_app/worker/__init__.py": "",
    "hyperopt_app/worker/loop.py": (
        "from objectives.toy import value\n"
        "class Loop:\n"
        "    first = value()\n"
        "def work(_):\n"
        "    return again()\n"
        "def again():\n"
        "    return value()\n"
    ),
    "objectives/__init__.py": "",
    "objectives/toy.py": "def value():\n    return 0\n",
}


@pytest.fixture
def trace_rooms(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark as a module; it imports from its own folder, as a script does."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("trace_rooms")


@pytest.mark.parametrize(
    ("path", "module", "room"),
    [
        ("hyperopt_app/app.py", "hyperopt_app.app", "hyperopt_app"),
        ("hyperopt_app/__init__.py", "hyperopt_app", "hyperopt_app"),
        ("hyperopt_app/worker/loop.py", "hyperopt_app.worker.loop", "worker"),
        ("hyperopt_app/worker/__init__.py", "hyperopt_app.worker", "worker"),
        ("hyperopt_app/legacy/reading/pair.py", "hyperopt_app.legacy.reading.pair", "legacy"),
        ("hydra_plugins/hyperopt_app/sweeper.py", "hydra_plugins.hyperopt_app.sweeper", "hydra_plugins"),
        ("objectives/sphere.py", "objectives.sphere", "objectives"),
    ],
)
def test_a_file_has_its_module_and_its_room(trace_rooms: ModuleType, path: str, module: str, room: str) -> None:
    """A room is what lies directly in hyperopt_app, however deep the file, or one of the top folders."""
    assert (trace_rooms.module_of(path), trace_rooms.room_of(path)) == (module, room)


def test_borders_are_counted_between_modules_and_between_rooms(trace_rooms: ModuleType) -> None:
    """A call within a room crosses no room's border; one that comes from nowhere of ours enters and crosses nothing."""
    calls = trace_rooms.read_calls(
        [
            "1\t\thyperopt_app/app.py\n",
            "1\thyperopt_app/app.py\thyperopt_app/worker/loop.py\n",
            "1\thyperopt_app/app.py\thyperopt_app/worker/loop.py\n",
            "2\thyperopt_app/worker/loop.py\thyperopt_app/worker/claim.py\n",
            "2\thyperopt_app/worker/claim.py\tobjectives/sphere.py\n",
        ]
    )
    modules = trace_rooms.borders(calls, trace_rooms.module_of)
    rooms = trace_rooms.borders(calls, trace_rooms.room_of)
    assert modules.entered == [
        "hyperopt_app.app",
        "hyperopt_app.worker.claim",
        "hyperopt_app.worker.loop",
        "objectives.sphere",
    ]
    assert modules.crossed.total() == 4
    assert rooms.entered == ["hyperopt_app", "objectives", "worker"]
    assert rooms.crossed == {("hyperopt_app", "worker"): 2, ("worker", "objectives"): 1}


def test_the_summary_has_the_table_and_the_four_figures(trace_rooms: ModuleType) -> None:
    """It fits into 120 columns and says the same as the figures for a program."""
    names = [f"hyperopt_app/worker/a_module_with_a_long_name_{number}.py" for number in range(9)]
    calls = trace_rooms.read_calls([f"1\thyperopt_app/app.py\t{name}" for name in names])
    lines = trace_rooms.summary(calls).splitlines()
    assert max(map(len, lines)) < 120
    assert "| hyperopt_app | worker | 9 |" in lines
    assert lines[-4:] == [
        "modules entered: 9",
        "module borders crossed: 9",
        "rooms entered: 1",
        "room borders crossed: 9",
    ]
    assert trace_rooms.figures(calls)["rooms"] == {
        "entered": ["worker"],
        "crossings": 9,
        "pairs": [["hyperopt_app", "worker", 9]],
    }


def test_calls_are_seen_in_every_process_and_imports_in_none(trace_rooms: ModuleType, tmp_path: Path) -> None:
    """A forked process that ends by os._exit has left its calls; bodies, and what they call, are not among them."""
    source, folder = tmp_path / "source", tmp_path / "folder"
    for name, text in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    folder.mkdir()
    calls = trace_rooms.record(["-c", "from hyperopt_app.app import main; main()"], source, folder)
    assert [(call.caller, call.callee) for call in calls] == [
        ("", "hyperopt_app/app.py"),
        *[
            ("hyperopt_app/app.py", "hyperopt_app/worker/loop.py"),
            ("hyperopt_app/worker/loop.py", "objectives/toy.py"),
        ]
        * 2,
    ]
    driver, *others = [call.process for call in calls]
    assert [process == driver for process in others] == [False, False, True, True]


def test_a_failing_command_is_told_with_its_output(trace_rooms: ModuleType, tmp_path: Path) -> None:
    """No figures of a run that broke off."""
    with pytest.raises(SystemExit, match=r"(?s)on the terminal.*status 3"):
        trace_rooms.record(["-c", "print('on the terminal'); raise SystemExit(3)"], tmp_path, tmp_path)
