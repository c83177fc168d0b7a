# SPDX-License-Identifier: MIT
"""Hydra imports every plugin in every Hydra program on the machine; ours must cost those programs nothing."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = (
    "lightning",
    "numpy",
    "optuna",
    "pandas",
    "pytorch_lightning",
    "rich",
    "sqlalchemy",
    "submitit",
    "torch",
)

# What each program is for, and what it does; it then prints the heavy modules that this has loaded.
PROGRAMS = {
    "package": "import hyperopt_app",
    "errors": "import hyperopt_app.errors",
    "schemas": "import hyperopt_app.config.store",
    "plugins": (
        "import importlib, pkgutil\n"
        "import hydra_plugins.hyperopt_app as ours\n"
        "names = [module.name for module in pkgutil.walk_packages(ours.__path__, ours.__name__ + '.')]\n"
        "assert names, 'the package of the plugins is empty'\n"
        "for name in names: importlib.import_module(name)"
    ),
    "discovery": (
        "from hydra.core.plugins import Plugins\n"
        "found = Plugins.instance().class_name_to_class\n"
        "assert any(name.startswith('hydra_plugins.hyperopt_app.') for name in found), sorted(found)"
    ),
}


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_nothing_heavy_is_imported(
    program: str, run_script: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Neither the package alone nor the discovery of the plugins loads a library that takes long to load."""
    script = tmp_path / "program.py"
    script.write_text(
        f"import sys, warnings\nwarnings.simplefilter('error')\n{PROGRAMS[program]}\n"
        f"print(*sorted(set({HEAVY!r}) & sys.modules.keys()))\n",
        encoding="utf-8",
    )
    ended = run_script(script)
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, "", "")
