# SPDX-License-Identifier: MIT
"""The text that people read of our errors, and what may catch them."""

import pytest

from hyperopt_app import errors
from hyperopt_app.errors import ConfigError, HyperoptError, MetricError

BUILTINS = {
    "ConfigError": ValueError,
    "DescendantError": RuntimeError,
    "MetricError": KeyError,
    "PayloadError": RuntimeError,
    "RanksError": RuntimeError,
    "ResultsError": OSError,
    "SpaceError": ValueError,
    "StorageError": RuntimeError,
    "StudyMismatchError": ValueError,
    "StudyStoppedError": RuntimeError,
    "SubmissionError": RuntimeError,
    "WorkersCancelledError": RuntimeError,
    "WorkersEndedError": RuntimeError,
}


@pytest.mark.parametrize("name", sorted(set(errors.__all__) - {"HyperoptError"}))
def test_every_error_has_our_base_and_the_matching_builtin(name: str) -> None:
    """`except HyperoptError` catches all of ours, `except ValueError` and its like what they say."""
    assert issubclass(getattr(errors, name), (HyperoptError, BUILTINS[name]))
    assert issubclass(getattr(errors, name), BUILTINS[name])


def test_a_metric_error_is_shown_as_it_was_written() -> None:
    """KeyError would show the repr of its text, with the line ends escaped."""
    assert str(MetricError("no 'loss'\nbut 'acc'")) == "no 'loss'\nbut 'acc'"


def test_a_config_error_lists_its_faults() -> None:
    """One line per fault under a title that counts them; a fault of several lines stays together."""
    error = ConfigError(["a: 1 is wrong", "b: two\nlines"])
    assert str(error).splitlines() == [
        "2 faults in the configuration; nothing was started:",
        "  - a: 1 is wrong",
        "  - b: two",
        "    lines",
    ]
    assert error.faults == ["a: 1 is wrong", "b: two\nlines"]


def test_one_fault_is_not_counted_in_the_plural() -> None:
    """The title of a single fault is in the singular."""
    assert str(ConfigError(["a"])).startswith("1 fault in the configuration;")
