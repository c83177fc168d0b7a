# SPDX-License-Identifier: MIT
"""Somebody's Hydra app that uses all that Hydra offers, and knows nothing of this project.

Each job writes what it has seen into `world.json` of its output directory: every interpolation of the config, what
`HydraConfig` answers, the environment, the log's place, and whether the types are those of this script.
"""

import json
import logging
import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import house  # type: ignore[import-not-found]  # beside this file, which is run as a script
import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, OmegaConf

log = logging.getLogger(__name__)
os.environ.setdefault("WORLD_SET", "by the script")


class Mood(Enum):
    """A choice of names; its values are no names."""

    CALM = 1
    WILD = 2


@dataclass
class Patience:
    """A dataclass within another one."""

    epochs: int = 3
    mood: Mood = Mood.CALM


@dataclass
class Store:
    """What the options of the group `store` have in common."""

    host: str = "localhost"
    port: int = MISSING


@dataclass
class Lake(Store):
    """An option of the group."""

    port: int = 1
    depth_m: float = 4.5


@dataclass
class Barn(Store):
    """Another option, with other fields."""

    port: int = 2
    beams: list[int] = field(default_factory=lambda: [1, 2])


@dataclass
class World:
    """The schema of config.yaml."""

    x: float = MISSING
    y: float = 0.5
    mood: Mood = Mood.CALM
    patience: Patience = field(default_factory=Patience)
    store: Store = MISSING
    palette: dict[str, str] = MISSING
    seen: dict[str, Any] = field(default_factory=dict)


def _spell(text: str) -> str:
    return "-".join(text)


store = ConfigStore.instance()
store.store(name="world_schema", node=World)
store.store(group="store", name="lake", node=Lake)
store.store(group="store", name="barn", node=Barn)

OmegaConf.register_new_resolver("spell", _spell)
OmegaConf.register_new_resolver("times", lambda left, right: left * right)


def _types(cfg: Any) -> dict[str, bool]:
    """Whether what the config holds is of this very script's types, and not of look-alikes."""
    made: Any = OmegaConf.to_object(cfg)
    return {
        "root": OmegaConf.get_type(cfg) is World and type(made) is World,
        "nested": OmegaConf.get_type(cfg.patience) is Patience and type(made.patience) is Patience,
        "group": OmegaConf.get_type(cfg.store)
        is {"lake": Lake, "barn": Barn}[HydraConfig.get().runtime.choices["store"]],
        "option": isinstance(made.store, Store),
        "enum": cfg.mood is Mood[cfg.mood.name] and made.mood is cfg.mood,
        "nested enum": isinstance(cfg.patience.mood, Mood),
    }


def _facts(cfg: Any) -> dict[str, Any]:
    job = HydraConfig.get()
    files = [one.baseFilename for one in logging.getLogger().handlers if isinstance(one, logging.FileHandler)]
    return {
        "config": OmegaConf.to_container(cfg, resolve=True, enum_to_str=True),
        "types": _types(cfg),
        "run dir": job.run.dir,
        "sweep": [job.sweep.dir, job.sweep.subdir],
        "output_dir": job.runtime.output_dir,
        "cwd at the start": job.runtime.cwd,
        "override_dirname": job.job.override_dirname,
        "overrides": list(job.overrides.task),
        "choices": {name: chosen for name, chosen in job.runtime.choices.items() if not str(name).startswith("hydra/")},
        "job": {"name": job.job.name, "num": job.job.num, "id": job.job.id, "config_name": job.job.config_name},
        "env_set": [os.environ.get("WORLD_JOB"), os.environ.get("WORLD_PLACE")],
        "cwd": str(Path.cwd()),
        "logs into": files,
        "callbacks": sorted(path.name for path in Path(job.runtime.output_dir).glob("callback-*")),
    }


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: Any) -> float:
    """Write down the world, and measure a distance."""
    facts = _facts(cfg)
    log.info("job %s is in a mood: %s", facts["job"]["num"], cfg.mood.name)
    Path("world.json").write_text(json.dumps(facts, indent=1, sort_keys=True), encoding="utf-8")
    return float((cfg.x - 1) ** 2 + cfg.patience.epochs + house.size(cfg.store.port))


if __name__ == "__main__":
    OmegaConf.register_new_resolver("only_in_main", lambda text: f"main {text}")
    main()
