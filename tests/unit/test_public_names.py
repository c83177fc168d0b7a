# SPDX-License-Identifier: MIT
"""The public names are what they were before anything else of the package was imported."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import hyperopt_app

# A package of the name of a public function would bind over it as soon as it is imported.
CALL_ALL = """
import importlib, pkgutil
import hyperopt_app

for module in pkgutil.walk_packages(hyperopt_app.__path__, "hyperopt_app.", onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if error.name.startswith("hyperopt_app"):
            raise

assert hyperopt_app.report(1.0, 0) is None
assert hyperopt_app.checkpointed() is None
assert hyperopt_app.current_trial() is None
assert hyperopt_app.current_seed() is None
assert issubclass(type("Mine", (hyperopt_app.Objective,), {}), hyperopt_app.Objective)
assert hyperopt_app.Trial.__name__ == "Trial"
print("called", *sorted(hyperopt_app.__all__))
"""


def test_public_functions_can_be_called_when_all_is_imported(
    run_script: Callable[..., CompletedProcess[str]],
) -> None:
    """No room has taken the place of one."""
    done = run_script("-c", CALL_ALL)
    assert done.returncode == 0, done.stderr
    known = [
        "Command",
        "Objective",
        "TaskHooks",
        "Trial",
        "__version__",
        "checkpointed",
        "current_seed",
        "current_trial",
        "launch_ranks",
        "open_study",
    ]
    assert done.stdout.split() == ["called", *known, "report"]


def test_no_room_has_a_public_name() -> None:
    """Also where the file system does not tell large letters from small ones."""
    rooms = {path.parent.name for path in Path(hyperopt_app.__file__).parent.glob("*/__init__.py")}
    assert not rooms & {*hyperopt_app.__all__} - {"__version__"}
    assert {"reports", "objective"} <= rooms
