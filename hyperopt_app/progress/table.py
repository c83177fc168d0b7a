# SPDX-License-Identifier: MIT
"""Draw the live table of a sweep with rich. Imported only when a table is drawn."""

from collections import Counter

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hyperopt_app.progress.snapshot import BestTrial, Snapshot, WorkerRow
from hyperopt_app.support.display_text import duration_text, value_text

__all__ = ["counts_text", "draw"]

# With more workers than this their sum is shown, with more parameters or Pareto points the first ones.
_WORKER_ROWS = 8
_PARAMS = 16
_FRONT_ROWS = 5

_STATE_STYLES = {"running": "", "idle": "dim", "ended": "dim", "lost": "yellow"}


def draw(snapshot: Snapshot) -> RenderableType:
    """Draw one panel: bar, counts and times, the workers, the best trial so far."""
    parts: list[RenderableType] = [_bar(snapshot), counts_text(snapshot), _times(snapshot), Text()]
    if any(worker.state != "ended" for worker in snapshot.workers):
        parts += [_workers(snapshot), Text()]
    return Panel(
        Group(*parts, *_best(snapshot)),
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
        (snapshot.pruned, "pruned", ""),
        (snapshot.failed, "failed", "red"),
        (snapshot.running, "running", ""),
        *([(snapshot.parked, "parked", "")] if snapshot.parked else []),
        (snapshot.left, "left", ""),
        *([(snapshot.set_aside, "set aside", "dim")] if snapshot.set_aside else []),
        *([(snapshot.imported, "imported", "dim")] if snapshot.imported else []),
    ]:
        text.append(" · " if text else "", style="dim")
        text.append(f"{count} {word}", style=style if count else "dim")
    return text


def _times(snapshot: Snapshot) -> Text:
    parts = [f"{duration_text(snapshot.elapsed_s)} elapsed"]
    # Nothing to guess from yet, or nothing left to do: no word on the rest.
    if snapshot.remaining_s:
        parts.append(f"about {duration_text(snapshot.remaining_s)} remaining")
    return Text(" · ".join(parts), style="dim")


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


def _best(snapshot: Snapshot) -> list[RenderableType]:
    if not snapshot.best:
        return [Text("no complete trial yet", style="dim")]
    if len(snapshot.value_names) > 1:
        return _front(snapshot)
    best = snapshot.best[0]
    value = f"{snapshot.value_names[0]} = {value_text(best.values[0])}"
    title = Text.assemble(("best  ", "dim"), (value, "bold green"), (f"  trial {best.number}", "dim"))
    return [title, *_params(best)]


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
