# SPDX-License-Identifier: MIT
"""What Hydra's tutorial on structured configs ends with: dataclasses of the script check the YAML files beside it."""

from dataclasses import dataclass, field
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf


@dataclass
class Cache:
    """What every kind of cache has."""

    kind: str = MISSING
    size_mb: int = 64


@dataclass
class Ring(Cache):
    """A cache of one size."""

    kind: str = "ring"
    slots: int = MISSING


@dataclass
class Tree(Cache):
    """A cache that grows."""

    kind: str = "tree"
    depth: int = MISSING
    balanced: bool = True


@dataclass
class Config:
    """The whole config."""

    cache: Cache = MISSING
    load: float = 0.5
    weights: list[float] = field(default_factory=lambda: [1.0, 2.0])


store = ConfigStore.instance()
store.store(name="base_config", node=Config)
store.store(group="cache", name="base_ring", node=Ring)
store.store(group="cache", name="base_tree", node=Tree)


def cost(config: Config) -> float:
    """A function that wants the dataclass itself, not a look-alike."""
    match config.cache:
        case Ring(slots=slots):
            spent = float(slots)
        case Tree(depth=depth, balanced=balanced):
            spent = 2.0**depth * (1 if balanced else 2)
        case other:
            raise TypeError(f"{type(other)} is no cache of this script")
    return spent + (config.load - 0.3) ** 2 * sum(config.weights) * config.cache.size_mb


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: Any) -> float:
    """Turn the config into dataclasses, and measure."""
    made = OmegaConf.to_object(cfg)
    assert isinstance(made, Config)
    return cost(made)


if __name__ == "__main__":
    main()
