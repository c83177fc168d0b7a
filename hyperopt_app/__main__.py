# SPDX-License-Identifier: MIT
"""`python -m hyperopt_app`: the Hydra application."""

import sys
from pathlib import Path

import hydra

from hyperopt_app.app import train

__all__ = ["main"]


def _config_path() -> str:
    """In a clone the folder `conf`; in an installed wheel the package that holds the same files."""
    clone = Path(__file__).resolve().parent.parent / "conf"
    return str(clone) if (clone / "config.yaml").exists() else "pkg://hyperopt_app.conf"


def main() -> None:
    """Run the application with the arguments of this process."""
    # A user's objective lies where the command is typed; `python -m` looks there by itself, a console script does not.
    if (here := str(Path.cwd())) not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    hydra.main(config_path=_config_path(), config_name="config")(train)()


if __name__ == "__main__":
    main()
