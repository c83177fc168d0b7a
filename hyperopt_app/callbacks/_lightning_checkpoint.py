# SPDX-License-Identifier: MIT
"""Look into a checkpoint of Lightning: whether it is whole, and whether a fit of a trial can go on from it."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hyperopt_app.objective.trial import Trial

__all__ = ["fault_of_place", "state_in"]


def state_in(path: Path, key: str, trial: "Trial | None") -> tuple[Mapping[str, Any] | None, str | None]:
    """Return what a callback stored in a checkpoint, None if unreadable, and why the fit cannot resume from it.

    Args:
        path: The file.
        key: The key of the callback's state.
        trial: The running trial; its parameters must be those of the checkpoint.
    """
    import torch

    try:
        with zipfile.ZipFile(path) as archive:
            torn = archive.testzip()
        if torn is not None:
            return None, f"it is torn ({torn} has a wrong checksum)"
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        # Whole, but with objects of the user's own in it: for Lightning to load, and to complain about.
        return None, None
    except (OSError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
        return None, f"it cannot be read ({error})"
    if not isinstance(content, dict) or "pytorch-lightning_version" not in content or "loops" not in content:
        return None, "it is not a checkpoint of a Lightning training"
    state: Mapping[str, Any] = content.get("callbacks", {}).get(key, {})
    if trial is not None and state.get("params", trial.params) != trial.params:
        return state, f"it belongs to other parameters ({state['params']})"
    return state, None


def fault_of_place(state: Mapping[str, Any] | None, place: int) -> str | None:
    """Say why a checkpoint does not belong to this fit of its trial; None if it does, or if unknown.

    Args:
        state: What the callback has stored in it; None if that cannot be read.
        place: The number of the fit among those of the trial without a name, from 1.
    """
    # What cannot be read, and what an older release has written, is of the first.
    fit = 1 if state is None else state.get("nth", 1)
    if fit == place:
        return None
    return (
        f"it is of fit {fit} of this trial and this is fit {place}; give each a name, HyperoptCallback(..., "
        'fit="fold1") and resume_path(fit="fold1"), and each goes on from its own'
    )
