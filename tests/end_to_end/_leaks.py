# SPDX-License-Identifier: MIT
"""Which files others may read, and passwords that are hard to hide."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote_plus

from tests.end_to_end._studies import APPS

# Long and odd, so that no part of one is in a file by chance.
IN_URL, IN_OPTION, IN_ODBC = "Zq7 ur1 w", "Zq7 0pt w", "Zq7 0dbc;w"
SECRETS = ("Zq7", "ur1 w", "0pt w", "0pt+w", "0pt%20w", "0dbc")
OVERRIDES = (
    f"db.url='postgresql://me:{IN_URL}@h/d?ssl_key_password={IN_OPTION}'",
    f"db.other='mssql+pyodbc:///?odbc_connect={quote_plus(f'DRIVER=x;UID=me;PWD={{{IN_ODBC}}};Server=h')}'",
)


def leaky_app(folder: Path) -> Path:
    """A copy of the app in `tests/apps/leaks`, whose config nobody else may read."""
    shutil.copytree(APPS / "leaks", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "config.yaml").chmod(0o600)
    return folder / "app.py"


def holding(folder: Path, secrets: Sequence[str]) -> list[str]:
    """The files below a folder that others may read and that hold one of the secrets; their paths in the folder."""
    found = []
    for path in _readable(folder):
        content = path.read_bytes()
        if any(secret.encode() in content for secret in secrets):
            found.append(str(path.relative_to(folder)))
    return sorted(found)


def _readable(folder: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        here = Path(directory)
        folders[:] = [name for name in folders if _mode(here / name) & (stat.S_IXGRP | stat.S_IXOTH)]
        yield from (here / name for name in files if _mode(here / name) & (stat.S_IRGRP | stat.S_IROTH))


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes_that_are_not_told(study: Path, page: Path) -> list[str]:
    """What lies in a study, whose command ran under umask 022, and is not in the page's table with its mode."""
    table, faults = told_modes(page), []
    for path in [study, *study.rglob("*")]:
        name = "." if path == study else f"{path.relative_to(study)}{'/' * path.is_dir()}"
        told = {mode for pattern, mode in table.items() if re.fullmatch(pattern, name)}
        if not path.is_symlink() and "/conf/" not in name.rstrip("/") and told != {f"{_mode(path):o}"}:
            faults.append(f"{name} has mode {_mode(path):o}, told are {told}")
    return faults


def told_modes(page: Path) -> dict[str, str]:
    """The table of a study's files: a pattern of names, and their mode."""
    rows = re.findall(r"^\| `(\S+)` \| \**(\d{3})\** \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {_pattern(name): mode for name, mode in rows}


def _pattern(name: str) -> str:
    spelled = re.escape(name).replace("<trial>", r"(trials/)?\d+").replace("<n>", r"\d+")
    return spelled.replace(r"\*", r"[^/]+")
