# SPDX-License-Identifier: MIT
"""Which modules and rooms a study of one trial enters, and how often its calls cross from one to another.

    python benchmarks/trace_rooms.py [--source DIR] [--json FILE]

A room is a sub-package of hyperopt_app with all that lies in it; `hyperopt_app` stands for the modules at its top, and
`hydra_plugins` and `objectives` are rooms too. Driver, worker and trial process are traced together. A call's caller is
the nearest function of ours that led to it, also through Optuna or Hydra. A generator that goes on counts as a call;
imports, with all that the bodies of modules and classes call themselves, do not. The run has a terminal, so that the
table of a user who looks on is in it; since that table reads the study twice a second, a slow run has more crossings.
The way of the trial is what the worker calls between the claim and trials.csv.
"""

import argparse
import contextlib
import itertools
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from measuring import HERE, machine, table
from tracing import LINES, SOURCE

STUDY = ("--multirun", "hparams=sphere", "hydra.sweeper.n_trials=1", "hydra/launcher=local_workers")
COMMAND = ("-m", "hyperopt_app", *STUDY)
# Driver, worker and trial.
FEWEST_PROCESSES = 3
WIDTH = 110


CLAIM, RESULTS = "Tickets.claim", "hyperopt_app/results/trials_csv.py"


class Call(NamedTuple):
    """A call from one file of the source tree to another.

    Attributes:
        process: The id of the process.
        caller: A path within the tree; empty if no function of ours led to the call.
        callee: The path of the file with the function that is called.
        function: Its name, with that of its class: `Tickets.claim`.
        thread: The id of the thread.
        depth: How many frames lie under it.
    """

    process: int
    caller: str
    callee: str
    function: str = ""
    thread: int = 0
    depth: int = 0


class Borders(NamedTuple):
    """What was entered, and how often calls went from the one to the other."""

    entered: list[str]
    crossed: Counter[tuple[str, str]]


def module_of(path: str) -> str:
    """`hyperopt_app/worker/loop.py` -> `hyperopt_app.worker.loop`."""
    return ".".join(PurePosixPath(path).with_suffix("").parts).removesuffix(".__init__")


def room_of(path: str) -> str:
    """`hyperopt_app/worker/loop.py` -> `worker`, `hyperopt_app/app.py` -> `hyperopt_app`."""
    top, *inside = PurePosixPath(path).parts
    return inside[0] if top == "hyperopt_app" and len(inside) > 1 else top


def read_calls(lines: Iterable[str]) -> list[Call]:
    """The calls that `tracing` has written."""
    return [_call(line.rstrip("\n").split("\t")) for line in lines]


def _call(fields: Sequence[str]) -> Call:
    process, caller, callee, *place = fields
    function, thread, depth = place or ("", "0", "0")
    return Call(int(process), caller, callee, function, int(thread), int(depth))


def way_of_trial(calls: Sequence[Call]) -> list[Call]:
    """The calls of a worker from the return of its first claim to the text of trials.csv, in the worker's thread.

    Empty if nothing was claimed.
    """
    since = list(itertools.dropwhile(lambda call: call.function != CLAIM, calls))
    if not since:
        return []
    claim, *later = since
    own = [call for call in later if (call.process, call.thread) == (claim.process, claim.thread)]
    returned = itertools.dropwhile(lambda call: call.depth > claim.depth, own)
    return list(itertools.takewhile(lambda call: call.callee != RESULTS, returned))


def rooms_of_way(way: Sequence[Call]) -> list[str]:
    """The rooms in the order in which the worker's own modules enter them.

    What a room uses of the rooms below it is its own matter, and the modules at the top of the package are in no room.
    """
    entered = [room_of(call.callee) for call in way if room_of(call.caller) == "worker"]
    return [room for room, _ in itertools.groupby(room for room in entered if room not in ("worker", "hyperopt_app"))]


def borders(calls: Sequence[Call], name_of: Callable[[str], str]) -> Borders:
    """What lies between modules (`module_of`) or between rooms (`room_of`).

    A call that none of ours led to, as the first of a process or thread, enters without crossing a border.
    """
    pairs = [(name_of(call.caller), name_of(call.callee)) for call in calls if call.caller]
    crossed = Counter((left, right) for left, right in pairs if left != right)
    return Borders(sorted({name_of(call.callee) for call in calls}), crossed)


def record(words: Sequence[str], source: Path, folder: Path) -> list[Call]:
    """Run a Python command in `folder`, with the packages of `source`, and return its calls in their order.

    Raises:
        SystemExit: It failed; its output is shown.
    """
    hook, lines = folder / "hook", folder / "calls"
    hook.mkdir()
    shutil.copy(HERE / "tracing.py", hook / "sitecustomize.py")
    lines.touch()
    search_path = os.pathsep.join([str(hook), str(source), os.environ.get("PYTHONPATH", "")])
    ours = {SOURCE: str(source), LINES: str(lines), "PYTHONPATH": search_path, "TERM": "xterm"}
    status, output = on_a_terminal([sys.executable, *words], folder, {**os.environ, **ours})
    if status:
        raise SystemExit(f"{output[-4000:]}\nThe traced command ended with status {status}.")
    return read_calls(lines.read_text(encoding="utf-8").splitlines())


def on_a_terminal(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command as a user at a terminal does; its status and its output."""
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        output = b""
        # Linux ends a terminal that nobody writes to any longer with an error.
        with contextlib.suppress(OSError):
            while chunk := os.read(screen, 65536):
                output += chunk
    os.close(screen)
    return process.returncode, output.decode(errors="replace")


def study_calls(source: Path) -> list[Call]:
    """The calls of a study of one trial, in a folder that is deleted afterwards.

    Raises:
        SystemExit: The study failed, or the trace lacks a process.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        calls = record(COMMAND, source, Path(folder))
    seen = len({call.process for call in calls})
    if seen < FEWEST_PROCESSES:
        raise SystemExit(
            f"--source {source}: its modules were entered in {seen} processes, not in driver, worker and trial; "
            "name a checkout that holds hyperopt_app"
        )
    return calls


def summary(calls: Sequence[Call]) -> str:
    """What is in each room, the crossings between rooms, and the four figures."""
    modules, rooms = borders(calls, module_of), borders(calls, room_of)
    by_process = Counter(call.process for call in calls)
    lines = [[left, right, str(times)] for (left, right), times in rooms.crossed.most_common()]
    return "\n".join(
        [
            *(_inside(room, calls) for room in rooms.entered),
            "",
            textwrap.fill(f"way of the trial: worker, {', '.join(rooms_of_way(way_of_trial(calls)))}", WIDTH),
            "",
            table(["from room", "to room", "crossings"], lines),
            "",
            f"processes with calls of ours: {len(by_process)}",
            f"modules entered: {len(modules.entered)}",
            f"module borders crossed: {modules.crossed.total()}",
            f"rooms entered: {len(rooms.entered)}",
            f"room borders crossed: {rooms.crossed.total()}",
        ]
    )


def _inside(room: str, calls: Sequence[Call]) -> str:
    """One room and the modules in it that were entered."""
    modules = borders([call for call in calls if room_of(call.callee) == room], module_of).entered
    names = ", ".join(name.removeprefix("hyperopt_app.") for name in modules)
    return textwrap.fill(f"{room} ({len(modules)}): {names}", WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def figures(calls: Sequence[Call]) -> dict[str, Any]:
    """The same figures for a program, with the crossings of each pair."""
    kinds = {"modules": borders(calls, module_of), "rooms": borders(calls, room_of)}
    return {
        "processes": len({call.process for call in calls}),
        "way": rooms_of_way(way_of_trial(calls)),
        **{
            kind: {
                "entered": trace.entered,
                "crossings": trace.crossed.total(),
                "pairs": [[left, right, times] for (left, right), times in trace.crossed.most_common()],
            }
            for kind, trace in kinds.items()
        },
    }


def main() -> None:
    """Trace and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=HERE.parent, help="the checkout to trace; default: this one")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    calls = study_calls(options.source.resolve())
    print(f"python {' '.join(COMMAND)}\n{machine()}\n")
    print(summary(calls))
    if options.json:
        options.json.write_text(json.dumps(figures(calls), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
