# SPDX-License-Identifier: MIT
"""`hyperopt-app dashboard`: optuna-dashboard on a study, for the browsers of this machine alone, without writing."""

import argparse
import getpass
import shlex
import socket
import sys
from typing import TYPE_CHECKING

from hyperopt_app.commands.base import Command, check_directory
from hyperopt_app.commands.printing import print_lines
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.support.display_text import visible

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hyperopt_app.commands.look.serving import Application

__all__ = ["COMMAND"]

_MOST_PORTS = 65_535


def _arguments_of_dashboard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=0, help="of this machine; by default one that is free")


def _port(text: str) -> int:
    if text.isdigit() and 0 < int(text) <= _MOST_PORTS:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a number from 1 to {_MOST_PORTS}, got {text!r}")


def _run_dashboard(options: argparse.Namespace) -> None:
    from hyperopt_app.commands.look.serving import reading_only, server_on
    from hyperopt_app.looking.opening import storage_in
    from hyperopt_app.study.opening import only_study

    check_directory(options.study)
    storage, name = storage_in(options.study, options.storage, options.name)
    name = only_study(storage, name).study_name
    application = reading_only(_application(storage))
    try:
        server = server_on(options.port, application)
    except OSError as error:
        raise StudyMismatchError(f"--port {options.port}: {error.strerror}; give another, or none") from None
    with server:
        print_lines(_addresses(server.server_port, name, storage.get_study_id_from_name(name)))
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # the way to end it
            return


def _application(storage: "BaseStorage") -> "Application":
    """Return the application of optuna-dashboard on a storage.

    Raises:
        StudyMismatchError: It is not installed.
    """
    try:
        from optuna_dashboard import wsgi
    except ImportError:
        raise StudyMismatchError(
            "hyperopt-app dashboard needs optuna-dashboard, which is not installed: pip install "
            "'hyperopt-app[dashboard]'; hyperopt-app report makes a page without it"
        ) from None
    application: Application = wsgi(storage)
    return application


def _addresses(port: int, name: str, number: int) -> list[str]:
    page = f"http://localhost:{port}/dashboard/studies/{number}"
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in containers
        user = "USER"
    login = shlex.quote(f"{user}@{socket.gethostname()}")
    return [
        f"Serving {visible(name)} at {page}; Ctrl-C ends it. Nothing can be changed there.",
        f"From another machine: ssh -N -L {port}:localhost:{port} {login}   and then the same address there.",
    ]


COMMAND = Command(
    _run_dashboard,
    "start optuna-dashboard on the study for browsers of this machine, and print the ssh line for those of others",
    "hyperopt-app dashboard studies/sphere --port 8080",
    _arguments_of_dashboard,
)
