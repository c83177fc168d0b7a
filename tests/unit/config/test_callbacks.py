# SPDX-License-Identifier: MIT
"""`callbacks=[default,hyperopt_app]`: an app with a group of callbacks gets ours by YAML alone; no other app does."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.callbacks.lightning import HyperoptCallback
from hyperopt_app.config.callbacks import CALLBACKS, has_group
from tests._releases import BASE
from tests.unit._made_sweeps import write_configs

RunScript = Callable[..., CompletedProcess[str]]

REPO = Path(__file__).resolve().parents[3]
FILES = {
    "config": "defaults: [_self_, {callbacks: default}]\nckpt_path: null\noptimized_metric: val/acc\n",
    "callbacks/default": "early_stopping: {_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val/acc}\n",
    "search/mine": "# @package _global_\ndefaults: [{override /callbacks: [default, hyperopt_app]}]\n",
}
PLAIN = """
import hydra

@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(conf):
    print(conf.callbacks, conf.get("ckpt_path", "no checkpoint"))

main()
"""


def _composed(folder: Path, *words: str) -> DictConfig:
    with initialize_config_dir(str(folder), **BASE):
        return compose("config", list(words))


@pytest.mark.parametrize("word", ["callbacks=[default,hyperopt_app]", "+search=mine"], ids=["typed", "in a file"])
def test_the_callback_and_the_checkpoint_come_together(tmp_path: Path, word: str) -> None:
    """Beside the app's own callbacks, with the metric that the templates name; outside a trial without a checkpoint."""
    config = _composed(write_configs(tmp_path / "conf", FILES), word)
    assert list(config.callbacks) == ["early_stopping", "hyperopt"]
    assert config.callbacks.hyperopt._target_ == f"{HyperoptCallback.__module__}.{HyperoptCallback.__name__}"
    assert config.callbacks.hyperopt.monitor == "val/acc"
    assert config.ckpt_path is None


def test_the_file_of_the_docs_composes(tmp_path: Path) -> None:
    """As docs/frameworks.md shows it, and what it says of our config is what our config is."""
    page = (REPO / "docs" / "frameworks.md").read_text(encoding="utf-8")
    search, ours = re.findall(r"^```yaml\n(# @package _global_\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    main = "defaults: [_self_, {callbacks: default}, {hparams_search: null}]\nmodel: {optimizer: {lr: 0.1}}\n"
    folder = write_configs(tmp_path / "conf", {**FILES, "config": main, "hparams_search/lr": search})
    config = _composed(folder, "hparams_search=lr")
    assert list(config.callbacks) == ["early_stopping", "hyperopt"]
    assert (config.callbacks.hyperopt.monitor, config.ckpt_path) == ("val/acc_best", None)
    assert OmegaConf.create(ours) == OmegaConf.create(CALLBACKS)


def test_fields_are_set_as_any_others(tmp_path: Path) -> None:
    """With `+`, since the config names the metric alone; without the templates' key the sweeper's metric is watched."""
    folder = write_configs(tmp_path / "conf", {**FILES, "config": "defaults: [_self_, {callbacks: default}]\n"})
    words = (
        "callbacks=[default,hyperopt_app]",
        "+callbacks.hyperopt.mode=max",
        "ckpt_path='${hyperopt.resume_path:f1}'",
    )
    config = _composed(folder, *words)
    assert (config.callbacks.hyperopt.monitor, config.callbacks.hyperopt.mode) == (None, "max")
    assert config.ckpt_path is None


def test_a_file_of_the_apps_own_counts(tmp_path: Path) -> None:
    """Whatever it is called."""
    folder = write_configs(tmp_path / "conf", {**FILES, "callbacks/hyperopt_app": "mine: 1\n"})
    assert _composed(folder, "callbacks=hyperopt_app").callbacks == {"mine": 1}


def test_an_app_without_the_group_is_left_alone(tmp_path: Path, run_script: RunScript) -> None:
    """Its plain key `callbacks` takes lists as before."""
    folder = write_configs(tmp_path / "conf", {"config": "callbacks: [a]\n"})
    program = tmp_path / "app.py"
    program.write_text(PLAIN)
    ended = run_script(program, "callbacks=[hyperopt_app]")
    assert (ended.returncode, ended.stdout) == (0, "['hyperopt_app'] no checkpoint\n"), ended.stderr
    assert _composed(folder).callbacks == ["a"]
    assert "callbacks" not in ConfigStore.instance().repo


def test_where_configs_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder or in a package; what is not there is no error."""
    (tmp_path / "templated" / "conf" / "callbacks").mkdir(parents=True)
    (tmp_path / "templated" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "templated" / "conf"
    assert has_group(["pkg://hydra.conf", str(folder), "structured://"])
    assert has_group([None, folder.as_uri()])
    assert has_group(["pkg://templated.conf"])
    assert has_group(["pkg://templated/conf"])
    assert not has_group(["pkg://hydra.conf", "pkg://nowhere.conf", "pkg://templated", "structured://", "pkg://", ""])
    assert "templated" not in sys.modules
