# SPDX-License-Identifier: MIT
"""The test by which a configuration is hopeless, on values alone and on the trials of a study."""

from optuna.study import StudyDirection
from optuna.trial import TrialState

from hyperopt_app.repeats.aggregate import Aggregate
from hyperopt_app.repeats.contest import lost_race, values_of_repeats
from hyperopt_app.repeats.racing import LEVEL, Noise, chance_of_luck, noise_of
from hyperopt_app.repeats.settings import Repeats
from tests.unit._made_repeats import repeated

MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
THREE = Repeats(3, Aggregate(), race=True)


# Differences of the better half to trial 0: 1, 1, 4 and 2, 0, 1, so a variance of (6 + 2) / 4.
STUDY = [
    repeated(0, 1.0, 2.0, 3.0),
    repeated(1, 2.0, 3.0, 7.0),
    repeated(2, 3.0, 2.0, 4.0),
    repeated(3, 50.0, 90.0, 20.0),
]


def test_the_noise_is_that_of_the_better_half() -> None:
    """A configuration that diverges does not hide what the good ones say; too few say nothing."""
    values = [[2.0, 3.0, 7.0], [3.0, 2.0, 4.0], [50.0, 90.0, 20.0]]
    assert noise_of(values, [1.0, 2.0, 3.0], maximize=False) == Noise(2.0, 4)
    negative = [[-value for value in each] for each in values]
    assert noise_of(negative, [-1.0, -2.0, -3.0], maximize=True) == Noise(2.0, 4)
    assert noise_of(values[:1], [1.0, 2.0, 3.0], maximize=False) is None
    assert noise_of([[4.0], [5.0], [6.0]], [1.0, 2.0, 3.0], maximize=False) is None


def test_the_chance_by_hand() -> None:
    """A difference of 1.533206 standard errors, with 4 degrees of freedom, has a tail of a tenth."""
    noise = Noise(2.0, 4)
    assert abs(chance_of_luck([1 + 1.533206 * 2**0.5], [1.0, 2.0], noise, maximize=False) - 0.1) < 1e-6
    assert abs(chance_of_luck([1 + 1.533206, 2 + 1.533206], [1.0, 2.0], noise, maximize=False) - 0.1) < 1e-6
    assert chance_of_luck([0.5], [1.0], noise, maximize=False) == 1.0
    assert chance_of_luck([1.1], [1.0], Noise(0.0, 4), maximize=False) == 0.0


def test_a_hopeless_configuration_loses_and_the_record_says_to_whom() -> None:
    """After its first repeat already; one that is a little worse goes on."""
    lost = lost_race(9, [9.0], STUDY, MINIMIZE, THREE)
    assert lost is not None
    assert (lost["repeats"], lost["against"]) == (1, 0)
    assert lost["chance"] < LEVEL
    assert lost_race(9, [2.0], STUDY, MINIMIZE, THREE) is None
    assert lost_race(9, [2.4, 3.4], STUDY, MINIMIZE, THREE) is None
    assert lost_race(9, [4.0, 5.5], STUDY, MINIMIZE, THREE) is not None


def test_the_direction_turns_it_round() -> None:
    """Where larger values are better, 9 is good and -9 bad."""
    turned = [repeated(trial.number, *(-value for value in values_of_repeats(trial))) for trial in STUDY]
    assert lost_race(9, [9.0], turned, MAXIMIZE, THREE) is None
    assert lost_race(9, [-9.0], turned, MAXIMIZE, THREE) is not None


def test_only_a_configuration_with_all_repeats_is_the_incumbent() -> None:
    """Neither one that is running, nor one that lost, nor one that violates a constraint."""
    running = [repeated(0, 1.0, 2.0, state=TrialState.RUNNING), *STUDY[1:]]
    lost = lost_race(9, [9.0], [*running, repeated(4, 2.0, 2.0, 4.0)], MINIMIZE, THREE)
    assert lost is not None
    assert lost["against"] == 4
    infeasible = repeated(5, 0.0, 0.0, 0.0)
    infeasible.set_constraint("latency_ms <= 3", 1.0)
    again = lost_race(9, [9.0], [*STUDY, infeasible], MINIMIZE, THREE)
    assert again is not None
    assert again["against"] == 0
    assert lost_race(9, [9.0], [repeated(0, 1.0, 2.0)], MINIMIZE, THREE) is None
    assert lost_race(9, [9.0], [], MINIMIZE, THREE) is None


def test_what_is_ahead_by_its_aggregate_goes_on() -> None:
    """The test looks at means, so where the worst repeat counts, a better worst one saves a worse mean."""
    worst = Repeats(3, Aggregate("worst"), race=True)
    study = [repeated(0, 0.0, 9.0, 0.0), *(repeated(number, 0.1, 9.1, 0.1) for number in range(1, 6))]
    assert lost_race(9, [5.0, 8.0], study, MINIMIZE, THREE) is not None
    assert lost_race(9, [5.0, 8.0], study, MINIMIZE, worst) is None
