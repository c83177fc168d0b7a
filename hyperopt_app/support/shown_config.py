# SPDX-License-Identifier: MIT
"""A config as YAML text for people: Hydra's own form, without the passwords of URLs."""

from omegaconf import DictConfig, ListConfig, OmegaConf

from hyperopt_app.support.passwords import masked

__all__ = ["shown_config"]


def shown_config(config: DictConfig | ListConfig) -> str:
    """The text of `OmegaConf.to_yaml`, with `***` for each password; interpolations stay as they are written.

    The values are masked before they become text, because YAML folds a long one at a blank and doubles its quotes.
    """
    plain = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    hidden = masked(plain)
    return OmegaConf.to_yaml(config if hidden == plain else OmegaConf.create(hidden))
