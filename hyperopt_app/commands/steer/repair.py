# SPDX-License-Identifier: MIT
"""`hyperopt-app repair`: copy the whole trials of a damaged journal into a new one."""

import argparse
import shlex

from hyperopt_app.commands.base import Command, check_directory

__all__ = ["COMMAND"]


def _run_repair(options: argparse.Namespace) -> None:
    from hyperopt_app.storage.finding import kept_storage
    from hyperopt_app.storage.journal_copy import place_of_copy, salvage, write_copy
    from hyperopt_app.storage.opening import journal_of

    check_directory(options.study)
    storage = options.storage
    if storage is None and not (options.study / "journal.log").exists():
        storage, _ = kept_storage(options.study)
    path = journal_of(storage, options.study)
    salvaged = salvage(path)
    if not salvaged.damaged:
        print(f"{path}: no line of {salvaged.lines} is damaged; nothing was written.")
        return
    copy = place_of_copy(path)
    write_copy(salvaged, copy, path.stat().st_mode & 0o777)
    aside, left = path.with_name(f"{path.stem}.damaged{path.suffix}"), len(salvaged.left_out)
    print(f"{path}: {len(salvaged.damaged)} of {salvaged.lines} lines are damaged")
    for number, fault in salvaged.damaged:
        print(f"  line {number}: {fault}")
    print(f"{copy} keeps {salvaged.trials - left} of {salvaged.trials} trials; {path.name} is as it was.")
    for number, reason in salvaged.left_out.items():
        print(f"  trial {number} is left out, and stands there as failed: {reason}")
    old, new, aside_ = (shlex.quote(str(part)) for part in (path, copy, aside))
    print("Once no worker of the study is left, go on with the copy, then with the same command as before:")
    print(f"  mv -n {old} {aside_} && mv -n {new} {old}")
    if left:
        print(f"To run as many in the place of those that are left out, raise hydra.sweeper.n_trials by {left}.")


COMMAND = Command(
    _run_repair,
    "copy the whole trials of a damaged journal into a new one; the old one stays as it is",
    "hyperopt-app repair studies/sphere",
)
