# SPDX-License-Identifier: MIT
"""A program whose configs are dataclasses of its own script, as in Hydra's tutorial: a schema, an Enum and a group."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf


class Kind(Enum):
    """What is trained."""

    SMALL = 1
    LARGE = 2


@dataclass
class Net:
    """A group's schema."""

    kind: Kind = MISSING
    width: int = 8


@dataclass
class Large(Net):
    """One option of the group."""

    kind: Kind = Kind.LARGE
    width: int = 64


@dataclass
class Small(Net):
    """The other one."""

    kind: Kind = Kind.SMALL


@dataclass
class Config:
    """The program's config."""

    defaults: list[Any] = field(
        default_factory=lambda: ["_self_", {"net": "small"}, {"override hydra/sweeper": "async_optuna"}]
    )
    lr: float = 0.1
    net: Net = MISSING


store = ConfigStore.instance()
store.store(name="config", node=Config)
store.store(group="net", name="small", node=Small)
store.store(group="net", name="large", node=Large)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: Any) -> float:
    """Return what is to be smallest; the types of the script have arrived whole."""
    whole: Any = OmegaConf.to_object(config)
    net = whole.net
    assert isinstance(net, Net)
    assert isinstance(net.kind, Kind)
    return float(config.lr + net.width)


if __name__ == "__main__":
    main()
