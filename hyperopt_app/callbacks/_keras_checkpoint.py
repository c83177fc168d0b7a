# SPDX-License-Identifier: MIT
"""Write and read the checkpoint of a Keras 3 training: arrays of all variables, and the rest as JSON; no pickles.

The format is NumPy's npz. Keras is imported when a training saves.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperopt_app.support.files import replacing

__all__ = ["can_go_on", "load", "restore", "save"]

_META = "hyperopt_app"


def can_go_on(model: Any) -> bool:
    """Whether a model is one of Keras 3, whose training can begin at a later epoch."""
    return hasattr(model, "_initial_epoch")


def save(path: Path, model: Any, meta: Mapping[str, Any]) -> None:
    """Write a checkpoint as a whole.

    Args:
        path: The file.
        model: The model; its variables, also those of its dropout layers' seeds, and its optimizer's are saved.
        meta: Whatever JSON can hold.
    """
    import numpy as np

    arrays = {f"variable_{at}": _as_array(variable) for at, variable in enumerate(_variables(model))}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside, aside.open("wb") as file:
        np.savez(file, **{_META: np.array(json.dumps(dict(meta)))}, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> tuple[Mapping[str, Any], Sequence[Any]]:
    """Read a checkpoint: its meta and its arrays.

    Raises:
        Exception: The file is torn, or not such a checkpoint.
    """
    import numpy as np

    with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
        meta: Mapping[str, Any] = json.loads(str(content[_META]))
        return meta, [content[f"variable_{at}"] for at in range(len(content.files) - 1)]


def restore(model: Any, arrays: Sequence[Any]) -> str | None:
    """Assign the arrays of a checkpoint to a model and its optimizer; return why they do not fit, None if they do."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)
    variables = _variables(model)
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [tuple(array.shape) for array in arrays]:
        return "its variables have other shapes than those of this model and its optimizer"
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return None


def _variables(model: Any) -> Sequence[Any]:
    optimizer = getattr(model, "optimizer", None)
    return [*model.variables, *(() if optimizer is None else optimizer.variables)]


def _as_array(variable: Any) -> Any:
    value = variable.value
    if hasattr(value, "detach"):  # torch, whose tensors NumPy does not copy without a warning
        value = value.detach().cpu()
        return (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    array = importlib.import_module("keras").ops.convert_to_numpy(value)
    # npz does not know bfloat16 and the like, which float32 holds exactly.
    return array.astype("float32") if array.dtype.kind == "V" else array
