# SPDX-License-Identifier: MIT
"""Objectives of every dialect, run as they are, and what the adapter makes of what they return."""

import logging
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import FloatDistribution

from hyperopt_app.errors import HyperoptError, MetricError
from hyperopt_app.legacy.objectives.adapter import LegacyObjective
from hyperopt_app.objective.trial import active_trial
from hyperopt_app.study import repeated_warnings
from tests.unit._made_objectives import LEGACY, TRAIN, a_trial, frozen, objective_of, run

CLAIM = {"number": 3, "place": {"job": "77"}}


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_warnings, "_said_alone", set())


def test_a_torch_objective_of_the_first_year(tmp_path: Path) -> None:
    """A study in the constructor, the README's `custom_updates`, a float from `self.save` (Q8, Q10, Q11)."""
    pytest.importorskip("torch")
    entry = {"type": "int", "settings": {"name": "num_dense", "low": 0, "high": 3}}
    trial = a_trial(tmp_path, params={"num_dense": 2})
    objective = LegacyObjective(str(LEGACY / "torch_a1.py"), "val_loss", dialect="A1", gpu=False)
    conf = {
        "model": {"dense_hidden_dims": [1000]},
        "optimizer": {"learning_rate": 0.01},
        "dropout": 0.0,
        "trainer": {"epochs": 3},
        "optuna": {"parameters": {"num_dense": entry}, "direction": "minimize"},
    }
    metrics = run(objective, trial, **conf)
    assert metrics == {"val_loss": pytest.approx(metrics["val_loss"]), "epochs": 3, "layers": 7}
    assert frozen(trial).user_attrs["legacy"] == {
        "results": {"val_loss": metrics["val_loss"], "epochs": 3, "layers": 7},
        "pruned": False,
    }
    assert (trial.params, len(frozen(trial).intermediate_values)) == ({"num_dense": 2}, 3)


def test_an_objective_imports_the_modules_beside_it(tmp_path: Path) -> None:
    """Also while it trains; what it defines can be pickled by name; afterwards the process is as before."""
    before, path, modules = list(sys.path), list(sys.argv), set(sys.modules)
    entry = {"type": "int", "settings": {"name": "width", "low": 1, "high": 1}}
    objective = LegacyObjective(str(LEGACY / "siblings" / "objective.py"), "val_loss", dialect="B1")
    for _ in range(2):  # the second time from what was loaded
        trial = a_trial(tmp_path)
        assert run(objective, trial, optuna={"parameters": {"width": entry}}) == {"val_loss": 5.0}
        assert frozen(trial).user_attrs["legacy"]["results"]["module"] == "custom_objective"
    assert (sys.path, sys.argv) == (before, path)
    assert not {"model", "later", "objective", "custom_objective"} & (set(sys.modules) - modules)


def test_modules_of_the_same_name_elsewhere_are_left_in_peace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `model`, or one that is called `custom_objective`, of another program."""
    others: dict[str, Any] = {name: SimpleNamespace(__file__="/elsewhere.py") for name in ("model", "custom_objective")}
    for name, module in others.items():
        monkeypatch.setitem(sys.modules, name, module)
    entry = {"type": "int", "settings": {"name": "width", "low": 1, "high": 1}}
    objective = LegacyObjective(str(LEGACY / "siblings" / "objective.py"), "val_loss", dialect="B1")
    assert run(objective, a_trial(tmp_path), optuna={"parameters": {"width": entry}}) == {"val_loss": 5.0}
    assert all(sys.modules[name] is module for name, module in others.items())


def test_q42_results_of_numpy_and_pandas(tmp_path: Path) -> None:
    """They reach the study as plain data, and numbers among them as metrics; the star import gives `pd`, `random`."""
    pytest.importorskip("pandas")
    trial = a_trial(tmp_path)
    objective = LegacyObjective(str(LEGACY / "series_b2.py"), "val_loss", dialect="B2", hyper_file="/in/hyper.yml")
    assert run(objective, trial) == {"val_loss": 1.0, "flag": 1.0}
    assert frozen(trial).user_attrs["legacy"]["results"] == {
        "val_loss": 1.0,
        "history": [2.0, 1.0],
        "array": [1, 2],
        "frame": {"loss": [2.0, 1.0]},
        "flag": True,
        "word": "done",
        "arguments": "Namespace()",
        "device": "cpu",
    }


def test_outside_a_sweep_the_trial_is_false_in_the_objective() -> None:
    """`if not trial:` in its code; the same file trains once."""
    pytest.importorskip("pandas")
    objective = LegacyObjective(str(LEGACY / "series_b2.py"), "val_loss", dialect="B2")
    assert run(objective) == {"val_loss": 0.0, "flag": 1.0}


def test_outside_a_sweep_the_trial_has_the_configs_parameters(tmp_path: Path) -> None:
    """By their names in the study, beside those that are given for the objective's own suggestions."""
    text = (
        "class Objective(BaseObjective):\n"
        "    def train(self, trial, conf):\n"
        "        return {'val_loss': trial.params['lr'] + trial.suggest_int('n', 1, 9), 'has': len(trial.params)}\n"
    )
    declared = {"opt:rate": {"settings": {"name": "lr"}}, "n": {}, "opt:gone": {"settings": {"name": "gone"}}}
    found = run(objective_of(text, params={"n": 3}), opt={"rate": 0.5}, optuna={"parameters": declared})
    assert found == {"val_loss": 3.5, "has": 2.0}


@pytest.mark.parametrize("ending", ["pruned", "old", "raises", "oom", "none"])
def test_what_the_objective_raises_passes_through(ending: str, tmp_path: Path) -> None:
    """It is for the application to say how the trial ended; the original made a pruned trial of every RuntimeError."""
    wanted = {
        "pruned": optuna.TrialPruned,
        "old": optuna.TrialPruned,
        "raises": ValueError,
        "oom": RuntimeError,
        "none": ValueError,
    }[ending]
    with pytest.raises(wanted):
        run(LegacyObjective(str(LEGACY / "endings.py"), "val_loss"), a_trial(tmp_path), ending=ending)


def test_q41_nan_stays_nan(tmp_path: Path) -> None:
    """The application makes a diverged trial of it; its results are kept."""
    trial = a_trial(tmp_path)
    metrics = run(LegacyObjective(str(LEGACY / "endings.py"), "val_loss"), trial, ending="diverges")
    assert math.isnan(metrics["val_loss"])
    assert frozen(trial).user_attrs["legacy"]["results"]["ending"] == "diverges"


@pytest.mark.parametrize(
    ("dialect", "claim", "wanted"),
    [
        ("A1", CLAIM, ("77", "/out", "/out/hyper_opt_3.csv")),
        ("B1", CLAIM, (3, "/out", "/out/worker_3.csv")),
        ("B3", CLAIM, ("77", "/out/trial_results", "/out/trial_results/trial_results_77.csv")),
        ("B3", {"number": 3, "place": {}}, (None, "/out", "/out/trial_results.csv")),
    ],
    ids=["A1", "B1", "B3 in a job", "B3"],
)
def test_q11_the_attributes_are_there_in_the_constructor(
    dialect: str, claim: dict[str, Any], wanted: tuple[Any, ...], tmp_path: Path
) -> None:
    """Before the base class was initialised; in the original some came later, or not at all."""
    objective = objective_of(
        "class Objective(BaseObjective):\n"
        "    def __init__(self, config, metric='val_loss'):\n"
        "        self.seen = [self.device, self.metric, self.config['x'], str(self.worker_index)]\n"
        "        self.seen += [self.worker_index, self.save_path, self.results_fn]\n"
        "        BaseObjective.__init__(self, config, metric)\n"
        "    def train(self, trial, conf):\n"
        "        now = [self.device, self.metric, self.config['x'], str(self.worker_index)]\n"
        "        now += [self.worker_index, self.save_path, self.results_fn]\n"
        "        assert now == self.seen\n"
        "        return {'val_loss': 1, 'seen': self.seen, 'study': hasattr(self, 'study')}\n",
        dialect=dialect,
    )
    trial = a_trial(tmp_path)
    trial._trial.set_user_attr("claim", claim)
    run(objective, trial)
    seen = frozen(trial).user_attrs["legacy"]["results"]["seen"]
    assert seen == ["cpu", "val_loss", 2.0, str(wanted[0]), *wanted]


def test_a_study_is_given_to_the_first_years_constructor(tmp_path: Path) -> None:
    """Its name and its directions are those of the hyperparameter file."""
    objective = objective_of(
        "class Objective(BaseObjective):\n"
        "    def __init__(self, study, config, metric='val_loss', device='cpu'):\n"
        "        BaseObjective.__init__(self, study, config, metric, device)\n"
        "    def train(self, trial, conf):\n"
        "        return {'val_loss': 1, 'name': self.study.study_name, 'to': self.study.direction.name}\n",
        dialect="A1",
        study_name="old.db",
    )
    assert run(objective, None, optuna={"direction": "maximize"})["val_loss"] == 1
    trial = a_trial(tmp_path, directions=["maximize"])
    run(objective, trial)
    assert frozen(trial).user_attrs["legacy"]["results"]["to"] == "MAXIMIZE"


# The text of methods in a class Objective whose `train` returns conf["x"], and what the study gets.
OVERRIDES = {
    "call": (
        """
    def __call__(self, trial):
        conf = self.update_config(trial)
        conf["x"] = 5
        return self.save(trial, self.train(trial, conf))
""",
        5.0,
    ),
    "call with super": (
        """
    def __call__(self, trial):
        return super().__call__(trial) + 1
""",
        3.0,
    ),
    "call that returns a dictionary": (
        """
    def __call__(self, trial):
        return self.train(trial, self.update_config(trial))
""",
        2.0,
    ),
    "call that saves nothing": (
        """
    def __call__(self, trial):
        return 0.5
""",
        0.5,
    ),
    "save": (
        """
    def save(self, trial, results):
        results["twice"] = 2 * results["val_loss"]
        return BaseObjective.save(self, trial, results)
""",
        2.0,
    ),
    "save alone": (
        """
    def save(self, trial, results):
        return -results["val_loss"]
""",
        -2.0,
    ),
    "set_properties": (
        """
    def set_properties(self, node_id=None, device="cpu"):
        super().set_properties(node_id, device)
        self.config["x"] = 7
""",
        2.0,
    ),
}


@pytest.mark.parametrize("name", sorted(OVERRIDES))
def test_methods_of_the_base_that_users_replace_are_theirs(name: str, tmp_path: Path) -> None:
    """The README invites them to; what comes back is what the study optimises."""
    text, value = OVERRIDES[name]
    trial = a_trial(tmp_path)
    assert run(objective_of(TRAIN.format("{'val_loss': conf['x']}") + text), trial)["val_loss"] == value
    assert "val_loss" in frozen(trial).user_attrs["legacy"]["results"]


OTHER_BASE = """
class Other:
    def __init__(self, config, metric):
        self.config, self.metric = config, metric
    def save(self, trial, results):
        raise OSError("the tables of the original")
    def update_config(self, trial):
        raise OSError("the config of the original")
    def __call__(self, trial):
        return self.save(trial, self.train(trial, self.update_config(trial)))
Other.__module__ = "echo.src.base_objective"
"""


def test_a_class_without_our_base_is_run_too(tmp_path: Path) -> None:
    """Whoever derives from an installed package of the original gets our saving, which writes no tables."""
    text = TRAIN.replace("BaseObjective", "Other").format("{'val_loss': conf['x']}")
    trial = a_trial(tmp_path)
    assert run(objective_of(OTHER_BASE + text), trial) == {"val_loss": 2.0}
    assert frozen(trial).user_attrs["legacy"]["results"] == {"val_loss": 2.0}


def test_a_list_of_metrics_comes_back_by_name(tmp_path: Path) -> None:
    """In the order of the metrics, however the objective hands it over."""
    for returned in ("{'b': 2, 'a': 1, 'c': 3}", "[1, 2]", "self.save(trial, {'b': 2, 'a': 1})"):
        objective = objective_of(TRAIN.format(returned), metric=OmegaConf.create(["a", "b"]))
        metrics = run(objective, a_trial(tmp_path, directions=["minimize", "minimize"]))
        assert (metrics["a"], metrics["b"]) == (1, 2)


def test_a_metric_that_is_missing_stops_the_study_with_the_names(tmp_path: Path) -> None:
    """No trial can succeed before it is mended."""
    objective = objective_of(TRAIN.format("{'loss': 1, 'acc': 2}"))
    with pytest.raises(MetricError, match="val_loss; train returned loss, acc"):
        run(objective, a_trial(tmp_path))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "import no_such_module\n",
            r"ModuleNotFoundError: No module named 'no_such_module' \(.*objective\.py, line 2\)",
        ),
        ("sys.exit('no data')\n", r"^optuna\.objective: .*: SystemExit: no data \(.*objective\.py, line 2\)"),
        ("1 / 0\n", r"ZeroDivisionError: division by zero \(.*objective\.py, line 2\)"),
        ("def (:\n", "SyntaxError"),
        ("class Goal(BaseObjective): pass\n", "has no class Objective"),
        ("class Objective(BaseObjective): pass\n", r"has no method train\(self, trial, conf\)"),
    ],
    ids=["import", "exit", "raises", "syntax", "no class", "no train"],
)
def test_a_file_that_cannot_be_used_stops_the_study(text: str, fault: str, tmp_path: Path) -> None:
    """With the user's own line."""
    with pytest.raises(HyperoptError, match=fault):
        run(objective_of(text), a_trial(tmp_path))


def test_q6_a_parameter_that_nobody_uses_is_told_by_the_first_trial(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A plain key that the model config lacks is the objective's to suggest."""
    parameters = {
        key: {"type": "int", "settings": {"name": name, "low": 0, "high": 1}}
        for key, name in (("used", "u"), ("unused", "n"), ("x", "x"), ("a:b", "ab"))
    }
    objective = objective_of(
        TRAIN.format("{'val_loss': trial_suggest_loader(trial, conf['optuna']['parameters']['used'])}"),
        hyper_file="hyper.yml",
    )
    space = {name: FloatDistribution(0, 1) for name in ("x", "ab")}
    with caplog.at_level(logging.WARNING):
        run(objective, a_trial(tmp_path, space=space), optuna={"parameters": parameters})
    (record,) = caplog.records
    assert record.message.startswith("hyper.yml: the parameter 'n' of optuna.parameters is never used: ")


def test_q37_keys_that_are_numbers_do_no_harm(tmp_path: Path) -> None:
    """The original's report of the updated keys joined them as text."""
    objective = objective_of(TRAIN.format("{'val_loss': conf['weights'][0]}"))
    assert run(objective, a_trial(tmp_path), weights={0: 4, 1: 5}) == {"val_loss": 4.0}


def test_it_runs_while_the_trial_is_the_current_one(tmp_path: Path) -> None:
    """Callbacks of ours work in an objective of the original too."""
    objective = objective_of(
        "import hyperopt_app\nclass Objective(BaseObjective):\n    def train(self, trial, conf):\n"
        "        hyperopt_app.report(0.5, step=1)\n        return {'val_loss': 1}\n"
    )
    trial = a_trial(tmp_path)
    with active_trial(trial):
        run(objective, trial)
    assert frozen(trial).intermediate_values == {1: 0.5}
