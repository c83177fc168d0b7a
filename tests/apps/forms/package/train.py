# SPDX-License-Identifier: MIT
"""A program in a package; its configs lie beside the package."""

from typing import Any

import hydra


@hydra.main(version_base=None, config_path="../configs", config_name="train")
def main(config: Any) -> float:
    """Return what is to be smallest."""
    return float(config.model.lr)


if __name__ == "__main__":
    main()
