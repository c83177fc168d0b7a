# SPDX-License-Identifier: MIT
"""Rewrite the tables of the original interface after a command that changes which trials count."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna

__all__ = ["write_tables"]


def write_tables(study: "optuna.Study", study_dir: Path) -> None:
    """Rewrite the tables of the original interface, if the study belongs to it."""
    from hyperopt_app.legacy.tables.files import write_tables_of

    write_tables_of(study, study_dir)
