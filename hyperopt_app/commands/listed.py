# SPDX-License-Identifier: MIT
"""The list of all commands that take a study, by the name that a user types."""

from hyperopt_app.commands import doctor
from hyperopt_app.commands.base import Command
from hyperopt_app.commands.look import best, compare, dashboard, export, logs, ls, report, show, status, trials
from hyperopt_app.commands.steer import add, discard, extend, hold, import_trials, release, repair, retry, stop

__all__ = ["COMMANDS"]

# In the order of the help.
COMMANDS: dict[str, Command] = {
    "doctor": doctor.COMMAND,
    "ls": ls.COMMAND,
    "status": status.COMMAND,
    "trials": trials.COMMAND,
    "show": show.COMMAND,
    "best": best.COMMAND,
    "compare": compare.COMMAND,
    "logs": logs.COMMAND,
    "export": export.COMMAND,
    "report": report.COMMAND,
    "dashboard": dashboard.COMMAND,
    "stop": stop.COMMAND,
    "hold": hold.COMMAND,
    "release": release.COMMAND,
    "retry": retry.COMMAND,
    "discard": discard.COMMAND,
    "add": add.COMMAND,
    "extend": extend.COMMAND,
    "import": import_trials.COMMAND,
    "repair": repair.COMMAND,
}
