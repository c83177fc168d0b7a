# SPDX-License-Identifier: MIT
"""What the documentation shows is run: every command of its bash blocks, every example of its Python blocks."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPO.glob("*.md"), *REPO.glob("docs/*.md"), *REPO.glob("*/README.md")])

# Lines that make an environment: `.ci/run` runs the test command of the README; the other differs in its last word.
_SETS_UP = "python3 -m venv"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# A file's name stands in its first line, or below the line that Hydra wants there.
_TITLED = re.compile(r"^(?:# @package \S+\n)?# (\S+\.(?:py|ya?ml))\n")
# A benchmark's default size measures; a test only wants to see that it runs.
_SMALL = {
    "benchmarks/overhead.py": "--trials 4 --repeats 1",
    "benchmarks/richer.py": "--trials 12 --seeds 1",
    "benchmarks/report_page.py": "--trials 40 --steps 5",
    "benchmarks/slots.py": "--trials 4 --mean-s 0.1",
    "benchmarks/help_time.py": "--repeats 1",
    "benchmarks/isolation.py": "--trials 4 --repeats 1",
    "benchmarks/teaching.py": "--trials 15 --seeds 1",
    "benchmarks/throughput.py": "--storages journal sqlite --sizes 10 --workers 1 2 --seconds 1",
    "benchmarks.gpu": "--parts mps",  # tests/unit/benchmarks/test_gpu_parts.py runs all of it
    "benchmarks.search run": "--runs 0-0",
    "benchmarks.search.digits_table": "--configs 1",
    # It has one size; beside the copy of the benchmarks there are no packages to trace.
    "benchmarks/trace_rooms.py": f"--source {REPO}",
}
# It needs a real Slurm: tests/cluster/test_chaos.py runs it.
_ELSEWHERE = ("benchmarks/chaos.py",)


def _blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def _commands(page: Path) -> Iterator[str]:
    for block in _blocks(page, "bash"):
        for line in block.splitlines():
            command = line.partition("  #")[0].strip()
            if command and not command.startswith("#") and not any(one in command for one in (_SETS_UP, *_ELSEWHERE)):
                yield command


def _is_slow(command: str) -> bool:
    return any(word in command for word in ("hparams=holodec", "benchmarks", "nox", "_wave"))


def _cases(*, slow: bool) -> list[Path]:
    return [page for page in PAGES if any(_is_slow(command) is slow for command in _commands(page))]


def _long_cases() -> list[Any]:
    """The pages with long commands; the benchmarks and the frameworks, which take minutes, wait for the night."""
    night = [pytest.mark.nightly]
    long = ("benchmarks/README.md", "docs/frameworks.md")
    return [
        pytest.param(page, marks=night if str(page.relative_to(REPO)) in long else []) for page in _cases(slow=True)
    ]


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder with the README's example files, and a PATH on which `python` and `hyperopt-app` are this clone's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    entry = "import sys; from hyperopt_app.cli import main; sys.argv[0] = 'hyperopt-app'; main()"
    for name, words in (("python", ""), ("hyperopt-app", f'-c "{entry}"')):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)
    for page in PAGES:
        for block in (*_blocks(page, "python"), *_blocks(page, "yaml")):
            titled = _TITLED.match(block)
            if titled:
                path = tmp_path / titled[1]
                path.parent.mkdir(exist_ok=True)
                path.write_text(block)
    shutil.copytree(REPO / "benchmarks", tmp_path / "benchmarks")
    shutil.copy(REPO / "optimize.py", tmp_path)
    return tmp_path


def _run(command: str, folder: Path, timeout_s: float) -> None:
    for name, small in _SMALL.items():
        command = command.replace(name, f"{name} {small}") if name in command else command
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(REPO), "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", _cases(slow=False), ids=lambda page: str(page.relative_to(REPO)))
def test_the_quick_commands_of_a_page_run_in_their_order(page: Path, shell: Path) -> None:
    """A reader who types a page's commands from top to bottom sees none of them fail."""
    for command in _commands(page):
        if not _is_slow(command):
            _run(command, shell, timeout_s=120)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", _long_cases(), ids=lambda page: str(page.relative_to(REPO)))
def test_the_long_commands_of_a_page_run(page: Path, shell: Path) -> None:
    """The trainings and the benchmarks that a page names run too, the benchmarks at a small size."""
    for command in _commands(page):
        if _is_slow(command):
            _run(command, shell, timeout_s=800)


def test_the_readme_has_the_two_commands() -> None:
    """The README shows one line that sets up and runs the main job, and one that sets up and passes the tests."""
    lines = [line for block in _blocks(REPO / "README.md", "bash") for line in block.splitlines() if _SETS_UP in line]
    assert len(lines) == 2
    assert lines[0].endswith("python -m hyperopt_app --multirun hparams=holodec")
    assert lines[1].endswith("&& python -m pytest")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """No page links to a file that is not there."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing
