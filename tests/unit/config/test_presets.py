# SPDX-License-Identifier: MIT
"""`+hyperopt=local` and its like: what they choose, and who wins where an experiment chooses a sweeper too."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hydra.core.plugins import Plugins
from hydra.errors import CompactHydraException, ConfigCompositionException
from omegaconf import DictConfig

from hyperopt_app.config.presets import PRESETS, is_preset
from tests.unit._made_sweeps import made_sweep, write_configs

RunScript = Callable[..., CompletedProcess[str]]

OWN_KEY = """
import hydra

@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf):
    print(conf.hyperopt)

main()
"""
STOCK = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
EXPERIMENT = f"""
# @package _global_
defaults: [{{override /hydra/sweeper: optuna}}]
hydra: {{sweeper: {{_target_: {STOCK}, n_trials: 7, params: {{x: 'interval(0, 1)'}}}}}}
"""


def _app(tmp_path: Path, defaults: str) -> Path:
    return write_configs(tmp_path, {"config": f"defaults: {defaults}\nx: 0", "experiment/a": EXPERIMENT.lstrip()})


def _assert_ours(config: DictConfig, launcher: str) -> None:
    hydra = config.hydra
    assert hydra.sweeper._target_ == "hydra_plugins.hyperopt_app.sweeper.AsyncOptunaSweeper"
    assert hydra.launcher._target_.endswith(launcher)
    assert (hydra.sweep.dir, hydra.sweep.subdir) == ("studies/app", "trials/0")


@pytest.mark.parametrize(
    ("preset", "launcher"),
    [
        ("local", "LocalWorkersLauncher"),
        ("slurm", "SlurmWorkersLauncher"),
        ("pbs", "PbsWorkersLauncher"),
        ("lsf", "LsfWorkersLauncher"),
    ],
)
@pytest.mark.parametrize("hyperopt_first", [True, False])
def test_a_preset_wins_over_an_experiments_sweeper(
    tmp_path: Path, preset: str, launcher: str, hyperopt_first: bool
) -> None:
    """Where the app has the group `experiment` in its defaults list, the order of the two words does not matter."""
    words = [f"+hyperopt={preset}", "experiment=a"]
    context, config = made_sweep(
        _app(tmp_path, "[_self_, {experiment: null}]"),
        *(words if hyperopt_first else reversed(words)),
        "hydra.job.num=0",
    )
    _assert_ours(config, launcher)
    assert config.hydra.sweeper.n_trials == 7
    job = context.config_loader.load_sweep_config(config, [*words, "x=0.5"])
    _assert_ours(job, launcher)


def test_a_preset_wins_as_the_last_word(tmp_path: Path) -> None:
    """Where both are added with a plus, Hydra takes the later one."""
    _, config = made_sweep(_app(tmp_path, "[_self_]"), "+experiment=a", "+hyperopt=local", "hydra.job.num=0")
    _assert_ours(config, "LocalWorkersLauncher")


@pytest.mark.stock
def test_a_preset_before_an_added_experiment_is_refused(tmp_path: Path) -> None:
    """Its launcher would serve the stock sweeper without a word; it names the word that helps."""
    words = ("+hyperopt=local", "+experiment=a")
    context, config = made_sweep(_app(tmp_path, "[_self_]"), *words)
    assert config.hydra.sweeper._target_ == STOCK
    with pytest.raises(CompactHydraException, match=r"Write \+hyperopt=local as the last word\."):
        _launcher_of(context, config)
    context, config = made_sweep(_app(tmp_path, "[_self_]"), *words, "hydra/sweeper=optuna")
    _launcher_of(context, config)  # whoever types it means it


def _launcher_of(context: object, config: DictConfig) -> None:
    Plugins.instance().instantiate_launcher(
        hydra_context=context,  # type: ignore[arg-type]
        task_function=lambda _config: None,
        config=config,
    )


def test_an_unknown_preset_is_told_with_those_there_are(tmp_path: Path) -> None:
    """By Hydra, since it is a config group."""
    with pytest.raises(ConfigCompositionException) as raised:
        made_sweep(_app(tmp_path, "[_self_]"), "+hyperopt=cloud")
    assert all(f"\t{name}" in str(raised.value) for name in PRESETS)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("+hyperopt=local", True),
        ("hyperopt=pbs", False),
        ("hyperopt=mine", False),
        ("hyperopt.x=local", False),
        ("x=local", False),
    ],
)
def test_a_preset_is_told_from_other_overrides(override: str, expected: bool) -> None:
    """An app's own key or group of that name with other values stays its own."""
    assert is_preset(override) is expected


def test_an_apps_own_key_of_that_name_stays_its_own(tmp_path: Path, run_script: RunScript) -> None:
    """Typed without a plus it is no group, whatever our plugin has."""
    write_configs(tmp_path / "app", {"config": "hyperopt: off"})
    (tmp_path / "app/train.py").write_text(OWN_KEY)
    done = run_script(tmp_path / "app/train.py", "hyperopt=big")
    assert (done.returncode, done.stdout.strip()) == (0, "big"), done.stderr
