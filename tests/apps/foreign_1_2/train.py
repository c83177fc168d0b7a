# SPDX-License-Identifier: MIT
"""Somebody's training program, written for a Hydra of some years ago; it knows nothing of this project.

VERSION_BASE in the environment is what it asks Hydra for; without it, nothing is asked for.
"""

import os
from pathlib import Path
from typing import Any

import hydra

ASKED = {"version_base": os.environ["VERSION_BASE"]} if "VERSION_BASE" in os.environ else {}


@hydra.main(config_path="conf", config_name="config", **ASKED)
def main(cfg: Any) -> float:
    """Leave a file where the job runs, and return a parabola."""
    Path("left.txt").write_text(f"{cfg.x}\n", encoding="utf-8")
    return float((cfg.x - 0.3) ** 2)


if __name__ == "__main__":
    main()
