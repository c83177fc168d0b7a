# SPDX-License-Identifier: MIT
"""A parameter of the original in Hydra's sweep grammar; pure.

Law: `parse_space` of the text gives the distribution that Optuna's suggest_int, suggest_float, suggest_loguniform,
suggest_uniform, suggest_discrete_uniform or suggest_categorical made of the same settings; choices are override text.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hyperopt_app.legacy.reading.pair import Parameter
from hyperopt_app.space.override_text import element_of, quoted_text

__all__ = ["choice_of", "sweep_text", "value_text"]

# Above it, floats skip whole numbers, and Hydra's interval holds floats.
_EXACT = 2**53
_BARE = re.compile(r"[A-Za-z_][\w./+-]*", re.ASCII)


def sweep_text(parameter: Parameter) -> str:
    """What stands under `hydra.sweeper.params`."""
    settings, kind = parameter.settings, parameter.declared
    if kind == "categorical":
        return _choices(settings["choices"])
    low, high = settings["low"], settings["high"]
    log = kind == "loguniform" or bool(settings.get("log"))
    if kind == "int":
        return _whole(low, high, settings.get("step") or 1, log=log)
    step = settings.get("q") if kind == "discrete_uniform" else settings.get("step")
    if step is not None:
        return _steps(float(low), float(high), float(step))
    return _tagged(f"interval({float(low)!r}, {float(high)!r})", log=log)


def _tagged(text: str, *, log: bool) -> str:
    return f"tag(log, {text})" if log else text


def _whole(low: int, high: int, step: int, *, log: bool) -> str:
    if step != 1:
        return f"range({low}, {high + 1}, step={step})"
    if max(abs(low), abs(high)) > _EXACT:
        return _tagged(f"range({low}, {high + 1})", log=log)
    return _tagged(f"int(interval({low}, {high}))", log=log)


def _steps(low: float, high: float, step: float) -> str:
    """Optuna counts in decimals and lowers `high` to the last step; no rounding meets a stop half a step behind it."""
    first, width = Decimal(str(low)), Decimal(str(step))
    count = (Decimal(str(high)) - first) // width
    stop = float(first + (count + Decimal("0.5")) * width)
    return f"range({low!r}, {stop!r}, step={step!r})"


def _choices(choices: Any) -> str:
    texts = [value_text(choice) for choice in choices]
    # Hydra's choice() takes no null.
    return ", ".join(texts) if "null" in texts else f"choice({', '.join(texts)})"


def choice_of(value: Any) -> Any:
    """The value as the study keeps it among the choices of a categorical parameter."""
    if isinstance(value, (bool, int, float)):
        return value
    return value if isinstance(value, str) and element_of(value) == value else value_text(value)


def value_text(value: Any) -> str:
    """A value as Hydra reads it, text without quotes where it needs none."""
    if isinstance(value, str):
        is_bare = _BARE.fullmatch(value) and element_of(value) == value
        return value if is_bare else quoted_text(value)
    if isinstance(value, list):
        return f"[{','.join(value_text(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key_text(key)}:{value_text(item)}" for key, item in value.items()) + "}"
    return quoted_text(value)


def _key_text(key: Any) -> str:
    return quoted_text({key: 0}).removeprefix("{").removesuffix(":0}")
