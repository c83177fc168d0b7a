# SPDX-License-Identifier: MIT
"""The modules of the original: there while an objective of it runs, and never in the way of an installed package."""

import importlib
import logging
import os
import random
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from hyperopt_app.legacy.objectives.base_objective import BaseObjective, recursive_config_reader, recursive_update
from hyperopt_app.legacy.objectives.devices import gpu_report
from hyperopt_app.legacy.objectives.pruning import KerasPruningCallback, pruners, samplers
from hyperopt_app.legacy.objectives.suggestions import trial_suggest_loader
from hyperopt_app.legacy.objectives.surface import offered, surface

ROOTS = ("aimlutils", "echo")
# Every import that was seen in users' files: module, and a name of it.
SEEN = [
    *(
        (f"{package}.base_objective", "BaseObjective")
        for package in (
            *("aimlutils.hyper_opt", "aimlutils.echo", "aimlutils.echo.src", "aimlutils.echo.hyper_opt", "echo.src"),
        )
    ),
    *(
        (f"{package}.utils", name)
        for package in ("aimlutils.hyper_opt", "aimlutils.echo", "aimlutils.echo.src", "aimlutils.echo.hyper_opt")
        for name in ("KerasPruningCallback", "samplers", "trial_suggest_loader")
    ),
    *(
        (f"{package}.{module}", name)
        for package in ("aimlutils.echo.src", "echo.src")
        for module, name in (
            ("trial_suggest", "trial_suggest_loader"),
            ("pruners", "KerasPruningCallback"),
            ("pruning", "KerasPruningCallback"),
            ("samplers", "samplers"),
            ("config", "recursive_config_reader"),
        )
    ),
    ("aimlutils.utils.gpu", "gpu_report"),
    ("aimlutils.gpu", "gpu_report"),
    ("aimlutils.utils.tqdm", "tqdm"),
]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """What a test has put on the search path is imported by no other."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in ROOTS]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.mark.parametrize(("module", "name"), SEEN, ids=str)
def test_what_users_import_is_there(module: str, name: str) -> None:
    """By `import`, by `from`, and by a star."""
    if name == "tqdm":
        pytest.importorskip("tqdm")
    with surface():
        found = importlib.import_module(module)
        starred: dict[str, Any] = {}
        exec(f"from {module} import *", starred)  # noqa: S102 - the very statement of users
        assert getattr(found, name) is starred[name]


def test_the_star_import_gives_the_names_that_users_rely_on() -> None:
    """They come with the original's module; pandas only if it is installed."""
    pandas = pytest.importorskip("pandas")
    starred: dict[str, Any] = {}
    with surface():
        exec("from aimlutils.echo.src.base_objective import *", starred)  # noqa: S102 - as above
    import copy

    wanted = {
        "trial_suggest_loader": trial_suggest_loader,
        "defaultdict": defaultdict,
        "copy": copy,
        "os": os,
        "sys": sys,
        "random": random,
        "pd": pandas,
        "logging": logging,
        "optuna": optuna,
        "warnings": warnings,
        "BaseObjective": BaseObjective,
        "recursive_update": recursive_update,
        "recursive_config_reader": recursive_config_reader,
    }
    assert {name: starred[name] for name in wanted} == wanted
    assert starred["logger"].name == "aimlutils.echo.src.base_objective"


def test_without_pandas_the_star_import_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of ours needs pandas."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, find=importlib.util.find_spec: None if name == "pandas" else find(name)
    )
    starred: dict[str, Any] = {}
    with surface():
        exec("from echo.src.base_objective import *", starred)  # noqa: S102 - as above
    assert "pd" not in starred
    assert starred["BaseObjective"] is BaseObjective
    assert starred["glob"].__name__ == "glob", "as from release 1.0 on"


def test_afterwards_nothing_is_left() -> None:
    """Neither modules nor a finder, also after an exception."""
    finders, modules = list(sys.meta_path), set(sys.modules)
    with pytest.raises(ZeroDivisionError):
        _fail_inside()
    assert sys.meta_path == finders
    assert not {name for name in set(sys.modules) - modules if name.startswith((*ROOTS, "optuna"))}
    assert not hasattr(optuna, "structs")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("echo.src.base_objective")


def _fail_inside() -> None:
    with surface():
        importlib.import_module("echo.src.base_objective")
        importlib.import_module("optuna.structs")
        raise ZeroDivisionError


def test_trial_pruned_is_known_by_its_name_of_optuna_1() -> None:
    """`raise optuna.structs.TrialPruned()`, with and without an import of it."""
    with surface():
        assert optuna.structs.TrialPruned is optuna.TrialPruned  # type: ignore[attr-defined]
        assert importlib.import_module("optuna.structs").TrialState is optuna.trial.TrialState


def _package(folder: Path, *names: str) -> None:
    for name in names:
        path = folder.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("BaseObjective = 'installed'\n", encoding="utf-8")


def test_an_installed_package_of_the_name_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it does, it is what the user has installed."""
    _package(tmp_path, "echo/__init__.py", "echo/src/__init__.py", "echo/src/base_objective.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    with surface():
        found = importlib.import_module("echo.src.base_objective")
        assert found.BaseObjective == "installed"
    assert "echo" in sys.modules, "an installed module is not taken away"


def test_the_original_of_another_year_is_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its training helpers are the installed ones, and the base class is there under every name it has had."""
    _package(tmp_path, "aimlutils/__init__.py", "aimlutils/torch/__init__.py", "aimlutils/echo/__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    for _ in range(2):
        with surface():
            assert importlib.import_module("aimlutils.torch").BaseObjective == "installed"
            for module in ("hyper_opt.base_objective", "echo.src.base_objective"):
                assert importlib.import_module(f"aimlutils.{module}").BaseObjective is BaseObjective
        assert "aimlutils.hyper_opt.base_objective" not in sys.modules


def test_another_package_of_the_name_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its missing module is an ordinary error, which says what hides the original."""
    _package(tmp_path, "echo/__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    with surface():
        assert importlib.import_module("echo").BaseObjective == "installed"
        with pytest.raises(ModuleNotFoundError, match=r"'echo' is another package, installed in .*echo.__init__\.py"):
            importlib.import_module("echo.src")
        with pytest.raises(ModuleNotFoundError, match=r"No module named 'echo\.something'$"):
            importlib.import_module("echo.something")


def test_a_mere_folder_of_the_name_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory `echo` without Python in it, beside the objective, is not a package."""
    (tmp_path / "echo").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with surface():
        assert importlib.import_module("echo.src.base_objective").BaseObjective is BaseObjective


def test_what_is_not_stood_in_for_says_so() -> None:
    """The training helpers of the original package were another matter."""
    with surface(), pytest.raises(ModuleNotFoundError, match="only what optimises hyperparameters") as caught:
        importlib.import_module("aimlutils.torch.checkpoint")
    assert caught.value.name == "aimlutils.torch"
    with surface(), pytest.raises(AttributeError, match="no attribute 'nothing'"):
        importlib.import_module("echo.src.samplers").nothing  # noqa: B018 - the look is the test


def test_fallbacks_of_users_work() -> None:
    """`try: from aimlutils.torch... except ModuleNotFoundError: ...`."""
    with surface():
        program = "try:\n import aimlutils.torch.x\nexcept ModuleNotFoundError:\n found = True"
        names: dict[str, Any] = {}
        exec(program, names)  # noqa: S102 - as above
    assert names["found"]


def test_samplers_and_pruners_are_built_by_name() -> None:
    """As the original's functions did, and without taking `type` out of the user's config."""
    node = {"type": "TPESampler", "n_startup_trials": 3}
    assert isinstance(samplers(node), optuna.samplers.TPESampler)
    assert node["type"] == "TPESampler"
    assert isinstance(pruners({"type": "MedianPruner", "n_startup_trials": 2}), optuna.pruners.MedianPruner)


def test_only_the_originals_names_are_offered() -> None:
    """`offered` is asked before anything is imported."""
    assert offered("echo.src.pruners")
    assert not offered("echo.run")
    assert {KerasPruningCallback.__module__, gpu_report.__module__} == {
        "hyperopt_app.legacy.objectives.pruning",
        "hyperopt_app.legacy.objectives.devices",
    }
