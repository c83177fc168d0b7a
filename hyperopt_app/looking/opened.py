# SPDX-License-Identifier: MIT
"""A study opened in Python: its trials and curves as data frames, its best trial, configs and checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.health.checks import health
from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.one_trial import retrain_of
from hyperopt_app.looking.opening import study_in
from hyperopt_app.looking.summary import summary_of
from hyperopt_app.looking.tables.frames import curves_frame, trials_frame
from hyperopt_app.looking.view import read_view
from hyperopt_app.repeats.shown import best_repeat
from hyperopt_app.results.files import checkpoint_in
from hyperopt_app.study.records.trial_records import directory_of, metrics_of
from hyperopt_app.study.trial_directory import place_now, training_directory
from hyperopt_app.support.display_text import value_text

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    from omegaconf import DictConfig
    from optuna.trial import FrozenTrial

__all__ = ["CompleteTrial", "OpenedStudy", "open_directory"]

_MOST_SHOWN = 10


@dataclass(frozen=True)
class CompleteTrial:
    """A complete trial.

    Attributes:
        number: Its number in the study.
        values: The optimised values by the metrics' names.
        params: The parameters, as the values that they stand for.
        metrics: Everything that the objective returned, by name.
        directory: Its directory as this machine sees it; None if it is not there.
        retrain: The shell command that trains it once more; None if the study does not say how.
    """

    number: int
    values: Mapping[str, float]
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    directory: Path | None
    retrain: str | None


class OpenedStudy:
    """A study as it was when it was opened, or last refreshed; nothing of it is written.

    Attributes:
        study: The Optuna study, for Optuna's own functions.
        directory: The study's directory.
    """

    def __init__(self, study: "optuna.Study", directory: Path) -> None:
        """Read the study.

        Args:
            study: The open study.
            directory: Its directory.
        """
        self.study = study
        self.directory = directory
        self._view = read_view(study, directory)

    def refresh(self) -> "OpenedStudy":
        """Read the study anew, for a search that still runs, and return this object."""
        self._view = read_view(self.study, self.directory)
        for name in ("trials", "curves"):
            self.__dict__.pop(name, None)
        return self

    @property
    def name(self) -> str:
        """Return the study's name."""
        return self._view.name

    @property
    def state(self) -> str:
        """Return `running`, `waiting`, `stopping`, `stopped` or `done`, as `hyperopt-app ls` shows it."""
        return self._view.state

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the names of the optimised values; `value` if they have none."""
        return self._view.metrics

    @property
    def directions(self) -> tuple[str, ...]:
        """Return `minimize` or `maximize` for each of them."""
        return self._view.directions

    @cached_property
    def trials(self) -> "pd.DataFrame":
        """All trials by number, with the columns of `trials.csv`; those that no longer count say so in `set_aside`.

        Raises:
            StudyMismatchError: pandas is not installed.
        """
        return trials_frame(self._view)

    @cached_property
    def curves(self) -> "pd.DataFrame":
        """The learning curves: one row with `number`, `step` and `value` for each report.

        Raises:
            StudyMismatchError: pandas is not installed.
        """
        return curves_frame(self._view)

    @property
    def best(self) -> CompleteTrial:
        """Return the best trial of a study with one objective.

        Raises:
            StudyMismatchError: No trial has completed, or there are several objectives: take `front` then.
        """
        if len(self.metrics) > 1:
            raise StudyMismatchError(
                f"{self.directory} optimises {', '.join(self.metrics)}, so it has not one best trial; take .front"
            )
        return self.front[0]

    @property
    def front(self) -> list[CompleteTrial]:
        """Return the Pareto front by number; with one objective the best trial alone.

        Raises:
            StudyMismatchError: No trial has completed.
        """
        if not self._view.best:
            raise StudyMismatchError(f"{self.directory}: no trial has completed yet")
        return [self._complete(trial) for trial in self._view.best]

    def _complete(self, trial: "FrozenTrial") -> CompleteTrial:
        return CompleteTrial(
            number=trial.number,
            values=dict(zip(self.metrics, trial.values, strict=True)),
            params=self._view.params_of(trial),
            metrics=dict(metrics_of(trial)),
            directory=place_now(directory_of(trial), self.directory),
            retrain=retrain_of(self._view, trial),
        )

    def best_config(self) -> "DictConfig":
        """Return the composed config of the best trial; see `config`."""
        return self.config(self.best.number)

    def config(self, number: int) -> "DictConfig":
        """Return the config with which a trial ran, from Hydra's record in its directory.

        Interpolations are resolved when a value is read. Passwords of URLs are `***`, as in the record.

        Args:
            number: The trial's number.

        Raises:
            StudyMismatchError: The trial has no such record here.
        """
        from omegaconf import DictConfig, OmegaConf

        path = self._training_directory(number) / ".hydra" / "config.yaml"
        try:
            config = OmegaConf.load(path)
        except OSError as error:
            raise StudyMismatchError(f"{path} cannot be read: {error.strerror}") from None
        if not isinstance(config, DictConfig):
            raise StudyMismatchError(f"{path} is not a config")
        return config

    def checkpoint(self, number: int | None = None) -> Path | None:
        """Return the last checkpoint of a trial: `last.ckpt`, else the newest `*.ckpt` in its directory; None if none.

        Of a configuration that was trained with several seeds it is that of the best one.

        Args:
            number: The trial's number; None for the best.

        Raises:
            StudyMismatchError: The trial's directory is not here.
        """
        path = checkpoint_in(self._training_directory(self.best.number if number is None else number))
        return None if path is None else Path(path)

    def _training_directory(self, number: int) -> Path:
        trial = self._view.trial(number)
        directory = place_now(directory_of(trial), self.directory)
        if directory is None:
            raise StudyMismatchError(f"{self.directory}: trial {number} has no directory that is seen from here")
        maximize = self._view.directions[0] == "maximize"
        return training_directory(directory, best_repeat(trial, maximize=maximize))

    @property
    def health(self) -> list[Finding]:
        """Return what the health checks find wrong; empty if all is well, or if there are too few trials to judge."""
        return health(self._view)

    def summary(self) -> str:
        """Return the lines with which a search ends."""
        return "\n".join(summary_of(self._view))

    def __repr__(self) -> str:
        view = self._view
        return f"<study {view.name} in {view.directory}: {view.state}, {view.ended} of {view.n_trials} trials>"

    def _repr_html_(self) -> str:
        """Return the summary and the best trials, for notebooks; all texts are escaped."""
        view = self._view
        ranked = view.ranked(_MOST_SHOWN)
        params = [view.params_of(trial) for trial in ranked]
        names = list(dict.fromkeys(name for entries in params for name in entries))
        head = _html_row("th", ["trial", *view.metrics, *names])
        rows = [
            _html_row("td", [best.number, *best.values, *(entries.get(name, "") for name in names)])  # noqa: PD011
            for best, entries in zip(ranked, params, strict=True)
        ]
        table = f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
        return f"<pre>{escape(self.summary())}</pre>{table}"


def _html_row(cell: str, values: Sequence[Any]) -> str:
    return "<tr>" + "".join(f"<{cell}>{escape(value_text(value))}</{cell}>" for value in values) + "</tr>"


def open_directory(path: str | Path, *, storage: str | None = None, name: str | None = None) -> OpenedStudy:
    """Open the study of a directory; see `hyperopt_app.open_study`."""
    directory = Path(path)
    if not directory.is_dir():
        raise StudyMismatchError(f"{directory}: directory not found; give that of a study, e.g. studies/holodec")
    return OpenedStudy(study_in(directory, storage, name), directory)
