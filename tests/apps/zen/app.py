# SPDX-License-Identifier: MIT
"""A hydra-zen app: its configs are made of the signatures of classes and functions, without any YAML."""

from typing import Any

from hydra_zen import builds, store, zen
from walkers import Descent, Momentum, count  # type: ignore[import-not-found]  # beside this file, a script


class Jump:
    """A method of the script itself: one long step, then none.

    Args:
        rate: Length of the step.
    """

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def step(self, at: float) -> float:
        """Where the step leads."""
        rate, self.rate = self.rate, 0.0
        return at - rate * 2 * at


methods = store(group="method")
methods(builds(Descent, populate_full_signature=True), name="descent")
methods(builds(Momentum, populate_full_signature=True, zen_partial=True), name="momentum")
methods(builds(Jump, populate_full_signature=True), name="jump")


def search(method: Any, starts: list[float], steps: int = 5) -> float:
    """Walk down from every start; how high one stands in the end.

    Args:
        method: What has a step, or makes such a thing.
        starts: Where to begin.
        steps: From each start.
    """
    walker = method if hasattr(method, "step") else method()
    height = 0.0
    for start in starts:
        at = start
        for _ in range(steps):
            at = walker.step(at)
        height += at**2
    return float(height)


defaults = ["_self_", {"method": "descent"}]
store(search, name="search", starts=builds(count, start=1.0, limit=3), hydra_defaults=defaults)

if __name__ == "__main__":
    store.add_to_hydra_store()
    zen(search).hydra_main(config_name="search", config_path=None, version_base="1.3")
