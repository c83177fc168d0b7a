# SPDX-License-Identifier: MIT
"""What an objective sees of its trial, and what it hands back; imports no Optuna until a trial runs.

All of this runs in a worker. Outside a sweep there is no trial: `current_trial()` is None and `report()` does
nothing, so the same training code runs alone.
"""

import logging
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hyperopt_app.errors import MetricError

if TYPE_CHECKING:
    import optuna

__all__ = [
    "OWN_ATTRIBUTES",
    "Completed",
    "Failed",
    "Interrupted",
    "Lost",
    "Objective",
    "Outcome",
    "Pruned",
    "Trial",
    "active_trial",
    "checkpointed",
    "current_trial",
    "outcome_of",
    "report",
]

_log = logging.getLogger(__name__)

# What this package keeps with a trial.
OWN_ATTRIBUTES = frozenset({"claim", "directory", "failure", "losses", "metrics"})


@dataclass(frozen=True)
class Completed:
    """The objective returned; `values` in the order of the directions, `metrics` holds all that it returned."""

    values: tuple[float, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pruned:
    """The pruner ended the trial; its last report is its value."""


@dataclass(frozen=True)
class Failed:
    """The objective raised, or returned what cannot be optimised; counts against the budget.

    Attributes:
        kind: One of `failures.KINDS`.
        error: Type and text of the exception, one line.
        traceback: The whole traceback, empty when there is none.
    """

    kind: str
    error: str
    traceback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Interrupted:
    """The worker was told to end; the ticket goes back and the trial continues elsewhere under its number."""


@dataclass(frozen=True)
class Lost:
    """The trial's process was taken away, and the trial is not to blame: it is tried again, a few times.

    Attributes:
        reason: One line.
    """

    reason: str


Outcome = Completed | Pruned | Failed | Interrupted | Lost


class Trial:
    """One trial as its objective sees it: a thin view of Optuna's trial with a place on disk.

    Attributes:
        number: Number in the study, from 0; it stays the same when another worker continues the trial.
        directory: The trial's own directory; it exists.
        seed: Seed for the training, derived from the study's seed and the number; in [0, 2**31).
        resumed: True if an earlier worker has already run a part of this very trial.
        metric_names: The metrics that the sweeper optimises, in the order of the directions; may be empty.

    The argument `reported` has the steps whose values an earlier worker has recorded; `writing` makes the context in
    which something is written to the study, so that a signal does not strike there; `on_checkpoint` is called after
    each checkpoint; `directions` counts the optimised values, by default those of the trial's study.
    """

    def __init__(
        self,
        optuna_trial: "optuna.Trial",
        *,
        directory: Path,
        seed: int,
        resumed: bool = False,
        metric_names: Sequence[str] = (),
        reported: Collection[int] = (),
        writing: Callable[[], AbstractContextManager[Any]] = nullcontext,
        on_checkpoint: Callable[[], object] = lambda: None,
        directions: int | None = None,
    ) -> None:
        self._trial = optuna_trial
        self._writing = writing
        self._on_checkpoint = on_checkpoint
        self._directions = len(optuna_trial.study.directions) if directions is None else directions
        self._reported = set(reported)
        self.number: int = optuna_trial.number
        self.directory = directory
        self.seed = seed
        self.resumed = resumed
        self.metric_names = tuple(metric_names)

    def __getattr__(self, name: str) -> Any:
        """Everything else (`suggest_*`, `set_user_attr`, `user_attrs`, ...) is Optuna's."""
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._trial, name)
        return self._shielded(found) if callable(found) else found

    def _shielded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._writing():
                return method(*args, **kwargs)

        return call

    def __repr__(self) -> str:
        return f"Trial(number={self.number}, params={self.params})"

    @property
    def params(self) -> dict[str, Any]:
        """The suggested parameters by dotted key."""
        return dict(self._trial.params)

    @property
    def checkpoint(self) -> Path:
        """Where the trial's last checkpoint belongs; the file need not exist."""
        return self.directory / "last.ckpt"

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a JSON-serialisable value with the trial.

        Raises:
            ValueError: The key is one of this package's own.
        """
        if key in OWN_ATTRIBUTES:
            raise ValueError(f"the user attribute {key!r} is this package's own; take another name")
        with self._writing():
            self._trial.set_user_attr(key, value)

    def report(self, value: float, step: int) -> None:
        """Record a point of the learning curve; a step that was already recorded is left as it is.

        A trial that continues after an interruption repeats the steps since its last checkpoint, hence the
        silence. With several objectives there is no curve to prune on and nothing is recorded.
        """
        if step in self._reported or self._directions > 1:
            return
        self._reported.add(step)
        with self._writing():
            self._trial.report(float(value), step)

    def should_prune(self) -> bool:
        """Whether the study's pruner would end this trial now; False with several objectives."""
        return self._directions == 1 and self._trial.should_prune()

    def checkpointed(self) -> None:
        """Say that a checkpoint has just been written from which the training can go on.

        If the worker has been told to end (a time limit comes near, the job is preempted), the trial ends here and
        continues from this checkpoint elsewhere. A worker waits for this call for `grace_s` seconds before it
        interrupts an objective that makes it; one that never does is interrupted at once.
        """
        self._on_checkpoint()

    @property
    def resumed_from(self) -> Path | None:
        """The checkpoint to go on from: that of an earlier worker on this very trial; None for a fresh start."""
        return self.checkpoint if self.resumed and self.checkpoint.exists() else None


class Objective:
    """Base of the objectives that a YAML names by `_target_`; derive from it and write `train`.

    The keys beside `_target_` are passed to the constructor.

    Attributes:
        suggested_key: The key by which an objective that suggests parameters itself is given their values outside a
            sweep, as a mapping from names; the command that trains a trial again sets it. None: it takes none.
    """

    suggested_key: ClassVar[str | None] = None

    def train(self, trial: Trial | None, conf: Any) -> Mapping[str, float] | Sequence[float] | float:
        """Train once with `conf` and return the metrics by name, or the value(s) to optimise.

        Args:
            trial: The running trial, None outside a sweep.
            conf: The composed configuration (`omegaconf.DictConfig`) with this trial's values in it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method train(self, trial, conf)")

    @classmethod
    def check(cls, conf: Any) -> Sequence[str]:  # noqa: ARG003 - the base knows no faults
        """What is wrong for this objective, one line each: told before anything is started. Runs in the driver.

        Override it where a mistake can be seen early, such as a data file that is not there.

        Args:
            conf: The composed configuration of the whole command, with its `hydra` node.
        """
        return ()

    @classmethod
    def preload(cls, conf: Any) -> Sequence[str]:  # noqa: ARG003 - nor modules
        """Names of modules that take long to import and that `train` will want. Runs in workers.

        The processes of isolated trials start with them imported; what cannot be imported is tried again in the trial.

        Args:
            conf: As for `check`.
        """
        return ()

    @classmethod
    def write_results(cls, study: "optuna.Study", study_dir: Path, conf: Any) -> None:
        """Write result files of one's own beside ours. Runs in workers after trials, and in the driver at the end.

        One process at a time calls it, seldom if it takes long; the study is only to be read. An exception is logged.

        Args:
            study: The study.
            study_dir: Its directory.
            conf: As for `check`.
        """


# One worker process runs one trial at a time. A module global, not a context variable, because training code may
# report from a thread of its own.
_active: Trial | None = None


def current_trial() -> Trial | None:
    """The trial that this process is running, None outside a sweep."""
    return _active


@contextmanager
def active_trial(trial: Trial) -> Iterator[None]:
    """Make `trial` the current one; used by the worker around the user's code."""
    global _active  # noqa: PLW0603 - one process runs one trial; see above
    before, _active = _active, trial
    try:
        yield
    finally:
        _active = before


def report(value: float, step: int) -> None:
    """Record a point of the learning curve and stop the trial here if the pruner says so.

    Outside a sweep it does nothing.

    Args:
        value: The optimised metric after this step.
        step: Epoch or iteration, from 0 or 1, increasing.

    Raises:
        optuna.TrialPruned: The trial is not worth going on; let it pass.
    """
    trial = current_trial()
    if trial is None:
        return
    trial.report(value, step)
    if trial.should_prune():
        from optuna import TrialPruned

        raise TrialPruned(f"pruned at step {step} with {value:.6g}")


def checkpointed() -> None:
    """Say that the running trial's checkpoint has just been written; see `Trial.checkpointed`.

    Outside a sweep it does nothing.
    """
    trial = current_trial()
    if trial is not None:
        trial.checkpointed()


def outcome_of(returned: Any, metric_names: Sequence[str], directions: int) -> Completed | Failed:
    """Turn what an objective returned into an outcome; pure.

    Args:
        returned: A number, a sequence of numbers, or a mapping of metrics.
        metric_names: The optimised metrics, looked up in a mapping; empty if none were configured.
        directions: How many values the study optimises.

    Raises:
        MetricError: A metric is missing from the mapping, or the number of values is wrong.
    """
    if isinstance(returned, Mapping):
        metrics = {str(name): number for name, value in returned.items() if (number := _number(value)) is not None}
        values = tuple(metrics[name] for name in _metric_keys(returned, metrics, metric_names, directions))
    else:
        values = _values(returned)
        metrics = dict(zip(metric_names, values, strict=False))
        if len(values) != directions:
            raise MetricError(
                f"The objective returned {returned!r}; {directions} number(s) are wanted, one per direction. "
                "Return a number, a list of numbers, or a dictionary of metrics with hydra.sweeper.metric set."
            )
    if not all(math.isfinite(value) for value in values):
        return Failed("diverged", f"the objective returned {_shown(values)}", metrics=metrics)
    return Completed(values, metrics)


def _metric_keys(
    returned: Mapping[Any, Any], metrics: Mapping[str, float], metric_names: Sequence[str], directions: int
) -> Sequence[str]:
    if not metric_names and len(metrics) == 1 and directions == 1:
        return list(metrics)
    missing = [name for name in metric_names if name not in metrics]
    if missing or len(metric_names) != directions:
        wanted = ", ".join(missing) or "not named"
        raise MetricError(
            f"hydra.sweeper.metric: {wanted}; the objective returned "
            f"{_listed(returned)}. Set hydra.sweeper.metric to "
            f"{'one of these names' if directions == 1 else f'{directions} of these names'}."
        )
    return metric_names


def _listed(names: Iterable[Any], most: int = 20) -> str:
    known = [str(name) for name in names]
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more if known else "an empty dictionary"


def _values(returned: Any) -> tuple[float, ...]:
    single = _number(returned)
    if single is not None:
        return (single,)
    if isinstance(returned, (list, tuple)):
        numbers = [_number(value) for value in returned]
        return tuple(number for number in numbers if number is not None)
    return ()


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, (str, bytes)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):  # a tensor with many elements raises RuntimeError
        return None


def _shown(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
