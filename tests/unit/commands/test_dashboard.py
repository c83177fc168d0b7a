# SPDX-License-Identifier: MIT
"""`hyperopt-app dashboard`: optuna-dashboard on a journal of ours and on a database, without writing into them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit._made_studies import ended, kept, mixed
from tests.unit.test_cli import _refusal


def _answer(address: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    request = urllib.request.Request(address, method=method, headers=headers)  # noqa: S310 - of this machine
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@contextmanager
def _serving(*words: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The address that the command prints, and its lines; it is ended by Ctrl-C, which must be quiet."""
    program = subprocess.Popen(
        [sys.executable, "-c", "from hyperopt_app.cli import main; main()", "dashboard", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert program.stdout is not None
    lines = [program.stdout.readline(), program.stdout.readline()]
    match = re.search(r"http://localhost:\d+", lines[0])
    try:
        assert match is not None, lines
        yield match[0], lines
    finally:
        program.send_signal(signal.SIGINT)
        rest, errors = program.communicate(timeout=30)
    assert (program.returncode, rest, errors) == (0, "", "")


def test_a_study_is_served_and_only_read() -> None:
    """Its trials are there; what would write is refused, and so are requests by the name of another machine."""
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")
    mixed(Path("studies/mixed"))
    before = {path: path.read_bytes() for path in Path("studies").rglob("*") if path.is_file()}
    with _serving("mixed") as (address, lines):
        port = address.rpartition(":")[2]
        assert re.match(rf"From another machine: ssh -N -L {port}:localhost:{port} \S+@\S+", lines[1])
        assert f"{address}/dashboard/studies/0" in lines[0]
        status, study = _answer(f"{address}/api/studies/0")
        assert (status, study["name"], len(study["trials"])) == (200, "mixed", 10)
        assert urllib.request.urlopen(f"{address}/dashboard", timeout=30).status == 200  # noqa: S310
        for method in ("DELETE", "POST", "PUT"):
            assert _answer(f"{address}/api/studies/0", method)[0] == 403
        assert _answer(f"{address}/api/studies", Host="pages.example.org")[0] == 403
        with socket.create_connection(("127.0.0.1", int(port)), timeout=30):
            assert "give another, or none" in _refusal("dashboard", "mixed", "--port", port)
    assert {path: path.read_bytes() for path in Path("studies").rglob("*") if path.is_file()} == before


def test_a_database_is_served() -> None:
    """By its URL, which may name one of several studies."""
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")
    url = f"sqlite:///{Path.cwd()}/all.db"
    for name in ("one", "two"):
        kept(Path("studies") / name, [ended(values=0.25)], storage=url)
    with _serving("studies/two", "--storage", url, "--name", "two") as (address, lines):
        (number,) = re.findall(r"/dashboard/studies/(\d+);", lines[0])
        assert _answer(f"{address}/api/studies/{number}")[1]["name"] == "two"
        assert "all.db" not in "".join(lines)


def test_a_missing_requirement_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    kept(Path("studies/new"), [], n_trials=2)
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    assert "needs optuna-dashboard, which is not installed: pip install" in _refusal("dashboard", "new")
    assert "directory not found" in _refusal("dashboard", "nowhere")
