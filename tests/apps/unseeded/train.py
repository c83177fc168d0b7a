# SPDX-License-Identifier: MIT
"""Somebody's training program that seeds nothing, has no key for a seed and knows nothing of this project."""

import random
from typing import Any

import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg: Any) -> float:
    """Draw from each global generator, one of a library that is imported here alone."""
    import numpy as np

    loss = float(cfg.x) + random.random() + float(np.random.standard_normal())  # noqa: NPY002 - that is the point
    if cfg.get("fails"):
        raise ValueError(f"drew {loss!r}")
    print(f"loss {loss!r}", flush=True)  # noqa: T201
    return loss


if __name__ == "__main__":
    main()
