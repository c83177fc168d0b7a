# SPDX-License-Identifier: MIT
"""The trial as an objective sees it; does not import Optuna before a trial runs.

Runs in a worker. Without a sweep, `current_trial()` returns None and `report()` does nothing, so the same training
code can run alone.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from hyperopt_app.config.seeding import seed_of_environment
from hyperopt_app.objective.first_process import Absent, FirstProcess, join_as_rank, marked, refuse_descendants
from hyperopt_app.objective.rank_calls import RankCalls
from hyperopt_app.processes.groups import ProgramGroup

if TYPE_CHECKING:
    import optuna

__all__ = [
    "CHECKPOINT",
    "OWN_ATTRIBUTES",
    "Trial",
    "active_trial",
    "checkpointed",
    "current_seed",
    "current_trial",
    "report",
    "starting_program",
]

_log = logging.getLogger(__name__)

# The file of a trial's last checkpoint, in the trial's directory.
CHECKPOINT = "last.ckpt"

# What this package keeps with a trial; a name with a colon is followed by a number.
OWN_ATTRIBUTES = frozenset(
    {
        "attempts",
        "claim",
        "directory",
        "ended_attempts",
        "failure",
        "grows_budget",
        "imported_from",
        "losses",
        "metrics",
        "promotion",
        "race",
        "reads_seed",
        "repeat:",
        "retry_of",
        "training_seed",
        "unfinished_repeat",
    }
)


class Trial(RankCalls):
    """A trial as its objective sees it: a thin wrapper of Optuna's trial with a directory on disk.

    It belongs to the process in which the objective was called, with all its threads. In a process that was forked or
    spawned from there, or to which it was sent by pickle, the attributes below and `params`, `checkpoint` and
    `user_attrs` can be read; each call raises `hyperopt_app.errors.DescendantError`.

    Attributes:
        number: Number in the study, from 0; it stays the same when another worker continues the trial.
        directory: The trial's own directory; it exists.
        resumed: True if an earlier worker has already run a part of this very trial.
        metric_names: The metrics that the sweeper optimises, in the order of the directions; may be empty.
        direction_names: `minimize` or `maximize` for each optimised value; may be empty.

    The argument `reported` has the steps whose values an earlier worker has recorded; `writing` makes the context in
    which something is written to the study, so that a signal does not strike there; `on_checkpoint` is called where
    the trial may end after a checkpoint, `on_saved` where it may not yet; `directions` counts the optimised values, by
    default those of the trial's study; `on_seed` is called when the objective first reads the seed, also by
    `current_seed` with the value `key_seed`, that of the config's own key `seed`; `on_program` is called with the group
    of a program that the objective has started, so that somebody ends it where this process cannot.
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
        on_saved: Callable[[], object] = lambda: None,
        directions: int | None = None,
        direction_names: Sequence[str] = (),
        on_seed: Callable[[], object] = lambda: None,
        key_seed: object = None,
        on_program: Callable[[ProgramGroup], object] = lambda _group: None,
    ) -> None:
        self._first = FirstProcess()
        self._trial = optuna_trial
        self._writing = writing
        self._on_checkpoint = on_checkpoint
        self._on_saved = on_saved
        # Which comes first in a step; None before either has come. A checkpoint that awaits its report.
        self._saves_first: bool | None = None
        self._awaits_report = False
        self._has_warned = False
        self._directions = len(optuna_trial.study.directions) if directions is None else directions
        self.direction_names = tuple(direction_names)
        self._reported = set(reported)
        self._seed: int = seed
        self._on_seed: Callable[[], object] | None = on_seed
        self._key_seed = key_seed
        self._on_program = on_program
        self._counts: dict[str, int] = {}
        self.number: int = optuna_trial.number
        self.directory = directory
        self.resumed = resumed
        self.metric_names = tuple(metric_names)

    def __getattr__(self, name: str) -> Any:
        """Forward everything else (`suggest_*`, `set_user_attr`, `user_attrs`, ...) to Optuna's trial."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "study":
            self._check("trial.study")
        attribute = getattr(self._trial, name)
        return self._shielded(name, attribute) if callable(attribute) else attribute

    def _shielded(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._check(f"trial.{name}()")
            with self._writing():
                return method(*args, **kwargs)

        return call

    def __repr__(self) -> str:
        return f"Trial(number={self.number}, params={self.params})"

    def __reduce__(self) -> Any:
        """Send only the facts to another process, which cannot act for the trial."""
        names = ("_first", "_directions", "_seed", "number", "directory", "resumed", "metric_names", "direction_names")
        absent = Absent(self._first, params=self.params, user_attrs=dict(self.user_attrs))
        return _received, ({name: vars(self)[name] for name in names}, absent)

    @property
    def seed(self) -> int:
        """Seed for the training, derived from the study's seed and the number; in [0, 2**31).

        Where the user searches or fixes a key `seed` of the config, it is that key's value.
        """
        on_seed, self._on_seed = self._on_seed, None
        if on_seed is not None:
            on_seed()
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = seed

    @property
    def params(self) -> dict[str, Any]:
        """Return the suggested parameters by dotted key."""
        return dict(self._trial.params)

    @property
    def checkpoint(self) -> Path:
        """Return the path of the trial's last checkpoint; the file need not exist."""
        return self.directory / CHECKPOINT

    def set_user_attr(self, key: str, value: Any) -> None:
        """Store a JSON-serialisable value with the trial.

        Raises:
            ValueError: The key is one of this package's own.
        """
        self._check("trial.set_user_attr()")
        if key in OWN_ATTRIBUTES or key.partition(":")[0] + ":" in OWN_ATTRIBUTES:
            raise ValueError(f"the user attribute {key!r} is this package's own; take another name")
        with self._writing():
            self._trial.set_user_attr(key, value)

    def suggest_int(self, name: str, low: int, high: int, *args: Any, **options: Any) -> int:
        """Suggest a whole number as Optuna does, limited to numbers that the study can store exactly.

        Raises:
            ValueError: A bound lies beyond 2**53.
        """
        self._check("trial.suggest_int()")
        if max(abs(low), abs(high)) > 2**53:
            raise ValueError(
                f"suggest_int({name!r}, {low}, {high}): beyond 2**53 the study would keep other numbers than these; "
                "take suggest_categorical for numbers that can be listed, or suggest_float"
            )
        with self._writing():
            number: int = self._trial.suggest_int(name, low, high, *args, **options)
        return number

    def report(self, value: float, step: int) -> None:
        """Record a point of the learning curve; a step that was already recorded is left as it is.

        A trial that continues after an interruption repeats the steps since its last checkpoint, hence the
        silence. With several objectives trials are not pruned and nothing is recorded.
        """
        self._check("trial.report()")
        if self._directions > 1:
            return
        if step not in self._reported:
            self._reported.add(step)
            with self._writing():
                self._trial.report(float(value), step)
        self._end_after_report()

    def _end_after_report(self) -> None:
        """Where an objective tells its checkpoint before its report, the trial may end here and not there."""
        if self._saves_first is None:
            self._saves_first = False
        if self._awaits_report:
            self._awaits_report = False
            if not self._has_warned:
                self._has_warned = True
                _log.warning(
                    "checkpointed() was called before report(): report first; where the trial is killed between the "
                    "two, that step of the learning curve is lost"
                )
            self._on_checkpoint()

    def should_prune(self) -> bool:
        """Whether the study's pruner would end this trial now; False with several objectives."""
        self._check("trial.should_prune()")
        return self._directions == 1 and self._trial.should_prune()

    def checkpointed(self, *, reported: bool = False) -> None:
        """Say that a checkpoint has just been written from which the training can go on; report its step before.

        If the worker has been asked to end (a time limit comes near, the job is preempted), the trial ends here and
        continues from this checkpoint elsewhere. A worker waits for this call for `grace_s` seconds before it
        interrupts an objective that makes it; one that never does is interrupted at once. With the pruner `promote` a
        trial also ends here to wait, and continues if it is promoted. Leave it out after the last step: then the trial
        completes.

        Where no report came before the trial's first checkpoint, its step may be reported afterwards, and the trial
        ends with that report, or at the next checkpoint.

        Args:
            reported: Nothing of this step is still to be reported.
        """
        self._check("trial.checkpointed()")
        if self._saves_first is None and not reported:
            self._saves_first = self._directions == 1
        may_end = reported or not self._saves_first or self._awaits_report
        self._awaits_report = bool(self._saves_first)
        if may_end:
            self._on_checkpoint()
        else:
            self._on_saved()

    @property
    def resumed_from(self) -> Path | None:
        """Return the checkpoint of an earlier attempt to resume from; None for a fresh start."""
        return self.checkpoint if self.resumed and self.checkpoint.exists() else None


# One worker process runs one trial at a time. A module global, not a context variable, because training code may
# report from a thread of its own.
_active: Trial | None = None


def current_trial() -> Trial | None:
    """Return the trial that this process is running; None without a sweep.

    Raises:
        DescendantError: The objective of a trial has spawned this process, by `multiprocessing` or what builds on it.
    """
    return _asked_by("current_trial()")


def _asked_by(call: str) -> Trial | None:
    global _active  # noqa: PLW0603 - see above
    if _active is None:
        link = join_as_rank()
        if link is None:
            refuse_descendants(call)
            return None
        _active = of_rank(link)
    return _active


def of_rank(link: Any) -> Trial:
    """Return the trial as one of its ranks sees it, which acts through a link to rank zero."""
    trial = Trial(link, **link.facts)
    trial._act_through(link)  # noqa: SLF001 - of this module
    return trial


@contextmanager
def active_trial(trial: Trial) -> Iterator[None]:
    """Make `trial` the current one; used by the worker around the user's code."""
    global _active  # noqa: PLW0603 - one process runs one trial; see above
    before, _active = _active, trial
    try:
        with marked():
            yield
    finally:
        _active = before


@contextmanager
def starting_program() -> Iterator[Callable[[ProgramGroup], object]]:
    """Hold back what interrupts the running trial, if there is one, while the body starts a program.

    Yields:
        A function to call with the program's group, which its worker then ends where this process cannot.
    """
    trial = _active
    if trial is None:
        yield lambda _group: None
        return
    with trial._writing():  # noqa: SLF001
        yield trial._on_program  # noqa: SLF001


def _received(facts: dict[str, Any], absent: Absent) -> Trial:
    """Unpickle a trial: itself if it is a copy in its own process (`copy.deepcopy`), else one that cannot act."""
    active = _active
    if active is not None and (active.number, active.directory) == (facts["number"], facts["directory"]):
        return active
    trial = Trial.__new__(Trial)
    own = {"_trial": absent, "_reported": set(), "_writing": nullcontext, "_on_seed": None, "_key_seed": None}
    vars(trial).update(facts, **own, _saves_first=None, _awaits_report=False, _has_warned=False, _counts={})
    return trial


@overload
def current_seed(default: int) -> int: ...
@overload
def current_seed(default: None = None) -> int | None: ...
def current_seed(default: int | None = None) -> int | None:
    """Return the seed of this training: the running trial's, or the one set for a training without a sweep.

    Args:
        default: For a training alone that is given none, such as `conf.seed`.

    Raises:
        ConfigError: The environment variable HYPEROPT_SEED holds no whole number.
    """
    trial = current_trial()
    if trial is not None:
        # With a default from the config, that key is where the command puts the seed.
        is_key = default is not None and default == trial._key_seed  # noqa: SLF001
        return trial.seed if is_key else trial._seed  # noqa: SLF001
    seed = seed_of_environment()
    return default if seed is None else seed


def report(value: float, step: int) -> None:
    """Record a point of the learning curve and stop the trial here if the pruner says so.

    Outside a sweep it does nothing.

    Args:
        value: The optimised metric after this step.
        step: Epoch or iteration, from 0 or 1, increasing.

    Raises:
        optuna.TrialPruned: The trial is not worth going on; let it pass.
        DescendantError: The objective has forked or spawned this process.
    """
    trial = _asked_by("report()")
    if trial is None:
        return
    trial.report(value, step)
    if trial.should_prune():
        from optuna import TrialPruned

        raise TrialPruned(f"pruned at step {step} with {value:.6g}")


def checkpointed(*, reported: bool = False) -> None:
    """Say that the running trial's checkpoint has just been written, after the report; see `Trial.checkpointed`.

    Outside a sweep it does nothing.

    Args:
        reported: Nothing of this step is still to be reported.

    Raises:
        DescendantError: The objective has forked or spawned this process.
    """
    trial = _asked_by("checkpointed()")
    if trial is not None:
        trial.checkpointed(reported=reported)
