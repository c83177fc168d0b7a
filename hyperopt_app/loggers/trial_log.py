# SPDX-License-Identifier: MIT
"""Follow a trial with the runs of all chosen loggers, from its worker; what fails there is a warning, never a fault.

The study is the truth: a run that is opened again is given each point that the study has and the run lacks, so
nothing is lost with a worker that was killed, or that could not reach a logger.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from hyperopt_app.loggers.facts import end_of, end_of_stored, facts_of_stored
from hyperopt_app.loggers.kept import ended_runs, keep_runs, known_runs
from hyperopt_app.loggers.registry import open_run
from hyperopt_app.loggers.run import RunEnd, RunFacts, RunLogger
from hyperopt_app.objective.outcomes import Outcome
from hyperopt_app.study.identity import study_id
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.records.trial_records import directory_of
from hyperopt_app.study.repeated_warnings import is_first
from hyperopt_app.study.trial_directory import place_now
from hyperopt_app.study.trial_facts import own_curve
from hyperopt_app.support.passwords import mask_password

__all__ = ["TrialLog", "end_left_open"]

_log = logging.getLogger(__name__)


class TrialLog:
    """The runs of the trial that a worker has just now.

    Args:
        plan: The plan of the study, with the settings of the loggers.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._facts: RunFacts | None = None
        self._runs: dict[str, RunLogger] = {}

    @property
    def has_all(self) -> bool:
        """Whether the runs of all loggers are open."""
        return self._runs.keys() == self._plan.logger.keys()

    def begin(self, facts: RunFacts, curve: Mapping[int, float]) -> None:
        """Open the trial's runs, those of an earlier attempt if there was one.

        Args:
            facts: The trial.
            curve: Step to value, what is reported already.
        """
        self._facts, self._runs = facts, {}
        known = known_runs(facts.directory)
        for logger, settings in self._plan.logger.items():
            with self._warning(logger, facts):
                self._runs[logger] = open_run(logger, settings, facts, known.get(logger))
        with _forgiven("its record", facts):
            keep_runs(facts.directory, {**known, **{logger: run.run_id for logger, run in self._runs.items()}})
        for logger, run in tuple(self._runs.items()):
            with self._warning(logger, facts):
                for step in sorted(curve):
                    if not run.has(step):
                        run.report(curve[step], step)

    def report(self, value: float, step: int) -> None:
        """Add a point to the curves. Runs where the trial's reports are stored."""
        for logger, run in tuple(self._runs.items()):
            if self._facts is not None:
                with self._warning(logger, self._facts):
                    run.report(value, step)

    def settle(self, outcome: Outcome) -> None:
        """Close the runs: for good if the trial has ended, else so that they can be continued."""
        self.close(end_of(self._plan, outcome))

    def close(self, end: RunEnd | None) -> None:
        """Close the runs; None for a trial that will be continued."""
        facts, runs, self._facts, self._runs = self._facts, self._runs, None, {}
        if facts is None:
            return
        ended = ended_runs(facts.directory)
        for logger, run in runs.items():
            with _forgiven(logger, facts):
                if end is None:
                    run.pause()
                else:
                    run.end(end)
                    ended[logger] = end.state
        if end is not None:
            with _forgiven("its record", facts):
                keep_runs(facts.directory, known_runs(facts.directory), ended)

    def end_stored(self, study: optuna.Study, numbers: Sequence[int]) -> None:
        """End the runs of trials that waited and will not go on; nobody has their runs open.

        Args:
            study: The open study.
            numbers: Those of the trials, which have ended in the study.
        """
        chosen = set(numbers)
        trials = [trial for trial in study.get_trials(deepcopy=False) if trial.number in chosen]
        end_left_open(self._plan, study_id(study), trials)

    @contextlib.contextmanager
    def _warning(self, logger: str, facts: RunFacts) -> Iterator[None]:
        """Leave a logger that fails out of the rest of this attempt."""
        with _forgiven(logger, facts) as failed:
            yield
        if failed:
            self._runs.pop(logger, None)


@contextlib.contextmanager
def _forgiven(logger: str, facts: RunFacts) -> Iterator[list[Exception]]:
    """Warn of what a logger raises, the first time in a study, and append it to the list that is given."""
    raised: list[Exception] = []
    try:
        yield raised
    except Exception as error:  # noqa: BLE001 - a logger of others may raise anything; the trial goes on without it
        raised.append(error)
        text = mask_password(f"{type(error).__name__}: {' '.join(str(error).split())}")
        if is_first(f"logger {logger}: {text}"):
            _log.warning("logger %s: %s; trial %d goes on without it", logger, text, facts.number)


def end_left_open(plan: Plan, identity: str, trials: Sequence[FrozenTrial]) -> None:
    """End the runs of trials that have ended where nobody had their runs open: their workers had died, or they waited.

    Runs for trials that no worker has. At the first logger that cannot be reached it leaves the rest, which
    the next command tries again.

    Args:
        plan: The plan of the study.
        identity: The study's own id.
        trials: Those of the study.
    """
    for trial in trials:
        end, directory = end_of_stored(plan, trial), place_now(directory_of(trial), plan.study_dir)
        if end is not None and directory is not None and _is_left_open(plan, directory):
            log = TrialLog(plan)
            log.begin(facts_of_stored(plan, identity, trial, directory), own_curve(trial))
            is_reached = log.has_all
            log.close(end)
            if not is_reached:  # a server that is away would be waited for once for each trial
                return


def _is_left_open(plan: Plan, directory: Path) -> bool:
    """Whether a run of one of the chosen loggers was begun and not ended."""
    return bool((known_runs(directory).keys() & plan.logger.keys()) - ended_runs(directory).keys())
