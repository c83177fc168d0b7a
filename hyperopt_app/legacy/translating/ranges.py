# SPDX-License-Identifier: MIT
"""A parameter of the original in Hydra's sweep grammar; pure.

Law: `parse_space` of the text gives the distribution that Optuna's suggest_int, suggest_float, suggest_loguniform,
suggest_uniform, suggest_discrete_uniform or suggest_categorical made of the same settings; choices are override text.
"""

from hyperopt_app.legacy.reading.pair import Parameter
from hyperopt_app.space.sweep_text import choices_text, float_text, int_text

__all__ = ["sweep_text"]


def sweep_text(parameter: Parameter) -> str:
    """What stands under `hydra.sweeper.params`."""
    settings, kind = parameter.settings, parameter.declared
    if kind == "categorical":
        return choices_text(settings["choices"])
    low, high = settings["low"], settings["high"]
    log = kind == "loguniform" or bool(settings.get("log"))
    if kind == "int":
        return int_text(low, high, settings.get("step") or 1, log=log)
    step = settings.get("q") if kind == "discrete_uniform" else settings.get("step")
    return float_text(float(low), float(high), None if step is None else float(step), log=log)
