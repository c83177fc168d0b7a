# SPDX-License-Identifier: MIT
"""A config of the group `callbacks`, for apps in the shape of the public Lightning and Hydra templates.

Such an app builds a Trainer's callbacks from `callbacks`, and starts from the checkpoint that `ckpt_path` names. The
config brings both, so that nothing in the app changes.
"""

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["CALLBACKS", "GROUP", "NAME", "RESOLVER", "has_group"]

GROUP = "callbacks"
#: Of the config; not `hyperopt`, which may be the name of a file of the app's own.
NAME = "hyperopt_app"
#: `${hyperopt.resume_path:}`, and `${hyperopt.resume_path:fold1}` for a fit with a name.
RESOLVER = "hyperopt.resume_path"

# Of the package `_global_`.
CALLBACKS: dict[str, Any] = {
    GROUP: {
        "hyperopt": {
            "_target_": "hyperopt_app.callbacks.lightning.HyperoptCallback",
            # The templates' name for what their main function returns.
            "monitor": "${oc.select:optimized_metric,null}",
        }
    },
    "ckpt_path": f"${{{RESOLVER}:}}",
}


def has_group(places: Iterable[str | None]) -> bool:
    """Whether an app has the group, a folder of its configs: elsewhere `callbacks` may be a plain key of its own.

    An app that has a file of our config's name keeps it; Hydra before 1.4 would warn of two with one name.

    Args:
        places: The entries of Hydra's search path.
    """
    known = [_folder(place) for place in places if place]
    groups = [folder / GROUP for folder in known if folder is not None]
    return any(group.is_dir() for group in groups) and not any((group / f"{NAME}.yaml").exists() for group in groups)


def _folder(place: str) -> Path | None:
    """Return the folder of an entry of the search path; None if there is none."""
    kind, _, name = place.rpartition("://")
    if kind in ("", "file"):
        return Path(name)
    if kind != "pkg":
        return None
    package, *rest = name.replace(".", "/").split("/")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    known = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    return None if known is None else Path(known, *rest)
