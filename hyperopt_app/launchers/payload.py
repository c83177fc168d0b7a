# SPDX-License-Identifier: MIT
"""Serialise a sweep so that queued jobs start from the config as it was at submission.

Jobs may wait for hours while their YAML files are edited. So the driver copies the files of the config search path
beside the study and pickles the task with a search path that points to the copies. Code cannot be copied, so its
version is recorded. Workers load the payload.
"""

import copy
import importlib.metadata
import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.errors import PayloadError
from hyperopt_app.processes.python_start import search_path
from hyperopt_app.support.files import NotOwnError, read_own, replacing
from hyperopt_app.support.hydra_state import packed

__all__ = ["HEAD", "is_of_this_release", "load_payload", "read_settings", "write_again", "write_payload"]

# The first line of a payload, before the pickle: whoever cannot read what follows still understands it. Raise the
# number when what is pickled moves or changes its form. Payloads before 2 had no such line.
HEAD = b"hyperopt_app payload 2\n"

_PRIVATE_FOLDER = 0o700

# Beyond so many files a search path is not a folder of configs, and reading it afresh does less harm than copying it.
_MOST_FILES = 2000


def write_payload(
    place: Path,
    context: HydraContext,
    config: DictConfig,
    task_function: Callable[[Any], Any],
    overrides: Sequence[Sequence[str]],
    settings: dict[str, Any],
) -> Path:
    """Write the payload of one launch, readable only by its owner, since it may contain a storage's password.

    Args:
        place: The folder of this launch; made here, for its owner alone.
        context: Hydra's context, as the launcher got it.
        config: The composed config of the sweep.
        task_function: What each worker runs.
        overrides: Those of each worker's job.
        settings: Plain data for the worker process.

    Returns:
        The path of the payload.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir(mode=_PRIVATE_FOLDER)  # a folder that is there already may be anybody's
    frozen = copy.copy(context)
    frozen.config_loader = _with_copies(context.config_loader, place / "conf", Path(str(config.hydra.sweep.dir)))
    task = copy.copy(task_function)
    if hasattr(task, "context"):  # the trials are composed from the copies too
        inner = copy.copy(task.context)
        inner.config_loader = frozen.config_loader
        task.context = inner
    job = packed(
        {
            "context": frozen,
            "config": config,
            "task_function": task,
            "overrides": [list(words) for words in overrides],
        }
    )
    # What must be set before the rest can be unpickled stands outside of it.
    payload = pickle.dumps(
        {
            "sys_path": search_path(),
            "cwd": str(Path.cwd()),
            "environment": _set_by_the_script(),
            "settings": settings,
            "job": job,
        }
    )
    path = place / "payload.pkl"
    _write_private(path, HEAD + payload)
    _write_private(place / "environment.json", json.dumps(_environment(), indent=1).encode())
    return path


def load_payload(path: Path) -> dict[str, Any]:
    """Load the payload, and set this process's import path and working directory to the driver's.

    Raises:
        PayloadError: Another release has written it, or another user can have; nothing of it was unpickled.
    """
    payload = _content_of(path)
    sys.path[:] = list(dict.fromkeys([*payload["sys_path"], *sys.path]))
    os.chdir(payload["cwd"])
    for name, (before, value) in payload["environment"].items():
        if os.environ.get(name) in (None, before):  # else the scheduler has set it for this job, and that counts
            os.environ[name] = value
    return payload


def read_settings(path: Path) -> tuple[dict[str, Any], Path]:
    """Return what a payload says of its launch, and the driver's working directory; changes nothing of this process.

    Raises:
        PayloadError: As `load_payload`.
    """
    payload = _content_of(path)
    return payload["settings"], Path(payload["cwd"])


def write_again(path: Path, place: Path, settings: dict[str, Any]) -> Path:
    """Write the payload of a further launch of the same sweep, with the config that was frozen for the first.

    Args:
        path: The payload of an earlier launch, whose copies of the config stay where they are.
        place: The folder of the further launch; made here, for its owner alone.
        settings: Plain data for the worker process.

    Returns:
        The path of the new payload.

    Raises:
        PayloadError: As `load_payload`.
    """
    payload = {**_content_of(path), "settings": settings}
    place.mkdir(mode=_PRIVATE_FOLDER)
    _write_private(place / path.name, HEAD + pickle.dumps(payload))
    return place / path.name


def _content_of(path: Path) -> dict[str, Any]:
    try:
        content = read_own(path)
    except NotOwnError as error:
        raise PayloadError(
            f"{error}; a worker runs what its payload says, so it takes none that another user can have written: "
            "see who wrote it, then run the command of the search again, which submits workers with a new payload"
        ) from None
    if not content.startswith(HEAD):
        raise PayloadError(
            f"{path} was written by another release of hyperopt_app; its trials are left to others: "
            "run the command of the search again, which submits workers of this release"
        )
    payload: dict[str, Any] = pickle.loads(content[len(HEAD) :])  # noqa: S301 - nobody else can have written it
    return payload


def is_of_this_release(path: Path) -> bool:
    """Whether this release can read the payload; decided by its first line, without unpickling anything."""
    with path.open("rb") as payload:
        return payload.read(len(HEAD)) == HEAD


def _with_copies(loader: Any, folder: Path, sweep_dir: Path) -> Any:
    """Return a config loader that reads copies of the files of another loader."""
    search_path = copy.deepcopy(loader.config_search_path)
    for number, entry in enumerate(search_path.get_path()):
        source = _folder_of(str(entry.path))
        if source is None or not source.is_dir() or _is_of_a_package(source):
            continue
        files = list(_config_files(source, sweep_dir.absolute()))
        if len(files) > _MOST_FILES:
            continue
        target = folder / str(number)
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            (target / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target / file.relative_to(source))  # with its mode: what was private stays so
        entry.path = f"file://{target.absolute()}"
    return type(loader)(search_path)


def _folder_of(path: str) -> Path | None:
    scheme, _, rest = path.rpartition("://")
    if scheme in ("", "file"):
        return Path(rest).absolute()
    if scheme != "pkg" or not rest:
        return None
    try:
        origin = import_module(rest.replace("/", ".")).__file__
    except ImportError:
        return None
    return Path(origin).resolve().parent if origin else None


def _is_of_a_package(source: Path) -> bool:
    """Whether the files belong to an installed package, which nobody edits."""
    return bool({"site-packages", "dist-packages"} & set(source.parts))


def _config_files(source: Path, sweep_dir: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(source):
        folder = Path(directory)
        folders[:] = [name for name in folders if not name.startswith(".") and not _is_sweep(folder / name, sweep_dir)]
        yield from (folder / name for name in files if name.endswith((".yaml", ".yml")))


def _is_sweep(folder: Path, sweep_dir: Path) -> bool:
    """Whether a folder beside the configs is the directory of this or an earlier sweep."""
    return folder == sweep_dir or (folder / "multirun.yaml").exists()


def _set_by_the_script() -> dict[str, tuple[str | None, str]]:
    """Return environment variables that this program has set itself, such as PROJECT_ROOT: value before, and now."""
    try:
        words = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    before = dict(os.fsdecode(word).partition("=")[::2] for word in words)
    return {name: (before.get(name), value) for name, value in os.environ.items() if before.get(name) != value}


def _environment() -> dict[str, Any]:
    """Describe the code: git's commit and whether files differ from it, Python, and every installed package."""
    packages = sorted(
        {f"{package.metadata['Name']}=={package.version}" for package in importlib.metadata.distributions()}
    )
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S"),
        "directory": str(Path.cwd()),
        "git_commit": commit,
        "git_dirty": None if changed is None else bool(changed),
        "python": platform.python_version(),
        "packages": packages,
    }


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=10, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _write_private(path: Path, content: bytes) -> None:
    with replacing(path, mode=0o600) as aside:
        aside.write_bytes(content)
