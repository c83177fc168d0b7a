# SPDX-License-Identifier: MIT
"""Write ranges and choices in Hydra's sweep grammar.

Law: `parse_space` of the text gives the same distribution that Optuna's suggest_int, suggest_float or
suggest_categorical makes of the settings; choices are override text.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from hyperopt_app.space.override_text import element_of, quoted_text

__all__ = ["choice_of", "choices_text", "float_text", "int_text", "value_text"]

# Above it, floats skip whole numbers, and Hydra's interval holds floats.
_EXACT = 2**53
_BARE = re.compile(r"[A-Za-z_][\w./+-]*", re.ASCII)


def float_text(low: float, high: float, step: float | None = None, *, log: bool = False) -> str:
    """Format a float range from `low` to `high`, inclusive; with a step, `high` is lowered to the last value."""
    if step is None:
        return _tagged(f"interval({low!r}, {high!r})", log=log)
    # Optuna counts in decimals; no rounding meets a stop half a step behind the last value.
    first, width = Decimal(str(low)), Decimal(str(step))
    count = (Decimal(str(high)) - first) // width
    stop = float(first + (count + Decimal("0.5")) * width)
    return f"range({low!r}, {stop!r}, step={step!r})"


def int_text(low: int, high: int, step: int = 1, *, log: bool = False) -> str:
    """Format an integer range from `low` to `high`, inclusive."""
    if step != 1:
        return f"range({low}, {high + 1}, step={step})"
    if max(abs(low), abs(high)) > _EXACT:
        return _tagged(f"range({low}, {high + 1})", log=log)
    return _tagged(f"int(interval({low}, {high}))", log=log)


def choices_text(choices: Sequence[Any]) -> str:
    """Format a list of choices."""
    texts = [value_text(choice) for choice in choices]
    # Hydra's choice() takes no null.
    return ", ".join(texts) if "null" in texts else f"choice({', '.join(texts)})"


def _tagged(text: str, *, log: bool) -> str:
    return f"tag(log, {text})" if log else text


def choice_of(value: Any) -> Any:
    """Return the value as the study stores it among the choices of a categorical parameter."""
    if isinstance(value, (bool, int, float)):
        return value
    return value if isinstance(value, str) and element_of(value) == value else value_text(value)


def value_text(value: Any) -> str:
    """Format a value as Hydra reads it; text is quoted only where necessary."""
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
