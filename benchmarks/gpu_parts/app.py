# SPDX-License-Identifier: MIT
"""The Hydra app of the parts that are no training on holograms: out of memory, and trials on two ranks."""

from typing import Any

import hydra


@hydra.main(version_base=None, config_path=".", config_name="app")
def main(conf: Any) -> Any:
    """Train as `what` says."""
    from benchmarks.gpu_parts import trainings  # with torch, for which the driver need not wait

    return trainings.ALL[conf.what](conf)


if __name__ == "__main__":
    main()
