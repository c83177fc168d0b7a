# SPDX-License-Identifier: MIT
"""Draw the live table of a sweep with rich. Imported only when a table is drawn."""

import math
from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hyperopt_app.progress.snapshot import BestTrial, Snapshot, WorkerRow
from hyperopt_app.support.display_text import counted, duration_text, value_text

__all__ = ["counts_text", "draw"]

# With more workers than this their sum is shown, with more parameters or Pareto points the first ones.
_WORKER_ROWS = 8
_PARAMS = 16
_FRONT_ROWS = 5
_RUNNING_ROWS = 4

_BARS = "▁▂▃▄▅▆▇█"
# Where the best value falls by more than this factor, a linear scale would show one step and a flat line.
_LOG_FROM = 100.0

_STATE_STYLES = {"running": "", "idle": "dim", "ended": "dim", "lost": "yellow"}


def draw(snapshot: Snapshot) -> RenderableType:
    """Draw one panel: bar, counts and times, the workers, the best trial so far."""
    parts: list[RenderableType] = [_bar(snapshot), counts_text(snapshot)]
    if snapshot.failures:
        parts.append(_failures(snapshot))
    parts += [_times(snapshot), *_stop(snapshot), Text()]
    if any(worker.state != "ended" for worker in snapshot.workers):
        parts += [_workers(snapshot), *_running(snapshot), Text()]
    return Panel(
        Group(*parts, *_best(snapshot), *_last(snapshot)),
        title=Text(snapshot.study_name or "study", style="bold not dim"),
        title_align="left",
        border_style="dim",
        box=box.ROUNDED,
        padding=(0, 1),
    )


def _bar(snapshot: Snapshot) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    finished = snapshot.finished
    total = max(snapshot.n_trials, finished, 1)
    bar = ProgressBar(total=total, completed=finished, complete_style="green", finished_style="green")
    grid.add_row(bar, Text(f"{finished}/{snapshot.n_trials}", style="bold"))
    return grid


def counts_text(snapshot: Snapshot) -> Text:
    """Return how many trials are in which state, in one line."""
    text = Text()
    for count, word, style in [
        (snapshot.done, "done", ""),
        *([(snapshot.infeasible, "infeasible", "yellow")] if snapshot.infeasible else []),
        (snapshot.pruned, "pruned", ""),
        (snapshot.failed, "failed", "red"),
        (snapshot.running, "running", ""),
        *([(snapshot.parked, "parked", "")] if snapshot.parked else []),
        (snapshot.left, f"left ({snapshot.interrupted} interrupted)" if snapshot.interrupted else "left", ""),
        *([(snapshot.set_aside, "set aside", "dim")] if snapshot.set_aside else []),
        *([(snapshot.imported, "imported", "dim")] if snapshot.imported else []),
    ]:
        text.append(" · " if text else "", style="dim")
        text.append(f"{count} {word}", style=style if count else "dim")
    return text


def _failures(snapshot: Snapshot) -> Text:
    kinds = ", ".join(f"{count} {kind}" for kind, count in snapshot.failures)
    return Text.assemble(("failures  ", "dim"), (kinds, "red"), no_wrap=True, overflow="ellipsis")


def _times(snapshot: Snapshot) -> Text:
    parts = [f"{duration_text(snapshot.elapsed_s)} elapsed"]
    # Nothing to guess from yet, or nothing left to do: no word on the rest.
    if snapshot.remaining_s:
        parts.append(f"about {duration_text(snapshot.remaining_s)} remaining")
    if alive := snapshot.live_workers:
        busy = sum(worker.state == "running" for worker in snapshot.workers)
        parts.append(f"{busy} of {counted(alive, 'worker')} busy")
    return Text(" · ".join(parts), style="dim")


def _stop(snapshot: Snapshot) -> list[RenderableType]:
    """Say why no further trial starts, if trials are left or run."""
    if not snapshot.stop or not snapshot.left + snapshot.running:
        return []
    word = "stopping" if snapshot.running else "stopped"
    return [Text(f"{word}: {snapshot.stop}", style="yellow", no_wrap=True, overflow="ellipsis")]


def _workers(snapshot: Snapshot) -> RenderableType:
    if len(snapshot.workers) > _WORKER_ROWS:
        return _workers_summed_up(snapshot.workers)
    # With several objectives no learning curve is kept.
    curve = len(snapshot.value_names) == 1
    table = _worker_columns(snapshot.value_names[0] if curve else None)
    for row in snapshot.workers:
        age = "" if row.running_s is None else duration_text(row.running_s)
        cells = [str(row.number), _short(row.host), row.state, _blank(row.trial), age]
        last = [_blank(row.step), _blank(row.value)] if curve else []
        table.add_row(*map(Text, cells + last), style=_STATE_STYLES[row.state])
    return table


def _worker_columns(curve: str | None) -> Table:
    """Create the empty table; minimum widths keep it still while trials come and go."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("worker", justify="right", no_wrap=True)
    # The only column that may wrap, hence the first to give way; one word is cut, not wrapped.
    table.add_column("host", overflow="ellipsis", max_width=20)
    table.add_column("state", no_wrap=True, min_width=7)
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("for", justify="right", no_wrap=True, min_width=11)
    if curve is not None:
        table.add_column("step", justify="right", no_wrap=True)
        name = Text(curve, overflow="ellipsis")
        table.add_column(name, justify="right", overflow="ellipsis", no_wrap=True, min_width=9, max_width=20)
    return table


def _short(host: str) -> str:
    """Return the host without its domain; an address stays unchanged."""
    label = host.partition(".")[0]
    return host if label.isdigit() else label


def _blank(value: float | None) -> str:
    return "" if value is None else value_text(value)


def _workers_summed_up(workers: tuple[WorkerRow, ...]) -> RenderableType:
    states: Counter[str] = Counter(row.state for row in workers)
    hosts = len({row.host for row in workers if row.host})
    text = Text(f"{len(workers)} workers")
    if hosts:
        text.append(f" on {hosts} host{'s' if hosts > 1 else ''}")
    text.append(": ")
    for index, state in enumerate(sorted(states, key=list(_STATE_STYLES).index)):
        text.append(", " if index else "")
        text.append(f"{states[state]} {state}", style=_STATE_STYLES[state])
    ages = [(row.running_s, row) for row in workers if row.running_s is not None]
    if ages:
        age_s, oldest = max(ages, key=lambda pair: pair[0])
        step = "" if oldest.step is None else f", step {oldest.step}"
        text.append(
            f"\nlongest: trial {oldest.trial} on worker {oldest.number}, {duration_text(age_s)}{step}",
            style="dim",
        )
    return text


def _running(snapshot: Snapshot) -> list[RenderableType]:
    """Show the parameters of the trials that run, one line each; of many those that run longest."""
    rows = sorted((row for row in snapshot.workers if row.params), key=lambda row: -(row.running_s or 0.0))
    shown = sorted(rows[:_RUNNING_ROWS], key=lambda row: row.trial or 0)
    short = _short_names(list(dict.fromkeys(name for row in shown for name in row.params)))
    lines = [
        (f"#{row.trial}", Text(" ".join(f"{short[name]}={value_text(value)}" for name, value in row.params.items())))
        for row in shown
    ]
    more = len(rows) - len(shown)
    return _labelled("running", [*lines, *([("", Text(f"and {more} more", style="dim"))] if more else [])])


def _short_names(names: Sequence[str]) -> dict[str, str]:
    """Return the last part of each dotted name, where that is the only one of its kind."""
    ends = Counter(name.rpartition(".")[2] for name in names)
    return {name: end if ends[end := name.rpartition(".")[2]] == 1 else name for name in names}


def _last(snapshot: Snapshot) -> list[RenderableType]:
    """Show the trials that ended last."""
    lines = []
    for trial in snapshot.last:
        parts = [trial.state, *map(value_text, trial.values)]
        parts += [f"at step {trial.step}"] if trial.step is not None else []
        parts += [f"after {duration_text(trial.duration_s)}"] if trial.duration_s is not None else []
        style = "red" if trial.state == "failed" else ""
        lines.append((f"#{trial.number}", Text(" ".join([*parts, trial.failure]), style=style)))
    return _labelled("ended", lines)


def _labelled(label: str, lines: Sequence[tuple[str, Text]]) -> list[RenderableType]:
    """Draw lines with a number each behind a label, below an empty line; their ends give way. Without lines nothing."""
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(style="dim", no_wrap=True, width=8)
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for place, (number, text) in enumerate(lines):
        grid.add_row("" if place else label, number, text)
    return [Text(), grid] if lines else []


def _sparkline(values: Sequence[float]) -> str:
    """Return a line of blocks, one for each value: the higher the value, the higher the block."""
    known = [value for value in values if math.isfinite(value)]
    if not known or min(known) == max(known):
        return _BARS[0] * len(values)
    is_log = min(known) > 0 and max(known) / min(known) > _LOG_FROM
    scaled = [math.log(value) if is_log and math.isfinite(value) else value for value in values]
    low, high = min(filter(math.isfinite, scaled)), max(filter(math.isfinite, scaled))
    places = (min(max((value - low) / (high - low), 0.0), 1.0) for value in scaled)
    return "".join(_BARS[round(place * (len(_BARS) - 1))] for place in places)


def _best(snapshot: Snapshot) -> list[RenderableType]:
    if not snapshot.best:
        text = "no complete trial meets the constraints yet" if snapshot.infeasible else "no complete trial yet"
        return [Text(text, style="dim")]
    if len(snapshot.value_names) > 1:
        return _front(snapshot)
    best = snapshot.best[0]
    value = f"{snapshot.value_names[0]} = {value_text(best.values[0])}"
    value += "".join(f"  {name} = {value_text(number)}" for name, number in best.further.items())
    title = Text.assemble(("best  ", "dim"), (value, "bold green"), (f"  trial {best.number}", "dim"))
    return [title, *_course(snapshot), *_params(best)]


def _course(snapshot: Snapshot) -> list[RenderableType]:
    """Draw how the best value came down, or up; nothing while there is one value."""
    values = snapshot.best_so_far
    if len(set(values)) < 2:
        return []
    of_all = f"  from {value_text(values[0])} over {counted(snapshot.done, 'complete trial')}"
    return [
        Text.assemble(("      ", ""), (_sparkline(values), "green"), (of_all, "dim"), no_wrap=True, overflow="ellipsis")
    ]


def _params(best: BestTrial) -> list[RenderableType]:
    first = list(best.params.items())[:_PARAMS]
    width = max((len(name) for name, _ in first), default=0)
    shown = [
        Text.assemble((name.ljust(width), "dim"), "  ", value_text(value), no_wrap=True, overflow="ellipsis")
        for name, value in first
    ]
    hidden = len(best.params) - len(shown)
    more = [Text(f"and {hidden} more in best.yaml", style="dim")] if hidden else []
    return [Columns(shown, padding=(0, 4), column_first=True), *more]


def _front(snapshot: Snapshot) -> list[RenderableType]:
    size = len(snapshot.best)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=True)
    table.add_column("trial", justify="right", no_wrap=True)
    for name in snapshot.value_names:
        table.add_column(Text(name), justify="right", overflow="ellipsis", no_wrap=True)
    # The only flexible column: it gives way to the values.
    table.add_column("parameters", overflow="ellipsis", no_wrap=True, ratio=1)
    for best in snapshot.best[-_FRONT_ROWS:]:
        params = " ".join(f"{name}={value_text(value)}" for name, value in best.params.items())
        table.add_row(*map(Text, [str(best.number), *map(value_text, best.values), params]))
    front = f"{size} trial{'s' if size > 1 else ''} on the Pareto front"
    shown = f", the last {_FRONT_ROWS}:" if size > _FRONT_ROWS else ":"
    title = Text.assemble(("best  ", "dim"), (front, "bold green"), (shown, "dim"))
    return [title, table]
