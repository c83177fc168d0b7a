# SPDX-License-Identifier: MIT
"""Which files others may read, and passwords that are hard to hide."""

import os
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
