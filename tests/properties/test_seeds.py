# SPDX-License-Identifier: MIT
"""Seeds of trials: apart from each other, in range, and the same every time."""

from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.sampling.seeds import training_seed, trial_seed

study_seeds = st.integers(0, 2**63)
numbers = st.integers(0, 100_000)


@given(study_seeds, numbers)
def test_a_trials_seed_is_in_range_and_repeats(study_seed: int, number: int) -> None:
    """Every library takes a seed of 31 bits."""
    seed = trial_seed(study_seed, number)
    assert 0 <= seed < 2**31
    assert trial_seed(study_seed, number) == seed


@given(study_seeds, st.lists(numbers, min_size=2, max_size=20, unique=True))
def test_trials_of_a_study_have_different_seeds(study_seed: int, of: list[int]) -> None:
    """Two workers never draw the same numbers."""
    assert len({trial_seed(study_seed, number) for number in of}) == len(of)


def test_neighbouring_seeds_and_numbers_are_unrelated() -> None:
    """Trial n of a study is not trial n-1 of the study whose seed is one higher."""
    seeds = {trial_seed(study, number) for study in range(30) for number in range(30)}
    assert len(seeds) == 900


@given(study_seeds, numbers)
def test_a_training_has_another_seed_than_its_sampler(study_seed: int, number: int) -> None:
    """An objective that seeds NumPy with it would else draw its own parameters."""
    assert 0 <= training_seed(study_seed, number) < 2**31
    assert training_seed(study_seed, number) != trial_seed(study_seed, number)
