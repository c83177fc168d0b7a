# SPDX-License-Identifier: MIT
"""What a `_target_` may name, and that nothing else is called."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from hyperopt_app.errors import HyperoptError
from hyperopt_app.sampling.recipes import recipe_of
from hyperopt_app.sampling.targets import checked, is_foreign, made_class, picklable_target, signature_of
from tests.conftest import HAS_STOCK
from tests.unit.sampling import _made_methods as made

WHERE = "hydra.sweeper.sampler"


@pytest.mark.parametrize("name", ["Seeded", "Seedless", "Open"])
def test_a_class_of_anybodys_module_is_found(name: str) -> None:
    """By its dotted path."""
    found = checked(f"{made.HERE}.{name}", BaseSampler, WHERE)
    assert found is getattr(made, name)
    assert is_foreign(found)


UPSTREAM = [f"hydra_plugins.hydra_optuna_sweeper._impl.create_{name}_sampler" for name in ("nsgaii", "nsgaiii")]


def test_optunas_classes_and_upstreams_functions_are_nobodys_else() -> None:
    """Each of these is built anew for each trial."""
    for target in ("hyperopt_app.sampling.makers.nsgaiii", *(UPSTREAM if HAS_STOCK else ())):
        assert not is_foreign(checked(target, BaseSampler, WHERE))
    assert not is_foreign(checked("optuna.samplers.TPESampler", BaseSampler, WHERE))


WRONG: dict[str, tuple[str, str]] = {
    "another class": (f"{made.HERE}.Loud", "is not a BaseSampler, and was not called"),
    "a function": (f"{made.HERE}.loud", "is a function, no class, and was not called"),
    "a pruner": (f"{made.HERE}.Limit", "is not a BaseSampler"),
    "a program of the system": ("os.system", "is a function"),
    "a module": ("os", "is a module"),
    "a value": (f"{made.HERE}.HERE", "is of the type str"),
    "an abstract class": (f"{made.HERE}.Unfinished", "it lacks infer_relative_search_space"),
    "a misspelt class": (f"{made.HERE}.Seedet", "did you mean Seeded"),
    "a misspelt package": ("optuna_integrations.BoTorchSampler", "no module optuna_integrations"),
    "no path": ("", "is not a dotted path"),
    "a part alone": ("optuna.samplers.nsgaii.UniformCrossover", "is not a BaseSampler"),
    "another function of the makers' plugin": ("hydra_plugins.hyperopt_app.sweeper.register", "is a function"),
}


# What may stand inside another node.
PARTS = {"a pruner", "a part alone"}


@pytest.mark.parametrize(
    ("case", "wrap"), [*((case, False) for case in WRONG), *((case, True) for case in sorted(WRONG.keys() - PARTS))]
)
def test_what_is_no_sampler_is_refused_before_it_is_called(case: str, wrap: bool) -> None:
    """In one line that begins with the place; also inside another node, in a list of it."""
    target, told = WRONG[case]
    node: dict[str, Any] = {"_target_": target}
    if wrap:
        node = {"_target_": f"{made.HERE}.Seeded", "width": [{"deep": node}]}
        told = told.replace("BaseSampler", "sampler, pruner, crossover or mutation")
    with pytest.raises(HyperoptError) as error:
        recipe_of(node, BaseSampler, WHERE)
    text = str(error.value)
    assert text.startswith("hydra.sweeper.sampler.width" if wrap else "hydra.sweeper.sampler")
    assert told in text
    assert "\n" not in text
    assert not Path("called").exists()


@pytest.mark.parametrize(
    "target",
    [
        "optuna.samplers.nsgaii.UniformCrossover",
        f"{made.HERE}.Crossing",
        f"{made.HERE}.Limit",
        "optuna.samplers.RandomSampler",
    ],
)
def test_parts_stand_inside_a_node(target: str) -> None:
    """Crossovers, Optuna's and the user's, and other methods."""
    recipe_of({"_target_": f"{made.HERE}.Seeded", "width": {"_target_": target}}, BaseSampler, WHERE)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ValueError('two\\nlines')", "raises ValueError: two lines"),
        ("raise SystemExit(3)", "raises SystemExit: 3"),
        ("import not_installed_here", "raises ModuleNotFoundError: No module named 'not_installed_here'"),
        ("def __getattr__(name): raise OSError('later')", "raises OSError: later"),
    ],
)
def test_a_module_that_raises_is_told_in_one_line(code: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import runs the user's code; whatever it does is no traceback of ours."""
    Path("broken_methods.py").write_text(code)
    monkeypatch.syspath_prepend(Path.cwd())
    with pytest.raises(HyperoptError) as error:
        checked("broken_methods.Mine", BasePruner, "hydra.sweeper.pruner")
    sys.modules.pop("broken_methods", None)
    assert str(error.value).startswith("hydra.sweeper.pruner: broken_methods.Mine cannot be imported, broken_methods")
    assert told in str(error.value)


def test_a_package_of_relative_imports_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a folder on the way has no `__init__.py`, and another a hyphen."""
    package = Path("some-hub/samplers/one")
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .inner import One\n")
    (package / "inner.py").write_text("from optuna.samplers import RandomSampler\nclass One(RandomSampler): pass\n")
    monkeypatch.syspath_prepend(Path.cwd())
    assert checked("some-hub.samplers.one.One", BaseSampler, WHERE).__name__ == "One"
    for name in [name for name in sys.modules if name.startswith("some-hub")]:
        del sys.modules[name]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A script that was started as `python started.py`, and that must not run twice."""
    Path("started.py").write_text("raise RuntimeError('the script ran a second time')")
    main = ModuleType("__main__")
    main.__file__ = str(Path("started.py").absolute())
    main.Mine = type("Mine", (optuna.samplers.RandomSampler,), {"__module__": "__main__"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.syspath_prepend(Path.cwd())
    return main


@pytest.mark.parametrize("target", ["__main__.Mine", "started.Mine"])
def test_a_class_of_the_script_is_the_running_scripts(script: Any, target: str) -> None:
    """By either name; and the class itself travels, since no worker could import it."""
    found = checked(target, BaseSampler, WHERE)
    assert found is script.Mine
    assert picklable_target(target, found) is script.Mine
    assert checked(found, BaseSampler, WHERE) is found


def test_a_class_of_a_module_travels_by_its_name() -> None:
    """A plan of plain data can be pickled by anybody."""
    target = f"{made.HERE}.Seeded"
    assert picklable_target(target, made.Seeded) == target


@pytest.mark.parametrize(
    ("target", "made_class"),
    [
        ("hyperopt_app.sampling.makers.nsgaiii", optuna.samplers.NSGAIIISampler),
        pytest.param(UPSTREAM[0], optuna.samplers.NSGAIISampler, marks=pytest.mark.stock),
        pytest.param(UPSTREAM[1], optuna.samplers.NSGAIIISampler, marks=pytest.mark.stock),
    ],
    ids=["ours", *(target.rpartition(".")[2] for target in UPSTREAM)],
)
def test_the_groups_functions_take_what_their_classes_take(target: str, made_class: type) -> None:
    """Their own signature is `**kwargs`, by which no misspelt field could be seen."""
    function = checked(target, BaseSampler, WHERE)
    assert signature_of(function) == signature_of(made_class)
    assert not signature_of(function).takes_any


def test_nothing_of_anybodys_is_imported_to_see_what_a_node_makes() -> None:
    """Only of Optuna's classes there is something to know beforehand."""
    assert made_class({"_target_": "not_there.GridSampler"}) is None
    assert made_class({"_target_": "optuna.samplers.Nope"}) is None
    assert made_class({"_target_": "optuna.samplers.GridSampler"}) is optuna.samplers.GridSampler
    assert made_class({"_target_": made.Seeded}) is made.Seeded
