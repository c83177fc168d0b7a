# SPDX-License-Identifier: MIT
"""How long does the opening of a large study take, with and without the snapshot beside its journal?

    python benchmarks/opening.py [--trials 10000] [--steps 50] [--keep DIR] [--report]

The journal is written record by record, as workers write it. Each row is a process of its own, so that imports and
memory count. The processor's time counts where the machine does much else. --keep leaves the study in DIR, and --report
adds the command `report`.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import HERE, machine, table

sys.path.insert(0, str(HERE.parent))  # where tests/ is
from tests.unit._made_journals import write_journal

OPEN = """
import sys, hyperopt_app
study = hyperopt_app.open_study(sys.argv[1])
print(f"{len(study.study.get_trials(deepcopy=False))} trials")
"""
KEEP = """
import sys, time
from pathlib import Path
from hyperopt_app.looking.opening import study_in
from hyperopt_app.storage.snapshots.keeping import keep_snapshot
study = study_in(Path(sys.argv[1]), reading=False)
began = time.process_time()
keep_snapshot(study)
print(f"writing the snapshot took {time.process_time() - began:.2f} s of the processor")
"""
COMMAND = "import sys; from hyperopt_app.cli import main; main(sys.argv[1:])"
COMMANDS = ("status", "ls", "trials --top 10", "show 17", "show", "export")


def measured(program: str, *words: str, shown: bool = False) -> tuple[float, float, float]:
    """Run a program in a process of its own; return its seconds, those of the processor, and its memory in MB.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", program, *words]
    began = time.monotonic()
    child = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=None if shown else subprocess.DEVNULL
    )
    _child, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3


def row(title: str, program: str, *words: str) -> list[str]:
    """Measure one row."""
    figures = measured(program, *words)
    return [title, *(f"{figure:.{digits}f}" for figure, digits in zip(figures, (1, 2, 0), strict=True))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    print(machine())
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        journal = folder / "journal.log"
        write_journal(journal, options.trials, options.steps)
        print(f"{options.trials} trials of {options.steps} steps: a journal of {journal.stat().st_size / 1e6:.0f} MB")
        rows = [row("opened by the journal alone", OPEN, str(folder))]
        measured(KEEP, str(folder), shown=True)
        if not (folder / "journal.log.snapshot").exists():
            parser.error("a study of this size gets no snapshot; try --trials 1000")
        print(f"the snapshot has {(folder / 'journal.log.snapshot').stat().st_size / 1e6:.1f} MB")
        rows.append(row("opened by its snapshot", OPEN, str(folder)))
        for command in COMMANDS:
            name, *words = command.split()
            rows.append(row(f"`{command}`", COMMAND, name, str(folder), *words))
        if options.report:
            out = str(folder / "report")
            rows.append(row("`report`", COMMAND, "report", str(folder), "--out", out))
    print(table(["", "s", "of the processor, s", "memory, MB"], rows))


if __name__ == "__main__":
    main()
