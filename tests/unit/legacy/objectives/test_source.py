# SPDX-License-Identifier: MIT
"""What is told of an objective.py by reading it alone."""

import re
from pathlib import Path

import pytest

from hyperopt_app.legacy.objectives import source
from hyperopt_app.legacy.objectives.source import faults_of, installed_imports, missing_imports

HEAD = "from echo.src.base_objective import *\n"
CLASS = "class Objective(BaseObjective):\n    def train(self, trial, conf): return {}\n"


def a_file(text: str, name: str = "objective.py") -> Path:
    path = Path(name).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        HEAD + CLASS,
        "from mine import Objective\n",
        "from mine import *\n",
        "from mine import Other as Objective\n",
        "Objective = object\n",
        HEAD + "def f(*a): return {}\nclass Objective(BaseObjective):\n    train = f\n",
        HEAD + "class Mixin: pass\nclass Objective(Mixin, BaseObjective): pass\n",
        "try:\n    from a import Objective\nexcept ImportError:\n    class Objective: pass\n",
    ],
    ids=["class", "import", "star import", "renamed import", "assignment", "assigned train", "mixin", "try"],
)
def test_a_file_with_the_class_has_no_fault(text: str) -> None:
    """Wherever the class comes from; nothing is executed."""
    assert faults_of(a_file(text + "raise SystemExit('executed')\n")) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("class Objective\n", r"line 1: expected ':'; fix"),
        (HEAD + "class Goal(BaseObjective): pass\n", r"class Objective not found \(its classes are Goal\)"),
        (HEAD, r"class Objective not found \(it has no class at all\)"),
        (
            HEAD + "class Objective(BaseObjective):\n    def trian(self, trial, conf): return {}\n",
            r"line 2: Objective has no method train\(self, trial, conf\) \(did you mean trian\?\)$",
        ),
        ("\0", "cannot be read|null bytes"),
    ],
    ids=["syntax", "other class", "no class", "no train", "binary"],
)
def test_a_fault_names_file_and_line(text: str, fault: str) -> None:
    """With the hyperparameter file that names the objective."""
    (found,) = faults_of(a_file(text), "hyper.yml")
    assert found.startswith(f"optuna.objective in hyper.yml: {Path('objective.py').absolute()}")
    assert re.search(fault, found)


def test_a_file_that_is_not_there_is_a_fault() -> None:
    """So is a directory."""
    assert faults_of(Path("/no/such.py")) == [
        "optuna.objective: /no/such.py does not exist; set the path of the file with your class Objective"
    ]
    assert "is a directory" in faults_of(Path.cwd())[0]


def test_an_import_that_cannot_be_found_is_told_with_its_line() -> None:
    """One that is always executed; not one in a `try`, in a function, beside the file or in the standard library."""
    a_file("", "beside.py")
    a_file("", "package/__init__.py")
    Path("folder").mkdir()
    text = (
        "import os.path, beside, package.part, folder.part, numpy\nimport no_such.part\n"
        "try:\n    import missing\nexcept ImportError:\n    pass\ndef f():\n    import later\n"
    )
    path = a_file(HEAD + text + CLASS)
    (fault,) = missing_imports(path)
    assert fault.startswith(f"optuna.objective: {path}, line 3: no module named 'no_such' is installed here or lies in")


def test_a_file_that_changes_the_search_path_is_believed() -> None:
    """What it adds is known only when it runs."""
    assert missing_imports(a_file("import sys\nsys.path.append('/there')\nimport from_there\n" + CLASS)) == []


def test_a_try_that_only_tells_is_no_way_out() -> None:
    """The examples of the original print a line and raise again; one handler that goes on is one."""
    told = "try:\n    import no_such\nexcept ImportError as error:\n    print('install it')\n    raise error\n"
    (fault,) = missing_imports(a_file(told + CLASS))
    assert "line 2: no module named 'no_such'" in fault
    other = "try:\n    import no_such\nexcept ModuleNotFoundError:\n    no_such = None\nexcept:\n    raise OSError\n"
    assert missing_imports(a_file(other + CLASS)) == []


def test_what_the_modules_of_the_folder_import_is_told_with_their_line() -> None:
    """However they import each other; one that cannot be parsed waits until it is imported."""
    a_file("import second, objective\n", "first.py")
    a_file("import first\nimport no_such\n", "second.py")
    a_file("def (:\n", "broken.py")
    (fault,) = missing_imports(a_file("import first, broken\n" + CLASS))
    assert f"{Path('second.py').absolute()}, line 2: no module named 'no_such'" in fault
    a_file("import sys\nsys.path.append('/there')\n", "first.py")
    assert missing_imports(a_file("import first, no_such\n" + CLASS)) == []


@pytest.mark.parametrize("file", ["echo/__init__.py", "echo.py"])
def test_another_package_of_that_name_is_told(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not replaced; one that has the module is taken for the original."""
    path = a_file("", f"lib/{file}")
    monkeypatch.syspath_prepend(str(Path("lib").absolute()))
    (fault,) = missing_imports(a_file(HEAD + CLASS))
    assert f"echo.src.base_objective is not part of {path}, which is another package" in fault
    if file == "echo/__init__.py":
        a_file("", "lib/echo/src/base_objective.py")
        assert missing_imports(a_file(HEAD + CLASS)) == []


def test_modules_of_the_original_that_nobody_offers_are_told() -> None:
    """The training helpers of the original package."""
    (fault,) = missing_imports(a_file("import aimlutils.gpu\nfrom aimlutils.torch.checkpoint import *\n" + CLASS))
    assert "line 2: aimlutils.torch.checkpoint is not part of what is stood in for" in fault


@pytest.mark.parametrize(
    "text",
    ["from optuna.integration import KerasPruningCallback\n", "from optuna import integration\n"],
    ids=["module", "name"],
)
def test_optunas_integrations_want_their_package(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna 4 has moved them; the message has the command."""
    pytest.importorskip("optuna_integration")
    assert missing_imports(a_file(text + CLASS)) == []
    monkeypatch.setattr(source, "_is_installed", lambda name: name != "optuna_integration")
    (fault,) = missing_imports(a_file(text + CLASS))
    assert fault.endswith("pip install optuna-integration")


def test_trials_start_with_what_the_file_and_its_neighbours_import() -> None:
    """Installed packages, in order and once; also those that a function imports."""
    a_file("import scipy.stats\nimport objective\n", "beside.py")
    text = "import os, numpy as np\nimport optuna, no_such\nfrom beside import x\ndef f():\n    import rich.table\n"
    pytest.importorskip("scipy")
    assert installed_imports(a_file(text + CLASS)) == ["numpy", "scipy", "rich"]


def test_the_star_import_brings_pandas() -> None:
    """The names of the original's module are looked up at once."""
    pytest.importorskip("pandas")
    assert installed_imports(a_file(HEAD + CLASS)) == ["pandas"]


@pytest.mark.parametrize(
    "change",
    [
        "os.environ['KERAS_BACKEND'] = 'torch'",
        "os.environ.setdefault('A', '1')",
        "environ.update(A='1')",
        "os.putenv('A', '1')",
        "del os.environ['A']",
    ],
)
def test_nothing_is_imported_before_the_file_sets_its_variables(change: str) -> None:
    """Keras chooses its backend when it is imported. Reading a variable changes nothing."""
    text = f"import os, numpy\nfrom os import environ\nx = os.environ.get('A')\nif x:\n    {change}\nimport rich\n"
    assert installed_imports(a_file(text)) == ["numpy"]
    a_file(f"import os\n{change}\n", "beside.py")
    assert installed_imports(a_file("import numpy, beside, rich\n")) == ["numpy"]


def test_a_file_that_cannot_be_read_brings_nothing() -> None:
    """`check` has told of it."""
    assert installed_imports(a_file("class\n")) == []
