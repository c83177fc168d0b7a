# SPDX-License-Identifier: MIT
"""`python -m hyperopt_app`: the Hydra application."""

import sys
from pathlib import Path

import hydra

from hyperopt_app.app import train

__all__ = ["main"]


def main() -> None:
    """Run the application with the arguments of this process."""
    # A user's objective lies where the command is typed; `python -m` looks there by itself, a console script does not.
    if (here := str(Path.cwd())) not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    hydra.main(config_path="pkg://hyperopt_app.conf", config_name="config")(train)()


if __name__ == "__main__":
    main()
