# SPDX-License-Identifier: MIT
"""Resolve the paths of a hyperparameter file: objective, save_path, storage, log. Reads files, writes none."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperopt_app.legacy.reading.findings import Findings, missing, nearest, shown
from hyperopt_app.support.passwords import mask_password

__all__ = ["Origins", "log_file", "save_directory", "storage_url"]

_TYPES = ("sqlite", "maria", "nfs")
_LONGEST_NAME = 255  # bytes, on every filesystem that clusters have
_NO_NAME = "unnamed"
_REMEDY = "write storage_type: nfs for a new study, or move this one with `hyperopt-app legacy import`"


@dataclass(frozen=True)
class Origins:
    """The directories against which relative paths are resolved.

    Attributes:
        beside: The directory of the hyperparameter file, asked first.
        cwd: The working directory, asked next, and taken for what is in neither.
        network: Names the filesystem of a path if other machines may write it too, else None.
    """

    beside: Path
    cwd: Path
    network: Callable[[Path], str | None]

    def find(self, text: str, key: str, findings: Findings) -> Path:
        """Return the absolute path that a text means: the existing one, beside the file or in the working directory."""
        path = self.expanded(text, key, findings)
        if path.is_absolute():
            return path
        places = dict.fromkeys(folder / path for folder in (self.beside, self.cwd))
        there = [place for place in places if _is_there(place)]
        if len(there) > 1:
            findings.note(f"{key}: {text} is in two places, {there[0]} and {there[1]}; the first is used")
        return there[0] if there else self.cwd / path

    def place(self, text: str, key: str, findings: Findings) -> Path:
        """Resolve a path that need not exist yet: the existing folder decides."""
        path = self.expanded(text, key, findings)
        if path.is_absolute() or any(_is_there(folder / path) for folder in (self.beside, self.cwd)):
            return self.find(str(path), key, findings)
        return self.find(str(path.parent), key, findings) / path.name

    def expanded(self, text: str, key: str, findings: Findings) -> Path:
        """Expand ~ and $VARIABLES in the path, unless a file has that literal name."""
        home = os.path.expanduser(text)  # noqa: PTH111 - pathlib's raises for an unknown user
        wide = os.path.expandvars(home)
        if "\0" in text or any(len(os.fsencode(part)) > _LONGEST_NAME for part in Path(wide).parts):
            findings.fault(key, f"{shown(text)} cannot be the name of a file; write a shorter one")
            return Path(_NO_NAME)
        if wide == home and re.search(r"\$[\w{]", home) and not _is_there(self.cwd / home):
            findings.note(f"{key}: {text} holds a $ that stands for nothing in this shell; it is part of the name")
        if wide == home or any(_is_there(folder / home) for folder in (self.beside, self.cwd)):
            return Path(home)
        findings.note(f"{key}: {text} stands for {wide} here; the original made a name with a dollar of it")
        return Path(wide)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def save_directory(
    hyper: Mapping[Any, Any], optuna: Mapping[Any, Any], origins: Origins, findings: Findings
) -> Path | None:
    """Return the directory of all output; the top level's key wins over the older one in `optuna`."""
    paths = {
        key: value
        for key, value in (("save_path", hyper.get("save_path")), ("optuna.save_path", optuna.get("save_path")))
        if value is not None
    }
    for key, value in paths.items():
        if not isinstance(value, str) or not value.strip():
            findings.fault(key, f"{shown(value)} is not a directory; write its path")
            return None
    if not paths:
        came = missing("save_path", [*hyper, *optuna])
        findings.fault("save_path", f"{came}; write the directory in which everything is to be saved")
        return None
    if len({str(Path(value)) for value in paths.values()}) > 1:
        findings.note(
            f"save_path stands at the top level and in optuna; {paths['save_path']} counts and "
            f"{paths['optuna.save_path']} is ignored, as always"
        )
    key, value = next(iter(paths.items()))
    path = origins.find(value, key, findings)
    if path.is_file():
        findings.fault(key, f"{path} is a file; write a directory")
    return path


def storage_url(
    optuna: Mapping[Any, Any], save_path: Path | None, origins: Origins, findings: Findings, *, is_prototype: bool
) -> str:
    """Return the study's storage in our form; empty after an error. The oldest form of file does not name it."""
    folder = save_path or origins.cwd
    storage, kind = optuna.get("storage"), optuna.get("storage_type")
    if storage is None and kind is None and "study_name" not in optuna and optuna.get("name") is not None:
        return _sqlite(folder / str(optuna["name"]), origins, findings)
    if storage is None and is_prototype:
        return _sqlite(folder / "hyper_opt.db", origins, findings)
    if not isinstance(storage, str) or not storage.strip():
        came = missing("storage", optuna) if storage is None else f"{shown(storage)} is not a storage"
        findings.fault("optuna.storage", f"{came}; write a file name and storage_type: sqlite, or a database URL")
        return ""
    if kind is None and "://" not in storage:
        findings.fault(
            "optuna.storage_type",
            f"{missing('storage_type', optuna)}; write sqlite (then {storage} is a file in save_path), nfs (a journal "
            "file), or maria (then storage is a database URL)",
        )
        return ""
    if kind is not None and kind not in _TYPES:
        findings.fault("optuna.storage_type", f"{shown(kind)} is not known; {_types(kind)}")
        return ""
    return _of_kind(storage, kind, folder, origins, findings)


def _types(kind: Any) -> str:
    database = {"mysql": "maria", "mariadb": "maria", "postgresql": "maria", "journal": "nfs", "sqlite3": "sqlite"}
    near = database.get(str(kind).lower())
    return f"write sqlite, maria or nfs{f' (did you mean {near}?)' if near else nearest(str(kind), _TYPES)}"


def _of_kind(storage: str, kind: str | None, folder: Path, origins: Origins, findings: Findings) -> str:
    if kind == "maria" and "://" not in storage:
        findings.fault(
            "optuna.storage",
            f"{shown(_masked_bare(storage))} is not a URL; write mysql+pymysql://HOST/DATABASE, with USER:PASSWORD and "
            "@ before HOST",
        )
        return ""
    if kind == "nfs":
        if "://" in storage:
            findings.fault(
                "optuna.storage",
                f"{shown(mask_password(storage))} is a URL, and storage_type: nfs wants the name of a journal file",
            )
            return ""
        name = origins.expanded(storage.removeprefix("journal:"), "optuna.storage", findings)
        return f"journal:{folder / name}"
    if "://" not in storage:
        return _sqlite(folder / origins.expanded(storage, "optuna.storage", findings), origins, findings)
    if kind == "sqlite" and not storage.startswith("sqlite"):
        findings.note(
            f"storage_type is sqlite, and storage is another database's URL: {mask_password(storage)} is used"
        )
    elif kind == "sqlite":
        findings.note(f"storage is a whole URL, of which storage_type: sqlite made nonsense; {storage} itself is used")
    return _url(storage, origins, findings)


def _url(storage: str, origins: Origins, findings: Findings) -> str:
    """Return a database URL in our form, with a relative file resolved."""
    if re.fullmatch(r"sqlite(\+\w+)?:(//|///|///:memory:)(\?.*)?", storage):
        findings.fault(
            "optuna.storage",
            f"{shown(storage)} is in the memory of one process, and workers are several; write a file name and "
            "storage_type: sqlite",
        )
        return ""
    match = re.fullmatch(r"(sqlite(?:\+\w+)?:///)([^?]+)(\?.*)?", storage)
    if not match or match[2].startswith("file:"):
        return storage
    path = origins.place(match[2], "optuna.storage", findings)
    return _sqlite(path, origins, findings, match[1], match[3] or "")


def _masked_bare(text: str) -> str:
    """Return a URL that lacks its scheme, without the password."""
    return mask_password(f"x://{text}").removeprefix("x://")


def _sqlite(path: Path, origins: Origins, findings: Findings, scheme: str = "sqlite:///", query: str = "") -> str:
    if path.is_dir():
        findings.fault("optuna.storage", f"{path} is a directory; write the name of a file")
        return ""
    network = origins.network(path)
    if network is None:
        return f"{scheme}{path}{query}"
    findings.note(
        f"{path} is an SQLite file on a network filesystem ({network}), whose locks do not always hold: workers on "
        f"several nodes can spoil it. It is used all the same; safer: {_REMEDY}"
    )
    return f"{scheme}{path}{query}{'&' if query else '?'}network=accept"


def log_file(
    hyper: Mapping[Any, Any], save_path: Path | None, origins: Origins, findings: Findings, *, is_alone: bool
) -> Path | None:
    """Return the log file that `log` requests; None for none."""
    path = _log_file(hyper, save_path, origins, findings, is_alone=is_alone)
    if path is not None and path.is_dir():
        findings.fault("log", f"{path} is a directory, and the log is a file; move it, or give another path")
    return path


def _log_file(
    hyper: Mapping[Any, Any], save_path: Path | None, origins: Origins, findings: Findings, *, is_alone: bool
) -> Path | None:
    log = hyper.get("log")
    if not log:
        return None
    folder = save_path or origins.cwd
    if is_alone and isinstance(log, str):
        return origins.find(log, "log", findings) / "log.txt"
    if not isinstance(log, Mapping):
        return folder / "log.txt"
    if hyper.get("save_path") is not None:
        return folder / "log.txt"
    file = log.get("save_path", "log.txt")
    if not isinstance(file, str) or not file:
        findings.fault("log.save_path", f"{shown(file)} is not a file; write the path of a log file")
        return None
    path = origins.place(file, "log.save_path", findings)
    will_be_there = () if save_path is None else (save_path / "studies", save_path / "trial_results")
    is_made = any(directory.is_relative_to(path) for directory in will_be_there)
    return path / "log.txt" if path.is_dir() or is_made else path
