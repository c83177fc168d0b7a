# SPDX-License-Identifier: MIT
"""Write what the original left in save_path beside the tables: copies of the YAML files, job ids, launch script.

The copies also show what changed in the model config since the study's last run.
"""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hyperopt_app.support.files import replace_text
from hyperopt_app.support.passwords import mask_password
from hyperopt_app.support.shown_config import value_changes

__all__ = ["changed_values", "keep_copies", "keep_jobs"]


def keep_copies(
    hyper_path: Path, model_path: Path | None, effective: Mapping[Any, Any] | None, save_path: Path, earlier: Path
) -> None:
    """Copy the YAML files into save_path; an older copy that differs goes to the study. Runs in the driver.

    Args:
        hyper_path: The hyperparameter file.
        model_path: The model file, if there are two.
        effective: The hyperparameters with the command line's values, if there are any; else the file is copied.
        save_path: Where to; it exists.
        earlier: The folder for older copies; made if there is one.
    """
    text = hyper_path.read_text(encoding="utf-8") if effective is None else _dumped(effective)
    _keep(save_path / hyper_path.name, mask_password(text), hyper_path, earlier)
    if model_path is not None:
        _keep(save_path / model_path.name, mask_password(model_path.read_text(encoding="utf-8")), model_path, earlier)


def _dumped(effective: Mapping[Any, Any]) -> str:
    return yaml.safe_dump(json.loads(json.dumps(effective, default=str)), sort_keys=False, allow_unicode=True)


def _keep(target: Path, text: str, source: Path, earlier: Path) -> None:
    if target.exists():
        if target.samefile(source) or (before := target.read_text(encoding="utf-8")) == text:
            return
        _keep_earlier(earlier, target, before)
    replace_text(target, text, _mode(source))


def _keep_earlier(folder: Path, target: Path, text: str) -> None:
    """Store a copy under the next number, unless the same text exists: two commands may be run in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (older := folder / f"{target.stem}.{number}{target.suffix}").exists():
        if older.read_text(encoding="utf-8") == text:
            return
        number += 1
    replace_text(older, text, _mode(target))


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def keep_jobs(study_dir: Path, save_path: Path, dialect: str) -> None:
    """Write one id a line to `slurm_job_ids.txt` or `pbs_job_ids.txt`, and the script. In the driver.

    Ids of earlier submissions stay; the prototype and the first release called the files `job_ids.txt` and `launch.sh`.
    """
    try:
        kept = json.loads((study_dir / "launches" / "jobs.json").read_text())
    except (OSError, ValueError):
        return
    scheduler, is_first = str(kept["scheduler"]), dialect in {"A0", "A1"}
    path = save_path / ("job_ids.txt" if is_first else f"{scheduler}_job_ids.txt")
    before = path.read_text().split() if path.exists() else []
    replace_text(path, "".join(f"{job}\n" for job in dict.fromkeys([*before, *map(str, kept["jobs"])])))
    scripts = [*study_dir.glob("workers/slurm/*submission*.sh")] if scheduler == "slurm" else []
    scripts = scripts or [*study_dir.glob("launches/*/worker-0.pbs")]
    if scripts:
        newest = max(scripts, key=lambda script: script.stat().st_mtime)
        replace_text(save_path / ("launch.sh" if is_first else f"launch_{scheduler}.sh"), newest.read_text())


_NOT_OF_THE_MODEL = ("defaults", "objective", "optuna", "placed", "hydra")


def changed_values(before: str, after: str) -> str:
    """Return the values of the model config that differ, at most five; empty if none do.

    Args:
        before: The text of the last run's config.yaml.
        after: The text of this run's.
    """
    try:
        old, new = yaml.safe_load(before), yaml.safe_load(after)
    except (yaml.YAMLError, ValueError):  # somebody has edited it
        return ""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return ""
    # What is searched has a value of its own there, which means nothing.
    sweepers = [(config.get("hydra") or {}).get("sweeper") or {} for config in (old, new)]
    searched = {str(key).lstrip("+") for sweeper in sweepers for key in sweeper.get("params") or {}}
    return ", ".join(value_changes(old, new, searched, left_out=_NOT_OF_THE_MODEL, with_types=True))
