# SPDX-License-Identifier: MIT
"""How an object of the user's class is made, whichever signature its constructor has."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from hyperopt_app.errors import HyperoptError
from hyperopt_app.legacy.objectives.base_objective import BaseObjective, Surroundings
from hyperopt_app.legacy.objectives.construction import arguments_for, device_argument, is_users, made

SIGNATURES: dict[str, tuple[Callable[..., Any], str, tuple[list[str], list[str]]]] = {
    "A1": (lambda study, config, metric="m", device="cpu": 0, "A1", (["study", "config", "metric", "device"], [])),
    "B1": (lambda config, metric="m", device="cpu": 0, "B1", (["config", "metric", "device"], [])),
    "B2": (lambda config, metric="m": 0, "B2", (["config", "metric"], [])),
    "B1's in B3": (lambda config, metric="m", device="cpu": 0, "B3", (["config", "metric", "device"], [])),
    "renamed": (lambda c, m, d="cpu": 0, "B2", (["config", "metric"], [])),
    "other names": (lambda conf, metrics: 0, "B2", (["config", "metric"], [])),
    "renamed, in B1": (lambda c, m="m", d="cpu": 0, "B1", (["config", "metric", "device"], [])),
    "one more": (lambda config, metric="m", seed=1, device="cpu": 0, "B1", (["config", "metric"], ["device"])),
    "one more of one's own": (lambda config, metric="m", seed=1: 0, "B3", (["config", "metric"], [])),
    "keywords": (lambda *, config, metric: 0, "B2", ([], ["config", "metric"])),
    "anything, A1": (lambda *args, **kwargs: 0, "A1", (["study", "config", "metric", "device"], [])),
    "anything, B1": (lambda *args, **kwargs: 0, "B1", (["config", "metric", "device"], [])),
    "anything, B2": (lambda *args, **kwargs: 0, "B2", (["config", "metric"], [])),
    "more keywords": (lambda config, metric="m", **kwargs: 0, "B2", (["config", "metric"], [])),
    "the config alone": (lambda config: 0, "B2", (["config"], [])),
}


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_q11_each_constructor_gets_what_it_asks_for(name: str) -> None:
    """By the parameters' names, else in the order of the time."""
    function, dialect, (args, kwargs) = SIGNATURES[name]
    values = {role: role for role in ("study", "config", "metric", "device")}
    found = arguments_for(inspect.signature(function), values, dialect)
    assert found == (args, {key: key for key in kwargs})


def test_q11_a_constructor_that_wants_more_is_named() -> None:
    """With the three that the original knew."""
    signature = inspect.signature(lambda config, metric, device, data: 0)
    with pytest.raises(HyperoptError, match=r"wants 'data'.*\(config, metric\), \(config, metric, device\) or \(study"):
        arguments_for(signature, dict.fromkeys(("study", "config", "metric", "device")), "B1")


def test_a_device_is_an_index_first_and_a_name_since() -> None:
    """What a constructor of the time was given."""
    assert [device_argument(1, dialect) for dialect in ("A1", "B1", "B2")] == [1, 1, "cuda:1"]


def test_a_class_may_make_its_objects_itself() -> None:
    """`__new__` gets the arguments, too."""

    class Made:
        seen: Any = None

        def __new__(cls, config: Any, metric: Any) -> "Made":
            made = super().__new__(cls)
            made.seen = (config, metric)
            return made

        def __init__(self, config: Any, metric: Any) -> None:
            self.known = self.device  # type: ignore[attr-defined]

    values = {"study": None, "config": {"x": 1}, "metric": "m", "device": "cpu"}
    objective = made(Made, values, Surroundings(), "B3")
    assert (objective.seen, objective.known, objective.config) == (({"x": 1}, "m"), "cpu", {"x": 1})


def test_whose_a_method_is() -> None:
    """The user's own, or one of the original's, ours or Python's."""

    class Mine(BaseObjective):
        def train(self, trial: Any, conf: Any) -> Any:
            return None

    assert [is_users(Mine, name) for name in ("train", "save", "__call__", "__new__", "nothing")] == [
        *(True, False, False, False, False)
    ]
