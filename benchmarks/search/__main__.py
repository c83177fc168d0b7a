# SPDX-License-Identifier: MIT
"""Simulate searches and make tables of them.

    python -m benchmarks.search run --families easy mild --methods batch-tpe async-tpe --workers 8 --runs 0-17
    python -m benchmarks.search table --against batch-tpe

A search ends when a trial reaches the final value that 1 % of random configurations exceed. Times are in mean full
trainings of a random configuration. Rows are appended to a file: the same command again runs what is missing there, and
another version of a method wants another file.
"""

import argparse
import functools
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna

from benchmarks.search import methods, peers, rows, statistics
from benchmarks.search.families import FAMILIES, family
from benchmarks.search.problem import Problem
from benchmarks.search.simulation import Conditions, Search, simulate

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line."""
    options = _parser().parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    options.command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="run|table")
    run = commands.add_parser("run", help="simulate what is missing in the file of rows")
    run.set_defaults(command=_run)
    run.add_argument("--families", nargs="+", choices=FAMILIES, required=True, metavar="FAMILY", help=_list(FAMILIES))
    whats = {name: method.what for name, method in methods.METHODS.items()}
    whats |= {name: peer.what for name, peer in peers.PEERS.items()}
    run.add_argument("--methods", nargs="+", choices=whats, required=True, metavar="METHOD", help=_list(whats))
    run.add_argument("--workers", nargs="+", type=int, default=[8])
    run.add_argument("--runs", type=_range, default=range(18), help="seeds, as 0-59; they take turns with the tasks")
    run.add_argument("--tables", type=Path, help="the directory of the public surrogates")
    run.add_argument("--restart-cost", type=float, default=0.0, help="of a start from a checkpoint")
    run.add_argument("--stragglers", type=float, default=0.0, help="the share of trials that take thrice as long")
    run.add_argument("--preemptions", type=float, default=0.0, help="of a worker, in the time of a full training")
    run.add_argument("--limit", type=float, default=30.0, help="the time after which a search has missed")
    run.add_argument("--most-trials", type=int, default=3000, help="the number of trials after which it has missed")
    run.add_argument("--rows", type=Path, default=Path("search_rows.jsonl"))
    table = commands.add_parser("table", help="print medians, shares that hit, and speed-ups")
    table.set_defaults(command=_table)
    table.add_argument("--rows", nargs="+", type=Path, default=[Path("search_rows.jsonl")])
    table.add_argument("--against", default="batch-tpe", help="the method that the speed-ups refer to")
    table.add_argument("--within", nargs="*", type=int, default=[], help="also the shares within so many trials")
    return parser


def _list(whats: dict[str, str]) -> str:
    return "; ".join(f"{name}: {what}" for name, what in whats.items()).replace("%", "%%")


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _run(options: argparse.Namespace) -> None:
    done = {row.key for row in rows.read([options.rows])}
    for name in options.families:
        problems = family(name, options.tables)
        goal_of = functools.cache(lambda problem: problem.goal())
        for workers, method in itertools.product(options.workers, options.methods):
            conditions = Conditions(
                workers,
                restart_cost=options.restart_cost,
                straggler_share=options.stragglers,
                preemptions=options.preemptions,
                limit=options.limit,
                most_trials=options.most_trials,
            )
            begin_s = time.perf_counter()
            wanted = [(seed, problems[seed % len(problems)]) for seed in options.runs]
            missing = [pair for pair in wanted if (name, pair[1].name, pair[0], method, conditions) not in done]
            for seed, problem in missing:
                search = _search(method, problems, seed, workers)
                outcome = simulate(problem, goal_of(problem), search, conditions, seed)
                rows.append(options.rows, rows.Row.of(name, problem.name, seed, method, conditions, outcome))
            wall_s = time.perf_counter() - begin_s
            print(f"{name}, {method}, {workers} workers: {len(missing)} runs, {wall_s:.0f} s", flush=True)


def _search(method: str, problems: Sequence[Problem], seed: int, workers: int) -> Search:
    at = seed % len(problems)
    if method in peers.PEERS:
        return peers.search(peers.PEERS[method], problems[at], seed)
    return methods.search(methods.METHODS[method], problems, at, seed, workers)


def _table(options: argparse.Namespace) -> None:
    groups: dict[tuple[str, Conditions], dict[str, list[rows.Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows.read(options.rows):
        groups[row.family, row.conditions][row.method].append(row)
    heads = [f"within {count}" for count in options.within]
    header = ["family", "workers", "method", "runs", "median", "hit", f"sooner than {options.against}", *heads]
    print(_line(header), _line(["---"] * len(header)), sep="\n")
    for (name, conditions), by_method in groups.items():
        for line in _lines(by_method, options.against, options.within):
            print(_line([name, str(conditions.workers), *line]))


def _lines(by_method: dict[str, list[rows.Row]], against: str, within: Sequence[int]) -> Iterator[list[str]]:
    for method, some in by_method.items():
        figures = statistics.cell(some)
        ratio = "-"
        if method != against and against in by_method:
            ratio = "{:.2f} [{:.2f}, {:.2f}]".format(*statistics.speed_up(some, by_method[against]))
        shares = [f"{statistics.share_within(some, count):.2f}" for count in within]
        yield [method, str(figures.runs), f"{figures.median:.2f}", f"{figures.hit:.2f}", ratio, *shares]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
