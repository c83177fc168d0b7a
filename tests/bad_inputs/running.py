# SPDX-License-Identifier: MIT
"""Run command lines, each in a fork of one process that has the imports done, and say how they end.

`python -m tests.bad_inputs.running` reads cases as JSON, a line each, and writes an outcome for each. A search that
would start is shown in full, with its script and three configurations, and is not started.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["WOULD_START", "main"]

# The exit code of a search that the preflight has let pass.
WOULD_START = 99
# Generous: a hang is what never ends, on a busy machine too.
_DEADLINE_S = 120.0


def main() -> None:
    """Serve until the input ends."""
    _imports()
    base = Path(tempfile.mkdtemp(prefix="bad-inputs-"))
    try:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(_outcome(json.loads(line), base)) + "\n")
            sys.stdout.flush()
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _imports() -> None:
    """All that a command imports, once; and a search that stops where it would start."""
    from hydra.core.plugins import Plugins

    Plugins.instance()
    import submitit  # noqa: F401

    import hyperopt_app.cli
    import hyperopt_app.launchers.cluster
    import hyperopt_app.schedulers.slurm_job  # noqa: F401
    import objectives.sphere  # noqa: F401
    from hyperopt_app.driver import sweep

    checked = sweep.checked  # type: ignore[attr-defined]  # it is imported there

    def stopping(context: Any, config: Any, task_function: Any, arguments: Any, wording: Any) -> Any:
        request = checked(context, config, task_function, arguments, wording)
        sweep._dry_run(context, config, request)
        raise SystemExit(WOULD_START)

    sweep.checked = stopping  # type: ignore[attr-defined, assignment]


def _outcome(words: Sequence[str], base: Path) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(dir=base))
    output = folder.with_suffix(".out")
    child = os.fork()
    if child == 0:
        _run(words, folder, output)
    code = _waited(child)
    text = output.read_text(encoding="utf-8", errors="replace")
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    output.unlink()
    shutil.rmtree(folder)
    return {"code": code, "text": text, "written": written}


def _waited(child: int) -> int | None:
    """The exit code, None for one that did not end."""
    until = time.monotonic() + _DEADLINE_S
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _run(words: Sequence[str], folder: Path, output: Path) -> None:
    """In the child; never returns."""
    code = 70
    try:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number in (1, 2):
            os.dup2(os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
        code = _exit_code(words)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _exit_code(words: Sequence[str]) -> int:
    from hyperopt_app.cli import main as command

    sys.argv = ["hyperopt-app", *words]
    try:
        command()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    except BaseException:  # noqa: BLE001 - what Python itself would print
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
