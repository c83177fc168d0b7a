# SPDX-License-Identifier: MIT
"""How long a worker that is started by hand has."""

import pytest

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.batch.times import end_of_worker, option_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:22", 22), ("12:00:00", 43200), ("1:00:00", 3600), ("100:00:00", 360000), ("2-01:00:00", 176400)],
)
def test_a_time_with_hours_minutes_and_seconds_is_clear(text: str, seconds: int) -> None:
    """With days too, as Slurm writes them."""
    assert option_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("00:01", "may mean 00:00:01, as Slurm reads it, or 00:01:00"),
        ("12:00", "may mean 00:12:00, as Slurm reads it, or 12:00:00"),
        ("30", "may mean 00:30:00, as Slurm reads it, or 00:00:30"),
        ("1-12", "may mean 36:00:00; write"),
        ("5h", "is not a time; write HH:MM:SS"),
        ("", "is not a time; write HH:MM:SS"),
    ],
)
def test_a_time_that_may_be_read_in_two_ways_is_refused(text: str, words: str) -> None:
    """Nobody finds out that twelve hours were twelve minutes before they are over."""
    with pytest.raises(ConfigError) as error:
        option_seconds(text)
    assert f"-w: {text!r} {words}" in str(error.value)


def test_the_job_around_the_worker_ends_it_too() -> None:
    """Whichever is sooner."""
    assert end_of_worker(60.0, 1000.0, {}) == 1060
    assert end_of_worker(60.0, 1000.0, {"SLURM_JOB_END_TIME": "1030"}) == 1030
    assert end_of_worker(60.0, 1000.0, {"HYPEROPT_END": "2000"}) == 1060
