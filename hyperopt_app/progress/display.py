# SPDX-License-Identifier: MIT
"""Show a running sweep as a live table or as log lines; never changes or ends the sweep.

Runs in the driver. Imports rich only to draw a table.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, TextIO, cast

from hyperopt_app.errors import ConfigError
from hyperopt_app.progress.snapshot import Snapshot
from hyperopt_app.repeats.shown import race_text
from hyperopt_app.storage.patience import giving_up
from hyperopt_app.study import trial_facts
from hyperopt_app.support.display_text import value_text, visible

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial
    from rich.console import Console, RenderableType
    from rich.live import Live
    from typing_extensions import Self

__all__ = [
    "Mode",
    "NewlyEnded",
    "ProgressDisplay",
    "choose_mode",
    "line",
    "live_table",
    "render",
]

Mode = Literal["table", "lines", "none"]

_log = logging.getLogger(__name__)

# A reading that hangs longer than this (a database that is gone) no longer holds up the end of a sweep.
_JOIN_TIMEOUT_S = 30.0


def choose_mode(setting: str, is_terminal: bool, launcher_keeps_terminal_clean: bool) -> Mode:
    """Choose how to show the sweep.

    Args:
        setting: `auto`, `table`, `lines` or `none`.
        is_terminal: Whether the driver writes to a terminal; without one there is never a table.
        launcher_keeps_terminal_clean: False if workers write to the same terminal, which would tear a table.

    Raises:
        ConfigError: Another setting.
    """
    if setting == "auto":
        return "table" if is_terminal and launcher_keeps_terminal_clean else "lines"
    if setting == "table":
        return "table" if is_terminal else "lines"
    if setting in ("lines", "none"):
        return cast(Mode, setting)
    raise ConfigError([f"progress: {setting!r} is not known; set it to auto, table, lines or none."])


def render(snapshot: Snapshot) -> "RenderableType":
    """Draw one table of the whole sweep for a rich console, for 80 columns or more."""
    from hyperopt_app.progress.table import draw

    return draw(snapshot)


def line(trial: "FrozenTrial", snapshot: Snapshot, *, finished: int | None = None) -> str:
    """Format one line on a finished trial: number, state, values, best so far, parameters, duration, count.

    Args:
        trial: A finished trial.
        snapshot: The sweep after it.
        finished: Which finished trial of the study it is, from 1; None takes the snapshot's count.
    """
    state = trial_facts.state_word(trial)
    parts = [f"trial {trial.number} {state}", *_ending(trial, state, snapshot.value_names)]
    if snapshot.best:
        parts.append(_compared(trial, snapshot))
    parts += [f"{visible(name)}={_quoted(value_text(value))}" for name, value in trial.params.items()]
    duration_s = trial_facts.duration_s(trial)
    if duration_s is not None:
        parts.append(f"{duration_s:.1f} s")
    count = snapshot.finished if finished is None else finished
    return " ".join([*parts, f"[{count}/{snapshot.n_trials}]"])


def _quoted(text: str) -> str:
    # A line is read by people and split by spaces.
    return repr(text) if not text or any(character.isspace() for character in text) else text


def _ending(trial: "FrozenTrial", state: str, names: Sequence[str]) -> list[str]:
    if state == "complete":
        return [f"{name}={value_text(value)}" for name, value in zip(names, trial.values, strict=True)]
    if state == "pruned" and (lost := race_text(trial)):
        return [lost]
    if state == "pruned" and trial.last_step is not None:
        reported = value_text(trial.intermediate_values[trial.last_step])
        return [f"at step {trial.last_step} {names[0]}={reported}"]
    return [trial_facts.failure_text(trial)[:200]] if state == "failed" and trial_facts.failure_text(trial) else []


def _compared(trial: "FrozenTrial", snapshot: Snapshot) -> str:
    best = snapshot.best
    among = any(candidate.number == trial.number for candidate in best)
    if len(snapshot.value_names) > 1:
        return f"({'on the' if among else 'not on the'} front of {len(best)})"
    return "(best so far)" if among else f"(best {value_text(best[0].values[0])}, trial {best[0].number})"


class NewlyEnded:
    """Formats one line on each trial that has ended since the last look."""

    def __init__(self) -> None:
        self._shown: set[int] | None = None

    def lines(self, now: Snapshot, trials: Sequence["FrozenTrial"]) -> list[str]:
        """Return the lines on trials that ended since the last look, in the order of their ends; none at the first.

        Args:
            now: The sweep at this moment.
            trials: The study's trials.
        """
        finished = [trial for trial in trials if trial.state.is_finished()]
        if self._shown is None:
            self._shown = {trial.number for trial in finished}
            return []
        fresh = [trial for trial in finished if trial.number not in self._shown]
        fresh.sort(key=lambda trial: (trial.datetime_complete, trial.number))
        self._shown.update(trial.number for trial in fresh)
        # Counted from what counts now: some of the trials shown may have been set aside meanwhile.
        return [line(trial, now, finished=which) for which, trial in enumerate(fresh, len(finished) - len(fresh) + 1)]


class ProgressDisplay:
    """Shows a sweep from a thread of the driver until the `with` block ends.

    Entering reads the study once, so that trials which finished in an earlier run are distinguished from those of this
    one; leaving joins the thread and reads once more, so that the last trials appear. A study that cannot be
    read at the moment is tried again at the next interval.
    """

    def __init__(
        self,
        read: Callable[[], tuple[Snapshot, Sequence["FrozenTrial"]]],
        mode: Mode,
        console: "Console | None" = None,
        *,
        interval_s: float = 0.5,
        last_tries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Remember how to read; nothing is read or shown yet.

        Args:
            read: The sweep now, and the study's trials; called from one thread at a time.
            mode: `table`: a live table that stays when the sweep ends; `lines`: one log line per finished
                trial; `none`: nothing, and nothing is read.
            console: Where the table goes; None means standard output.
            interval_s: Seconds between two readings.
            last_tries: How often the last reading is tried.
            sleep: Waits between these tries.
        """
        self._read = read
        self._mode = mode
        self._console = console
        self._interval_s = interval_s
        self._last_tries = last_tries
        self._sleep = sleep
        self._ended: NewlyEnded | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._live: Live | None = None
        self._open = ExitStack()

    def __enter__(self) -> "Self":
        if self._mode == "none":
            return self
        with ExitStack() as opening:
            if self._mode == "table":
                self._live = opening.enter_context(live_table(self._console))
            self._refresh()
            self._thread = threading.Thread(target=self._follow, name="hyperopt-progress", daemon=True)
            self._thread.start()
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with giving_up(lambda: kind is not None):
            self.stop()

    def stop(self) -> None:
        """End the thread and show the final state; does nothing the second time."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._open:
            self._stopping.set()
            thread.join(_JOIN_TIMEOUT_S)
            if thread.is_alive():
                _log.debug("The study could not be read within %s s; its last state is not shown.", _JOIN_TIMEOUT_S)
                return
            for _ in range(self._last_tries):
                if self._refresh():
                    return
                self._sleep(self._interval_s)

    def _follow(self) -> None:
        with giving_up(self._stopping.is_set):
            while not self._stopping.wait(self._interval_s):
                self._refresh()

    def _refresh(self) -> bool:
        try:
            now, trials = self._read()
            if self._live is None:
                self._log_ended(now, trials)
            else:
                self._live.update(render(now), refresh=True)
        except Exception:  # noqa: BLE001 -- a busy storage raises what it likes; no display may end a sweep
            _log.debug("The study could not be read or shown; it is tried again.", exc_info=True)
            return False
        return True

    def _log_ended(self, now: Snapshot, trials: Sequence["FrozenTrial"]) -> None:
        if self._ended is None:
            self._ended = NewlyEnded()
            if before := sum(trial.state.is_finished() for trial in trials):
                _log.info("resumed: %d of %d trials were already there", before, now.n_trials)
        for text in self._ended.lines(now, trials):
            _log.info("%s", text)


@contextmanager
def live_table(console: "Console | None" = None) -> Iterator["Live"]:
    """Keep a place of a terminal where `update(render(...), refresh=True)` draws; lines that are logged go above it.

    Args:
        console: The terminal; None means standard output.
    """
    from rich.console import Console
    from rich.live import Live

    before = (sys.stdout, sys.stderr)
    # Drawn by our own thread: a second one would only draw the same again.
    with Live(console=console or Console(), auto_refresh=False) as live, ExitStack() as restored:
        # Log handlers keep the streams of their beginning, past rich, and their lines would tear the table.
        for old, new in zip(before, (sys.stdout, sys.stderr), strict=True):
            _redirect(old, new)
            # Also those of handlers that a launcher has made meanwhile, as Hydra's do.
            restored.callback(_redirect, new, old)
        yield live


def _redirect(old: TextIO, new: TextIO) -> None:
    for handler in _handlers_of(old):
        handler.setStream(new)


def _handlers_of(stream: TextIO) -> list["logging.StreamHandler[TextIO]"]:
    known = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = {handler for logger in known if isinstance(logger, logging.Logger) for handler in logger.handlers}
    streaming = (handler for handler in handlers if isinstance(handler, logging.StreamHandler))
    return [handler for handler in streaming if handler.stream is stream]
