# SPDX-License-Identifier: MIT
"""With a seed a sequential study repeats exactly, also when it is cut in two; samplers, tickets and worker together."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.driver.request import Request, points_of
from hyperopt_app.objective.outcomes import Completed
from hyperopt_app.results.files import ThrottledResults
from hyperopt_app.sampling.samplers import sampler_factory
from hyperopt_app.settings.methods import with_methods
from hyperopt_app.settings.reading import read_settings
from hyperopt_app.space.space import suggest
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.heartbeat import this_worker
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.opening import create_study
from hyperopt_app.study.plan import WorkerOptions
from hyperopt_app.study.stopping import Limits
from hyperopt_app.worker.loop import Worker
from tests.unit._made_sweeps import made_space, made_sweep, write_configs
from tests.unit._made_workers import EndAsked, Evaluating

SPACE = made_space(x="range(0, 1, step=0.25)", y="range(3)", z="a,'b c'")
SEED = 11
N_TRIALS = 10
CUT = 5

# The sampler's group, and the fields that let it learn from so few trials.
SAMPLERS = {
    "async_tpe": ("n_startup_trials=3",),
    "tpe": ("n_startup_trials=3",),
    "random": (),
    "nsgaii": ("population_size=3",),
    "qmc": (),
    "grid": (),
}

Objective = Callable[[optuna.Trial], float]


def _loss(trial: optuna.Trial) -> float:
    p = trial.params
    return float((p["x"] - 0.3) ** 2 + p["y"] * (1 if p["z"] == "a" else 2))


class Searches:
    """Sequential commands over studies in journals, each with openings of its own."""

    def __init__(self, place: Path, sampler: str) -> None:
        defaults = "defaults: [_self_, {override hydra/sweeper: async_optuna}]"
        fields = [f"hydra.sweeper.sampler.{field}" for field in SAMPLERS[sampler]]
        configs = write_configs(place / "conf", {"config": defaults})
        self._place = place
        config = made_sweep(configs, f"hydra/sweeper/sampler={sampler}", *fields)[1]
        # As a driver does, which replaces the groups of an old hydra-optuna-sweeper.
        read = with_methods(read_settings(config), config, lambda words: made_sweep(configs, *words)[1])
        self._settings, faults = read
        assert faults == []

    def _open(self, name: str) -> optuna.Study:
        return create_study(open_storage(None, self._place / name), name, ["minimize"])

    def command(self, name: str, n_trials: int, objective: Objective = _loss) -> None:
        """Bring the study to so many trials, as a driver and one worker would."""
        study = self._open(name)
        request = Request(self._settings, SPACE, self._place / name, name, n_trials, WorkerOptions())
        issue(study, n_trials, points_of(request, SEED))

        told: list[bool] = []

        def run(trial: optuna.Trial) -> Completed:
            for key, distribution in SPACE.distributions.items():
                suggest(trial, key, distribution)
            try:
                return Completed((objective(trial),))
            except KeyboardInterrupt:
                told.append(True)
                raise

        tickets = Tickets(
            self._open(name),
            this_worker(0, self._place),
            n_trials,
            observer=Observer(60.0),
            lock=contextlib.nullcontext,
            reopen=lambda: self._open(name),
        )
        sampler_of = sampler_factory(self._settings.sampler, SEED)
        results, interrupts = ThrottledResults(lambda: None), EndAsked(lambda: bool(told))
        Worker(tickets, Limits(), frozenset(), sampler_of, Evaluating(run), results, interrupts).work()

    def trials(self, name: str) -> list[tuple[dict[str, Any], float | None]]:
        """Parameters and values of a study whose trials are all complete."""
        trials = self._open(name).get_trials()
        assert {trial.state for trial in trials} == {TrialState.COMPLETE}
        return [(trial.params, trial.value) for trial in trials]


@pytest.fixture(params=SAMPLERS)
def searches(request: pytest.FixtureRequest, tmp_path: Path) -> Searches:
    """Searches with each of the samplers."""
    if request.param == "qmc":
        pytest.importorskip("scipy", reason="the sampler qmc wants scipy, not installed here")
    return Searches(tmp_path, request.param)


def test_a_study_repeats_however_it_is_cut(searches: Searches) -> None:
    """Ended by its budget or in the midst of a trial and taken up again, it has the uncut study's trials, exactly.

    The trial that was in hand at the interruption goes on with its parameters.
    """
    begun: list[int] = []

    def interrupted(trial: optuna.Trial) -> float:
        begun.append(trial.number)
        if begun == list(range(CUT)):
            raise KeyboardInterrupt
        return _loss(trial)

    searches.command("whole", N_TRIALS)
    searches.command("cut", CUT)
    assert len(searches.trials("cut")) == CUT
    searches.command("cut", N_TRIALS)
    searches.command("interrupted", N_TRIALS, interrupted)
    searches.command("interrupted", N_TRIALS, interrupted)
    assert begun == [*range(CUT), *range(CUT - 1, N_TRIALS)]
    whole = searches.trials("whole")
    assert len(whole) == N_TRIALS
    assert searches.trials("cut") == searches.trials("interrupted") == whole
    assert len({str(params) for params, _ in whole}) > 1


def test_a_grid_is_tried_without_repeats(tmp_path: Path) -> None:
    """Its points are tickets in an order that the seed shuffles, so any part of it is spread over the space."""
    searches = Searches(tmp_path, "grid")
    searches.command("all", 24)
    points = [tuple(params.values()) for params, _ in searches.trials("all")]
    assert len(set(points)) == len(points) == 4 * 3 * 2
    assert points != sorted(points)


def test_another_seed_is_another_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed is what repeats, not the samplers' defaults."""
    searches = Searches(tmp_path, "random")
    searches.command("one", 3)
    monkeypatch.setitem(globals(), "SEED", SEED + 1)
    searches.command("other", 3)
    assert searches.trials("one") != searches.trials("other")
