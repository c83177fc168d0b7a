# SPDX-License-Identifier: MIT
"""What was edited in the files between two commands of a study is told, key by key."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hyperopt_app.driver.config_changes import config_changes
from hyperopt_app.support.shown_config import shown_config

BEFORE = {
    "epochs": 8,
    "model": {"width": 4, "dims": [1, 2], "empty": {}},
    "x": 0.1,
    "out": "${hydra:run.dir}",
    "hydra": {"n": 1},
}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file that the last command has left."""
    path = tmp_path / "multirun.yaml"
    path.write_text(shown_config(OmegaConf.create(BEFORE)), encoding="utf-8")
    return path


def _changes(kept: Path, **changes: object) -> list[str]:
    return config_changes(kept, OmegaConf.create({**BEFORE, **changes}), {"x"})


def test_a_config_that_stays_is_not_spoken_of(kept: Path) -> None:
    """Neither what is searched nor what is Hydra's own."""
    assert _changes(kept) == []
    assert _changes(kept, x=5, hydra={"n": 2}) == []


def test_each_changed_value_is_told(kept: Path) -> None:
    """A changed one, one that is gone, one that is new; a list as a whole, an interpolation as it is written."""
    model = {"width": 4, "dims": [1, 3]}
    assert _changes(kept, epochs=3, model=model, out="${hydra:sweep.dir}", more=None) == [
        "epochs: 8 -> 3",
        "model.dims: [1, 2] -> [1, 3]",
        "model.empty: {} -> not there",
        "out: ${hydra:run.dir} -> ${hydra:sweep.dir}",
        "more: not there -> null",
    ]


def test_many_and_long_values_are_cut_short(kept: Path) -> None:
    """Five are enough to see what happened."""
    lines = _changes(kept, **{f"new{number}": "x" * 99 for number in range(7)})
    assert lines[0] == f"new0: not there -> {'x' * 57}..."
    assert (len(lines), lines[-1]) == (6, "and 2 more")


@pytest.mark.parametrize("text", [None, "", "3", "{a", "\x00"], ids=["no file", "empty", "number", "torn", "binary"])
def test_a_file_that_tells_nothing_changes_nothing(kept: Path, text: str | None) -> None:
    """The study goes on."""
    kept.unlink()
    if text is not None:
        kept.write_text(text, encoding="utf-8")
    assert _changes(kept, epochs=3) == []
