# SPDX-License-Identifier: MIT
"""The text of a translated config: comments that teach, and YAML that reads back."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from hyperopt_app.legacy.reading.pair import Method
from hyperopt_app.legacy.translating.config_text import config_text, write_config
from hyperopt_app.legacy.translating.translation import translate
from tests.unit.legacy._pairs import MODEL, ORIGINAL, parameter, read, section

GOLDEN = """\
# Made from {0}/hyper.yml and {0}/model.yml.
#
# Search:             hyperopt-app --config-path '{0}/a b' --config-name config --multirun
# Only look:          hyperopt-app --config-path '{0}/a b' --config-name config --multirun hydra.sweeper.dry_run=true
# Train once:         hyperopt-app --config-path '{0}/a b' --config-name config
#
# To know:
# - trainer:xyz is not in the model config and is made there; see that the objective reads it

# Config groups; `hyperopt-app --hydra-help` tells what there is.
defaults:
- _self_
- override hydra/sweeper: async_optuna
- override hydra/launcher: local_workers
- override hydra/sweeper/sampler: async_tpe
- override hydra/sweeper/pruner: nop

# The model config, {0}/model.yml. Each of its values can be set on the
# command line: key.key=value
seed: 1000
"""


def _pieces(text: str) -> list[str]:
    """The words of a text, however its comments are broken into lines."""
    return [word for word in text.split() if word != "#"]


def test_the_head_says_what_it_is_and_how_it_runs(tmp_path: Path) -> None:
    """Where it comes from, the commands, what is to be known, and a comment at each block."""
    pair = read(tmp_path, section({"parameters": {"trainer:xyz": parameter("float", low=0, high=1)}}))
    text = config_text(translate(pair), pair, tmp_path / "a b")
    wanted = _pieces(GOLDEN.format(tmp_path))
    assert _pieces(text)[: len(wanted)] == wanted
    for comment in ("# optuna.parameters that are set", "# optuna.storage", "# Of the whole study, exactly."):
        assert comment in text


def test_it_reads_back_to_the_config(tmp_path: Path) -> None:
    """By YAML and by OmegaConf alike; the lines of a list are one."""
    pair = read(tmp_path, ORIGINAL, save_path=..., log=True)
    translation = translate(pair)
    path = write_config(translation, pair, tmp_path / "made")
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == translation.config
    assert OmegaConf.to_container(OmegaConf.load(path)) == translation.config
    assert "metrics: [mse, mae]" in path.read_text(encoding="utf-8")


def test_nothing_in_a_note_ends_its_comment(tmp_path: Path) -> None:
    """A line end, or a character that YAML does not allow."""
    pair = replace(read(tmp_path), notes=("first\nevil: true", "second \x00\x85\u2028evil: true"))
    text = config_text(translate(pair), pair, tmp_path)
    assert "evil" not in yaml.safe_load(text)


def test_files_are_written_aside_and_renamed(tmp_path: Path) -> None:
    """Again and again, with nothing left over; further files too."""
    pair = replace(read(tmp_path), sampler=Method("RandomSampler", {"colour": "red"}))
    for _ in range(2):
        write_config(translate(pair), pair, tmp_path / "made")
    files = sorted(path.relative_to(tmp_path / "made") for path in (tmp_path / "made").rglob("*") if path.is_file())
    assert files == [Path("config.yaml"), Path("hydra/sweeper/sampler/original.yaml")]
    assert (tmp_path / "made" / "config.yaml").stat().st_mode & 0o777 == 0o644


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    pair = read(tmp_path)
    path = write_config(translate(pair), pair, tmp_path / "made")
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="full"):
        write_config(translate(replace(pair, n_trials=9)), pair, tmp_path / "made")
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["config.yaml"]


def test_every_top_level_key_of_the_model_is_there(tmp_path: Path) -> None:
    """In its order, after the defaults."""
    pair = read(tmp_path)
    assert list(yaml.safe_load(config_text(translate(pair), pair, tmp_path)))[1 : 1 + len(MODEL)] == list(MODEL)
