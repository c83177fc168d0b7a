# SPDX-License-Identifier: MIT
"""The original interface is a leaf: without its package everything else is there."""

import subprocess
import sys

from tests.conftest import _environment_of_programs

WITHOUT = """
import importlib, pkgutil, sys

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name == "hyperopt_app.legacy" or name.startswith("hyperopt_app.legacy."):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Gone())
import hyperopt_app, hydra_plugins.hyperopt_app.sweeper, hydra_plugins.hyperopt_app.launchers
names = [m.name for m in pkgutil.walk_packages(hyperopt_app.__path__, "hyperopt_app.", onerror=lambda _name: None)]
names = [n for n in names if not n.startswith(("hyperopt_app.legacy", "hyperopt_app.callbacks.", "hyperopt_app.conf"))]
assert len(names) > 40, names
for name in names:
    importlib.import_module(name)
from hyperopt_app.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code
"""


def test_without_the_package_the_rest_is_whole() -> None:
    """Every other module can be imported, and the command answers."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env=_environment_of_programs(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
