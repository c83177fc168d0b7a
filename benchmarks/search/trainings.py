# SPDX-License-Identifier: MIT
"""How soon do real searches reach a good value, with real trainings in two slots of this machine?

    python -m benchmarks.search.trainings random --problem digits --trials 200
    python -m benchmarks.search.trainings search --problem digits --seeds 0-9
    python -m benchmarks.search.trainings table

`random` trains random configurations in full; the value that the best twentieth of them exceed is the target. `search`
runs each sweeper's own command, in turns, until a training comes to its end with that value; the time is the clock's
from the start of the command, so Python's start, imports and the sweeper's own work are in it. What is in the file of
rows is not run again. It needs the extras `train`, `stock` and `benchmarks`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from omegaconf import DictConfig, OmegaConf

import hyperopt_app
from benchmarks.measuring import machine, table
from benchmarks.search.trained_app import VALUES

__all__ = ["CONTENDERS", "main", "target_of", "time_to"]

REPO = Path(__file__).resolve().parents[2]
CONFIGS = Path(hyperopt_app.__file__).resolve().parent / "conf"  # of the worked studies
ROWS = Path(__file__).with_name("docs_trainings.jsonl")
APP = "benchmarks.search.trained_app"
SLOTS = 2
_SHARE_OF_GOOD = 0.05
_SEED_OF_RANDOM = 1000
_POLL_S = 0.1
_TIMEOUT_S = 1800.0

_OURS = ("hydra/sweeper=async_optuna", "hydra/launcher=local_workers")
# What each adds to the command; `stock` and `joblib` are what Hydra's users have today.
CONTENDERS = {
    "stock": ("hydra/sweeper=optuna", "hydra/launcher=joblib", f"hydra.launcher.n_jobs={SLOTS}"),
    "ours": _OURS,
    "ours, one process for all trials of a slot": (*_OURS, "hydra.launcher.isolation=none"),
}
_RANDOM = (*_OURS, "hydra/sweeper/sampler=random", "hydra/sweeper/pruner=nop")


class Problem(NamedTuple):
    """A worked study.

    Attributes:
        hparams: Its file in conf/hparams.
        changes: What is changed in its config.
        trials: The budget of a search.
    """

    hparams: str
    changes: Mapping[str, Any]
    trials: int


PROBLEMS = {
    "digits": Problem("digits.yaml", {"epochs": 50}, 80),
    "holodec": Problem("holodec.yaml", {}, 40),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["random", "search", "table"])
    parser.add_argument("--problem", choices=PROBLEMS, default="digits")
    parser.add_argument("--trials", type=int, default=200, help="random configurations")
    parser.add_argument("--seeds", type=_range, default=range(10), help="as 0-9")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS)[:2])
    parser.add_argument("--rows", type=Path, default=ROWS)
    options = parser.parse_args(arguments)
    if options.command == "table":
        print(_table(_rows_of(options.rows)))
        return
    if options.command == "random":
        _add(options.rows, _run(options.problem, "random", _SEED_OF_RANDOM, options.trials))
        return
    goal, maximizes = target_of(options.problem, _rows_of(options.rows)), _maximizes(options.problem)
    for seed in options.seeds:
        for contender in options.contenders:
            known = {(row["problem"], row["contender"], row["seed"]) for row in _rows_of(options.rows)}
            if (options.problem, contender, seed) not in known:
                row = _run(options.problem, contender, seed, PROBLEMS[options.problem].trials, (goal, maximizes))
                _add(options.rows, row)
                reached = time_to(row, goal, maximizes=maximizes)
                print(f"{options.problem} {seed} {contender}: {reached and round(reached, 1)} s", file=sys.stderr)


def target_of(problem: str, rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the value that the best twentieth of the random configurations reach.

    Raises:
        SystemExit: They have not been trained.
    """
    for row in rows:
        if (row["problem"], row["contender"]) == (problem, "random"):
            values = [value for _, value in row["values"]]
            share = 1 - _SHARE_OF_GOOD if _maximizes(problem) else _SHARE_OF_GOOD
            return float(np.quantile(values, share))
    raise SystemExit(f"no random configurations of {problem}: python -m {__spec__.name} random --problem {problem}")


def time_to(row: Mapping[str, Any], goal: float, *, maximizes: bool) -> float | None:
    """Return the seconds until a training ended with the goal or better; None if none did."""
    sign = 1 if maximizes else -1
    return min((at for at, value in row["values"] if sign * value >= sign * goal), default=None)


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _add(path: Path, row: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _hparams(problem: str) -> DictConfig:
    return cast(DictConfig, OmegaConf.load(CONFIGS / "hparams" / PROBLEMS[problem].hparams))


def _maximizes(problem: str) -> bool:
    return str(_hparams(problem).hydra.sweeper.direction) == "maximize"


def _config(problem: str) -> dict[str, Any]:
    """The model's config of the worked study and its search space, without the words that only our sweeper knows."""
    conf = _hparams(problem)
    sweeper = conf.hydra.sweeper
    plain: Any = OmegaConf.to_container(conf)
    scale: Any = OmegaConf.load(CONFIGS / "scale" / "small.yaml") if problem == "holodec" else {}
    own = {key: value for key, value in plain.items() if key not in ("defaults", "hydra")}
    merged: Any = OmegaConf.to_container(OmegaConf.merge(own, scale, dict(PROBLEMS[problem].changes)))
    return {
        **merged,
        "metric": sweeper.metric,
        "hydra": {"sweeper": {"direction": sweeper.direction, "params": plain["hydra"]["sweeper"]["params"]}},
    }


def _run(
    problem: str, contender: str, seed: int, trials: int, goal: tuple[float, bool] | None = None
) -> dict[str, Any]:
    """Run a search in a folder that is deleted afterwards, up to the goal if there is one; returns the row."""
    words = _RANDOM if contender == "random" else CONTENDERS[contender]
    # A program that has been asked to end may still write for a moment.
    with tempfile.TemporaryDirectory(prefix="trainings-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "app.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(_config(problem))), encoding="utf-8")
        values = folder / "values.jsonl"
        environment = {**os.environ, VALUES: str(values), "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", APP, "--config-dir", name, "--config-name", "app", "--multirun", *words]
        settings = (f"n_trials={trials}", f"n_jobs={SLOTS}", f"study_name={problem}")
        command += [f"hydra.sweeper.{setting}" for setting in settings]
        own = (f"seed={seed}", f"metric={_hparams(problem).hydra.sweeper.metric}")
        command += [f"hydra.sweeper.{word}" for word in ([f"sampler.seed={seed}"] if contender == "stock" else own)]
        command += ["hydra.sweep.dir=study"]
        begun = time.time()
        with (folder / "log").open("wb") as log:
            program = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
            _wait(program, values, begun, goal)
        noted = [(round(row["at"] - begun, 2), row["value"]) for row in _rows_of(values)]
        if not noted:
            raise SystemExit((folder / "log").read_text(encoding="utf-8")[-3000:])
    where = {"problem": problem, "contender": contender, "seed": seed, "machine": machine()}
    return {**where, "load": round(os.getloadavg()[0], 1), "took_s": round(time.time() - begun, 1), "values": noted}


def _wait(program: "subprocess.Popen[bytes]", values: Path, begun: float, goal: tuple[float, bool] | None) -> None:
    """Wait for the command's end, and end it once a training has reached the goal."""
    while program.poll() is None:
        reached = {"values": [(row["at"], row["value"]) for row in _rows_of(values)]}
        if (goal and time_to(reached, goal[0], maximizes=goal[1])) or time.time() > begun + _TIMEOUT_S:
            os.killpg(program.pid, signal.SIGINT)
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()
            return
        time.sleep(_POLL_S)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for problem in PROBLEMS:
        if not any((row["problem"], row["contender"]) == (problem, "random") for row in rows):
            continue
        goal, maximizes = target_of(problem, rows), _maximizes(problem)
        own = [row for row in rows if row["problem"] == problem and row["contender"] != "random"]
        times = {
            contender: [
                time_to(row, goal, maximizes=maximizes) or float("inf") for row in own if row["contender"] == contender
            ]
            for contender in CONTENDERS
        }
        stock = float(np.median(times["stock"])) if times["stock"] else float("nan")
        for contender, seconds in times.items():
            if seconds:
                hits, middle = sum(map(np.isfinite, seconds)), float(np.median(seconds))
                words = [problem, f"{goal:.4g}", contender, f"{hits} of {len(seconds)}", f"{middle:.1f}"]
                lines.append([*words, f"{min(seconds):.1f} to {max(seconds):.1f}", f"{middle / stock:.2f}"])
    return table(["study", "target", "contender", "reached", "median, s", "from to, s", "of stock"], lines)


if __name__ == "__main__":
    main()
