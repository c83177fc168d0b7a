# SPDX-License-Identifier: MIT
"""The checkpoint of a plain torch loop: what it saves, when it is used, and when it is not."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from hyperopt_app.callbacks.torch import Checkpoint
from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.trial import Trial, active_trial
from tests.unit._made_objectives import a_trial


def _drawn() -> list[float]:
    """A number of each generator."""
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]  # noqa: NPY002


def _again(trial: Trial, **changed: Any) -> Trial:
    """The trial as a second attempt sees it."""
    other = Trial(trial._trial, directory=trial.directory, seed=1, resumed=True)
    vars(other).update(changed)
    return other


def _model() -> Any:
    return torch.nn.Linear(2, 1)


def test_everything_comes_back(tmp_path: Path) -> None:
    """The parts, the step, the values and what each generator draws next."""
    trial, model, own = a_trial(tmp_path), _model(), torch.Generator().manual_seed(3)
    optimizer = torch.optim.Adam(model.parameters())
    with active_trial(trial):
        checkpoint = Checkpoint(model=model, optimizer=optimizer, own=own)
        assert (checkpoint.resume(), checkpoint.resume(begin=-1), checkpoint.values) == (0, -1, {})
        model(torch.ones(2)).backward()
        optimizer.step()
        checkpoint.save(4, {"loss": np.float32(0.5), "names": ["a"]})
    drawn, own_drawn = _drawn(), torch.rand((), generator=own)
    later, of_later = _model(), torch.Generator()
    adam = torch.optim.Adam(later.parameters())
    with active_trial(_again(trial)):
        checkpoint = Checkpoint(model=later, optimizer=adam, own=of_later)
        assert checkpoint.resume() == 4
    assert checkpoint.values == {"loss": 0.5, "names": ["a"]}
    assert torch.equal(later.weight, model.weight)
    assert adam.state_dict()["state"][0]["step"] == 1
    assert _drawn() == drawn
    assert torch.rand((), generator=of_later) == own_drawn
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_the_worker_hears_of_each_checkpoint_but_the_last(tmp_path: Path) -> None:
    """After its report the trial may end there, and completes after the last step."""
    heard: list[int] = []
    trial = a_trial(tmp_path)
    trial._on_checkpoint = lambda: heard.append(len(heard))
    with active_trial(trial):
        checkpoint = Checkpoint(model=_model())
        for step in (1, 2, 3):
            trial.report(1.0, step)
            checkpoint.save(step, last=step == 3)
    assert heard == [0, 1]


def test_alone_it_writes_where_it_is_asked_to(tmp_path: Path) -> None:
    """Without a trial and a directory it only keeps the values, so that the same code trains alone."""
    checkpoint = Checkpoint(model=_model())
    assert checkpoint.resume() == 0
    checkpoint.save(1, {"loss": 2.0})
    assert checkpoint.values == {"loss": 2.0}
    assert not list(Path.cwd().iterdir())
    Checkpoint(directory=tmp_path / "new", fit="a", model=_model()).save(3)
    assert (tmp_path / "new" / "last-a.ckpt").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (b"torn", "cannot be read"),
        ("parts", "it holds model, and this training has network"),
        ("params", "other parameters"),
        ("stranger", "was not written by"),
    ],
)
def test_what_does_not_fit_is_left_alone(
    change: Any, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says why, and the training starts from its beginning."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        Checkpoint(model=_model()).save(2)
    path = tmp_path / "last.ckpt"
    if isinstance(change, bytes):
        path.write_bytes(change)
    elif change == "params":
        torch.save({**torch.load(path), "params": {"x": 3}}, path)
    elif change == "stranger":
        torch.save({"epoch": 2}, path)
    parts = {"network" if change == "parts" else "model": _model()}
    with active_trial(_again(trial)):
        assert Checkpoint(**parts).resume() == 0
    (message,) = caplog.messages
    assert reason in message
    assert str(path) in message


def test_each_fit_of_a_trial_goes_on_from_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With names; without names a second fit does not take the first one's for its own."""
    trial = a_trial(tmp_path)
    with active_trial(trial):
        Checkpoint(fit="a", model=_model()).save(5)
        Checkpoint(fit="b", model=_model()).save(2)
        assert Checkpoint(model=_model()).resume() == 0
        Checkpoint(model=_model()).save(7)
    with active_trial(_again(trial)):
        assert Checkpoint(fit="a", model=_model()).resume() == 5
        assert Checkpoint(fit="b", model=_model()).resume() == 2
        assert Checkpoint(model=_model()).resume() == 0
    assert "it is of fit 2 of this trial and this is fit 1" in caplog.text


def test_what_cannot_be_loaded_is_an_error_when_it_is_saved(tmp_path: Path) -> None:
    """Not after the interruption; a checkpoint runs no code of whoever could write it."""

    class Odd:
        def state_dict(self) -> dict[str, Any]:
            return {"path": Path("x")}

        def load_state_dict(self, state: Any) -> None: ...

    with active_trial(a_trial(tmp_path)), pytest.raises(HyperoptError, match="neither a tensor nor plain data"):
        Checkpoint(odd=Odd()).save(1)
    assert not (tmp_path / "last.ckpt").exists()
    with pytest.raises(TypeError, match=r"Checkpoint\(model=\.\.\.\): a float has neither"):
        Checkpoint(model=1.0)
