# SPDX-License-Identifier: MIT
"""Write the translation of a pair and run the Hydra application on it in this process, once for each launcher."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from hyperopt_app.driver.application import run_application
from hyperopt_app.legacy.reading.pair import Launcher, Pair
from hyperopt_app.legacy.save_path import changed_values, keep_jobs
from hyperopt_app.legacy.translating.config_text import write_config
from hyperopt_app.legacy.translating.translation import Translation, study_dir_of, translate
from hyperopt_app.support.files import replace_text
from hyperopt_app.support.wording import Wording

__all__ = ["Search", "words"]


def words(place: Path) -> list[str]:
    """Return the command line that searches with a config directory."""
    return ["hyperopt-app", "--config-path", str(place.absolute()), "--config-name", "config", "--multirun"]


@dataclass
class Search:
    """The search of one command.

    Attributes:
        pair: The pair, with its launchers.
        place: Where the translation goes.
        wording: How the command names its settings.
        accepted: Called once when the application has accepted the study; gets the change of the model config since
            the last run (empty if there is none), and whether the study is begun now.
        overrides: Further words for the application.
    """

    pair: Pair
    place: Path
    wording: Wording
    accepted: Callable[[str, bool], None]
    overrides: Sequence[str] = ()
    _is_accepted: bool = field(default=False, init=False)

    def run(self) -> int:
        """Run the translation once for each launcher, usually one; a refused command leaves no trace of it."""
        before = {path: path.read_text(encoding="utf-8") for path in self.place.rglob("*.yaml")}
        try:
            return self._run_all(before)
        finally:
            if not self._is_accepted:
                _put_back(self.place, before)

    def _run_all(self, before: Mapping[Path, str]) -> int:
        status = 0
        for launcher in self.pair.launchers or (Launcher("local_workers", {}, self.pair.workers),):
            pair = replace(self.pair, launchers=(launcher,), workers=launcher.workers)
            made = translate(pair)
            path = write_config(made, pair, self.place)
            status = self._run_one(made, launcher, before.get(path), path) or status
            if self._is_accepted:
                keep_jobs(study_dir_of(self.pair), self.pair.save_path, self.pair.dialect)
        return status

    def _run_one(self, made: Translation, launcher: Launcher, before: str | None, path: Path) -> int:
        def accepted() -> None:
            if not self._is_accepted:
                self._is_accepted = True
                change = "" if before is None else changed_values(before, path.read_text(encoding="utf-8"))
                self.accepted(change, before is None)

        where = f"{self.pair.hyper_path}: {launcher.source}" if launcher.source else self.wording.launcher
        os.environ.update(made.environment)
        return run_application([*words(self.place), *self.overrides], replace(self.wording, launcher=where), accepted)


def _put_back(place: Path, before: Mapping[Path, str]) -> None:
    """Restore the directory's previous content."""
    for path in place.rglob("*.yaml"):
        if path not in before:
            path.unlink()
    for path, text in before.items():
        if path.read_text(encoding="utf-8") != text:
            replace_text(path, text)
    for folder in sorted([*(path for path in place.rglob("*") if path.is_dir()), place], reverse=True):
        with suppress(OSError):  # it is not empty
            folder.rmdir()
