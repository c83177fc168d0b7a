# SPDX-License-Identifier: MIT
"""Convert a trial's stored parameters to the values they stand for.

A study of this package stores choices as override text, unless its config sets `plain_choices`; that text becomes a
value again here. Studies of earlier releases always store override text.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hyperopt_app.space.override_text import value_of_choice

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["params_reader"]


def params_reader(study: "optuna.Study") -> Callable[["FrozenTrial"], dict[str, Any]]:
    """Return a function that gives a trial's parameters by name, in the order of the study's space.

    The space's own parameters come first, then what the objective has suggested by itself. In a study that this
    project has not begun the values are what is stored.
    """
    from optuna.distributions import CategoricalDistribution

    from hyperopt_app.study.identity import stored_identity

    identity = stored_identity(study)
    space = {} if identity is None else identity.space.parameters
    plain = frozenset() if identity is None else identity.space.plain
    texts = {name for name, distribution in space.items() if isinstance(distribution, CategoricalDistribution)} - plain

    def read(trial: "FrozenTrial") -> dict[str, Any]:
        params = trial.params
        names = [*(name for name in space if name in params), *(name for name in params if name not in space)]
        return {name: _meant(params[name]) if name in texts else params[name] for name in names}

    meanings: dict[str, Any] = {}

    def _meant(choice: Any) -> Any:
        if not isinstance(choice, str):
            return choice
        if choice not in meanings:  # Hydra's parser takes a millisecond
            meanings[choice] = value_of_choice(choice)
        return meanings[choice]

    return read
