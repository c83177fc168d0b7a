# SPDX-License-Identifier: MIT
"""What a search gains from knowing its conditions and its constraints, and from a race between configurations.

    python benchmarks/richer.py conditions [--seeds 20] [--trials 200]
    python benchmarks/richer.py constraints [--seeds 20] [--trials 30]
    python benchmarks/richer.py racing [--seeds 20] [--trials 60]

`conditions`: a space of three levels. A trial has 8 of its 31 parameters; a flat search samples all of them in each
trial. It ends when a value is as good as the goal, which only one of the six branches has. `constraints`: what the
value rewards is too slow, and 5 % of random points meet the constraint. `racing`: four parameters and a noise that is
partly the seed's and partly the configuration's own; the regret is how far the configuration that the search chooses
is from the best one, without the noise. One worker, in memory; nothing is trained, and each trial reports 20 values,
in a race none.
"""

import argparse
import dataclasses
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from measuring import machine, table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hyperopt_app.objective.outcomes import Completed, Outcome
from hyperopt_app.repeats.aggregate import Aggregate
from hyperopt_app.repeats.settings import Repeats
from hyperopt_app.repeats.training import Trainings
from hyperopt_app.sampling.feasible import feasible, random_points
from hyperopt_app.sampling.samplers import sampler_factory, with_tree
from hyperopt_app.sampling.seeds import repeat_seed, training_seed
from hyperopt_app.space.constraints import Constraints
from hyperopt_app.space.space import Space, parse_space, suggest_all
from hyperopt_app.study.own_trial import OwnTrial

SAMPLERS = {
    "async_tpe": {"_target_": "optuna.samplers.TPESampler", "constant_liar": True},
    "curves": {"_target_": "hyperopt_app.sampling.curves.sampler.CurvesSampler"},
}
STEPS = 20
UNIT = "interval(0.0, 1.0)"
MODELS, KINDS, KNOBS = "abc", "uv", 3
# What each branch costs at its best point: the best one is (b, v).
OFFSETS = {"au": 0.30, "av": 0.25, "bu": 0.20, "bv": 0.0, "cu": 0.35, "cv": 0.15}
GOAL = 0.1
LIMIT = 0.1
NOISES = (0.1, 0.3)


def tree() -> tuple[dict[str, str], dict[str, Any]]:
    """What all trials have, and what they have under conditions, three levels deep."""
    when: dict[str, Any] = {}
    for model in MODELS:
        branch: dict[str, Any] = {f"{model}.{knob}": UNIT for knob in range(KNOBS)}
        branch[f"{model}.kind"] = f"choice({','.join(KINDS)})"
        branch["when"] = {
            f"{model}.kind={kind}": {f"{model}.{kind}.{knob}": UNIT for knob in range(KNOBS)} for kind in KINDS
        }
        when[f"model={model}"] = branch
    return {"model": f"choice({','.join(MODELS)})"}, when


def flat(when: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The ranges of all branches."""
    for branch in when.values():
        for key, text in branch.items():
            if key == "when":
                yield from flat(text)
            else:
                yield key, text


def space_of(params: Mapping[str, str], when: Mapping[str, Any] | None = None, *constraints: str) -> Space:
    """A space that can be read."""
    space, faults = parse_space(params, [], None, None, when)
    if faults:
        raise ValueError(faults)
    return dataclasses.replace(space, constraints=constraints)


def value_in_tree(params: Mapping[str, Any]) -> float:
    """The value of a point: its branch's own, and how far its four numbers are from the best ones of that branch."""
    model = params["model"]
    kind = params[f"{model}.kind"]
    numbers = [params[f"{model}.{knob}"] for knob in range(KNOBS)]
    numbers += [params[f"{model}.{kind}.{knob}"] for knob in range(KNOBS)]
    draw = random.Random(model + kind)  # each branch has its best point elsewhere
    best = [draw.uniform(0.1, 0.9) for _ in numbers]
    far = sum((number - there) ** 2 for number, there in zip(numbers, best, strict=True))
    return OFFSETS[model + kind] + float(far)


def reported(trial: optuna.Trial, value: float) -> None:
    """Report a curve that comes down to the value."""
    for step in range(1, STEPS + 1):
        trial.report(value + 0.5 * (STEPS - step) / (STEPS * step), step)


def first_good(space: Space, sampler: str, seed: int, most: int) -> int:
    """The number of trials until one is as good as the goal; `most` if none is."""
    factory = sampler_factory(with_tree(SAMPLERS[sampler], space.tree, 1), seed)
    study = optuna.create_study()
    for number in range(most):
        study.sampler = factory(number)
        trial = study.ask()
        suggest_all(trial, space)
        value = value_in_tree(trial.params)
        reported(trial, value)
        study.tell(trial, value)
        if value <= GOAL:
            return number + 1
    return most


def conditions(options: argparse.Namespace) -> None:
    """Trials until the goal, with the tree and without."""
    params, when = tree()
    spaces = {"flat": space_of({**params, **dict(flat(when))}), "tree": space_of(params, when)}
    lines = []
    for sampler in options.samplers:
        means = {}
        for name, space in spaces.items():
            runs = [first_good(space, sampler, seed, options.trials) for seed in range(options.seeds)]
            means[name] = statistics.mean(runs)
            reached = sum(run < options.trials for run in runs)
            share = "" if name == "flat" else f"{means['tree'] / means['flat']:.2f}"
            middle = f"{statistics.median(runs):.0f}"
            lines.append([sampler, name, f"{means[name]:.1f}", middle, f"{reached}/{options.seeds}", share])
    print(table(["sampler", "space", "mean trials", "median", "reached", "of the flat ones"], lines))


def speed_of(params: Mapping[str, Any]) -> dict[str, float]:
    """What a point returns: its value is best where it is too slow."""
    point = [params[f"x{at}"] for at in range(4)]
    return {"loss": sum((number - 0.9) ** 2 for number in point), "ms": sum((number - 0.5) ** 2 for number in point)}


def share_of_feasible(space: Space, sampler: str, seed: int, trials: int) -> tuple[float, float]:
    """The share of feasible trials, and the best value of these (none: that of the middle of the feasible region)."""
    factory = feasible(sampler_factory(SAMPLERS[sampler], seed), space, seed)
    constraints, study = Constraints(space), optuna.create_study()
    values = []
    for number in range(trials):
        study.sampler = factory(number)
        trial = study.ask()
        suggest_all(trial, space)
        metrics = speed_of(trial.params)
        reported(trial, metrics["loss"])
        for name, violation in constraints.after_training(trial.params, metrics).items():
            trial.set_constraint(name, violation)
        study.tell(trial, metrics["loss"])
        values += [metrics["loss"]] if metrics["ms"] <= LIMIT else []
    return len(values) / trials, min(values, default=0.64)


def limits(options: argparse.Namespace) -> None:
    """Feasible trials and the best of them, with the constraint and without."""
    params = {f"x{at}": UNIT for at in range(4)}
    spaces = {"without": space_of(params), "with": space_of(params, None, f"ms <= {LIMIT}")}
    share = statistics.mean(speed_of(point)["ms"] <= LIMIT for point in random_points(spaces["without"], 0, 20_000))
    print(f"{share:.1%} of random points meet the constraint\n")
    lines = []
    for sampler in options.samplers:
        means = {}
        for name, space in spaces.items():
            runs = [share_of_feasible(space, sampler, seed, options.trials) for seed in range(options.seeds)]
            means[name], best = (statistics.mean(column) for column in zip(*runs, strict=True))
            times = f"{means['with'] / max(means['without'], 1e-9):.1f}" if name == "with" else ""
            lines.append([sampler, name, f"{means[name]:.1%}", times, f"{best:.3f}"])
    print(table(["sampler", "constraint", "feasible", "times as many", "best feasible"], lines))


def noisy(params: Mapping[str, Any], seed: int, noise: float) -> float:
    """What a training returns: its true loss, what its seed does to all configurations, and what to this one."""
    point = repr(sorted(params.items()))
    shared, own = random.Random(seed).gauss(0, noise / 2), random.Random(f"{seed} {point}").gauss(0, noise)
    return true_loss(params) + shared + own


def true_loss(params: Mapping[str, Any]) -> float:
    """The loss without noise; 0 at the best point."""
    return sum((params[f"x{at}"] - 0.3 - 0.1 * at) ** 2 for at in range(4))


def raced(repeats: Repeats | None, sampler: str, seed: int, trials: int, noise: float) -> tuple[float, int]:
    """The true loss of the configuration that a search chooses, and the trainings that it took."""
    space = space_of({f"x{at}": UNIT for at in range(4)})
    factory, study, begun = sampler_factory(SAMPLERS[sampler], seed), optuna.create_study(), list[int]()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(trials):
            study.sampler = factory(number)
            trial = study.ask()
            suggest_all(trial, space)

            def train(repeat_seed_: int, params: Mapping[str, Any] = trial.params) -> Completed:
                begun.append(repeat_seed_)
                return Completed((noisy(params, repeat_seed_, noise),))

            outcome: Outcome
            if repeats is None:
                outcome = train(training_seed(seed, number))
            else:
                outcome = Trainings(
                    repeats=repeats,
                    trial=trial,
                    own=OwnTrial(trial, lambda: True),
                    directory=Path(folder, str(number)),
                    seed_of=partial(repeat_seed, seed),
                    curve=(),
                    train=lambda repeat, train=train: train(repeat.seed),  # type: ignore[misc]
                    counts=lambda _outcome: True,
                    asked_to_end=lambda: False,
                ).run()
            if isinstance(outcome, Completed):
                study.tell(trial, list(outcome.values))
            else:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    return true_loss(study.best_params), len(begun)


def racing(options: argparse.Namespace) -> None:
    """Trainings and regrets: each configuration trained once, five times, and five times at most."""
    ways = {
        "one seed": None,
        "five seeds": Repeats(5, Aggregate()),
        "five seeds, race": Repeats(5, Aggregate(), race=True),
    }
    lines = []
    for sampler in options.samplers:
        for noise in NOISES:
            whole = 1.0
            for name, repeats in ways.items():
                runs = [raced(repeats, sampler, seed, options.trials, noise) for seed in range(options.seeds)]
                losses, trainings = zip(*runs, strict=True)
                mean = statistics.mean(trainings)
                whole = mean if repeats is not None and not repeats.race else whole
                share = f"{mean / whole:.0%}" if repeats is not None and repeats.race else ""
                error = statistics.stdev(losses) / len(losses) ** 0.5 if len(losses) > 1 else 0.0
                regret = f"{statistics.mean(losses):.4f} ± {error:.4f}"
                lines.append([sampler, f"{noise:g}", name, f"{mean:.0f}", share, regret])
    print(table(["sampler", "noise", "way", "trainings", "of plain repeats", "regret ± standard error"], lines))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("conditions", "constraints", "racing"))
    parser.add_argument("--trials", type=int, help="of each search; 200, 30 or 60")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", nargs="+", choices=tuple(SAMPLERS), default=list(SAMPLERS))
    options = parser.parse_args()
    options.trials = options.trials or {"conditions": 200, "constraints": 30, "racing": 60}[options.what]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"{options.seeds} searches of at most {options.trials} trials each, {machine()}\n")
    {"conditions": conditions, "constraints": limits, "racing": racing}[options.what](options)


if __name__ == "__main__":
    main()
