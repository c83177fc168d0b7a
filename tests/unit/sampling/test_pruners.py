# SPDX-License-Identifier: MIT
"""Every pruner that a config may name."""

from typing import Any

import optuna
import pytest
from hydra.core.config_store import ConfigStore

from hyperopt_app.errors import HyperoptError
from hyperopt_app.sampling.samplers import build_pruner
from tests.unit._made_sweeps import sweeper_node

GROUPS: dict[str, tuple[str, ...]] = {
    "nop": (),
    "forecast": ("caution=1.0",),
    "promote": ("first_rung=0",),
    "median": ("n_warmup_steps=3",),
    "percentile": ("percentile=10.0",),
    "successive_halving": ("min_resource=3",),
    "hyperband": ("max_resource=27",),
    "threshold": ("upper=1.0",),
    "patient": ("patience=2",),
    "wilcoxon": ("p_threshold=0.2",),
}


def _node(group: str, *fields: str) -> dict[str, Any]:
    words = [f"hydra.sweeper.pruner.{field}" for field in fields]
    node: dict[str, Any] = sweeper_node(f"hydra/sweeper/pruner={group}", *words)["pruner"]
    return node


def test_every_registered_pruner_is_tested_here() -> None:
    """A new group gets its case; `auto` stands for one of the others."""
    groups: Any = ConfigStore.instance().repo["hydra"]
    assert {name.removesuffix(".yaml") for name in groups["sweeper"]["pruner"]} == {*GROUPS, "auto"}


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_builds_through_the_composed_config(group: str) -> None:
    """With its defaults, but for the threshold that has none, and with a field set; no pruner warns."""
    wanted = "".join(word.capitalize() for word in group.split("_")) + "Pruner"
    fields = GROUPS[group]
    for words in {() if group != "threshold" else fields, fields}:
        assert type(build_pruner(_node(group, *words))).__name__ == wanted


@pytest.mark.parametrize(
    ("group", "field", "attribute", "value"),
    [
        ("median", "n_startup_trials=7", "_n_startup_trials", 7),
        ("median", "interval_steps=4", "_interval_steps", 4),
        ("forecast", "reduction_factor=4", "_factor", 4),
        ("forecast", "caution=2", "_caution", 2.0),
        ("promote", "reduction_factor=4", "_factor", 4),
        ("promote", "first_rung=2", "_first", 2),
        ("hyperband", "reduction_factor=4", "_reduction_factor", 4),
        ("successive_halving", "reduction_factor=2", "_reduction_factor", 2),
        ("patient", "min_delta=0.5", "_min_delta", 0.5),
    ],
)
def test_a_field_reaches_the_pruner(group: str, field: str, attribute: str, value: object) -> None:
    """Under the name that Optuna gives it."""
    assert getattr(build_pruner(_node(group, field)), attribute) == value


def test_patience_waits_for_another_pruner() -> None:
    """A nested node is built, too."""
    node = _node("patient", "wrapped_pruner={_target_: optuna.pruners.MedianPruner, n_warmup_steps: 2}")
    wrapped = build_pruner(node)._wrapped_pruner  # type: ignore[attr-defined]
    assert isinstance(wrapped, optuna.pruners.MedianPruner)
    assert wrapped._n_warmup_steps == 2


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown class": ({"_target_": "optuna.pruners.Never"}, "Never"),
    "no pruner": ({"_target_": "optuna.samplers.RandomSampler"}, "RandomSampler"),
    "another library's": ({"_target_": "shutil.rmtree", "path": "x"}, "shutil.rmtree"),
    "a threshold without a bound": ({"_target_": "optuna.pruners.ThresholdPruner"}, "lower"),
    "a wrong nested one": (
        {"_target_": "optuna.pruners.PatientPruner", "patience": 1, "wrapped_pruner": {"_target_": "os.getcwd"}},
        "os.getcwd",
    ),
    "a value out of range": ({"_target_": "optuna.pruners.PercentilePruner", "percentile": 101.0}, "101"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_pruner_is_told_with_what_is_allowed(case: str) -> None:
    """Where, what came, and the names that there are; in one line."""
    node, came = WRONG[case]
    with pytest.raises(HyperoptError) as error:
        build_pruner(node)
    text = str(error.value)
    assert text.startswith("hydra.sweeper.pruner")
    assert came in text
    assert "choose a group with hydra/sweeper/pruner=..., or one of " in text
    assert "MedianPruner" in text.rpartition("one of ")[2]
    assert "\n" not in text
