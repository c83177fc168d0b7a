# SPDX-License-Identifier: MIT
"""Real database servers for the tests, each in a folder of its own; touches no other server."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError

REQUIRE = "HYPEROPT_REQUIRE_SERVERS"
PASSWORD = "s3 cr@t/{x}"  # every character that a URL, a template or a shell might trip over
START_TIMEOUT_S = 40.0


@dataclass
class Server:
    """A running database server.

    Attributes:
        url: Of the server's own database, with rights to make others.
        kill: Kills it as it works.
        start: Starts it again on the same data.
    """

    url: URL
    kill: Callable[[], object]
    start: Callable[[], object]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"study_{next(self._numbers)}"
        _execute(self.url, f"CREATE DATABASE {name}")
        return self.url.set(database=name).render_as_string(hide_password=False)


@contextmanager
def postgresql() -> Iterator[Server]:
    """Start PostgreSQL; as root it runs under another account, because it refuses root."""
    initdb, pg_ctl = _program("initdb", "postgresql"), _program("pg_ctl", "postgresql")
    with _folder(account := _unprivileged()) as folder:
        data, port = folder / "data", _free_port()
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        for path in (folder, folder / "password"):
            _give(path, account)

        def run(*command: str) -> None:
            environment = _environment(folder)
            subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL, **account)

        account_and_access = ("-U", "tester", f"--pwfile={folder / 'password'}", "-A", "scram-sha-256")
        run(initdb, "-D", str(data), *account_and_access, "--no-sync", "-E", "UTF8")
        control = (pg_ctl, "-D", str(data), "-w", "-t", f"{START_TIMEOUT_S:g}", "-l", str(folder / "log"))
        start = partial(run, *control, "-o", f"-F -h 127.0.0.1 -p {port} -k {folder}", "start")
        kill = partial(run, *control, "-m", "immediate", "stop")
        start()
        try:
            url = URL.create("postgresql+psycopg", "tester", PASSWORD, "127.0.0.1", port, "postgres")
            yield Server(url, kill, start)
        finally:
            if (data / "postmaster.pid").exists():
                kill()


@contextmanager
def mariadb() -> Iterator[Server]:
    """Start MariaDB, with the strict snapshots that are its default from version 11.6 on."""
    install, mariadbd = _program("mariadb-install-db"), _program("mariadbd")
    with _folder({}) as folder:
        data, pid_file, port = folder / "data", folder / "pid", _free_port()
        user = ["--user=root"] if os.geteuid() == 0 else []
        run: dict[str, Any] = {"cwd": folder, "env": _environment(folder), "stdout": subprocess.DEVNULL}
        made = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        subprocess.run([*made, "--skip-test-db", *user], check=True, stderr=subprocess.DEVNULL, **run)
        command = [mariadbd, "--no-defaults", f"--datadir={data}", f"--pid-file={pid_file}", *user]
        command += [f"--socket={folder / 'socket'}", f"--port={port}", "--bind-address=127.0.0.1"]
        # What is committed outlives the death of the server, not that of the machine.
        command += ["--innodb-flush-log-at-trx-commit=2", "--innodb-snapshot-isolation=ON"]
        url = URL.create("mysql+pymysql", "root", "", "127.0.0.1", port, "mysql")
        running: list[subprocess.Popen[bytes]] = []

        def start() -> None:
            running.append(subprocess.Popen(command, stderr=log, **run))
            _wait_for(url, running[-1], folder / "log")

        def end(number: signal.Signals) -> None:
            for server in running:
                server.send_signal(number)
                server.wait()
            running.clear()

        with (folder / "log").open("w") as log:
            try:
                start()
                _execute(url, f"CREATE USER tester@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
                _execute(url, "GRANT ALL ON *.* TO tester@'127.0.0.1'")
                yield Server(url.set(username="tester", password=PASSWORD), partial(end, signal.SIGKILL), start)
            finally:
                end(signal.SIGTERM)


def skip_or_fail(reason: str) -> None:
    """Skip the test; where servers are promised (CI), fail it instead."""
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{reason} ({REQUIRE}=1)")
    pytest.skip(f"{reason}; install it to run this test")


def _program(name: str, package: str | None = None) -> str:
    """The path of a server's program; Debian keeps PostgreSQL's out of PATH, one folder per version."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None and package is not None:
        versions = Path(f"/usr/lib/{package}").glob(f"*/bin/{name}")
        newest = max(versions, key=lambda path: int(path.parts[4]), default=None)
        found = str(newest) if newest else None
    if found is None:
        skip_or_fail(f"the program {name} is not installed")
    return str(found)


def _unprivileged() -> dict[str, Any]:
    """The account that a server gets when the tests run as root; nothing otherwise."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {}


def _give(path: Path, account: dict[str, Any]) -> None:
    if account:
        os.chown(path, account["user"], account["group"])


@contextmanager
def _folder(account: dict[str, Any]) -> Iterator[Path]:
    # Not in pytest's own folder, into which another account may not look; short, because of the socket.
    with tempfile.TemporaryDirectory(prefix="server-", ignore_cleanup_errors=True) as folder:
        _give(Path(folder), account)
        yield Path(folder)


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C", "TMPDIR": str(folder)}


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _wait_for(url: URL, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            _execute(url, "SELECT 1")
        except OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the server did not start:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.05)
        else:
            return


def _execute(url: URL, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
