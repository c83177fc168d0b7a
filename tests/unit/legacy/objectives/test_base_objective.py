# SPDX-License-Identifier: MIT
"""The original's base class: its attributes, its saving, and what it leaves in the study for the tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import IntDistribution

from hyperopt_app.errors import MetricError
from hyperopt_app.legacy.objectives.base_objective import (
    BaseObjective,
    Surroundings,
    recursive_config_reader,
    recursive_update,
    surround,
)
from hyperopt_app.legacy.objectives.trial import LegacyTrial, NoTrial
from hyperopt_app.legacy.objectives.user_config import as_results, number_of, plain
from tests.unit._made_objectives import a_trial, always, frozen

CONFIG = {
    "model": {"layers": 1, 0: "zero", "kept": [1]},
    "seed": 1,
    "optuna": {
        "parameters": {
            "model:layers": {"type": "int", "settings": {"name": "n", "low": 5, "high": 5}},
            "seed": {"type": "int", "settings": {"name": "seed", "low": 7, "high": 7}},
            "own": {"type": "int", "settings": {"name": "own", "low": 9, "high": 9}},
        }
    },
}


class Fixed(BaseObjective):
    """Returns what it was told to return."""

    returned: Any = None

    def train(self, trial: Any, conf: dict[Any, Any]) -> Any:
        self.conf = conf
        return self.returned


def returning(returned: Any, metric: Any = "val_loss") -> Fixed:
    objective = Fixed(CONFIG, metric)
    objective.returned = returned
    return objective


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((object(), CONFIG, "m", "cpu"), {}),
        ((CONFIG, "m", "cpu"), {}),
        ((object(), CONFIG, "m", "cpu", False), {}),  # a few weeks of 2020 had a last one, verbose
        ((CONFIG, "m"), {}),
        ((CONFIG,), {"metric": "m", "device": "cpu"}),
        ((), {"config": CONFIG, "metric": "m"}),
    ],
    ids=["with study", "with device", "with verbose", "without", "keywords", "all keywords"],
)
def test_it_is_made_with_each_of_the_signatures(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Its attributes are there, also when nobody has set its surroundings."""
    objective = BaseObjective(*args, **kwargs)
    assert (objective.config, objective.metric, objective.device) == (CONFIG, "m", "cpu")
    assert (objective.worker_index, objective.results, objective.save_path) == (None, {}, ".")
    assert hasattr(objective, "study") == (len(args) >= 4)


def test_a_wrong_constructor_call_is_named() -> None:
    """It says which ones there are."""
    with pytest.raises(TypeError, match=r"\(config, metric, device\), or \(study, config"):
        BaseObjective(metric="m")


@pytest.mark.parametrize(("keeps", "wanted"), [(True, "cuda:3"), (False, "cuda:1")], ids=["from B2 on", "before"])
def test_the_device_of_the_constructor_counts_until_b2(keeps: bool, wanted: str) -> None:
    """Later the original ignored it, and `set_properties` gave one."""
    objective = object.__new__(Fixed)
    surround(objective, Surroundings(device=3, keeps_device=keeps), "m")
    objective.__init__(CONFIG, "m", 1)  # type: ignore[misc]
    assert objective.device == wanted
    objective.set_properties(node_id="12", device=[1, 0])
    assert (objective.worker_index, objective.device) == ("12", ["cuda:1", "cuda:0"])


def test_train_and_save_make_a_trial(tmp_path: Path) -> None:
    """`objective(trial)` returns the metric, and the study has the results in the order of the dictionary."""
    trial = a_trial(tmp_path, always)
    objective = returning({"val_loss": np.float32(0.5), "acc": 1})
    assert objective(LegacyTrial(trial)) == 0.5
    assert frozen(trial).user_attrs["legacy"] == {"results": {"val_loss": 0.5, "acc": 1}, "pruned": True}
    assert list(frozen(trial).user_attrs["legacy"]["results"]) == ["val_loss", "acc"]
    assert objective.results["acc"] == [1]
    assert objective.results["trial"] == [0]


def test_a_list_of_metrics_is_returned_in_its_order(tmp_path: Path) -> None:
    """With several objectives nothing is pruned."""
    trial = a_trial(tmp_path, directions=["minimize", "maximize"])
    assert returning({"b": 2, "a": 1}, ["a", "b"])(LegacyTrial(trial)) == [1, 2]
    assert frozen(trial).user_attrs["legacy"] == {"results": {"b": 2, "a": 1}, "pruned": None}


def test_q10_what_train_has_saved_itself_is_not_saved_again(tmp_path: Path) -> None:
    """The original's own example ends in `return self.save(trial, results)`."""

    class Saving(BaseObjective):
        def train(self, trial: Any, conf: dict[Any, Any]) -> Any:
            return self.save(trial, {"val_loss": 0.25, "extra": [1, 2]})

    trial = a_trial(tmp_path)
    assert Saving(CONFIG)(LegacyTrial(trial)) == 0.25
    assert frozen(trial).user_attrs["legacy"]["results"] == {"val_loss": 0.25, "extra": [1, 2]}


@pytest.mark.parametrize("metric", ["a", ["b", "a"]], ids=["one", "several"])
def test_what_was_saved_counts_if_nothing_is_returned(metric: Any, tmp_path: Path) -> None:
    """`self.save(trial, results)` without the `return` before it."""

    class Saving(BaseObjective):
        def train(self, trial: Any, conf: dict[Any, Any]) -> Any:
            self.save(trial, {"a": 1, "b": 2})

    trial = a_trial(tmp_path, directions=["minimize"] * (1 if metric == "a" else 2))
    assert Saving(CONFIG, metric)(LegacyTrial(trial)) == (1 if metric == "a" else [2, 1])
    assert frozen(trial).user_attrs["legacy"]["results"] == {"a": 1, "b": 2}


def test_a_property_of_the_users_stays_one(tmp_path: Path) -> None:
    """The application sets what it can."""

    class Own(Fixed):
        @property
        def device(self) -> str:
            return "mine"

    objective = Own(CONFIG)
    objective.returned = {"val_loss": 1}
    assert (objective(LegacyTrial(a_trial(tmp_path))), objective.device) == (1, "mine")


@pytest.mark.parametrize(
    ("returned", "metric", "wanted"),
    [(0.5, "m", {"m": 0.5}), ([0.5], "m", {"m": 0.5}), ([1, 2], ["a", "b"], {"a": 1, "b": 2})],
    ids=["number", "list of one", "list"],
)
def test_numbers_without_names_are_the_metrics(returned: Any, metric: Any, wanted: Any, tmp_path: Path) -> None:
    """In the order of the metrics."""
    trial = a_trial(tmp_path, directions=["minimize"] * len(wanted))
    returning(returned, metric)(LegacyTrial(trial))
    assert frozen(trial).user_attrs["legacy"]["results"] == wanted


def test_nothing_returned_is_a_failure_of_this_trial(tmp_path: Path) -> None:
    """It may be this trial's values; others go on, but not if all fail in the same words."""
    for returned, shown in ((None, "nothing"), ((0.5, "note"), "a tuple")):
        with pytest.raises(ValueError, match=f"^train returned {shown}; a dictionary with val_loss is wanted$"):
            returning(returned)(LegacyTrial(a_trial(tmp_path)))
    with pytest.raises(ValueError, match="None as 'val_loss'"):
        returning({"val_loss": None})(LegacyTrial(a_trial(tmp_path)))


def test_a_metric_that_is_missing_names_what_was_returned(tmp_path: Path) -> None:
    """The user has to mend a name before any trial can succeed."""
    with pytest.raises(MetricError, match=r"val_loss; train returned loss, acc\. .*set optuna\.metric"):
        returning({"loss": 1, "acc": 2})(LegacyTrial(a_trial(tmp_path)))


def test_a_history_is_no_metric(tmp_path: Path) -> None:
    """Whether the last or the best is meant, the user must say."""
    with pytest.raises(MetricError, match=r"'val_loss' as a list, \[3, 2\]; one number.*history\['val_loss'\]\[-1\]"):
        returning({"val_loss": [3, 2]})(LegacyTrial(a_trial(tmp_path)))


def test_q41_a_result_that_is_nan_is_kept(tmp_path: Path) -> None:
    """The trial fails, and has its row."""
    trial = a_trial(tmp_path)
    assert np.isnan(returning({"val_loss": float("nan")})(LegacyTrial(trial)))
    assert np.isnan(frozen(trial).user_attrs["legacy"]["results"]["val_loss"])


def test_results_that_are_too_long_go_to_a_file(tmp_path: Path) -> None:
    """A database's text field ends somewhere; the longest values give way first."""
    trial = a_trial(tmp_path)
    objective = Fixed(CONFIG)
    objective._around = Surroundings(directory=tmp_path)
    objective.returned = {"val_loss": 1.0, "curve": list(range(30_000)), "short": [1]}
    objective(LegacyTrial(trial))
    assert frozen(trial).user_attrs["legacy"]["results"] == {"val_loss": 1.0, "curve": "in results.json", "short": [1]}
    assert json.loads((tmp_path / "results.json").read_text())["curve"][-1] == 29_999


def test_results_of_very_many_names_are_shortened_at_once(tmp_path: Path) -> None:
    """Numbers are not made shorter by a word: the last ones go, the metric stays, wherever it is."""
    trial = a_trial(tmp_path)
    objective = Fixed(CONFIG)
    objective._around = Surroundings(directory=tmp_path)
    objective.returned = {**{f"k{number}": number / 7 for number in range(20_000)}, "val_loss": 1.0}
    objective(LegacyTrial(trial))
    results = frozen(trial).user_attrs["legacy"]["results"]
    assert len(json.dumps(results)) < 65_000
    assert (results["k1"], results["val_loss"], len(results) > 1000) == (1 / 7, 1.0, True)
    assert len(json.loads((tmp_path / "results.json").read_text())) == 20_001


def test_outside_a_sweep_nothing_is_kept() -> None:
    """There is no trial to keep it with."""
    assert returning({"val_loss": 2})(NoTrial({"n": 1, "seed": 1})) == 2


def test_a_config_that_nobody_has_composed_is_filled_by_asking(tmp_path: Path) -> None:
    """As the original did: paths and known plain keys, not the keys that only the objective knows."""
    trial = a_trial(tmp_path)
    objective = returning({"val_loss": 1})
    objective(LegacyTrial(trial))
    assert (objective.conf["model"]["layers"], objective.conf["seed"]) == (5, 7)
    assert trial.params == {"n": 5, "seed": 7}
    assert CONFIG["model"] == {"layers": 1, 0: "zero", "kept": [1]}


def test_a_composed_config_is_given_as_a_deep_copy(tmp_path: Path) -> None:
    """`train` may delete and add keys in it."""
    objective = returning({"val_loss": 1})
    composed = {"model": {"kept": [1]}}
    objective._around = Surroundings(conf=composed)
    objective(LegacyTrial(a_trial(tmp_path, space={"n": IntDistribution(1, 2)})))
    objective.conf["model"]["kept"].append(2)
    assert composed == {"model": {"kept": [1]}}


def test_without_train_it_says_what_is_missing(tmp_path: Path) -> None:
    """With the name of the user's class."""

    class Lazy(BaseObjective):
        pass

    with pytest.raises(NotImplementedError, match=r"Lazy has no method train\(self, trial, conf\)"):
        Lazy(CONFIG)(LegacyTrial(a_trial(tmp_path)))


def test_the_originals_helpers_walk_a_config() -> None:
    """Keys may be numbers; the last part of a path is made if it is missing."""
    config: dict[Any, Any] = {"a": {0: {"b": 1}}, "c": 2}
    assert list(recursive_config_reader(config)) == [(["a", 0, "b"], 1), (["c"], 2)]
    recursive_update(["a", 0, "new"], config, 3)
    assert config["a"][0] == {"b": 1, "new": 3}
    with pytest.raises(KeyError):
        recursive_update(["x", "y"], config, 3)


def test_q42_values_of_any_library_become_plain(tmp_path: Path) -> None:
    """Numbers stay numbers, arrays become lists, and the rest its text."""
    pandas, torch = pytest.importorskip("pandas"), pytest.importorskip("torch")
    assert plain(
        {
            1: np.float64(0.5),
            "int": np.int64(2),
            "bool": np.bool_(True),
            "array": np.array([[1, 2]]),
            "series": pandas.Series([1.5, 2.5]),
            "frame": pandas.DataFrame({"a": [1], "b": [2]}),
            "tensor": torch.tensor(3.0, requires_grad=True),
            "tensors": [torch.tensor([1, 2])],
            "tuple": (1, None, "x"),
            "path": Path("a/b"),
            "type": int,
        }
    ) == {
        "1": 0.5,
        "int": 2,
        "bool": True,
        "array": [[1, 2]],
        "series": [1.5, 2.5],
        "frame": {"a": [1], "b": [2]},
        "tensor": 3.0,
        "tensors": [[1, 2]],
        "tuple": [1, None, "x"],
        "path": "a/b",
        "type": "<class 'int'>",
    }


def test_one_number_is_found_in_many_forms() -> None:
    """Scalars, lists and arrays of one, and text, which Optuna takes too."""
    forms: list[Any] = [1, True, "0.5", [2], np.array([[3.0]]), np.float32(4)]
    assert [number_of(one) for one in forms] == [1, 1, 0.5, 2, 3, 4]
    none: list[Any] = [None, "x", [1, 2], {}]
    assert [number_of(one) for one in none] == [None] * 4


def test_a_series_is_a_dictionary_of_results() -> None:
    """A row of a table, by the names of its columns."""
    pandas = pytest.importorskip("pandas")
    row = pandas.DataFrame({"val_loss": [3.0, 1.0], "epoch": [0, 1]}).iloc[-1]
    assert as_results(row, ["val_loss"]) == {"val_loss": 1.0, "epoch": 1.0}
    assert as_results([1, 2, 3], ["a", "b"]) is None


def test_a_pruned_trial_keeps_no_results(tmp_path: Path) -> None:
    """It raised before it returned."""

    class Pruning(BaseObjective):
        def train(self, trial: Any, conf: dict[Any, Any]) -> Any:
            raise optuna.TrialPruned

    trial = a_trial(tmp_path)
    with pytest.raises(optuna.TrialPruned):
        Pruning(CONFIG)(LegacyTrial(trial))
    assert "legacy" not in frozen(trial).user_attrs
