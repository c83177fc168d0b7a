# SPDX-License-Identifier: MIT
"""An objective that is a module of a package: its relative imports, and imports of the package itself."""

import ast
import sys
from pathlib import Path

import pytest

from hyperopt_app.legacy.objectives.adapter import LegacyObjective
from hyperopt_app.legacy.objectives.source import MOUNT, Place, missing_imports, place_of
from tests.unit._made_objectives import a_trial

CLASS = """
class Objective(BaseObjective):
    def train(self, trial, conf):
        return {"val_loss": LOSS, "name": __name__}
"""
HEAD = "from echo.src.base_objective import BaseObjective\n"


def files(**texts: str) -> None:
    """Make files; two underscores stand for a slash."""
    for name, text in texts.items():
        path = Path(name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def package(*folders: str) -> None:
    for folder in folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, "__init__.py").touch()


def loss_of(file: str, tmp_path: Path) -> float:
    loss: float = LegacyObjective(str(Path(file).absolute()), "val_loss").train(a_trial(tmp_path), {})["val_loss"]
    return loss


def test_relative_imports_work_in_a_package(tmp_path: Path) -> None:
    """Its modules are imported once, by whichever name; the process is as before afterwards."""
    package("lib", "lib/nets")
    files(lib__data="LOSS = 2.0\n", lib__nets__models="from lib.data import LOSS\nclass Net: pass\n")
    text = "from .models import LOSS, Net\nfrom ..data import LOSS as same\nimport lib.nets.models\n"
    files(lib__nets__objective=HEAD + text + "assert Net is lib.nets.models.Net and LOSS is same\n" + CLASS)
    before = set(sys.modules), list(sys.path)
    assert missing_imports(Path("lib/nets/objective.py").absolute()) == []
    assert [loss_of("lib/nets/objective.py", tmp_path) for _ in range(2)] == [2.0, 2.0]
    assert not {name for name in set(sys.modules) - before[0] if name.startswith(("lib.", "objective"))}
    assert list(sys.path) == before[1]


def test_relative_imports_work_in_a_folder_that_is_no_package(tmp_path: Path) -> None:
    """Even if it is called as a library is."""
    files(up__json__models="from ..more import LOSS\n", up__more="LOSS = 3.0\n")
    files(up__json__objective=HEAD + "from ..more import LOSS\nfrom .models import LOSS as same\n" + CLASS)
    assert loss_of("up/json/objective.py", tmp_path) == 3.0
    assert MOUNT not in sys.modules


def test_the_neighbour_is_meant_though_another_copy_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old installation of the package, or the one of another study in this process."""
    for folder, loss in (("old", 1.0), ("new", 2.0)):
        package(f"{folder}/lib")
        files(
            **{
                f"{folder}__lib__models": f"LOSS = {loss}\n",
                f"{folder}__lib__objective": HEAD + "from .models import LOSS" + CLASS,
            }
        )
    monkeypatch.syspath_prepend(str(Path("old").absolute()))
    assert [loss_of(f"{folder}/lib/objective.py", tmp_path) for folder in ("old", "new", "old")] == [1.0, 2.0, 1.0]


def test_a_file_of_a_package_may_import_the_package_by_its_name(tmp_path: Path) -> None:
    """Whatever is installed under that name is found first."""
    package("lib")
    files(lib__data="LOSS = 4.0\n", lib__objective=HEAD + "from lib.data import LOSS\n" + CLASS)
    assert missing_imports(Path("lib/objective.py").absolute()) == []
    assert loss_of("lib/objective.py", tmp_path) == 4.0


@pytest.mark.parametrize(
    ("text", "file", "found"),
    [
        ("import os\n", "a/objective.py", None),
        (
            "from .x import y\n",
            "a/objective.py",
            Place(f"{MOUNT}.objective", Path("a"), True, True),
        ),
        ("import os\n", "p/q/objective.py", Place("p.q.objective", Path("p"))),
        ("from . import x\n", "p/q/objective.py", Place("p.q.objective", Path("p"), False, True)),
        ("from ...x import y\n", "p/q/o.py", Place(f"{MOUNT}.p.q.o", Path(), True, True)),
        ("from .x import y\n", "p/__init__.py", None),
        (f"from {'.' * 99}x import y\n", "a/objective.py", None),
    ],
    ids=["none", "folder", "package", "relative", "above", "init", "too far"],
)
def test_the_place_of_a_file(text: str, file: str, found: Place | None) -> None:
    """Read, not run."""
    package("p", "p/q")
    place = place_of(Path(file).absolute(), ast.parse(text))
    assert place == (
        None if found is None else Place(found.name, Path.cwd() / found.top, found.is_mounted, found.is_relative)
    )


def test_a_file_that_cannot_be_parsed_is_told_when_it_is_loaded(tmp_path: Path) -> None:
    """With its line."""
    files(objective="from .x import (\n")
    with pytest.raises(Exception, match="cannot be imported: SyntaxError"):
        loss_of("objective.py", tmp_path)
