# SPDX-License-Identifier: MIT
"""What a machine with one GPU does with searches: trials that share it, its memory, out of memory, two ranks on it.

    python -m benchmarks.gpu [--parts sharing oom ...] [--minutes 10] [--rows gpu_rows.jsonl]
    python -m benchmarks.gpu --device cpu --small

It needs no network. Each part runs in a process of its own and has its share of the time, so one that fails or hangs
costs the others nothing; rows are appended to the file as soon as they are known, and printed as a table at the end.
The exit code is 1 if a row is not as it should be.
"""

import argparse
import contextlib
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu_parts.parts import PARTS
from benchmarks.gpu_parts.rows import Row, append, read, table
from benchmarks.gpu_parts.searches import ROOT, Sizes
from hyperopt_app.doctor.gpus import ask_torch

__all__ = ["main"]

# Seconds in which a part that has used up its time may end its search by itself.
_GRACE_S = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    options = _parser().parse_args(arguments)
    sizes = Sizes.small(options.device) if options.small else Sizes(options.device)
    if options.only:
        return _run_here(options.only, sizes, options.rows)
    seen = ask_torch()  # in a process of its own: this one is to take no memory of the GPU
    if options.device == "cuda" and not seen.get("gpus"):
        sys.stderr.write(f"torch sees no GPU here ({seen}); for what a CPU can run of this: --device cpu --small\n")
        return 2
    begin, known = time.monotonic(), len(read(options.rows))
    share_s = 60 * options.minutes / sum(PARTS[name].share for name in options.parts)
    for name in options.parts:
        limit_s = max(1.0, share_s * PARTS[name].share)
        words = ["--device", options.device, *(["--small"] if options.small else []), "--rows", str(options.rows)]
        fault = _run_apart([*words, "--only", name], limit_s)
        if fault:
            append(options.rows, Row(name, "all", fault, is_ok=False, device=options.device))
    rows = read(options.rows)[known:]
    print(f"{_machine(options.device, seen)}, {time.monotonic() - begin:.0f} s in all\n\n{table(rows)}")
    return int(not rows or not all(row.is_ok for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=tuple(PARTS), metavar="PART")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="sizes that a CPU can bear; the figures mean nothing")
    parser.add_argument("--minutes", type=_positive, default=10.0, help="for all parts together")
    parser.add_argument("--rows", type=Path, default=Path("gpu_rows.jsonl"), help="a file of JSON lines")
    parser.add_argument("--only", choices=tuple(PARTS), help=argparse.SUPPRESS)
    return parser


def _positive(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: give a number of minutes above 0")
    return minutes


def _run_here(name: str, sizes: Sizes, path: Path) -> int:
    """Run a part in this process; what it holds is given back also when its time is up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for row in PARTS[name].run(sizes):
        append(path, row)
    return 0


def _run_apart(words: Sequence[str], limit_s: float) -> str:
    """Run a part in a process of its own; return what went wrong, empty if nothing did."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    program = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gpu", *words],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said = program.communicate(timeout=limit_s)[1]
    except subprocess.TimeoutExpired:
        _end(program)
        return f"it did not end within its {limit_s:.0f} s and was ended"
    except BaseException:
        _end(program)
        raise
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"it failed: {lines[-1][:400] if lines else program.returncode}" if program.returncode else ""


def _end(program: "subprocess.Popen[str]") -> None:
    """Ask the part and its search to end, then end them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.communicate(timeout=_GRACE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.communicate()


def _machine(device: str, seen: Mapping[str, Any]) -> str:
    """Return one line on where this was measured."""
    name = seen["gpus"][0] if device == "cuda" else "no GPU was used"
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, torch {seen.get('torch', 'is missing')}"


if __name__ == "__main__":
    sys.exit(main())
