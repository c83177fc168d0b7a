# SPDX-License-Identifier: MIT
"""Guards around every test, and the fixtures that start the application in a process of its own.

A guard puts back what a test changed for the whole process, and fails the test for what it should have put
back itself.
"""

import contextlib
import copy
import importlib
import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import Any

import hydra
import optuna
import pytest
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hypothesis import settings
from omegaconf.basecontainer import BaseContainer

import hyperopt_app
from tests._releases import IS_1_4

REPO = Path(__file__).resolve().parent.parent
PROGRAM_TIMEOUT_S = 50.0  # under pytest's own limit for a test, so that the program's output is seen
THREAD_GRACE_S = 5.0

CLUSTER_PROGRAMS = ("sacct", "salloc", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
CLUSTER_VARIABLES = ("SLURM_", "SLURMD_", "SBATCH_", "SUBMITIT_", "PBS_")
# What pytest and the libraries below us set for good on their own account, mostly at import.
SET_BY_LIBRARIES = (
    "PYTEST_",
    "KMP_",
    "CUDA_MODULE_LOADING",
    "TORCHINDUCTOR_",
    "TORCH_NCCL_",
    "PL_GLOBAL_SEED",
    "PYTORCH_NVML_BASED_CUDA_CHECK",
)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)


def _stock_release() -> str | None:
    """Which hydra-optuna-sweeper is installed; those before 1.4 are written for an older Optuna."""
    try:
        return version("hydra-optuna-sweeper")
    except PackageNotFoundError:
        return None


HAS_STOCK = (_stock_release() or "").startswith("1.4")
HAS_OLD_STOCK = _stock_release() is not None and not HAS_STOCK


def _hear_and_do_nothing(_number: int, _frame: FrameType | None) -> None:
    pass


# In the background of a script SIGINT is ignored, under nohup SIGHUP, and whoever is started inherits that. Of a signal
# that is heard, a program that is started gets the default again: so this process goes on as it was meant to, and what
# the tests start is as a user starts it.
for _one in (*SIGNALS, signal.SIGQUIT):
    if signal.getsignal(_one) is signal.SIG_IGN:
        signal.signal(_one, _hear_and_do_nothing)

# absl, which Keras imports, keeps the standard error of that moment, and closes it when logging is
# configured anew under another one: within a test that is pytest's own file, and pytest could not go on.
if importlib.util.find_spec("absl") is not None:
    _absl_handler: Any = importlib.import_module("absl.logging").get_absl_handler()
    _absl_handler.python_handler.setStream(sys.__stderr__)

# No deadline for an example: the machine may be busy. No database: a run does not depend on the one before.
settings.register_profile("project", deadline=None, database=None)
settings.load_profile("project")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with the reason, what this machine lacks the hardware or the cluster for."""
    if item.get_closest_marker("slurm") and not shutil.which("sbatch"):
        pytest.skip("no Slurm on this machine (sbatch is not on the PATH)")
    if item.get_closest_marker("stock") and not HAS_STOCK:
        pytest.skip("hydra-optuna-sweeper of the tested set is not installed")
    if item.get_closest_marker("gpu") and not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("no CUDA device on this machine")


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """As a user's process has it, whatever a program that ran in a test before has set."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(autouse=True)
def _environment_kept() -> Iterator[None]:
    """Fail a test that leaves another environment or import path behind, and put them and the directory back.

    It asks for no other fixture, so it is the first to begin and the last to end: by then `monkeypatch` has
    undone its changes.
    """
    directory, before, path = Path.cwd(), dict(os.environ), [*sys.path]
    yield
    os.chdir(directory)
    left, sys.path[:] = [*sys.path], path
    after = dict(os.environ)
    os.environ.clear()
    os.environ.update(before)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    leaks = [name for name in changed if not name.startswith(SET_BY_LIBRARIES)]
    if leaks:
        pytest.fail(f"the test left environment variables changed: {', '.join(leaks)}; use monkeypatch.setenv")
    if left != path:
        pytest.fail(f"the test left another sys.path: {left}; use monkeypatch.setattr")


@pytest.fixture(autouse=True)
def _own_directory(
    _environment_kept: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new, empty working directory; nothing is written into the repository."""
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))


@pytest.fixture(autouse=True)
def _no_cluster(
    _environment_kept: None,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Hide the allocation that pytest itself runs in, and put refusing programs before a real cluster's.

    Where a program is absent, it stays absent: what asks `shutil.which` sees the truth.
    """
    if request.node.get_closest_marker("slurm"):
        return
    for name in [name for name in os.environ if name.startswith(CLUSTER_VARIABLES)]:
        monkeypatch.delenv(name)
    found = [name for name in CLUSTER_PROGRAMS if shutil.which(name)]
    if found:
        folder = tmp_path_factory.mktemp("no_cluster")
        for name in found:
            _write_program(folder / name, f"echo '{name}: a test without the mark slurm called it' >&2; exit 97")
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def _write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def _hydra_kept() -> Iterator[None]:
    """Every test begins with Hydra as discovery leaves it, whatever the one before did to its singletons.

    Discovery comes first: what it puts into the ConfigStore is no leak. A module that is imported already
    would not register its configs again.
    """
    Plugins.instance()
    store = ConfigStore.instance()
    repo, resolvers = _tree(store.repo), copy.copy(BaseContainer._resolvers)
    lasting = (ConfigStore, Plugins, SourcesRegistry)
    kept: dict[type, Singleton] = {cls: one for cls, one in Singleton._instances.items() if cls in lasting}
    if not IS_1_4:
        hydra.version.setbase(None)  # 1.3 behaves like 1.1 until it is asked for its own ways
    yield
    Singleton._instances = kept
    store.repo = repo
    BaseContainer._resolvers = resolvers


def _tree(repo: Mapping[str, Any]) -> dict[str, Any]:
    # The nodes themselves are never changed: ConfigStore.load() hands out copies.
    return {name: _tree(node) if isinstance(node, dict) else node for name, node in repo.items()}


@pytest.fixture(autouse=True)
def _logging_kept() -> Iterator[None]:
    """Put the root logger back: Hydra's job logging leaves handlers there that write to old streams."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _signals_kept() -> Iterator[None]:
    """Fail a test that leaves a signal handler behind, and put the old one back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    left = [number for number, handler in before.items() if signal.getsignal(number) != handler]
    for number in left:
        signal.signal(number, before[number])
    if left:
        pytest.fail(f"the test left its own handlers for {', '.join(number.name for number in left)}")


@pytest.fixture(autouse=True)
def _threads_ended() -> Iterator[None]:
    """Fail a test whose threads would keep the process alive."""
    before = set(threading.enumerate())
    yield
    started = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    for thread in started:
        thread.join(THREAD_GRACE_S)
    left = [thread.name for thread in started if thread.is_alive()]
    if left:
        pytest.fail(f"the test left threads running: {', '.join(left)}")


@pytest.fixture
def run_script() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`run_script(path, *args, cwd=None, timeout=50, env=None)`: run a Python file as a user would.

    The program imports the same `hyperopt_app` as this process. Its standard output and error are captured as
    text, its exit code is for the test to check. `env` is added to the environment. At the time limit it is
    killed with all that it started, and the test fails with what it had written.
    """

    def run(path: Path | str, *args: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return _run_python(path, *args, **options)

    return run


@pytest.fixture
def run_app() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`run_app(*args, cwd=None, timeout=50, env=None)`: `python -m hyperopt_app ARGS` like `run_script`."""

    def run(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return _run_python("-m", "hyperopt_app", *args, **options)

    return run


@pytest.fixture
def start_app() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`start_app(*args, cwd=None, env=None)`: as `run_app`, but it returns at once with the running process.

    For tests that signal or kill what they started. The process leads a group of its own, which is killed at
    the end.
    """
    with contextlib.ExitStack() as programs:

        def start(*args: object, **options: Any) -> subprocess.Popen[str]:
            program = _start_python("-m", "hyperopt_app", *args, **options)
            programs.callback(_end, program)
            return program

        yield start


@pytest.fixture
def start_script() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`start_script(path, *args, cwd=None, env=None)`: as `start_app`, for a Python file."""
    with contextlib.ExitStack() as programs:

        def start(*args: object, **options: Any) -> subprocess.Popen[str]:
            program = _start_python(*args, **options)
            programs.callback(_end, program)
            return program

        yield start


def _run_python(
    *arguments: object, timeout: float = PROGRAM_TIMEOUT_S, **options: Any
) -> subprocess.CompletedProcess[str]:
    program = _start_python(*arguments, **options)
    late = False
    try:
        output, errors = program.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        late, (output, errors) = True, _end(program)
    if late:
        pytest.fail(f"{program.args!r} did not end within {timeout:g} s\n{output}\n{errors}")
    return subprocess.CompletedProcess(program.args, program.returncode, output, errors)


def _start_python(
    *arguments: object, cwd: Path | str | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**_environment_of_programs(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _end(program: subprocess.Popen[str]) -> tuple[str, str]:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    return program.communicate()


def _environment_of_programs() -> dict[str, str]:
    """The environment in which a new interpreter imports the very `hyperopt_app` that is under test here."""
    # Programs keep their bytecode, as a user's do: compiling all of ours anew takes each of them most of a second.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    root = str(Path(hyperopt_app.__file__).resolve().parent.parent)
    if root == str(REPO):
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    return environment
