# SPDX-License-Identifier: MIT
"""The task of the application: the objective that the config names, trained once."""

import logging
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.app import check_objective, train
from hyperopt_app.errors import ConfigError, HyperoptError
from hyperopt_app.objective.base import Objective
from hyperopt_app.objective.trial import Trial, active_trial


class Squared(Objective):
    """An objective with an option of its own."""

    def __init__(self, power: int = 2, nested: Any = None) -> None:
        self.power = power
        self.nested = nested

    def train(self, trial: Trial | None, conf: Any) -> dict[str, Any]:
        """What it saw."""
        return {"loss": conf.x**self.power, "trial": trial, "nested": self.nested}


def stray(**_options: Any) -> None:
    """A function that no YAML may call."""
    pytest.fail("called from a YAML")


class Particular(Squared):
    """An objective that checks its config, names what it imports and writes files of its own."""

    suggested_key = "objective.own"

    @classmethod
    def check(cls, conf: Any) -> list[str]:
        """x must not be 3."""
        return ["x: 3 is not allowed"] if conf.x == 3 else []

    @classmethod
    def preload(cls, conf: Any) -> list[str]:
        """A module."""
        return ["heavy"]

    @classmethod
    def write_results(cls, study: optuna.Study, study_dir: Path, conf: Any) -> None:
        """One file."""
        (study_dir / "own.txt").write_text(f"{len(study.trials)} {conf.x}")


class Refusing(Objective):
    """An objective that tells its user something."""

    def train(self, trial: Trial | None, conf: Any) -> float:
        """A mistake of the user's."""
        raise HyperoptError("the data are not there")


def _conf(target: str | None = f"{__name__}.Squared", **options: Any) -> DictConfig:
    return OmegaConf.create({"x": 3, "objective": {"_target_": target, **options}})


def test_an_objective_is_trained_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Outside of a sweep there is no trial, and what came out is said."""
    with caplog.at_level(logging.INFO):
        assert train(_conf(power=3)) == {"loss": 27, "trial": None, "nested": None}
    assert "Result: loss=27, trial=None, nested=None" in caplog.messages


def test_an_objective_is_trained_in_a_trial(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It gets the trial that runs; the worker says how that ended."""
    trial = Trial(optuna.create_study().ask(), directory=tmp_path, seed=1)
    with active_trial(trial), caplog.at_level(logging.INFO):
        assert train(_conf())["trial"] is trial
    assert not caplog.messages


def test_what_a_yaml_may_call_ends_with_the_objective() -> None:
    """A node inside the objective's options is data, whatever it is called."""
    node = {"_target_": f"{__name__}.stray"}
    assert train(_conf(nested=node))["nested"] == node


WRONG: dict[str, tuple[Any, str]] = {
    "no objective at all": (OmegaConf.create({"x": 3}), "no objective is named"),
    "an empty objective": (OmegaConf.create({"objective": None}), "no objective is named"),
    "no target": (OmegaConf.create({"objective": {"power": 2}}), "no objective is named"),
    "a missing target": (_conf("???"), "no objective is named"),
    "an empty target": (_conf(None), "no objective is named"),
    "an unknown module": (_conf("nowhere.to.be.Found"), "cannot be imported (No module named 'nowhere')"),
    "an unknown class": (_conf(f"{__name__}.Cubed"), "cannot be imported (module"),
    "no path": (_conf("Squared"), "is not a class that derives from hyperopt_app.Objective"),
    "no objective's class": (_conf("pathlib.Path"), "is not a class that derives from hyperopt_app.Objective"),
    "a function": (_conf(f"{__name__}.stray"), "is not a class that derives from hyperopt_app.Objective"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_objective_is_a_fault(case: str) -> None:
    """One line with the key; a single training refuses it like a sweep, and calls nothing."""
    conf, text = WRONG[case]
    (fault,) = check_objective(conf)
    assert fault.startswith("objective._target_: ")
    assert text in fault
    with pytest.raises(SystemExit) as end:
        train(conf)
    assert end.value.code == str(ConfigError([fault]))


def test_an_error_for_people_has_no_traceback_but_in_a_trial(tmp_path: Path) -> None:
    """A single training ends with its text; a trial's worker wants the exception itself."""
    conf = _conf(f"{__name__}.Refusing")
    with pytest.raises(SystemExit, match="the data are not there"):
        train(conf)
    trial = Trial(optuna.create_study().ask(), directory=tmp_path, seed=1)
    with active_trial(trial), pytest.raises(HyperoptError, match="the data are not there"):
        train(conf)


def test_an_objective_may_be_given_what_it_suggests() -> None:
    """Its class names the key; the command that trains again sets it."""
    assert train.suggested_key(_conf()) is None
    assert train.suggested_key(_conf(f"{__name__}.Particular")) == "objective.own"


def test_a_right_objective_has_no_fault() -> None:
    """The sweeper asks the task function's own check before it starts a worker."""
    assert train.preflight(_conf()) == []


def test_an_objective_may_check_its_config() -> None:
    """What it finds is told with the other faults."""
    assert check_objective(_conf(f"{__name__}.Particular")) == ["objective: x: 3 is not allowed"]


def test_an_objective_may_name_what_it_imports() -> None:
    """After its own module."""
    assert train.preload(_conf()) == [__name__]
    assert train.preload(_conf(f"{__name__}.Particular")) == [__name__, "heavy"]


def test_an_objective_may_write_results_of_its_own(tmp_path: Path) -> None:
    """It gets the study, its directory and the config."""
    train.write_results(optuna.create_study(), tmp_path, _conf(f"{__name__}.Particular"))
    assert (tmp_path / "own.txt").read_text() == "0 3"
