# SPDX-License-Identifier: MIT
"""What the server of the trials' processes imports beforehand."""

from hyperopt_app.worker.isolation import preload_names


def test_packages_come_before_their_parts() -> None:
    """Each once; nothing of the standard library, of the program itself or of the tests."""
    modules = ["numpy.linalg", "json", "__main__", "numpy", "tests.unit", "numpy", "optuna"]
    assert preload_names(modules) == ["numpy", "optuna", "numpy.linalg"]


def test_what_does_not_fit_is_left_to_the_trials() -> None:
    """A command line has an end."""
    assert preload_names(["numpy", "optuna", "rich"], most=19) == ["numpy", "optuna"]


def test_what_torch_imports_late_is_imported_early() -> None:
    """Its first optimizer imports it, which each trial would do anew."""
    assert preload_names(["torch", "numpy"]) == ["numpy", "torch", "torch._dynamo"]
    assert preload_names(["numpy"]) == ["numpy"]
