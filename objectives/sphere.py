# SPDX-License-Identifier: MIT
"""The sphere function: an objective without training, for trying samplers, pruners and launchers."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from hyperopt_app import Objective, Trial, report

__all__ = ["Sphere"]


class Sphere(Objective):
    """Returns `value = x^2 + y^2 + z^2`, least (0) at the origin.

    It plays a training of `conf.steps` steps: after step k of n it reports the value plus 1 - k / n, and it
    spreads `conf.sleep` seconds over the steps.

    Args:
        sleep: How to wait for a number of seconds; replaced in tests.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def train(self, trial: Trial | None, conf: Any) -> Mapping[str, float]:
        """Evaluate the function at `conf.x`, `conf.y`, `conf.z`; `trial` is not needed."""
        value = float(conf.x) ** 2 + float(conf.y) ** 2 + float(conf.z) ** 2
        steps = int(conf.steps)
        for step in range(1, steps + 1):
            if conf.sleep > 0:
                self._sleep(float(conf.sleep) / steps)
            report(value + 1 - step / steps, step)
        return {"value": value}
