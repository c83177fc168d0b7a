# SPDX-License-Identifier: MIT
"""What may be wrong with the node `objective` of a command, all of it at once."""

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.app import check_objective
from hyperopt_app.errors import ConfigError
from hyperopt_app.programs.command import Command


def _conf(**fields: Any) -> DictConfig:
    return OmegaConf.create({"lr": 0.1, "hydra": {}, "objective": {"_target_": "hyperopt_app.Command", **fields}})


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, "command is missing; write the program"),
        ({"command": "python train.py"}, "command is 'python train.py', not a list; write each word by itself"),
        ({"command": {"a": 1}}, "command is {'a': 1}, not a list"),
        ({"command": None}, "command is None, not a list"),
        ({"command": []}, "command is empty"),
        ({"command": [""]}, "command is empty"),
        ({"command": [None, "a"]}, "command is empty"),
        ({"command": ["sh", None, ["a"]]}, "command: word 2 is None; write a text or a number"),
        ({"command": ["sh", None, ["a"]]}, "command: word 3 is ['a']"),
        ({"command": ["sh", "a\0b"]}, "command: word 2 is"),
        ({"command": ["sh", "${nowhere}"]}, "command: Interpolation key 'nowhere' not found"),
        ({"command": ["sh", "???"]}, "command: "),
        ({"command": ["sh"], "metrics": ""}, "metrics is ''; write the path of a file"),
        ({"command": ["sh"], "metrics": 3}, "metrics is 3"),
        ({"command": ["sh"], "grace_s": -1}, "grace_s is -1; write a number of seconds from 0"),
        ({"command": ["sh"], "grace_s": "soon"}, "grace_s is 'soon'"),
        ({"command": ["sh"], "metric": "a"}, "metric is not a field of a command (did you mean metrics"),
    ],
)
def test_each_fault_is_named(fields: dict[str, Any], fault: str) -> None:
    """With its key, what came, and what to write."""
    assert any(line.startswith(f"objective: {fault}") for line in check_objective(_conf(**fields)))


def test_a_command_is_not_started_by_each_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the command of the search begins, nor the trial of an app that has not asked."""
    conf = _conf(command=["sh"])
    conf.hydra.launcher = {"nodes_per_trial": 2, "ranks_per_node": 1}
    (fault,) = check_objective(conf)
    assert fault.startswith("objective: with nodes_per_trial=2 and ranks_per_node=1 of hydra.launcher each of 2 ranks")
    monkeypatch.setenv("HYPEROPT_RANKS_PER_NODE", "3")
    with pytest.raises(ConfigError, match="each of 3 ranks"):
        Command(["sh"]).train(None, conf)


def test_all_faults_come_at_once() -> None:
    """Nobody corrects them one by one."""
    faults = check_objective(_conf(command=[], metrics=3, grace_s="x", cwd="/"))
    assert len(faults) == 4


def test_a_good_block_has_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """Numbers and truth values are words too."""
    assert check_objective(_conf(command=["sh", "--lr=${lr}", 3, 1.5, True], metrics="a/b.jsonl", grace_s=0)) == []
    assert not caplog.messages


def test_programs_beside_python_are_there(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials find them too, in a virtual environment that is not activated."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert check_objective(_conf(command=[Path(sys.executable).name])) == []
    assert not caplog.messages


def test_a_missing_program_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The hosts of the workers may have it. A trial, whose config has no node `hydra`, does not warn once more."""
    conf = _conf(command=["no_such_program_here"])
    with caplog.at_level(logging.WARNING):
        assert check_objective(conf) == []
        assert "objective.command: no_such_program_here cannot be executed on this host" in caplog.text
        caplog.clear()
        del conf["hydra"]
        assert check_objective(conf) == []
    assert not caplog.messages
