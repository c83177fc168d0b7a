# SPDX-License-Identifier: MIT
"""Each health check fires on a study made to have exactly its fault, and all are silent on studies that are well."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial

from hyperopt_app.looking.health.checks import CHECKS, health
from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.health.progress import curves_still_improve
from hyperopt_app.looking.health.ranges import best_at_an_edge
from hyperopt_app.looking.view import View, read_view
from hyperopt_app.study.opening import create_study
from tests.unit._made_repeats import repeat_records
from tests.unit._made_studies import SPACE as WITH_CHOICES
from tests.unit._made_studies import ended, failure

SPACE = {"lr": WITH_CHOICES["lr"], "width": WITH_CHOICES["width"], "dropout": FloatDistribution(0.0, 0.9)}

_MEDIAN = "hydra: {sweeper: {pruner: {_target_: optuna.pruners.MedianPruner}}}\n"
_OPTIMIZERS = CategoricalDistribution(["adam", "sgd", "lion", "adagrad", "lamb"])
Point = dict[str, Any]


def _well(point: Point) -> float:
    """A loss with its optimum within the ranges, to which each parameter matters."""
    return float(
        (math.log10(point["lr"]) + 3) ** 2 + (point["width"] / 32 - 2) ** 2 + 9 * (point["dropout"] - 0.4) ** 2
    )


def _drawn(generator: random.Random, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return generator.choice(distribution.choices)
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    if isinstance(distribution, FloatDistribution):
        exponent = generator.uniform(math.log10(low or 1), math.log10(high))
        return 10**exponent if distribution.log else generator.uniform(low, high)
    return generator.randrange(low, high + 1, distribution.step)  # type: ignore[attr-defined]


def _points(count: int, space: Mapping[str, BaseDistribution] = SPACE, seed: int = 1) -> list[Point]:
    generator = random.Random(seed)
    return [{name: _drawn(generator, distribution) for name, distribution in space.items()} for _ in range(count)]


def _searched(loss: Callable[[Point], float], count: int = 60) -> list[FrozenTrial]:
    """Complete trials at random points, one after the other; each is better than the one before."""
    points = sorted(_points(count), key=loss, reverse=True)
    return [ended(values=loss(p), params=p, space=SPACE, begun_s=10.0 * n) for n, p in enumerate(points)]


def _trial(state: str, point: Point, place: int, **settings: Any) -> FrozenTrial:
    """The trial at a point; the space is that with the optimizer, if the point has one."""
    space = {**SPACE, "optimizer": _OPTIMIZERS}
    return ended(state, _well(point), point, space=space, begun_s=10.0 * place, **settings)


def _view(trials: Sequence[FrozenTrial], directory: Path, config: str = "") -> View:
    study = create_study(optuna.storages.InMemoryStorage(), "made", ["minimize"])
    study.add_trials(trials)
    if config:
        (directory / "multirun.yaml").write_text(config)
    return read_view(study, directory)


def _edge() -> list[FrozenTrial]:
    points = [*_points(60), {"lr": 1e-5, "width": 64, "dropout": 0.4}]
    trials = [_trial("COMPLETE", point, place) for place, point in enumerate(points)]
    for trial in trials:
        trial.value = 5 * math.log10(trial.params["lr"]) + _well({**trial.params, "lr": 1e-3})
    return trials


def _idle_parameter() -> list[FrozenTrial]:
    return _searched(lambda p: _well({**p, "width": 64}), count=200)


def _bad_choice() -> list[FrozenTrial]:
    points = _points(120, {**SPACE, "optimizer": CategoricalDistribution(["adam", "lion"])})
    trials = [_trial("COMPLETE", point, place) for place, point in enumerate(points)]
    for trial in trials:
        trial.value = trial.values[0] + 5 * (trial.params["optimizer"] == "lion")
    return sorted(trials, key=lambda trial: -trial.values[0])


def _failing_region() -> list[FrozenTrial]:
    oom = failure("oom", "out of memory")
    return [
        _trial("FAIL", point, place, **oom) if point["width"] >= 112 else _trial("COMPLETE", point, place)
        for place, point in enumerate(_points(40))
    ]


def _failing_choice() -> list[FrozenTrial]:
    bug = failure("bug", "the optimizer is not known")
    return [
        _trial("FAIL", point, place, **bug) if point["optimizer"] == "lion" else _trial("COMPLETE", point, place)
        for place, point in enumerate(_points(40, {**SPACE, "optimizer": _OPTIMIZERS}))
    ]


def _with_curves(shape: Callable[[float], float], length: int = 20) -> list[FrozenTrial]:
    trials = []
    for place, point in enumerate(_points(40)):
        final = _well(point)
        curve = [final + shape(step / length) for step in range(1, length + 1)]
        trials.append(_trial("COMPLETE", point, place, curve=curve))
    return trials


def _all_pruned() -> list[FrozenTrial]:
    trials = _with_curves(_flat)
    pruned = [_trial("PRUNED", trial.params, place, curve=[1.0]) for place, trial in enumerate(trials)]
    return [*trials[:2], *pruned[2:]]


def _flat(progress: float) -> float:
    return math.exp(-12 * progress)


def _stalled() -> list[FrozenTrial]:
    return _searched(_well, count=90)[::-1]


def _losses() -> list[FrozenTrial]:
    losses = [{"worker": "w", "node": "gpu7", "cause": "lost"}]
    points = _points(34)
    well = [_trial("COMPLETE", point, place, node="gpu1") for place, point in enumerate(points[:30])]
    return [
        *well,
        *(_trial("COMPLETE", point, 30 + n, node="gpu2", losses=losses) for n, point in enumerate(points[30:])),
    ]


def _waiting() -> list[FrozenTrial]:
    return [_trial("COMPLETE", point, 10 * place, length_s=40) for place, point in enumerate(_points(40))]


def _repeated(spread: float) -> list[FrozenTrial]:
    """A middling point six times, with values that differ by so much, then a search that does not repeat any."""
    searched = _searched(_well)
    middle = searched[20]
    values = [middle.values[0] + spread * offset for offset in (-1.0, 1.0, -1.0, 1.0, -1.0, 1.0)]
    return [*(ended(values=value, params=middle.params, space=SPACE) for value in values), *searched]


def _of_repeats(noise: float) -> list[FrozenTrial]:
    """A search whose configurations have five seeds each, which scatter by so much."""
    draw = random.Random(5)
    trials = []
    for trial in _searched(_well):
        values = [trial.values[0] + draw.gauss(0, noise) for _ in range(5)]
        records = repeat_records(*([value] for value in values))
        trials.append(ended(values=sum(values) / 5, params=trial.params, space=SPACE, **records))
    return trials


FAULTS: Mapping[str, tuple[Callable[[], list[FrozenTrial]], str, str, str]] = {
    "edge": (_edge, "", "edge", "lr of the best trials is at the end of its range (1e-05)"),
    "idle parameter": (_idle_parameter, "", "idle", "width hardly matters (importance"),
    "bad choice": (_bad_choice, "", "choice", "optimizer=lion is never in the best tenth, after"),
    "failing region": (_failing_region, "", "fails", "failures have width from 112, where"),
    "failing choice": (_failing_choice, "", "fails", "failures have optimizer=lion, where"),
    "idle pruner": (lambda: _with_curves(_flat), _MEDIAN, "pruner", "MedianPruner has ended none of 40 trials"),
    "nothing reported": (lambda: _searched(_well, 40), _MEDIAN, "pruner", "since they report nothing"),
    "eager pruner": (_all_pruned, _MEDIAN, "pruner", "MedianPruner has ended 38 of 40 trials"),
    "falling curves": (lambda: _with_curves(lambda x: 1 - x), "", "curves", "still improve in their last fifth"),
    "stalled": (_stalled, "", "stalled", "no better value in the last 89 complete trials, since trial 0"),
    "seeds": (lambda: _repeated(2.0), "", "seeds", "equal configurations (1 is repeated) differ by 2, the best 7"),
    "seeds of repeats": (lambda: _of_repeats(6.0), "", "seeds", "over 5 seeds a difference between two of the best"),
    "losses": (_losses, "", "node", "4 of 4 losses of a worker were on the node gpu7"),
    "idle workers": (_waiting, "", "workers", "workers were idle for 39 min 00 s, 59 % of their time"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_fires_on_its_fault_alone(fault: str, tmp_path: Path) -> None:
    """It says what was seen, with numbers, and what to do; no other check complains of that study."""
    trials, config, word, reason = FAULTS[fault]
    findings = health(_view(trials(), tmp_path, config))
    assert [finding.word for finding in findings] == [word], findings
    assert reason in findings[0].reason
    assert len(findings[0].remedy) > 10
    assert findings[0].text == f"{findings[0].reason}: {findings[0].remedy}"


def test_a_study_that_is_well_has_no_findings(tmp_path: Path) -> None:
    """Nor has one that is too small to judge, or empty."""
    assert health(_view(_searched(_well, count=60), tmp_path, _MEDIAN.replace("Median", "Nop"))) == []
    assert health(_view(_with_curves(_flat), tmp_path)) == []
    assert health(_view(_repeated(0.01), tmp_path)) == []
    assert health(_view(_of_repeats(0.001), tmp_path)) == []
    for count in (0, 1, 3):
        assert health(_view(_edge()[:count], tmp_path, _MEDIAN)) == []


@pytest.mark.parametrize(
    ("low", "high", "best", "fires"),
    [
        (0.0, 0.9, 0.0, False),
        (0.1, 1.0, 1.0, False),
        (0.1, 0.9, 0.1, True),
        (-1.0, 1.0, 1.0, True),
        (0.0, 2.0, 2.0, True),
    ],
)
def test_an_end_that_cannot_go_beyond_is_no_edge(
    low: float, high: float, best: float, tmp_path: Path, *, fires: bool
) -> None:
    """A dropout of 0 is as far as it goes, and so is a share of 1."""
    generator = random.Random(1)
    values = [best, *(generator.uniform(low, high) for _ in range(40))]
    space = {"x": FloatDistribution(low, high), "y": FloatDistribution(-5.0, 5.0)}
    trials = [
        ended(values=10 * abs(x - best), params={"x": x, "y": generator.uniform(-3, 3)}, space=space, begun_s=10.0 * n)
        for n, x in enumerate(values)
    ]
    assert [finding.word for finding in best_at_an_edge(_view(trials, tmp_path))] == ["edge"] * fires


@pytest.mark.parametrize(("slope", "noise", "fires"), [(0.0, 0.01, False), (0.1, 0.002, True), (0.004, 0.02, False)])
def test_noise_at_the_end_is_no_gain(slope: float, noise: float, tmp_path: Path, *, fires: bool) -> None:
    """The best trials are those whose last report was lucky."""
    for seed in range(20):
        generator = random.Random(seed)
        curves = [
            [0.9 - 0.4 * (1 - 0.5**step) - slope * step + generator.gauss(0, noise) for step in range(15)]
            for _ in range(60)
        ]
        trials = [ended(values=curve[-1], curve=curve, begun_s=10.0 * n) for n, curve in enumerate(curves)]
        assert [finding.word for finding in curves_still_improve(_view(trials, tmp_path))] == ["curves"] * fires


def test_a_parameter_that_hardly_matters_has_no_edge(tmp_path: Path) -> None:
    """Samplers like the ends of a range, where nothing draws them elsewhere."""
    generator = random.Random(2)
    space = {"x": FloatDistribution(-5.0, 5.0), "idle": FloatDistribution(1.0, 5.0)}
    points = [{"x": generator.uniform(-5, 5), "idle": 5.0 if number % 3 else 1.0} for number in range(60)]
    trials = [ended(values=(p["x"] - 1) ** 2, params=p, space=space, begun_s=10.0 * n) for n, p in enumerate(points)]
    assert best_at_an_edge(_view(trials, tmp_path)) == []


@pytest.mark.parametrize("seed", range(10))
def test_all_are_silent_on_sphere(seed: int, tmp_path: Path) -> None:
    """The worked study as conf/hparams/sphere.yaml has it, with other seeds."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))

    def sphere(trial: optuna.Trial) -> float:
        x, y = trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5)
        value = x**2 + y**2 + trial.suggest_float("z", -5, 5, step=0.5) ** 2
        for step in range(1, 6):
            trial.report(value + 1 - step / 5, step)
        return float(value)

    study.optimize(sphere, n_trials=40)
    (tmp_path / "multirun.yaml").write_text(_MEDIAN.replace("Median", "Nop"))
    assert health(read_view(study, tmp_path)) == []


def test_checks_take_any_study(tmp_path: Path) -> None:
    """With several objectives, failures alone, values that are not finite, no parameters, and a strange config."""
    several = optuna.create_study(directions=["minimize", "maximize"])
    several.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)), n_trials=60)
    empty = optuna.create_study(direction="maximize")
    empty.add_trials([ended(values=1.0, params={}) for _ in range(60)])
    failed = optuna.create_study()
    failed.add_trials([ended("FAIL", **failure("bug", "x")) for _ in range(20)])
    infinite = optuna.create_study()
    infinite.add_trials(_searched(lambda p: math.inf if p["width"] > 64 else _well(p)))
    for config in ("", "[1, 2]", "hydra: {sweeper: text}", "a: [", _MEDIAN):
        (tmp_path / "multirun.yaml").write_text(config)
        for study in (several, empty, failed, infinite):
            view = read_view(study, tmp_path)
            for check in CHECKS:
                assert all(isinstance(finding, Finding) for finding in check(view))


def test_failures_everywhere_are_no_region(tmp_path: Path) -> None:
    """Nor are failures that no parameter is to blame for."""
    trials = _searched(_well, count=40)
    spread = [_trial("FAIL", trial.params, 0, **failure("bug", "x")) for trial in trials[::5]]
    assert health(_view([*trials, *spread], tmp_path)) == []
    lost = [_trial("FAIL", {**trials[0].params, "width": 128}, 0, **failure("infrastructure", "x"))] * 8
    assert health(_view([*trials, *lost], tmp_path)) == []
