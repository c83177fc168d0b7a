# SPDX-License-Identifier: MIT
"""An app as many are, with files that were written for the stock sweeper, searched with as few words as possible."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from tests._releases import BASE, only_with_1_4
from tests.end_to_end._studies import assert_exact, yaml_of

RunScript = Callable[..., subprocess.CompletedProcess[str]]

STOCK = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
FILES = {
    "train.py": f"""
        import hydra

        @hydra.main(**{BASE}, config_path="configs", config_name="train")
        def main(cfg):
            return (cfg.model.lr - 0.1) ** 2

        if __name__ == "__main__":
            main()
        """,
    "configs/train.yaml": """
        defaults: [_self_, {experiment: null}]
        model: {lr: 0.5}
        hydra: {sweep: {dir: "logs/${now:%Y-%m-%d_%H-%M-%S}"}}
        """,
    "configs/experiment/stock.yaml": f"""
        # @package _global_
        defaults: [{{override /hydra/sweeper: optuna}}]
        hydra:
          sweeper:
            _target_: {STOCK}
            storage: null
            n_jobs: 2
            direction: minimize
            n_trials: 4
            params: {{model.lr: "interval(0.0, 1.0)"}}
        """,
    "configs/hydra/sweeper/mine.yaml": f"""
        defaults: [async_optuna]
        _target_: {STOCK}
        n_trials: 3
        params: {{model.lr: "interval(0.0, 1.0)"}}
        """,
    "configs/experiment/mine.yaml": """
        # @package _global_
        defaults: [{override /hydra/sweeper: mine}]
        """,
    "configs/experiment/old.yaml": f"""
        # @package _global_
        defaults: [{{override /hydra/sweeper: async_optuna.yaml}}]
        hydra:
          sweeper:
            _target_: {STOCK}
            optuna_config: {{direction: minimize, n_trials: 3, n_jobs: 1}}
            search_space:
              model.lr: {{type: float, low: 0.001, high: 1.0, log: true}}
        """,
}
FILES["configs/experiment/ours.yaml"] = FILES["configs/experiment/stock.yaml"].replace("optuna}", "async_optuna}")


@pytest.fixture
def app(request: pytest.FixtureRequest) -> Path:
    """The app's file, in a folder of its own."""
    for name, text in FILES.items():
        path = Path("app", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip(), encoding="utf-8")
    return Path("app", "train.py").absolute()


def _said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(("experiment", "count"), [("ours", 4), ("mine", 3)])
def test_a_file_with_the_stock_class_is_searched_by_ours(
    app: Path, run_script: RunScript, experiment: str, count: int
) -> None:
    """With the group's name changed and the `_target_` line left; no callback and no warning comes with it."""
    said = _said(run_script(app, "-m", f"experiment={experiment}", "hydra/launcher=local_workers", env=_strict()))
    (sweep,) = Path("logs").iterdir()
    assert_exact(sweep.absolute(), count)
    assert "Warning" not in said
    job = yaml_of(sweep / "0" / ".hydra" / "hydra.yaml")["hydra"]
    assert (job["callbacks"], job["sweeper"]["_target_"].rpartition(".")[2]) == ({}, "AsyncOptunaSweeper")


def _strict() -> Mapping[str, str]:
    return {"PYTHONWARNINGS": "error::UserWarning"}


@pytest.mark.parametrize("words", [("+hyperopt=local", "experiment=stock"), ("experiment=stock", "+hyperopt=local")])
def test_one_word_searches_and_resumes_where_the_experiment_names_the_stock_sweeper(
    app: Path, run_script: RunScript, words: tuple[str, str]
) -> None:
    """Sweeper, launcher and directory in one word; the second command finds the study and adds what is asked for."""
    said = _said(run_script(app, "-m", *words))
    assert "+hyperopt=local" not in said.replace(" ".join(words), "")  # nothing is left to be advised
    study = Path("studies/train").absolute()
    assert_exact(study, 4)
    best = yaml_of(study / "best.yaml")
    command = f"HYPEROPT_SEED={best['seed']} python {app} experiment=stock model.lr="
    assert best["retrain"].startswith(command)
    assert "there is nothing to do" in _said(run_script(app, "-m", *words))
    _said(run_script(app, "-m", *reversed(words), "hydra.sweeper.n_trials=5"))
    assert_exact(study, 5)
    assert {one.name for one in (study / "trials").iterdir()} == {"0", "1", "2", "3", "4"}


def test_the_word_for_a_cluster_goes_on_with_the_study_of_the_word_for_here(app: Path, run_script: RunScript) -> None:
    """Where trials run is not part of a study; another experiment in its directory is refused, with the way out."""
    _said(run_script(app, "-m", "experiment=stock", "+hyperopt=local", "hydra.sweeper.n_trials=1"))
    said = _said(run_script(app, "-m", "experiment=stock", "+hyperopt=slurm", "hydra.sweeper.dry_run=true"))
    assert "#SBATCH" in said
    done = run_script(app, "-m", "experiment=ours", "+hyperopt=local")
    assert done.returncode == 1
    assert "begin another study with hydra.sweep.dir=..." in done.stderr


@pytest.mark.stock
def test_the_word_before_an_added_experiment_is_refused(app: Path, run_script: RunScript) -> None:
    """Hydra takes the later of two configs that choose the sweeper, and the stock one must not run without a word."""
    app.with_name("configs").joinpath("train.yaml").write_text("model: {lr: 0.5}\n", encoding="utf-8")
    done = run_script(app, "-m", "+hyperopt=local", "+experiment=stock")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("Write +hyperopt=local as the last word.")
    assert not Path("studies").exists()
    _said(run_script(app, "-m", "+experiment=stock", "+hyperopt=local"))
    assert_exact(Path("studies/train").absolute(), 4)


def test_old_names_are_searched_and_one_note_prints_todays(app: Path, run_script: RunScript) -> None:
    """Hydra-optuna-sweeper 1.1's `search_space` and 1.0's `optuna_config`, in a file that says `async_optuna.yaml`."""
    said = _said(run_script(app, "-m", "experiment=old", "hydra.sweep.dir=old"))
    assert said.count("names of an older hydra-optuna-sweeper") == 1
    assert "      model.lr: tag(log, interval(0.001, 1.0))\n" in said
    assert_exact(Path("old").absolute(), 3)
    done = run_script(app, "-m", "experiment=old", "hydra.sweeper.search_space.'model.lr'.low=2")
    assert done.returncode == 1


def test_a_fault_of_old_names_names_its_place(app: Path, run_script: RunScript) -> None:
    """Beside all other faults, before anything is started."""
    done = run_script(
        app, "-m", "experiment=old", "hydra.sweeper.optuna_config.n_trials=many", "hydra.sweeper.n_jobs=0"
    )
    assert done.returncode == 1
    assert "2 faults in the configuration" in done.stderr
    assert "hydra.sweeper.optuna_config.n_trials: 'many' is not allowed; write a whole number" in done.stderr


def test_the_one_line_alone_is_told_what_helps_once(app: Path, run_script: RunScript) -> None:
    """The launcher and the directory, in one note."""
    said = _said(run_script(app, "-m", "experiment=ours"))
    assert said.count("The 2 workers run one after the other") == 1
    assert said.count("or, typed: +hyperopt=local") == 1


@pytest.mark.parametrize(
    ("experiment", "told"), [("ours", True), ("mine", True), pytest.param("stock", False, marks=pytest.mark.stock)]
)
def test_sweeper_overrides_without_multirun_are_pointed_out(
    app: Path, run_script: RunScript, experiment: str, told: bool
) -> None:
    """Where the sweeper is ours; the run itself goes on as ever."""
    said = _said(run_script(app, f"experiment={experiment}", "hydra.sweeper.n_trials=9", env=_strict()))
    line = "Without --multirun (-m) this is one run and nothing is searched: hydra.sweeper.n_trials=9 has no effect."
    assert said.count(line) == told
    assert len(list(Path("outputs").glob("*/*/.hydra"))) == 1
    assert "Without --multirun" not in _said(run_script(app, f"experiment={experiment}"))


@only_with_1_4
def test_a_program_with_a_whitelist_is_left_alone(app: Path, run_script: RunScript) -> None:
    """Hydra would refuse the callback there, so the run goes without the note; the search works."""
    text = app.read_text(encoding="utf-8").replace('="train")', '="train", execution_whitelist="nothing.of.ours")')
    app.write_text(text, encoding="utf-8")
    assert "Without --multirun" not in _said(run_script(app, "experiment=ours", "hydra.sweeper.n_trials=9"))
    _said(run_script(app, "-m", "experiment=ours", "+hyperopt=local"))
    assert_exact(Path("studies/train").absolute(), 4)
