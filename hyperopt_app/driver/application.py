# SPDX-License-Identifier: MIT
"""Run the Hydra application in this process with a given command line, for commands such as `hyperopt-app legacy`."""

import sys
from collections.abc import Callable, Sequence

from hyperopt_app.__main__ import main
from hyperopt_app.app import train
from hyperopt_app.driver.command_task import CommandTask
from hyperopt_app.support.wording import Wording

__all__ = ["run_application"]


def run_application(words: Sequence[str], wording: Wording, accepted: Callable[[], None]) -> int:
    """Run the application as if the given command line had been typed.

    Args:
        words: The command line, beginning with the program's name.
        wording: How the command that the user typed names its settings; messages use these names.
        accepted: Called once the study is made or found and nothing is wrong, before a worker starts.

    Returns:
        The exit status.
    """
    before = sys.argv[:]
    sys.argv[:] = words
    try:
        main(CommandTask(train, wording, accepted))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv[:] = before
    return 0
